"""Pages of the site that stand elsewhere or nowhere: the README, and the API, a page a room.

``mkdocs`` calls the hooks of this file; see ``mkdocs.yml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "textrnn"
FROM_THE_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Documents beside ``docs``, and what they are called in the site."""
GROUND = "ground"
"""The page of the modules that stand in no room."""
ORDER = [
    *("architecture.md", "formulas.md", "gradients.md", "rules.md", "extending.md"),
    *("structures.md", "settings.md", "results.md", "family.md", "speed.md", "tested.md"),
]
"""Documents in ``docs`` as one may read them; what is not named here comes after them."""


def modules() -> dict[str, list[str]]:
    """The public modules of the package by room, in the order of their names."""
    found: dict[str, list[str]] = {GROUND: ["textrnn", "textrnn.errors", "textrnn.typing"]}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if len(parts) == 1 or (parts[-1].startswith("_") and parts[-1] != "__init__"):
            continue
        name = ".".join(("textrnn", *(part for part in parts if part != "__init__")))
        found.setdefault(parts[0], []).append(name)
    return found


def api_pages() -> Iterator[tuple[str, str]]:
    """Path and text of each page of the API reference."""
    for room, names in modules().items():
        title = "The ground" if room == GROUND else f"textrnn.{room}"
        yield f"api/{room}.md", f"# {title}\n\n" + "".join(f"::: {name}\n\n" for name in names)


def root_pages() -> Iterator[tuple[str, str]]:
    """Path and text of the documents that stand beside ``docs``, their links as the site has it."""
    for name, path in FROM_THE_ROOT.items():
        yield path, from_the_root((ROOT / name).read_text(encoding="utf-8"))


def from_the_root(text: str) -> str:
    """Links of a document of the repository's root, as those of a page of the site."""
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"\]\(([A-Z]+\.md)", lambda link: f"]({FROM_THE_ROOT[link[1]]}", text)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Say in what order the pages are listed."""
    there = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    pages = sorted(there, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    front, *others = FROM_THE_ROOT.values()
    reference = [path for path, _ in api_pages()]
    config.nav = [front, *pages, *others, {"Reference": reference}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that ``docs`` holds."""
    from mkdocs.structure.files import File  # where a site is built; a test needs none

    for path, text in (*root_pages(), *api_pages()):
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links from ``docs`` to the documents beside it, as those of one page to another."""
    return re.sub(r"\]\(\.\./([A-Z]+\.md)", lambda link: f"]({FROM_THE_ROOT[link[1]]}", markdown)

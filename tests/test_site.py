"""The site: its API reference holds all of the package, and is built without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import from_the_root, modules

ROOT = Path(__file__).parents[1]


def test_every_public_module_is_on_a_page() -> None:
    package = ROOT / "textrnn"
    files = {file.relative_to(ROOT).with_suffix("") for file in package.rglob("*.py")}
    public = {file for file in files if not file.name.startswith("_") or file.name == "__init__"}
    names = {".".join(part for part in file.parts if part != "__init__") for file in public}
    listed = [name for of_room in modules().values() for name in of_room]
    assert sorted(listed) == sorted(names)


def test_links_of_the_root_lead_to_pages() -> None:
    text = "[a](docs/speed.md) [b](SECURITY.md) [c](https://example.org/README.md)"
    assert (
        from_the_root(text) == "[a](speed.md) [b](security.md) [c](https://example.org/README.md)"
    )


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    for module in ("mkdocs", "mkdocstrings"):
        pytest.importorskip(module, reason="the site needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for room, names in modules().items():
        page = (tmp_path / "api" / room / "index.html").read_text(encoding="utf-8")
        assert [name for name in names if f'id="{name}"' not in page] == []
    estimator = (tmp_path / "api" / "estimator" / "index.html").read_text(encoding="utf-8")
    assert 'id="textrnn.estimator.classifier.TextRNNClassifier.fit"' in estimator

"""What the documents show is run here: every Python example, every command's options."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.ceilings import table as ceilings_table
from benchmarks.cells import table as cells_table
from benchmarks.cold_start import table as cold_start_table
from benchmarks.corpora import details, table
from benchmarks.family.__main__ import PARTS
from benchmarks.family.part import RESULTS
from benchmarks.few_labels import table as few_labels_table
from benchmarks.gradient_flow import table as gradient_table
from benchmarks.groups import table as groups_table
from benchmarks.linear_peers import table as linear_table
from benchmarks.memory import table as memory_table
from benchmarks.speed import table as speed_table
from benchmarks.structures.__main__ import PARTS as STRUCTURES
from textrnn.cli.app import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*DOCUMENTS, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_python_examples_print_what_they_say(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for code in blocks(document, "python"):
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stderr
        expected = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
        assert found.stdout.split("\n")[:-1] == expected


def test_docstring_examples() -> None:
    module = importlib.import_module("textrnn.estimator.classifier")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_commands_in_the_documents_exist(document: Path) -> None:
    runner = CliRunner()
    text = document.read_text(encoding="utf-8")
    names = "train|predict|evaluate|compare|tune|gradients|models|shrink|corpora|inspect"
    of_groups = r"(?:lm|tag|transduce) [a-z]+"
    commands = re.findall(rf"textrnn ((?:{of_groups}|{names})\b.*)", text)
    for command in (one.split("`")[0] for one in commands):
        n_words = 2 if re.match(of_groups, command) else 1
        name = command.split()[:n_words]
        has_more = name[-1] in ("train", "tune", "compare")
        found = runner.invoke(app, [*name, "--help-all" if has_more else "--help"])
        assert found.exit_code == 0, f"textrnn {command}"
        for option in re.findall(r"(?<!\S)--[a-z-]+", command):
            assert option in found.stdout, f"{name} {option}"


@pytest.mark.parametrize("document", PAGES, ids=lambda d: d.name)
def test_files_named_in_the_documents_exist(document: Path) -> None:
    """In code as a path from the root or from the package, and in links as one from the page."""
    text = document.read_text(encoding="utf-8")
    for name in re.findall(
        r"`((?:[\w.-]+/)*[\w-]+\.py|(?:textrnn|tests|docs)(?:/[\w.-]+)+/?)`", text
    ):
        assert (ROOT / name).exists() or (ROOT / "textrnn" / name).exists(), name
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / link).exists(), link


def on_file(name: str) -> Any:
    return json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())


def test_the_results_in_the_documents_are_those_on_file() -> None:
    runs = on_file("corpora")["runs"]
    assert table(runs) in (ROOT / "README.md").read_text(encoding="utf-8")
    results = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert details(runs) in results
    assert few_labels_table(on_file("few_labels")["runs"]) in results


def test_the_figures_of_speed_are_those_on_file() -> None:
    document = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
    starts = {k: v for k, v in on_file("cold_start").items() if k not in ("machine", "target")}
    assert speed_table(on_file("speed")) in document
    assert cells_table(on_file("cells")) in document
    assert groups_table(on_file("groups")) in document
    assert ceilings_table(on_file("ceilings")) in document
    assert cold_start_table(starts) in document
    assert memory_table(on_file("memory")) in document
    assert linear_table(on_file("linear_peers")["runs"]) in document


def test_the_gradients_by_cell_are_those_on_file() -> None:
    document = (ROOT / "docs/gradients.md").read_text(encoding="utf-8")
    assert gradient_table(on_file("gradient_flow")["runs"]) in document


def test_the_tables_of_the_structures_are_those_on_file() -> None:
    document = (ROOT / "docs/structures.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- (\w+) -->\n\n(.*?)\n\n<!-- end of \1 -->", document, re.S))
    there = [part for part in STRUCTURES if (RESULTS / f"structures_{part}.json").exists()]
    assert sorted(shown) == sorted(there)
    assert "agreement" in there
    for part in there:
        assert shown[part] == STRUCTURES[part].table(on_file(f"structures_{part}")["runs"])


@pytest.mark.parametrize("part", PARTS)
def test_the_tables_of_the_family_are_those_on_file(part: str) -> None:
    document = (ROOT / "docs/family.md").read_text(encoding="utf-8")
    assert PARTS[part].table(on_file(f"family_{part}")["runs"]) in document


def test_ci_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    after_mark = readme.split("<!-- the test command -->")[1]
    command = re.search(r"```sh\n(.*?)\n```", after_mark, re.S)
    assert command
    assert "pytest" in command[1]
    assert "<!-- the test command -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_changelog_is_kept_as_keep_a_changelog_has_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.*)$", text, re.M)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= kinds


def test_what_is_cited_is_the_newest_release() -> None:
    cited = dict(
        re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    )
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d.*)\] - (.*)$", changelog, re.M)
    assert newest
    assert (cited["version"], cited["date-released"]) == newest.groups()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["title"], cited["license"]) == (project["name"], project["license"])
    assert cited["cff-version"] == "1.2.0"

"""The lowest versions are those of pyproject.toml; the documents tell of the full run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
TOLD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OPTIONAL = TOLD["project"]["optional-dependencies"]


def printed(*command: str) -> list[str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), TOLD["project"]["dependencies"]),
        (
            ("chinese", "test"),
            [*TOLD["project"]["dependencies"], *OPTIONAL["chinese"], *OPTIONAL["test"]],
        ),
        (("--build",), TOLD["build-system"]["requires"]),
    ],
)
def test_every_requirement_has_a_lowest_version(
    arguments: tuple[str, ...], wanted: list[str]
) -> None:
    pins = dict(line.split("==") for line in printed(sys.executable, ".ci/lowest.py", *arguments))
    requirements = [Requirement(text) for text in wanted]
    assert set(pins) == {requirement.name for requirement in requirements}
    for requirement in requirements:
        assert requirement.specifier.contains(pins[requirement.name])
        bounds = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
        assert bounds == [Version(pins[requirement.name])]


def test_the_stages_of_the_full_run_are_told() -> None:
    page = (ROOT / "docs" / "tested.md").read_text(encoding="utf-8")
    for stage in printed("bash", ".ci/full", "--list"):
        assert f"\n| {stage} |" in page, f"{stage}: run bash .ci/full, which writes the page"

"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

    python .ci/lowest.py chinese test > lowest.txt     # run-time requirements and two extras
    python .ci/lowest.py --build > build.txt           # what builds the package

They are read from pyproject.toml itself, so that what is tested is what is promised.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(requirement: Requirement) -> str:
    """Return ``name==version`` of a requirement's lowest version.

    Raises:
        SystemExit: it has no lower bound (``>=``), which would promise every version there was.
    """
    bounds = [Version(s.version) for s in requirement.specifier if s.operator in {">=", "=="}]
    if not bounds:
        raise SystemExit(f"{requirement} has no lower bound in {PYPROJECT.name}")
    return f"{requirement.name}=={max(bounds)}"


def requirements(extras: list[str], *, build: bool) -> Iterator[Requirement]:
    """Yield what is needed to build, or to run with some extras."""
    told = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    if build:
        yield from map(Requirement, told["build-system"]["requires"])
        return
    optional = told["project"]["optional-dependencies"]
    for group in (told["project"]["dependencies"], *(optional[extra] for extra in extras)):
        yield from map(Requirement, group)


if __name__ == "__main__":
    names = sys.argv[1:]
    pins = {lowest(r) for r in requirements(names, build="--build" in names)}
    sys.stdout.write("".join(f"{pin}\n" for pin in sorted(pins)))

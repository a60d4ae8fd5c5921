"""Imports flow one way, from the command line down to the arrays, and never in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

PACKAGE = Path(__file__).parents[1] / "textrnn"
ROOT = {"__init__.py", "__main__.py", "errors.py", "typing.py", "py.typed"}
"""All that lies in the root of the package beside the rooms."""

FLOORS = [
    {"wording", "typing"},
    {"errors"},
    {"system"},
    {"nn", "text", "corpora"},
    {"linear", "evaluation"},
    {"inference"},
    {"storage"},
    {"training"},
    {"estimator"},
    {"experiments"},
    {"cli"},
    {"__main__"},
]
"""Rooms from the ground up: each imports rooms of lower floors only."""
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))
Module: TypeAlias = tuple[str, ...]


def module_of(file: Path) -> Module:
    """The dotted name of a file, in parts, without the package."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(file) for file in FILES}


def imports_of(file: Path) -> set[Module]:
    """Modules of the package that a file names in its imports, those for types included."""
    return set(imports_in(ast.parse(file.read_text(encoding="utf-8"))))


def imports_in(tree: ast.AST) -> Iterator[Module]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            base = tuple(node.module.split("."))
            for alias in node.names:
                name = (*base, alias.name)
                if base[0] == "textrnn":
                    yield name[1:] if name[1:] in MODULES else base[1:]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = tuple(alias.name.split("."))
                if name[0] == "textrnn":
                    yield name[1:]


GRAPH = {module_of(file): imports_of(file) - {module_of(file)} for file in FILES}


def circle_from(start: Module, graph: dict[Module, set[Module]]) -> list[Module]:
    """A way from a module back to itself, or nothing."""
    came_from: dict[Module, Module] = {}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there in graph.get(here, set()):
            if there == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [start, *reversed(way[:-1]), start]
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    return []


def test_nothing_but_rooms_lies_in_the_root() -> None:
    found = {entry.name for entry in PACKAGE.iterdir() if entry.is_file()}
    assert found == ROOT


def test_every_room_has_a_floor() -> None:
    assert {module[0] for module in MODULES if module} == set(FLOOR_OF)


def test_the_architecture_tells_the_same_floors() -> None:
    document = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| .+ \|$", document, re.M)
    assert {room: int(floor) for floor, room in rows} == {
        room: floor for room, floor in FLOOR_OF.items() if room != "__main__"
    }


@pytest.mark.parametrize(
    "file", [file for file in FILES if module_of(file)], ids=lambda f: str(f.relative_to(PACKAGE))
)
def test_a_room_imports_only_rooms_below_it(file: Path) -> None:
    here = module_of(file)
    for there in imports_of(file):
        assert there, f"{'.'.join(here)} imports the package's own face"
        same_room = there[0] == here[0]
        assert same_room or FLOOR_OF[there[0]] < FLOOR_OF[here[0]], (
            f"{'.'.join(here)} (floor {FLOOR_OF[here[0]]}) imports {'.'.join(there)} "
            f"(floor {FLOOR_OF[there[0]]})"
        )


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {here: there for here, there in GRAPH.items() if here}
    circles = (circle_from(module, graph) for module in sorted(graph))
    found = next((circle for circle in circles if circle), [])
    assert not found, " -> ".join(".".join(module) for module in found)


def test_a_circle_is_found() -> None:
    a, b, c = ("a",), ("b",), ("c",)
    assert circle_from(a, {a: {b}, b: {c}, c: {a}}) == [a, b, c, a]
    assert circle_from(a, {a: {b}, b: {c}, c: {b}}) == []
    assert circle_from(a, {a: {a}}) == [a, a]


def test_imports_for_types_count() -> None:
    source = "if TYPE_CHECKING:\n    from textrnn.nn.network import Network\n"
    assert set(imports_in(ast.parse(source))) == {("nn", "network")}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_every_file_says_why_it_exists(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_long_file_says_why(file: Path) -> None:
    """One idea a file: above 350 lines its first docstring gives the reason, after "Long:"."""
    text = file.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert len(text.splitlines()) <= 350 or "\nLong: " in docstring


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_only_the_command_line_prints(file: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not calls or file.parent.name == "cli"

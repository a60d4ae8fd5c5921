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
    {"experiments", "diagnosis"},
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


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(file: Path) -> set[Module]:
    """Modules of the package that a file names in its imports, those for types included."""
    return set(imports_in(tree_of(file)))


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


def names_in(tree: ast.AST) -> Iterator[Module]:
    """Modules that are named in a string, whole or but for their end, as for ``import_module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = re.fullmatch(r"textrnn((?:\.\w+)+)\.?(?::\w+)?", node.value)
            if name and (parts := tuple(name[1].split(".")[1:]))[:1] in MODULES:
                yield parts


def runs_before(here: Module, there: Module) -> Iterator[Module]:
    """What an import of a module runs: itself, and the packages that it stands in.

    Those that the importing one stands in, too, run already.
    """
    for n in range(1, len(there) + 1):
        if here[:n] != there[:n]:
            yield there[:n]


GRAPH = {
    here: {ran for there in imports_of(file) for ran in runs_before(here, there)}
    | imports_of(file) - {here}
    for file in FILES
    if (here := module_of(file))
}
"""All but the package's own face."""


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
    found = {entry.name for entry in PACKAGE.iterdir()} - {"__pycache__"}
    assert found == ROOT | {room for room in FLOOR_OF if f"{room}.py" not in ROOT}


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
    for there in imports_of(file) | set(names_in(tree_of(file))):
        assert there, f"{'.'.join(here)} imports the package's own face"
        same_room = there[0] == here[0]
        assert same_room or FLOOR_OF[there[0]] < FLOOR_OF[here[0]], (
            f"{'.'.join(here)} (floor {FLOOR_OF[here[0]]}) imports {'.'.join(there)} "
            f"(floor {FLOOR_OF[there[0]]})"
        )


def test_no_files_import_each_other_in_a_circle() -> None:
    circles = (circle_from(module, GRAPH) for module in sorted(GRAPH))
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


def test_modules_in_strings_count() -> None:
    source = 'import_module(f"textrnn.cli.{name}")\nload("textrnn.nn.network:Network")\n"textrnn.x"'
    assert set(names_in(ast.parse(source))) == {("cli",), ("nn", "network")}


def test_a_package_runs_before_what_stands_in_it() -> None:
    assert list(runs_before(("nn", "a"), ("nn", "cells", "b"))) == [
        *[("nn", "cells"), ("nn", "cells", "b")]
    ]
    assert list(runs_before(("nn", "cells", "a"), ("nn", "cells", "b"))) == [("nn", "cells", "b")]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_no_import_is_relative(file: Path) -> None:
    """One way to name a module, which is the one that is looked for here."""
    nodes = ast.walk(tree_of(file))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_every_file_says_why_it_exists(file: Path) -> None:
    assert ast.get_docstring(tree_of(file))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_no_function_is_long(file: Path) -> None:
    """What a function does fits on a screen: 50 lines, without its signature and docstring.

    These tell of each parameter in a line of its own; a command's options are its signature.
    """
    long = {node.name: n for node in functions(tree_of(file)) if (n := lines_of(node)) > 50}
    assert not long


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return (node for node in ast.walk(tree) if isinstance(node, kinds))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of what a function does."""
    has_docstring = ast.get_docstring(function) is not None
    body = function.body[1:] if has_docstring else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_lines_of_a_function() -> None:
    source = 'def f(\n    x,\n):\n    """Of\n    two."""\n    y = x\n\n    return (\n        y)\n'
    (function,) = functions(ast.parse(source))
    assert lines_of(function) == 4


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_long_file_says_why(file: Path) -> None:
    """One idea a file: above 350 lines its first docstring gives the reason, after "Long:"."""
    text = file.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert len(text.splitlines()) <= 350 or re.search(r"^Long: \S", docstring, re.M)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_only_the_command_line_prints(file: Path) -> None:
    calls = [
        node
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not calls or module_of(file)[0] == "cli"

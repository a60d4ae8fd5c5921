"""Imports flow one way, from the command line down to the arrays."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "textrnn"

FLOORS = [
    {"digests", "harmless", "typing", "__init__"},
    {"messages"},
    {"errors"},
    {"box", "compact", "disk", "plain_json", "regular_file", "runs"}
    | {"spawning", "strict_json", "telling", "threads"},
    {"fields", "held_out_scores", "training_lock", "weights_file"},
    {"processes", "shared_arrays"},
    {"nn", "text", "corpora"},
    {"network", "significance", "ngram_counts", "decision", "prepared"},
    {"document_reader", "ngram_model"},
    {"inference", "stream", "nbsvm", "evaluation"},
    {"model", "baselines", "multilabel_scores", "verdict"},
    {"linear_model"},
    {"metrics_validation", "model_validation", "weights_validation"},
    {"folder_validation"},
    {"persistence", "checkpoint_file", "shrink", "model_card", "predictor"},
    {"linear_baselines"},
    {"training"},
    {"comparison", "learning_curve"},
    {"estimator_input"},
    {"estimator"},
    {"experiment"},
    {"tuning"},
    {"contest"},
    {"cli"},
    {"__main__"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    """The room a module stands in: the first name below the package."""
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(file: Path) -> set[tuple[str, ...]]:
    """Modules of the package that a file imports when it is run."""
    found: set[tuple[str, ...]] = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            base = tuple(node.module.split("."))
            found |= {(*base, alias.name) if base == ("textrnn",) else base for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
    return {name for name in found if name[0] == "textrnn"}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below_it(file: Path) -> None:
    here = room_of(("textrnn", *file.relative_to(PACKAGE).with_suffix("").parts))
    for module in imports_of(file):
        there = room_of(module) if room_of(module) in FLOOR_OF else "__init__"
        assert there == here or FLOOR_OF[there] < FLOOR_OF[here], f"{here} imports {module}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(("textrnn", *f.relative_to(PACKAGE).with_suffix("").parts)) for f in FILES}
    assert rooms == set(FLOOR_OF)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_every_file_says_why_it_exists(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


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

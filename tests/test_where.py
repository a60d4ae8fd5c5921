"""The reader's map in the architecture: each function is in its file, and each line in it."""

from __future__ import annotations

import inspect
import re
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| `([\w/]+)\.py` \| `([\w.]+)` \| `([^`]+)`", DOCUMENT, re.M)
ASKED = {
    *("the forget gate", "the sum over time of ∂L/∂W_h", "the softmax", "where a text is cut"),
    *("the state that the `last` readout takes", "where a worker hands over its gradient"),
    *("where a folder is validated", "where a prediction is printed", "where a cell is added"),
    *("what an unknown word becomes: a near known word", "and otherwise id 0"),
    "and what it is where long texts are read in segments",
}
"""What must be found, whatever else is."""


def test_the_map_tells_what_is_asked_for() -> None:
    assert {what for what, *_ in ROWS} >= ASKED
    table = DOCUMENT.split("## Where is ...?")[1].split("\n## ")[0]
    assert len(ROWS) == table.count("\n| ") - 1  # all but the header


@pytest.mark.parametrize(("what", "file", "function", "line"), ROWS, ids=[row[0] for row in ROWS])
def test_the_line_is_where_it_is_said_to_be(what: str, file: str, function: str, line: str) -> None:
    module = import_module(f"textrnn.{file.removesuffix('/__init__').replace('/', '.')}")
    found: Any = reduce(getattr, function.split("."), module)
    found = inspect.unwrap(found)
    assert line in inspect.getsource(found), what
    defined = Path(inspect.getsourcefile(found) or "")
    assert defined == ROOT / "textrnn" / f"{file}.py" or file.endswith("__init__"), what

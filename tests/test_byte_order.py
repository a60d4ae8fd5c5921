"""Numbers made of bytes name their byte order, so that hashes and files are the same everywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import textrnn
from textrnn.linear.hashing import NGramKind, distinct_ngrams, word_hashes
from textrnn.text.code_points import code_points
from textrnn.text.encoded import encode_lists

SOURCES = sorted(Path(textrnn.__file__).parent.rglob("*.py"))
FROM_BYTES = ("frombuffer", "fromfile", "view")
# Bytes, whose order is their own; and memory or bytes that never leave the process.
WITHIN = {"shared_arrays.py": "self.dtype", "text/vectors.py": "np.float32"}


def nameless(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dtype of each array made of bytes whose byte order is the machine's own."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in FROM_BYTES:
            given = [k.value for k in node.keywords if k.arg == "dtype"]
            given += node.args[:1] if node.func.attr == "view" else node.args[1:2]
            text = ast.unparse(given[0]) if given else "float64"
            if text not in ("np.uint8", "np.int8") and not text.startswith(("'<", "DTYPES[")):
                yield node.lineno, text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_number_is_made_of_bytes_in_the_machines_own_order(path: Path) -> None:
    allowed = next((d for name, d in WITHIN.items() if path.as_posix().endswith(name)), None)
    found = list(nameless(ast.parse(path.read_text(encoding="utf-8"))))
    assert [(line, dtype) for line, dtype in found if dtype != allowed] == []


def test_such_a_call_is_found() -> None:
    source = "np.frombuffer(b, np.uint32); np.fromfile(f, dtype=np.float32); a.view(np.uint64)"
    assert [dtype for _, dtype in nameless(ast.parse(source))] == [
        "np.uint32",
        "np.float32",
        "np.uint64",
    ]


def test_characters_are_the_same_numbers_on_every_machine() -> None:
    found = code_points("aé\U0001f600\ud800")
    assert found.dtype == np.uint32
    assert found.tolist() == [0x61, 0xE9, 0x1F600, 0xD800]


def test_ngram_keys_are_those_of_the_first_release() -> None:
    texts = encode_lists([["a", "good", "film\U0001f600"], ["a"]])
    hashes = [f"{key:x}" for key in word_hashes(texts).tolist()]
    assert hashes == ["717b555b5b0d42d7", "935ee84dd702d0ec", "e62e440326764bef"]
    ((keys, rows),) = distinct_ngrams(texts, NGramKind(2, (3, 3)))
    assert rows.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert [f"{key:x}" for key in keys.tolist()] == [
        *("25b8ddf649", "2a0ee98da0", "38bdaaadad", "38bdaaadad", "49af7426eb", "7317220193"),
        *("85377082a2", "8705490fc4", "9a70acba10", "9a70acba10", "bc3c901b8d", "c5250cf71f"),
        *("c8f0b302ce", "d150d9f4d4", "dbe1430e78", "e31983a376", "eab75e9743"),
    ]

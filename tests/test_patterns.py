"""Patterns that every Python matches alike.

Python 3.11.0 to 3.11.4 match a possessive quantifier over a group wrongly (gh-106052), over a
single character or class rightly, and atomic groups rightly, too.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import textrnn
from textrnn.text import _words

# Not in typeshed; it is what `re.compile` itself reads a pattern with.
_parser: Any = importlib.import_module("re._parser")
_compiler: Any = importlib.import_module("re._compiler")
SOURCES = sorted(Path(textrnn.__file__).parent.rglob("*.py"))
# A closing bracket that is not escaped, a quantifier, and the plus that makes it possessive.
_IN_SOURCE = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9]*,?[0-9]*\})\+")


def groups_taken_whole(parsed: Any) -> Iterator[Any]:
    """What a possessive quantifier repeats in a parsed pattern and is no single character."""
    for operator, value in parsed:
        if str(operator) == "POSSESSIVE_REPEAT" and not _compiler._simple(value[2]):
            yield value[2]
        for part in value if isinstance(value, list | tuple) else (value,):
            for inner in part if isinstance(part, list) else (part,):
                if isinstance(inner, _parser.SubPattern):
                    yield from groups_taken_whole(inner)


def compiled_patterns() -> dict[str, str]:
    """The patterns of all modules by name, and those that are built when they are needed."""
    found = {
        f"_words.{name}": value
        for name, value in vars(_words).items()
        if isinstance(value, str) and name in ("_MARKUP", "_ENTITY", "_LONG_RUN", "_SHORT_RUNS")
    }
    for ascii_only in (True, False):
        found[f"word_pattern({ascii_only})"] = _words.word_pattern(ascii_only=ascii_only).pattern
    for module in pkgutil.walk_packages(textrnn.__path__, "textrnn."):
        if module.name == "textrnn.__main__":
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                found[f"{module.name}.{name}"] = value.pattern
    return found


def test_no_pattern_repeats_a_group_possessively() -> None:
    patterns = compiled_patterns()
    assert len(patterns) > 10
    wrong = {n: p for n, p in patterns.items() if [*groups_taken_whole(_parser.parse(p))]}
    assert not wrong


def test_no_source_writes_such_a_pattern() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = _IN_SOURCE.search(re.sub(r"`[^`\n]*`", "", node.value))
                assert not found, f"{path}, line {node.lineno}: {node.value!r}"


@pytest.mark.parametrize(
    "pattern",
    ["(?:ab)++", "x(?:a|b(?:'c)?+)", "(?=(?:ab?){2,}+)", "(?!(?i:a(?:b+)*+))", "(a|b+)?+"],
)
def test_such_a_pattern_is_found(pattern: str) -> None:
    assert [*groups_taken_whole(_parser.parse(pattern))]
    assert _IN_SOURCE.search(pattern)


@pytest.mark.parametrize("pattern", [r"a++[b-c]*+.?+\w{2,}+", "(?>(?:ab)+)", r"[()]\)++", "(a+)+"])
def test_a_pattern_that_all_pythons_match_alike_is_let_pass(pattern: str) -> None:
    assert not [*groups_taken_whole(_parser.parse(pattern))]
    assert not _IN_SOURCE.search(pattern)

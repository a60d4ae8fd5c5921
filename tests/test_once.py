"""Once, not twice: no function has the body of another, and no text is encoded again."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import LABELS, TEXTS
from textrnn import TextRNNClassifier
from textrnn.text.encoded import EncodedTexts
from textrnn.text.vocabulary import Vocabulary

PACKAGE = Path(__file__).parents[1] / "textrnn"
LEAST = 40
"""Nodes of a body that is worth telling apart: what only calls or returns may be like another."""


def bodies(source: str) -> dict[str, str]:
    """For each function of a file what it does, whatever it calls its variables."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if sum(1 for statement in body for _ in ast.walk(statement)) >= LEAST:
                found[node.name] = "\n".join(map(ast.dump, Renamed.all_of(body)))
    return found


class Renamed(ast.NodeTransformer):
    """Gives the names of a function's own variables numbers, as they first stand."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = defaultdict(lambda: len(self.numbers))

    @classmethod
    def all_of(cls, body: list[ast.stmt]) -> list[ast.stmt]:
        renamed = cls()
        return [renamed.visit(statement) for statement in body]

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(str(self.numbers[node.id]))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(str(self.numbers[node.arg]))


def test_no_function_stands_twice() -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for name, body in bodies(file.read_text(encoding="utf-8")).items():
            where[body].append(f"{file.relative_to(PACKAGE)}: {name}")
    assert [places for places in where.values() if len(places) > 1] == []


def test_a_copy_under_other_names_is_found() -> None:
    one = "def ratio(counts, positive):\n    p = 1 + counts[positive].sum()\n"
    one += "    q = 1 + counts[~positive].sum()\n    return log(p / p.sum()) - log(q / q.sum())\n"
    other = one.replace("counts", "rows").replace("ratio", "share").replace("positive", "inside")
    changed = other.replace("1 + rows[~", "2 + rows[~")
    assert [*bodies(one).values()] == [*bodies(other).values()] != [*bodies(changed).values()]


def test_held_out_texts_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the n-grams, for each epoch and for the weights of the ensemble."""
    seen: list[int] = []
    encode_all = Vocabulary.encode_all

    def note(self: Vocabulary, texts: EncodedTexts) -> EncodedTexts:
        seen.append(len(texts))
        return encode_all(self, texts)

    monkeypatch.setattr(Vocabulary, "encode_all", note)
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=3, random_state=0)
    model.fit(TEXTS[:20], LABELS[:20], validation_data=(TEXTS[20:32], LABELS[20:32]))
    assert sorted(seen) == [12, 20]

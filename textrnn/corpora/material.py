"""Splits of texts for a structure that is no classification, checked before use.

What `corpus.Corpus` and `loading` are to classifiers, with the same rules: test texts are the
corpus's own, else a share of the training texts, equal texts together; whatever is guessed is told
in a note.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from textrnn.corpora.labels import one_spelling
from textrnn.corpora.overlap import TEST, TRAIN, VALIDATION, shared_between
from textrnn.corpora.rows import Rows
from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.system.digests import feed
from textrnn.wording.messages import Advice, Parameter, stated
from textrnn.wording.quoting import listed, quoted

TEST_FRACTION = 0.1
"""Share of the texts that is drawn for a test, if neither the corpus nor the caller has another."""

R = TypeVar("R", bound=Rows)


@dataclass(frozen=True)
class Material(Generic[R]):
    """The splits of a corpus for one structure, and where they came from.

    Attributes:
        validation: None where there is none; `parted` holds some back.
        test: None where there is none.
        source: the file or folder, or how it was made.
        notes: a line about each guess, and about texts that stand in two splits.
        test_fraction: the share that was drawn for the test; None if there was one.
    """

    name: str
    train: R
    validation: R | None = None
    test: R | None = None
    source: str = ""
    notes: list[str] = field(default_factory=list)
    test_fraction: float | None = None

    def parted(self, fraction: float, *, random_state: int) -> Material[R]:
        """The same with validation texts: its own, or a share of those to train on.

        Raises:
            DataError: too few texts.
            UsageError: the fraction is not between 0 and 1.
        """
        if self.validation is not None:
            return self
        train, held = self.train.parted(fraction, random_state=random_state)
        if not len(held):
            raise DataError(
                f"{_count(self.train)} left to train on: too few to hold {fraction:.0%} back for "
                "validation; bring more texts",
                Advice(" or raise ", Parameter("validation_fraction")),
                ".",
            )
        return replace(self, train=train, validation=held)

    def fingerprint(self) -> str:
        """A SHA-256 (64 hex digits) of all rows of all splits, in order."""
        digest = hashlib.sha256()
        for name in (TRAIN, VALIDATION, TEST):
            rows: R | None = getattr(self, name)
            feed(digest, [name, "" if rows is None else rows.fingerprint()])
        return digest.hexdigest()


def finished(material: Material[R], fraction: float | None, random_state: int) -> Material[R]:
    """The material with test texts, checked.

    Args:
        material: as it was found.
        fraction: the share to draw for the test; a corpus that has a test refuses one.
        random_state: of the draw.

    Raises:
        DataError: a split is empty, or there is too little to draw from.
        UsageError: a fraction that cannot be.
    """
    material = _with_one_spelling(material)
    check_not_empty(material.train, f"the training split of {quoted(material.name)}")
    if material.test is not None and fraction is not None:
        raise UsageError(
            f"{quoted(material.name)} has its own test split; leave ",
            Parameter("test_fraction"),
            " out",
        )
    if material.test is None:
        chosen = TEST_FRACTION if fraction is None else fraction
        material = _set_test_aside(material, chosen, random_state)
    notes = list(material.notes)
    for name in (VALIDATION, TEST):
        rows: R | None = getattr(material, name)
        if rows is not None:
            check_not_empty(rows, f"the {name} split of {quoted(material.name)}")
            notes += _compared(material, name, rows)
    return replace(material, notes=notes)


def check_not_empty(rows: Rows, where: str) -> None:
    """Raise DataError for a split without texts."""
    if not len(rows):
        raise DataError(f"{where} is empty: it holds no texts")


def _compared(material: Material[R], name: str, rows: R) -> list[str]:
    """Lines about what a split shares with that to learn from, or has beyond it.

    Raises:
        DataError: texts to choose by have a label or a tag that none to learn from has.
    """
    told = []
    shared = shared_between(name, rows.keys, TRAIN, material.train.keys)
    if shared.n:
        told.append(shared.note)
    known = material.train.classes
    if strange := sorted(set(rows.classes) - set(known)):
        line = (
            f"the {name} split of {quoted(material.name)} has the {rows.called} "
            f"{quoted(strange[0])}, which no training text has.{did_you_mean(strange[0], known)} "
            f"Those of training: {listed(known)}"
        )
        if name == VALIDATION:
            raise DataError(line)
        told.append(line)
    return told


def _set_test_aside(material: Material[R], fraction: float, random_state: int) -> Material[R]:
    """Draw test texts from those to train on."""
    if not 0.0 < fraction < 1.0:
        raise UsageError(stated("test_fraction", fraction), ", but must be above 0 and below 1")
    train, test = material.train.parted(fraction, random_state=random_state)
    if not len(test):
        raise DataError(
            f"{quoted(material.name)} has {_count(material.train)}, too few to set {fraction:.0%} "
            "of them aside for a test; bring more",
            Advice(", or give test texts with ", Parameter("test")),
        )
    note = f"no test split given: {len(test):,} of the texts were set aside for it"
    notes = [*material.notes, note]
    return replace(material, train=train, test=test, notes=notes, test_fraction=fraction)


def _with_one_spelling(material: Material[R]) -> Material[R]:
    """Spell labels to condition on alike in all splits: 1 may be 1.0 in another."""
    splits: dict[str, R | None] = {
        TRAIN: material.train,
        VALIDATION: material.validation,
        TEST: material.test,
    }
    there = [rows for rows in splits.values() if rows is not None]
    spelling = one_spelling({label for rows in there for label in rows.classes})
    changed: Any = {name: rows and rows.respelled(spelling) for name, rows in splits.items()}
    return replace(material, **changed)


def _count(rows: Rows) -> str:
    texts = "text" if len(rows) == 1 else "texts"
    return f"{len(rows):,} {texts} ({len(set(rows.keys)):,} different)"

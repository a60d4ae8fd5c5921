"""Texts that stand in two splits: scores on them tell what was learned by heart."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

TRAIN, VALIDATION, TEST = "train", "validation", "test"
MOST = 0.5
"""Share of the texts scored that may be known before a score needs a warning beside it."""


class HasKeys(Protocol):
    """Rows of which it is known which are equal."""

    @property
    def keys(self) -> Sequence[Hashable]:
        """What equal texts have in common, a row."""
        ...


class HasSplits(Protocol):
    """A corpus of any structure."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def train(self) -> HasKeys:
        """What is learned from."""
        ...

    @property
    def validation(self) -> HasKeys | None:
        """What chooses the best epoch."""
        ...

    @property
    def test(self) -> HasKeys | None:
        """What is scored."""
        ...

    def fingerprint(self) -> str:
        """A digest of all rows of all splits."""
        ...


@dataclass(frozen=True)
class Overlap:
    """How many texts of a split stand in another.

    Attributes:
        split: the name of the split that is scored, ``test`` or ``validation``.
        known_from: the name of the other, which is learned from.
        n: texts that stand in both, each as often as in the first.
        of: texts of the first.
    """

    split: str
    known_from: str
    n: int
    of: int

    @property
    def note(self) -> str:
        """A line about it."""
        return f"{self.n:,} of the {self.of:,} {self.split} texts also stand in {self.known_from}"


def shared_between(
    split: str, texts: Sequence[Hashable], known_from: str, known: Collection[Hashable]
) -> Overlap:
    """Count the texts of a split that are known from another, by the names of both."""
    among = known if isinstance(known, set | frozenset) else set(known)
    return Overlap(split, known_from, sum(text in among for text in texts), len(texts))


def shared_texts(corpus: HasSplits) -> tuple[Overlap, ...]:
    """What the splits of a corpus share, in their order; nothing of splits that are not there.

    Test texts that stand in train and in validation count once, as of train.
    """
    known = set(corpus.train.keys)
    found = []
    if corpus.validation is not None:
        found.append(shared_between(VALIDATION, corpus.validation.keys, TRAIN, known))
    if corpus.test is not None:
        found.append(shared_between(TEST, corpus.test.keys, TRAIN, known))
    if corpus.test is not None and corpus.validation is not None:
        more = set(corpus.validation.keys) - known
        found.append(shared_between(TEST, corpus.test.keys, VALIDATION, more))
    return tuple(found)


def as_counts(shared: Sequence[Overlap]) -> dict[str, int]:
    """Plain numbers, ready for JSON, as ``test_in_train``."""
    return {f"{one.split}_in_{one.known_from}": one.n for one in shared}


def warnings_of(shared: Sequence[Overlap], *splits: str) -> list[str]:
    """A warning for each of some splits, all if none is named, of which most texts are known."""
    told = []
    for split in splits or dict.fromkeys(one.split for one in shared):
        parts = [one for one in shared if one.split == split and one.n]
        n = sum(one.n for one in parts)
        if parts and n > MOST * parts[0].of:
            where = " or ".join(one.known_from for one in parts)
            told.append(
                f"{n:,} of the {parts[0].of:,} {split} texts also stand in {where}: the scores on "
                "them tell what was learned by heart, not what new texts would show"
            )
    return told

"""Rows of the structures that are no classification: what splitting and resuming ask of them.

A row is a text and what goes with it: a label or nothing (`Lines`), a tag of each token
(`TaggedTexts`), another text (`Pairs`). Files and lists of one's own both become these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from textrnn.corpora.sampling import holdout, strata
from textrnn.errors import DataError
from textrnn.system.digests import feed

if TYPE_CHECKING:
    from typing import Self

    from textrnn.typing import Bools, Ints

COMMANDS = {
    "classifier": "textrnn train",
    "language model": "textrnn lm train",
    "tagger": "textrnn tag train",
    "transducer": "textrnn transduce train",
}
"""What learns from the rows of each structure."""


@dataclass(frozen=True)
class Rows:
    """Texts of one structure. Its fields are lists, one entry a row.

    Attributes:
        structure: what is learned from them, a key of `COMMANDS`.
        called: what a row's answers are called in messages; nothing if they are texts of their own.
    """

    structure: ClassVar[str]
    called: ClassVar[str] = ""

    def __post_init__(self) -> None:
        sizes = {name: len(column) for name, column in self._columns.items()}
        if len(set(sizes.values())) > 1:
            told = " but ".join(f"{size} {name}" for name, size in sizes.items())
            raise DataError(f"{told}; each row needs one of each")

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    @property
    def _columns(self) -> dict[str, list[Any]]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in found.items() if column is not None}

    @property
    def keys(self) -> Sequence[Hashable]:
        """What equal texts have in common, a row; equal ones stay on one side of a split."""
        raise NotImplementedError

    @property
    def answers(self) -> Sequence[Sequence[str]]:
        """The distinct labels or tags of each row, of which each side of a split has a share."""
        return [()] * len(self)

    @property
    def classes(self) -> list[str]:
        """Distinct labels or tags of all rows, sorted; none where answers are texts."""
        return sorted({answer for answers in self.answers for answer in answers})

    def take(self, rows: Ints | Bools) -> Self:
        """The rows at some positions, or where booleans of shape (n,) are true."""
        import numpy as np

        positions = np.arange(len(self))[rows].tolist()
        columns = self._columns.items()
        changed: Any = {name: [column[i] for i in positions] for name, column in columns}
        return replace(self, **changed)

    def holdout(self, fraction: float, *, random_state: int) -> Bools:
        """The rows to hold out: equal texts together, every label or tag keeps a row.

        Returns shape (n,), bool; see ``sampling.holdout``. Raises UsageError for a fraction
        outside (0, 1).
        """
        answers = [found or ("",) for found in self.answers]  # of texts without any one stays, too
        return holdout(
            self.keys, strata(answers), fraction, random_state=random_state, label_sets=answers
        )

    def parted(self, fraction: float, *, random_state: int) -> tuple[Self, Self]:
        """What remains and what is held out, both in the order of the rows."""
        held = self.holdout(fraction, random_state=random_state)
        return self.take(~held), self.take(held)

    def respelled(self, spelling: Mapping[str, str]) -> Self:
        """The same with labels to condition on spelled otherwise; tags and texts stay."""
        del spelling
        return self

    def fingerprint(self) -> str:
        """A SHA-256 (64 hex digits) of all rows, in order."""
        digest = hashlib.sha256()
        for name, column in self._columns.items():
            feed(digest, [name, str(len(column))])
            feed(digest, map(_as_text, column))
        return digest.hexdigest()


def _as_text(entry: str | list[str]) -> str:
    return entry if isinstance(entry, str) else json.dumps(entry)


@dataclass(frozen=True)
class Lines(Rows):
    """Texts for a language model, with a label each if it is conditioned on one."""

    structure: ClassVar[str] = "language model"
    called: ClassVar[str] = "label"

    texts: list[str]
    labels: list[str] | None = None

    @property
    def keys(self) -> Sequence[Hashable]:
        """The texts."""
        return self.texts

    @property
    def answers(self) -> Sequence[Sequence[str]]:
        """The label of each text, if there are labels."""
        return [()] * len(self) if self.labels is None else [(label,) for label in self.labels]

    def respelled(self, spelling: Mapping[str, str]) -> Self:
        """The same with each label as ``spelling`` has it; others stay."""
        if self.labels is None:
            return self
        return replace(self, labels=[spelling.get(label, label) for label in self.labels])


@dataclass(frozen=True)
class TaggedTexts(Rows):
    """Texts as lists of tokens, and lists of as many tags."""

    structure: ClassVar[str] = "tagger"
    called: ClassVar[str] = "tag"

    tokens: list[list[str]]
    tags: list[list[str]]

    def __post_init__(self) -> None:
        super().__post_init__()
        for row, (tokens, tags) in enumerate(zip(self.tokens, self.tags, strict=True), start=1):
            if len(tokens) != len(tags):
                raise DataError(
                    f"text {row} has {len(tokens)} tokens but {len(tags)} tags; each token needs "
                    "one"
                )

    @property
    def keys(self) -> Sequence[Hashable]:
        """The tokens of each text."""
        return [tuple(tokens) for tokens in self.tokens]

    @property
    def answers(self) -> Sequence[Sequence[str]]:
        """The distinct tags of each text."""
        return [tuple(dict.fromkeys(tags)) for tags in self.tags]


@dataclass(frozen=True)
class Pairs(Rows):
    """Sources and the targets that are written of them."""

    structure: ClassVar[str] = "transducer"

    sources: list[str]
    targets: list[str]

    @property
    def keys(self) -> Sequence[Hashable]:
        """The sources."""
        return self.sources

"""Corpora that the package writes itself, each by a file of its own and always the same.

They are made in memory when they are asked for; ``python -m textrnn.corpora.generated NAME
OUT_DIR`` writes one as files.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from textrnn.corpora.rows import COMMANDS, Rows
from textrnn.errors import DataError
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Generated:
    """One generated corpus, of the module of its name.

    Attributes:
        name: that of the module.
        description: what it is, on a line.
        structure: that of the rows it consists of.
        rows: how many are for training, validation and test.
        language: what it is in, if in any.
    """

    name: str
    description: str
    structure: str
    rows: tuple[int, int, int]
    language: str = "English"

    def splits(self) -> dict[str, Rows]:
        """Its rows, by the name of the split: train, validation and test."""
        module = import_module(f"textrnn.corpora.generated.{self.name}")
        found: dict[str, Rows] = module.generate()
        return found


GENERATED = {
    corpus.name: corpus
    for corpus in (
        Generated(
            "agreement",
            "sentences whose verb agrees with a noun up to six words before it",
            "language model",
            (12_000, 1_000, 1_000),
        ),
        Generated(
            "far",
            "words tagged by a place that was named ten words before, or more",
            "tagger",
            (4_000, 500, 1_000),
        ),
        Generated(
            "grammar",
            "sentences of fifty rules; most words may be of several kinds, which are the tags",
            "tagger",
            (4_000, 500, 1_000),
        ),
        Generated(
            "reversal",
            "strings of 2 to 12 letters, and the same from end to beginning",
            "transducer",
            (10_000, 500, 1_000),
            "letters",
        ),
        Generated(
            "numbers",
            "numbers below a million in words, and in digits",
            "transducer",
            (10_000, 500, 1_000),
        ),
        Generated(
            "dates",
            "days of two centuries as in letters, and as in ISO 8601",
            "transducer",
            (5_000, 500, 1_000),
        ),
    )
}
"""A new one is a file and a row."""


def check_structure(name: str, structure: str) -> None:
    """Raise DataError for a generated corpus of another structure, naming the command for it."""
    made = GENERATED.get(name)
    if made is not None and made.structure != structure:
        raise DataError(
            f"{quoted(name)} is a corpus for a {made.structure}; {COMMANDS[made.structure]} {name} "
            "takes it"
        )

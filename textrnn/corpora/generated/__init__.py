"""Corpora that the package writes itself, each by a file of its own and always the same.

They are made in memory when they are asked for; ``python -m textrnn.corpora.generated NAME
OUT_DIR`` writes one as files.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from textrnn.corpora.rows import Rows


@dataclass(frozen=True)
class Generated:
    """One generated corpus, of the module of its name.

    Attributes:
        description: what it is, on a line.
        structure: whose it is: that of the `Rows` it consists of.
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


GENERATED: dict[str, Generated] = {}
"""A new one is a file and a row."""

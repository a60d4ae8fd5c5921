"""Strings of letters and the same strings from their end to their beginning."""

from __future__ import annotations

from random import Random

from textrnn.corpora.generated.draws import distinct, number, pick
from textrnn.corpora.rows import Pairs, Rows

SEED = 2014
N_ROWS = {"train": 10_000, "validation": 500, "test": 1_000}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LENGTHS = range(2, 13)
"""Letters of a string, each as likely."""


def string(rng: Random) -> str:
    """Draw a string."""
    return "".join(pick(rng, LETTERS) for _ in range(number(rng, LENGTHS[0], LENGTHS[-1])))


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The strings of each split and their reversals, no two of them equal."""
    rng, taken = Random(seed), set[str]()
    splits: dict[str, Rows] = {}
    for split, n in N_ROWS.items():
        drawn = distinct(n, lambda: string(rng), lambda one: one, taken)
        splits[split] = Pairs(drawn, [one[::-1] for one in drawn])
    return splits

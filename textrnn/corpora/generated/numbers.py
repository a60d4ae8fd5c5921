"""Numbers below a million in English words and in digits: "forty thousand and seven", 40007."""

from __future__ import annotations

from random import Random

from textrnn.corpora.generated.draws import distinct, number, words
from textrnn.corpora.rows import Pairs, Rows

SEED = 1202
N_ROWS = {"train": 10_000, "validation": 500, "test": 1_000}
MOST_DIGITS = 6

UNITS = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")


def in_words(value: int) -> str:
    """A number from 0 to 999,999 as it is read out, without hyphens."""
    if value < 20:
        return UNITS[value]
    if value < 100:
        rest = f" {UNITS[value % 10]}" if value % 10 else ""
        return TENS[value // 10 - 2] + rest
    if value < 1_000:
        rest = f" and {in_words(value % 100)}" if value % 100 else ""
        return f"{UNITS[value // 100]} hundred{rest}"
    below = value % 1_000
    joined = " and " if 0 < below < 100 else " "
    return f"{in_words(value // 1_000)} thousand{joined + in_words(below) if below else ''}"


def _any(rng: Random) -> int:
    """A number of any number of digits, six ones most often: there are few of few."""
    n_digits = max(number(rng, 1, MOST_DIGITS), number(rng, 1, MOST_DIGITS))
    return number(rng, 10 ** (n_digits - 1) if n_digits > 1 else 0, 10**n_digits - 1)


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The numbers of each split in words and in digits, no two of them equal."""
    rng, taken = Random(seed), set[int]()
    splits: dict[str, Rows] = {}
    for split, n in N_ROWS.items():
        drawn = distinct(n, lambda: _any(rng), lambda one: one, taken)
        splits[split] = Pairs([in_words(one) for one in drawn], [str(one) for one in drawn])
    return splits

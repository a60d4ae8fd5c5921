"""Days of two centuries as letters have them and as computers do: "3 March 2021", 2021-03-03."""

from __future__ import annotations

from random import Random

from textrnn.corpora.generated.draws import distinct, number, words
from textrnn.corpora.rows import Pairs, Rows

SEED = 1582
N_ROWS = {"train": 5_000, "validation": 500, "test": 1_000}
YEARS = range(1900, 2100)
MONTHS = words(
    "January February March April May June July August September October November December"
)
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Date = tuple[int, int, int]
"""Year, month and day, from 1."""


def date(rng: Random) -> Date:
    """Draw a day."""
    year, month = number(rng, YEARS[0], YEARS[-1]), number(rng, 1, 12)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return year, month, number(rng, 1, DAYS[month - 1] + (month == 2 and is_leap))


def in_words(day: Date) -> str:
    """As in a letter."""
    return f"{day[2]} {MONTHS[day[1] - 1]} {day[0]}"


def in_digits(day: Date) -> str:
    """As ISO 8601 has it."""
    return f"{day[0]:04}-{day[1]:02}-{day[2]:02}"


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The days of each split in both forms, no two of them equal."""
    rng, taken = Random(seed), set[Date]()
    splits: dict[str, Rows] = {}
    for split, n in N_ROWS.items():
        drawn = distinct(n, lambda: date(rng), lambda one: one, taken)
        splits[split] = Pairs(list(map(in_words, drawn)), list(map(in_digits, drawn)))
    return splits

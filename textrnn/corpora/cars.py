"""The built-in corpus: sentences that counting words cannot sort, written by this file.

Two cars share a sentence and only one of them speeds into the arena. The
sentence is ``crime`` when that one is the stolen kind (stolen, getaway,
hijacked ...) and ``comedy`` when it is the clown kind (clown, circus, jester
...). Every long sentence comes with its twin, in which the two cars have changed
places: the bags of words are equal, and the phrases around both cars are drawn
from the same pools, so that short n-grams say next to nothing either. What
decides must be read early, told from its rival by grammar, and remembered for
2 to 31 words, 13 on average.

Twins stand in the same split, and no two other sentences have equal bags: a split
that parted twins would punish whoever learnt the other one, so validation texts
come with the corpus rather than by lot.

``python -m textrnn.corpora.cars OUT_DIR`` writes the CSV file of each split again,
bit for bit: only ``Random.random`` is used, whose sequence Python promises to keep.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

T = TypeVar("T")
Row = tuple[str, str]

LABELS = ("comedy", "crime")
N_ROWS = {"train": 3600, "validation": 400, "test": 1000}
SEED = 1977

# One sentence in twelve is plain: enough to be learnt firmly, too few to help a
# model that only counts words. One in four puts the rival straight behind the
# car ("the stolen car, long after the clown car had left, ..."), which trigrams see.
PLAIN_SHARE, CLOSE_SHARE = 0.08, 0.25

COMEDY = ("clown", "circus", "carnival", "jester", "juggler", "puppet")
CRIME = ("stolen", "getaway", "hijacked", "bandit", "gangster", "outlaw")
VEHICLES = ("car", "car", "car", "van", "truck", "taxi", "bus", "wagon")
WHEN = (
    "now",
    "today",
    "once again",
    "at noon",
    "at dusk",
    "in the rain",
    "at breakfast",
    "to our surprise",
)
WHICH = (
    "that sang",
    "that coughed",
    "that squeaked",
    "that leaked lemonade",
    "that feared pigeons",
    "that nobody could park",
    "that had lost a wheel",
    "that hummed old waltzes",
)
RIVAL_DID = (
    "slept",
    "waited",
    "stalled",
    "went home",
    "had left",
    "looked for its keys",
    "was being painted",
    "argued with a lamp",
    "slept in the garage",
    "waited for the ferry",
)
CLOSE = (
    "long after the {} had left,",
    "long before the {} had arrived,",
    "far ahead of the {},",
    "much faster than the {},",
    "chased by the {},",
    "not waiting for the {},",
    "having pushed aside the {},",
)
DETOUR = (
    "late again,",
    "windows down,",
    "after three wrong turns,",
    "cheered on by a brass band,",
    "as every evening in spring,",
    "one door open and the radio far too loud,",
)
VERBS = ("sped", "sped", "raced", "roared", "rattled", "swerved")
PLACES = ("arena", "arena", "ring", "stadium", "square")
ENDINGS = (
    "",
    "",
    "",
    "",
    "",
    " at last",
    " and stopped",
    " in a cloud of dust",
)
LINKS = ("while", "though", "as")


def _pick(rng: Random, pool: Sequence[T]) -> T:
    return pool[int(rng.random() * len(pool))]


def _shuffle(rng: Random, items: list[T]) -> None:
    for last in range(len(items) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        items[last], items[other] = items[other], items[last]


def _arrival(rng: Random) -> str:
    return f"{_pick(rng, VERBS)} into the {_pick(rng, PLACES)}{_pick(rng, ENDINGS)}."


def _detour(rng: Random) -> str:
    """Return a phrase that only puts words between the car and what it does, or nothing."""
    return f", {_pick(rng, DETOUR)}" if rng.random() < 0.25 else ""


def _car(rng: Random) -> str:
    """Return a car phrase with ``{}`` for its kind; both cars of a sentence come from here."""
    return f"{_pick(rng, WHEN)} the {{}} {_pick(rng, VEHICLES)} {_pick(rng, WHICH)}"


def _hero_first(rng: Random) -> str:
    rival = f"{_pick(rng, LINKS)} {_car(rng).format('{rival}')} {_pick(rng, RIVAL_DID)},"
    detour = _detour(rng).removeprefix(",")
    return f"{_car(rng).format('{hero}')}, {rival}{detour} {_arrival(rng)}"


def _hero_second(rng: Random) -> str:
    rival = f"{_pick(rng, LINKS)} {_car(rng).format('{rival}')} {_pick(rng, RIVAL_DID)},"
    return f"{rival} {_car(rng).format('{hero}')}{_detour(rng)} {_arrival(rng)}"


def _close(rng: Random) -> str:
    rival = _pick(rng, CLOSE).format(f"{{rival}} {_pick(rng, VEHICLES)}")
    detour = _detour(rng).removeprefix(",")
    return f"the {{hero}} {_pick(rng, VEHICLES)}, {rival}{detour} {_arrival(rng)}"


def _plain(rng: Random) -> str:
    opening = f"{_pick(rng, WHEN)} " if rng.random() < 0.3 else ""
    return f"{opening}the {{hero}} {_pick(rng, VEHICLES)}{_detour(rng)} {_arrival(rng)}"


def _twins(pattern: str, rng: Random) -> list[Row]:
    """Fill ``pattern`` twice, the cars changing places; return both rows."""
    comedy, crime = _pick(rng, COMEDY), _pick(rng, CRIME)
    pattern = pattern[0].upper() + pattern[1:]
    return [
        (pattern.format(hero=comedy, rival=crime), "comedy"),
        (pattern.format(hero=crime, rival=comedy), "crime"),
    ]


def bag_of_words(text: str) -> tuple[str, ...]:
    """Return the words of a text in alphabetical order; twins have the same."""
    return tuple(sorted(re.findall(r"\w+", text.lower())))


def _rows(
    rng: Random, n_rows: int, taken: set[tuple[str, ...]], first: Sequence[Row] = ()
) -> list[Row]:
    """Return ``n_rows`` new sentences in random order, twins included, no bag in ``taken``."""
    n_plain, n_close = int(n_rows * PLAIN_SHARE), int(n_rows * CLOSE_SHARE)
    rows = list(first)
    taken.update(bag_of_words(text) for text, _ in rows)
    while len(rows) < n_rows:
        long: Callable[[Random], str] = _hero_first if rng.random() < 0.85 else _hero_second
        write = _plain if len(rows) < n_plain else _close if len(rows) < n_plain + n_close else long
        twins = _twins(write(rng), rng)
        bags = {bag_of_words(text) for text, _ in twins}
        if taken.isdisjoint(bags):
            rows += twins
            taken |= bags
    _shuffle(rng, rows)
    return rows


def generate() -> dict[str, list[Row]]:
    """Return the rows of each split, (text, label) each, always the same ones."""
    rng, taken = Random(SEED), set[tuple[str, ...]]()
    plainest = [
        ("The clown car sped into the arena.", "comedy"),
        ("The stolen car sped into the arena.", "crime"),
    ]
    return {
        split: _rows(rng, n_rows, taken, plainest if split == "train" else ())
        for split, n_rows in N_ROWS.items()
    }


def write(folder: Path) -> None:
    """Write a CSV file a split (UTF-8, header text,label) into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in generate().items():
        with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("text", "label"), *rows])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m textrnn.corpora.cars OUT_DIR")
    write(Path(sys.argv[1]))

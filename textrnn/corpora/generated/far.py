"""Words whose tag hangs on a word that stands ten words before them, or more.

"in the kitchen , not in the garage , ... then they looked for plate plug the belt": each of the
words in `THINGS` is tagged as what it is in the place where the sentence is set, which is told at
its beginning beside another place where it is not. All else is tagged O. Words of no account stand
between; nothing but the place, at least ten words before, says what the tag is.
"""

from __future__ import annotations

from random import Random

from textrnn.corpora.generated.draws import number, phrases, pick, shuffled, tagged_splits, words
from textrnn.corpora.rows import Rows

SEED = 1990
N_ROWS = {"train": 4_000, "validation": 500, "test": 1_000}
LEAST = 10
"""Words from that of the place to the first word whose tag hangs on it, at least."""

TAGS = {"kitchen": "FOOD", "garage": "TOOL", "theatre": "PLAY"}
THINGS = words(
    "plate plug belt bar pan roll part line piece block key light screen cap jack oil tube chip "
    "nut board"
)
FILLERS = phrases(
    "it was late, nobody had slept, the rain had stopped, two of them were tired, a bell rang "
    "somewhere, all doors were open, there was little time, the others had gone, somebody sang, "
    "they had been there before, one could hear the wind, nothing had changed"
)
OPENINGS = ("then they looked for", "so they took", "they had brought", "at last they found")
MARKS = ("the", "a", "one", "that", "his", "her", "and", ",")


def text(rng: Random) -> tuple[list[str], list[str]]:
    """Draw a text: its tokens and their tags."""
    here, there = shuffled(rng, list(TAGS))[:2]
    place, rival = f"in the {here}", f"not in the {there}"
    first = [place, rival] if rng.random() < 0.5 else [rival, place]
    tokens = f"{first[0]} , {first[1]} ,".split()
    while len(tokens) - tokens.index(here) < LEAST or rng.random() < 0.3:
        tokens += [*pick(rng, FILLERS).split(), pick(rng, (",", "and", "but"))]
    tokens += pick(rng, OPENINGS).split()
    tags = ["O"] * len(tokens)
    for _ in range(number(rng, 8, 16)):
        between = [pick(rng, MARKS)] if rng.random() < 0.2 else []
        tokens += [*between, pick(rng, THINGS)]
        tags += [*["O"] * len(between), TAGS[here]]
    return tokens, tags


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The texts of each split, no two of them equal."""
    rng = Random(seed)
    return tagged_splits(N_ROWS, lambda: text(rng))

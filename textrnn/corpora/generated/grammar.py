"""Sentences of a grammar of fifty rules, in which most words may be of several kinds.

"the light can open that she may like": `RULES` are those of a small English, each with a weight;
`WORDS` are the words of each kind. Many stand under several kinds (light is a noun, an adjective or
a verb, that one of three things), so that the kind, which is the tag, hangs on what stands around
the word, before it or after.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from textrnn.corpora.generated.draws import pick, tagged_splits, weighted
from textrnn.corpora.rows import Rows

SEED = 1957
N_ROWS = {"train": 4_000, "validation": 500, "test": 1_000}
LENGTHS = range(3, 31)
"""Words of a sentence."""

RULES: dict[str, tuple[tuple[str, float], ...]] = {
    "S": (
        ("NP VP", 6.0),
        ("PP NP VP", 1.0),
        ("ADV NP VP", 1.0),
        ("S CONJ S", 0.6),
        ("AUX NP VB", 1.0),
        ("WH AUX NP VT", 1.0),
        ("VB", 0.6),
        ("NP VP SUB", 1.0),
        ("SUB NP VP", 0.6),
    ),
    "VP": (
        ("VERB", 0.6),
        ("VERB NP", 3.0),
        ("VERB PP", 1.0),
        ("VERB ADV", 1.0),
        ("VERB NP PP", 1.0),
        ("AUX VB", 2.0),
        ("AUX ADV VB", 1.0),
        ("COP ADJ", 1.0),
        ("COP NP", 1.0),
        ("COP PP", 0.6),
        ("SAY COMP S", 1.0),
        ("WANT PART VB", 1.5),
        ("ADV VERB NP", 0.6),
        ("VP CONJ VP", 0.6),
    ),
    "VB": (
        ("VERB", 1.0),
        ("VERB NP", 2.0),
        ("VERB PP", 1.0),
        ("VERB NP ADV", 0.6),
        ("VERB NP PP", 0.6),
    ),
    "VT": (("VERB", 2.0), ("ADV VERB", 1.0)),
    "NP": (
        ("DET NOUN", 4.0),
        ("DET ADJ NOUN", 3.0),
        ("DET ADJ ADJ NOUN", 0.6),
        ("PRON", 1.0),
        ("NAME", 1.0),
        ("DET NOUN PP", 0.6),
        ("DET NOUN REL", 1.0),
        ("NUM NOUN", 0.6),
        ("DET NUM NOUN", 0.6),
        ("NUM ADJ NOUN", 0.6),
        ("NAME CONJ NAME", 0.3),
        ("DET NOUN CONJ DET NOUN", 0.6),
        ("DET DEG ADJ NOUN", 0.6),
    ),
    "REL": (("COMP VERB NP", 1.0), ("COMP NP VERB", 1.0), ("COMP AUX VB", 1.0)),
    "PP": (("PREP NP", 2.0), ("PREP DET NOUN", 2.0), ("ADV PREP NP", 0.3)),
    "SUB": (("SCONJ NP VP", 1.0),),
}
"""Of each phrase what it may consist of, and how likely; words in capitals that are no phrases are
kinds of words."""

NOUN_OR_VERB = "watch play walk fish plant love call paint park cook train ship book rock fly point"
NOUN_OR_ADJECTIVE = "cold green present square secret sweet human native"
VERB_OR_ADJECTIVE = "clean dry warm free empty calm slow"
ANY_OF_THREE = "light open round cool"
WORDS: dict[str, tuple[str, ...]] = {
    kind: tuple(words.split())
    for kind, words in {
        "NOUN": f"{NOUN_OR_VERB} {NOUN_OR_ADJECTIVE} {ANY_OF_THREE} can will river table child",
        "VERB": f"{NOUN_OR_VERB} {VERB_OR_ADJECTIVE} {ANY_OF_THREE} like near bring make find",
        "ADJ": f"{NOUN_OR_ADJECTIVE} {VERB_OR_ADJECTIVE} {ANY_OF_THREE} fast late early tall poor",
        "ADV": "down over near fast late early soon again",
        "PREP": "down over near like to after before with of",
        "DET": "the a that her no this",
        "PRON": "that her one she they it",
        "NUM": "one two three",
        "NAME": "anna peter will may",
        "AUX": "can will may must",
        "COMP": "that",
        "PART": "to",
        "SCONJ": "after before while when",
        "CONJ": "and or",
        "DEG": "very so",
        "WH": "what whom",
        "COP": "is was",
        "SAY": "say think",
        "WANT": "want hope",
    }.items()
}
TAG_OF = {"COP": "VERB", "SAY": "VERB", "WANT": "VERB"}
"""The tag of a kind of words, where it is not the kind's own name."""


def _kinds(rng: Random, phrase: str, depth: int = 0) -> Iterator[str]:
    """The kinds of words of a phrase, in order."""
    if phrase in WORDS:
        yield phrase
        return
    if depth > len(LENGTHS):  # too long by far: the sentence is drawn again
        return
    for part in weighted(rng, RULES[phrase]).split():
        yield from _kinds(rng, part, depth + 1)


def sentence(rng: Random) -> tuple[list[str], list[str]]:
    """Draw a sentence: its words and their tags."""
    kinds: list[str] = []
    while len(kinds) not in LENGTHS:
        kinds = list(_kinds(rng, "S"))
    return [pick(rng, WORDS[kind]) for kind in kinds], [TAG_OF.get(kind, kind) for kind in kinds]


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The sentences of each split, no two of them equal."""
    rng = Random(seed)
    return tagged_splits(N_ROWS, lambda: sentence(rng))

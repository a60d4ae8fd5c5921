"""Sentences in which a verb agrees with a subject that stands up to six words before it.

"the dogs near the tree sleep": the verb has the number of the first noun, whatever stands between,
and what stands between is another noun of either number. Who counts the words before the verb is
led astray. `pairs` gives for each distance sentences whose nouns between are all of the other
number, each with the same sentence that has the wrong form of the verb.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import NamedTuple

from textrnn.corpora.generated.draws import distinct, number, pick, words
from textrnn.corpora.rows import Lines, Rows

SEED = 1983
N_ROWS = {"train": 12_000, "validation": 1_000, "test": 1_000}
N_PAIRS = 1_000
MOST_BETWEEN = 6

NOUNS = words(
    "dog cat horse farmer teacher doctor singer painter king sailor baker neighbour cousin tree "
    "house tower river boat wagon garden bridge lamp window clock kettle basket letter piano "
    "spoon blanket hammer bottle carpet mirror pillow ladder bucket candle trumpet drum"
)
VERBS = words(
    "sleep shine wait fall move turn sing smell glow shake rest listen appear stand burn grow "
    "sink float swing creak"
)
PAST = words("saw heard found hid carried followed passed knew drew held")
ADJECTIVES = words("old small red quiet strange heavy bright cold green broken")
ADVERBS = words("often never always still seldom slowly quickly sometimes")
PREPOSITIONS = words("near behind beside under above from before opposite")
NAMES = words("anna peter maria thomas laura simon helen victor")
PLACES = ("today", "at night", "in winter", "again", "together", "here")

PHRASES: dict[int, tuple[str, ...]] = {
    0: ("",),
    1: ("A",),
    2: ("P n",),
    3: ("P the N", "P n A"),
    4: ("P the J N", "that D the N", "P the N A", "P n P n"),
    5: ("that D the J N", "P the N P n", "that D the N A", "P n P the N"),
    6: ("P the N P the N", "that D the N P n", "that D the J N A", "P n P the J N"),
}
"""What stands between, by the number of its words: A adverb, P preposition, D a verb of the past, J
adjective, N noun, n a noun without an article: a name or, of several, a plural."""
POOLS = {"A": ADVERBS, "P": PREPOSITIONS, "D": PAST, "J": ADJECTIVES}


class Sentence(NamedTuple):
    """Its words up to the verb, the forms of the verb, right and wrong, and the words after it."""

    before: str
    right: str
    wrong: str
    after: str
    n_between: int

    @property
    def text(self) -> str:
        """It, as it is right."""
        return f"{self.before} {self.right}{self.after}"

    @property
    def mistaken(self) -> str:
        """It, with the wrong form of the verb."""
        return f"{self.before} {self.wrong}{self.after}"


def sentence(rng: Random, n_between: int, *, misleads: bool = False) -> Sentence:
    """Draw a sentence.

    Args:
        rng: the source of randomness.
        n_between: words between subject and verb.
        misleads: whether all nouns between are of the other number, as by chance half of them are.
    """
    is_plural = rng.random() < 0.5
    adjective = f"{pick(rng, ADJECTIVES)} " if rng.random() < 0.25 else ""
    subject = f"the {adjective}{_noun(rng, is_plural)}"
    between = [
        _word(rng, slot, not is_plural if misleads else rng.random() < 0.5)
        for slot in pick(rng, PHRASES[n_between]).split()
    ]
    verb = pick(rng, VERBS)
    right, wrong = (verb, f"{verb}s") if is_plural else (f"{verb}s", verb)
    return Sentence(" ".join([subject, *between]), right, wrong, _after(rng), n_between)


def _noun(rng: Random, is_plural: bool) -> str:
    return pick(rng, NOUNS) + ("s" if is_plural else "")


def _word(rng: Random, slot: str, is_plural: bool) -> str:
    if slot == "n":
        return _noun(rng, True) if is_plural else pick(rng, NAMES)
    if slot == "N":
        return _noun(rng, is_plural)
    return pick(rng, POOLS[slot]) if slot in POOLS else slot


def _after(rng: Random) -> str:
    """What follows the verb, a blank before it, or nothing."""
    chance = rng.random()
    if chance < 0.3:
        return ""
    if chance < 0.6:
        return f" {pick(rng, PLACES)}"
    return f" {pick(rng, PREPOSITIONS)} the {_noun(rng, rng.random() < 0.5)}"


def generate(seed: int = SEED) -> dict[str, Rows]:
    """The texts of each split, no two of them equal; with 0 to 6 words between, as often each."""
    return _made(seed)[0]


def pairs(seed: int = SEED) -> list[Sentence]:
    """1,000 sentences with 1 to 6 words between, in turn; no text has the same words to its verb.

    From two words on there is a noun between, and all are of the other number.
    """
    return _made(seed)[1]


def _made(seed: int) -> tuple[dict[str, Rows], list[Sentence]]:
    rng, taken, begun = Random(seed), set[str](), set[str]()
    splits: dict[str, Rows] = {}
    for split, n in N_ROWS.items():
        drawn = distinct(n, lambda: _any(rng), lambda one: one.text, taken)
        begun.update(one.before for one in drawn)
        splits[split] = Lines([one.text for one in drawn])
    found: list[Sentence] = []
    for i in range(N_PAIRS):
        n_between = 1 + i % MOST_BETWEEN
        found += distinct(1, partial(_misleading, rng, n_between), lambda one: one.before, begun)
    return splits, found


def _any(rng: Random) -> Sentence:
    return sentence(rng, number(rng, 0, MOST_BETWEEN))


def _misleading(rng: Random, n_between: int) -> Sentence:
    return sentence(rng, n_between, misleads=True)

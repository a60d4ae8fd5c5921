"""Texts that are written as well as read: into symbols and back, with nothing lost on the way.

The tokenizers of ``text.tokenizers`` are for reading: what they find of a text cannot be put
together again. What a transducer answers with has to be, and what it reads may be no language at
all: here a text is what stands between its blanks, or its characters, and case and signs stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from textrnn.errors import UsageError, did_you_mean
from textrnn.wording.quoting import listed, quoted

WORD, CHAR = "word", "char"
AUTO = "auto"
"""Whichever the texts are better read by; see ``choose_unit``."""

OFTEN = 20
"""Occurrences from which a word is one that can be learned as a whole."""
RARE = 0.01
"""Share of the words of texts that may be rarer than that, if these are read by words."""


@dataclass(frozen=True)
class Unit:
    """What a text is made of; called with a text it is a tokenizer.

    Attributes:
        name: ``"word"`` or ``"char"``.
        between: what stands between two symbols of a text.
    """

    name: str
    between: str
    _symbols: Callable[[str], Sequence[str]]

    def __call__(self, text: str) -> list[str]:
        """Return the symbols of a text."""
        return list(self._symbols(text))

    def first(self, text: str, limit: int) -> list[str]:
        """Return the first symbols of a text, so many at most."""
        return list(islice(self._symbols(text), limit))

    def join(self, symbols: Iterable[str]) -> str:
        """Return the text of some symbols."""
        return self.between.join(symbols)


UNITS = {WORD: Unit(WORD, " ", str.split), CHAR: Unit(CHAR, "", str)}


def unit_of(name: str) -> Unit:
    """The unit of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in UNITS:
        raise UsageError(
            f"the unit {quoted(name)} is not known; it must be one of {listed(UNITS)}."
            f"{did_you_mean(name, UNITS)}"
        )
    return UNITS[name]


def choose_unit(texts: Sequence[str]) -> str:
    """What texts are better read by: words where these are few and each is frequent, else chars.

    A word that was seen a few times is not known well enough to be read or written, and one that
    was never seen not at all, though all of its characters are: as the day and the year of a date.
    Where there are no blanks, as in most texts with one word each, there is nothing to choose.
    """
    with_blanks = sum(len(text.split()) > 1 for text in texts)
    if 2 * with_blanks <= len(texts):
        return CHAR
    counts = Counter(word for text in texts for word in text.split())
    rare = sum(count for count in counts.values() if count < OFTEN)
    return WORD if rare <= RARE * counts.total() else CHAR

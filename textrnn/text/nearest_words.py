"""The known word that an unknown one was likely meant to be: one slip of the fingers away.

Two words are near if both give the same string when at most one character of each is left
out. That covers a letter too many, one too few, a wrong one and two that changed places. Hashes
of all those strings are made without a loop over words: the hash is a polynomial, so that
leaving a character out takes away one term and divides the ones after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.typing import Ids, Ints, Keys

SHORTEST = 4
"""Characters of the shortest word that is looked at. On held-out training texts of sst2 and mr of
which a tenth of the words were misspelt, 4 was better than 5 and 6, and so was to take rare
words and other first letters too."""
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 2**64)
_ROW = np.uint64(2**24 - 1)
"""The bits of a number that tell the place of a word; the other 40 are of its hash."""


class NearestWords:
    """Known words, to be asked for the ones that unknown words are near to.

    What is found out of the known words of each length is kept: most words are never asked
    for, and many are often.

    Args:
        known: words, the most frequent first.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known
        self._lengths = np.fromiter(map(len, known), np.int64, len(known))
        self._tables: dict[int, Keys] = {}

    def find(self, words: Sequence[str]) -> Ids:
        """The first known word that each word is near to.

        Words of less than ``SHORTEST`` characters, and what is not all letters, are near to
        none.

        Returns:
            Positions among the known words, int32 of shape (len(words),); -1 for none.
        """
        found = np.full(len(words), -1, dtype=np.int32)
        lengths = np.array([len(word) if word.isalpha() else 0 for word in words], dtype=np.int64)
        for length in np.unique(lengths[lengths >= SHORTEST]).tolist():
            rows = np.flatnonzero(lengths == length)
            keys = _with_one_left_out([words[i] for i in rows.tolist()])
            best = np.minimum.reduce(
                [self._first(keys, near) for near in range(length - 1, length + 2)]
            )
            is_near = best < len(self._known)
            found[rows[is_near]] = best[is_near]
        return found

    def _first(self, keys: Keys, length: int) -> Ints:
        """For each row of keys (n, m) the first known word of a length that has one of them.

        Shape (n,); the number of known words where there is none.
        """
        table = self._table(length)
        if not len(table):
            return np.full(len(keys), len(self._known))
        at = table[np.minimum(np.searchsorted(table, keys), len(table) - 1)]
        places = (at & _ROW).astype(np.int64)
        first: Ints = np.where(at & ~_ROW == keys, places, len(self._known)).min(axis=1)
        return first

    def _table(self, length: int) -> Keys:
        """Keys of the known words of a length with whose each is, ascending by both."""
        if length not in self._tables:
            places = np.flatnonzero((self._lengths == length) & (length >= SHORTEST))
            keys = _with_one_left_out([self._known[i] for i in places.tolist()])
            keys |= places.astype(np.uint64)[:, np.newaxis]
            self._tables[length] = np.sort(keys, axis=None)
        return self._tables[length]


def _with_one_left_out(words: Sequence[str]) -> Keys:
    """Hashes of words of one length L, and of what is left without each of their characters.

    uint64 of shape (len(words), L + 1), of which the bits of ``_ROW`` are 0.
    """
    L = len(words[0]) if words else 0
    encoded = "".join(words).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(encoded, np.uint32).reshape(len(words), L)
    powers = np.uint64(_FACTOR) ** np.arange(L, dtype=np.uint64)
    terms = (characters.astype(np.uint64) + np.uint64(1)) * powers
    up_to = np.cumsum(terms, axis=1, dtype=np.uint64)
    whole = up_to[:, -1:] if L else np.zeros((len(words), 1), np.uint64)
    rest = (whole - up_to) * np.uint64(_INVERSE)
    keys: Keys = np.hstack([whole, up_to - terms + rest])
    keys ^= keys >> np.uint64(32)  # spread what differs in the lower bits
    keys *= np.uint64(_FACTOR)
    return keys & ~_ROW

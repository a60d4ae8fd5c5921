"""The known word that an unknown one was likely meant to be: one edit away.

An edit is a letter too many, one too few, a wrong one, or two neighbours that changed places: the
distance of Damerau (1964), restricted as usual, is 1. Candidates are words that give the same
string when at most one character of each is left out. Hashes of all those strings are made
without a loop over words: the hash is a polynomial, so that leaving a character out takes away one
term and divides the ones after it. Then the letters of each candidate are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textrnn.text.code_points import code_points
from textrnn.typing import Bools, Characters, Counts, Ids, Ints, Keys

EDIT, LEFT_OUT = "edit", "left_out"
SPELLING_RULES = (EDIT, LEFT_OUT)
"""What counts as one edit: a distance of 1; or, in models of textrnn 0.1.0, that the hashes of
what is left without one character meet: "tables" was read as "stable" there."""
SHORTEST = 4
"""Characters of the shortest word that is looked at. On held-out training texts of sst2 and mr of
which a tenth of the words were misspelt, 4 was better than 5 and 6, and so was to take rare
words and other first letters too."""
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 2**64)
_ROW = np.uint64(2**24 - 1)
"""The bits of a number that tell which word; the other 40 are of its hash."""
_NO_KEY = ~np.uint64(0)
"""The end of a table: larger than any key with a row."""


class _Table(NamedTuple):
    """The known words of one length L.

    Attributes:
        keys: of each word and of what is left without each character, with the word's row below
            them, ascending by both, and ``_NO_KEY``, shape (n * (L + 1) + 1,).
        characters: of each word, shape (n, L).
        places: of each among all known words, ascending, shape (n,).
    """

    keys: Keys
    characters: Characters
    places: Counts


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
        self._tables: dict[int, _Table] = {}

    def find(self, words: Sequence[str], spelling_rule: str = EDIT) -> Ids:
        """The first known word that each word is near to.

        Words of less than ``SHORTEST`` characters, and what is not all letters, are near to
        none; nor is any word near to a known one of less than ``SHORTEST`` characters.

        Args:
            words: unknown ones.
            spelling_rule: one of ``SPELLING_RULES``.

        Returns:
            Positions among the known words, int32 of shape (len(words),); -1 for none.
        """
        found = np.full(len(words), -1, dtype=np.int32)
        lengths = np.array([len(word) if word.isalpha() else 0 for word in words], dtype=np.int64)
        for length in np.unique(lengths[lengths >= SHORTEST]).tolist():
            rows = np.flatnonzero(lengths == length)
            asked = _characters([words[i] for i in rows.tolist()])
            keys = _with_one_left_out(asked)
            best = np.minimum.reduce(
                [
                    self._first(keys, asked, near, spelling_rule)
                    for near in range(length - 1, length + 2)
                ]
            )
            is_near = best < len(self._known)
            found[rows[is_near]] = best[is_near]
        return found

    def _first(self, keys: Keys, asked: Characters, length: int, spelling_rule: str) -> Ints:
        """For words (n, L), whose keys are (n, m), the first known word of a length that is near.

        Shape (n,); the number of known words where there is none.
        """
        table = self._table(length)
        if spelling_rule == EDIT:  # a longer word has this one whole in it, others lack what it has
            keys = keys[:, :1] if length > asked.shape[1] else keys[:, 1:]
        first = np.full(len(keys), len(self._known))
        rows, keys = np.repeat(np.arange(len(keys)), keys.shape[1]), keys.ravel()
        at = np.searchsorted(table.keys, keys)
        while True:  # a candidate of each key, then the next one where that was not near
            found = table.keys[at]
            met = np.flatnonzero((found & ~_ROW == keys) & (found != _NO_KEY))
            if not len(met):
                return first
            rows, keys, at = rows[met], keys[met], at[met]
            of_length = (found[met] & _ROW).astype(np.int64)
            if spelling_rule == EDIT:
                near = _is_one_edit(asked[rows], table.characters[of_length])
            else:
                near = np.ones(len(rows), dtype=bool)
            np.minimum.at(first, rows[near], table.places[of_length[near]])
            rows, keys, at = rows[~near], keys[~near], at[~near] + 1

    def _table(self, length: int) -> _Table:
        """The known words of a length; none of those that are too short."""
        if length not in self._tables:
            places = np.flatnonzero((self._lengths == length) & (length >= SHORTEST))
            characters = _characters([self._known[i] for i in places.tolist()])
            keys = _with_one_left_out(characters)
            keys |= np.arange(len(places), dtype=np.uint64)[:, np.newaxis]
            ascending = np.append(np.sort(keys, axis=None), _NO_KEY)
            self._tables[length] = _Table(ascending, characters, places)
        return self._tables[length]


def _is_one_edit(words: Characters, others: Characters) -> Bools:
    """Whether each of some words (n, L) is at most one edit away from another, (n, L - 1 .. L + 1).

    What both begin with and what both end with are all but the edit.
    """
    L = max(words.shape[1], others.shape[1])
    shorter = min(words.shape[1], others.shape[1])
    begin = _leading(words[:, :shorter] == others[:, :shorter])
    end = _leading(words[:, ::-1][:, :shorter] == others[:, ::-1][:, :shorter])
    near: Bools = begin + end >= L - 1
    if shorter == L:
        rest = np.flatnonzero(begin + end == L - 2)
        i, words, others = begin[rest], words[rest], others[rest]
        each = np.arange(len(rest))
        crossed = words[each, i] == others[each, i + 1]
        near[rest] = crossed & (words[each, i + 1] == others[each, i])
    return near


def _leading(equal: Bools) -> Counts:
    """How many of each row (n, m) are true before the first that is not, shape (n,)."""
    count: Counts = np.logical_and.accumulate(equal, axis=1).sum(axis=1, dtype=np.int64)
    return count


def _characters(words: Sequence[str]) -> Characters:
    """The code points of words of one length L, uint32 of shape (len(words), L)."""
    return code_points("".join(words)).reshape(len(words), len(words[0]) if words else 0)


def _with_one_left_out(characters: Characters) -> Keys:
    """Hashes of words (n, L), and of what is left without each of their characters.

    uint64 of shape (n, L + 1), of which the bits of ``_ROW`` are 0.
    """
    n, L = characters.shape
    powers = np.uint64(_FACTOR) ** np.arange(L, dtype=np.uint64)
    terms = (characters.astype(np.uint64) + np.uint64(1)) * powers
    up_to = np.cumsum(terms, axis=1, dtype=np.uint64)
    whole = up_to[:, -1:] if L else np.zeros((n, 1), np.uint64)
    rest = (whole - up_to) * np.uint64(_INVERSE)
    keys: Keys = np.hstack([whole, up_to - terms + rest])
    keys ^= keys >> np.uint64(32)  # spread what differs in the lower bits
    keys *= np.uint64(_FACTOR)
    return keys & ~_ROW

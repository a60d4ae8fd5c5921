"""Counts of all n-grams up to a length, as a Markov chain needs them, without a loop over n-grams.

Marks are words, numbered from 0, and one more that stands for the end of a text and for its
beginning: it is a word only where the text ends, and a history only where it begins, so that the
two never meet. N-grams of one length are a level: sorted by their history, which is an n-gram of
the level below, then by their last word. So a level is where the words after each history begin,
the words, and their counts; an n-gram is its number in the level.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from textrnn.system.runs import runs, sort_pairs
from textrnn.typing import Bools, Counts, Ints


class Level(NamedTuple):
    """All n-grams of one length from two words on.

    Attributes:
        starts: where the words after each n-gram of the level below begin, and the last ones
            end, int64 of shape (histories + 1,).
        words: the last word of each n-gram, ascending within a history, shape (n,).
        counts: how often each occurred, or after how many words, shape (n,).
    """

    starts: Counts
    words: Ints
    counts: Ints

    def find(self, histories: Ints, words: Ints) -> Ints:
        """The numbers of n-grams, int64 of shape (m,); -1 of those that never occurred.

        Args:
            histories: their numbers in the level below, -1 for one that never occurred, (m,).
            words: the word after each, shape (m,).
        """
        if not len(self.words):
            return np.full(len(histories), -1, dtype=np.int64)
        known = histories >= 0
        low = np.where(known, self.starts[histories], 0)
        end = np.where(known, self.starts[histories + 1], 0)
        high = end.copy()
        # All are looked for at once: each step halves the words that are left to each.
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            is_before = self.words[np.minimum(middle, len(self.words) - 1)] < words
            is_open = low < high
            low = np.where(is_open & is_before, middle + 1, low)
            high = np.where(is_open & ~is_before, middle, high)
        found = (low < end) & (self.words[np.minimum(low, len(self.words) - 1)] == words)
        return np.where(found, low, -1)


class Counted(NamedTuple):
    """The n-grams of some texts.

    Attributes:
        firsts: of each mark as a word, the distinct words before it, shape (marks,).
        raw_firsts: how often each mark occurred as a word, shape (marks,).
        levels: of two words and more, whose counts are of the distinct words before an n-gram;
            an n-gram that begins a text has none before it: it is how often it occurred.
        raw: how often the n-grams of each of these levels occurred.
    """

    firsts: Ints
    raw_firsts: Ints
    levels: list[Level]
    raw: list[Ints]


def with_ends(ids: Ints, starts: Counts, end: int) -> Ints:
    """Texts one after the other, with the mark ``end`` before, between and after them.

    Args:
        ids: of the words of each text, shape (N,).
        starts: where each text begins among them and the last one ends, shape (texts + 1,).
        end: its number.

    Returns:
        of shape (N + texts + 1,): every entry but the first is a word or the end of its text.
    """
    marks = np.full(len(ids) + len(starts), end, dtype=np.int32)
    is_word = np.ones(len(marks), dtype=bool)
    is_word[starts + np.arange(len(starts))] = False
    marks[is_word] = ids
    return marks


def histories_of(found: Ints, is_end: Bools) -> Ints:
    """The number of the n-gram before each word, by that of the n-gram that ends with each word.

    Args:
        found: of the words, shape (m,).
        is_end: whether the mark before each of them is an end, shape (m,): nothing reaches across.
    """
    before = np.empty_like(found)
    before[:1] = -1
    before[1:] = found[:-1]
    before[is_end] = -1
    return before


def count_ngrams(ids: Ints, starts: Counts, *, n_marks: int, max_n: int) -> Counted:
    """Count all n-grams of 1 to ``max_n`` marks.

    Args:
        ids: of the words of each text, below ``n_marks`` - 1, shape (N,).
        starts: of the texts among them, as in ``with_ends``.
        n_marks: words and the one mark for beginning and end, which is the last one.
        max_n: marks of the longest n-gram, 1 or more.
    """
    marks = with_ends(ids, starts, n_marks - 1)
    words, before = marks[1:], marks[:-1]
    is_end = before == n_marks - 1
    raw_firsts = np.bincount(words, minlength=n_marks)
    levels: list[Level] = []
    raw: list[Ints] = []
    adjusted: list[Ints] = []
    histories, numbers, n_histories = before, words, n_marks
    for _ in range(2, max_n + 1):
        level, ends, found = _next_level(histories, words, n_histories, n_marks)
        counts = np.bincount(numbers[ends], minlength=n_histories)
        adjusted.append(counts if not raw else np.where(counts, counts, raw[-1]))
        levels.append(level)
        raw.append(level.counts)
        histories, numbers, n_histories = histories_of(found, is_end), found, len(level.words)
    firsts, *others = [*adjusted, raw[-1]] if raw else [raw_firsts]
    levels = [level._replace(counts=smallest(of)) for level, of in zip(levels, others, strict=True)]
    return Counted(firsts, raw_firsts, levels, raw)


def _next_level(
    histories: Ints, words: Ints, n_histories: int, n_marks: int
) -> tuple[Level, Ints, Ints]:
    """The n-grams that are a history and a word after it.

    Args:
        histories: of each word, by its number in the level below, or -1, shape (m,).
        words: shape (m,).
        n_histories: n-grams of the level below.
        n_marks: of which words are.

    Returns:
        the level, with raw counts; where each n-gram ends for the first time, shape (n,); the
        number of the n-gram that ends with each word, or -1, int32 or int64 of shape (m,).
    """
    places = np.flatnonzero(histories >= 0).astype(_index_type(len(words)))
    keys: Ints = histories[places].astype(np.int64)
    keys *= n_marks
    keys += words[places]
    keys, places = sort_pairs(keys, places)
    begins, counts = runs(keys)
    keys = keys[begins]
    found = np.full(len(words), -1, dtype=_index_type(len(keys)))
    found[places] = np.repeat(np.arange(len(keys), dtype=found.dtype), counts)
    ends = places[begins]
    starts = np.zeros(n_histories + 1, dtype=np.int64)
    np.cumsum(np.bincount(keys // n_marks, minlength=n_histories), out=starts[1:])
    level = Level(starts, smallest(keys % n_marks, n_marks - 1), smallest(counts))
    return level, ends, found


def smallest(values: Ints, largest: int | None = None) -> Ints:
    """Numbers from 0 on in the smallest type that holds them, or a largest one."""
    most = int(values.max(initial=0)) if largest is None else largest
    kinds: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint8, np.uint16, np.uint32)
    kind = next((kind for kind in kinds if most <= np.iinfo(kind).max), np.uint64)
    small: Ints = values.astype(kind)
    return small


def _index_type(n: int) -> type[np.signedinteger[Any]]:
    """The narrower type of numbers up to n: half the memory, and faster."""
    return np.int32 if n < 2**31 else np.int64

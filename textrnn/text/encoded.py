"""Tokenised texts as three arrays: a list for each text, and a string for each word, is too much.

A corpus of 13 million words takes 54 MB so, is written to a file and read back in an instant,
and is counted, cut and encoded without a loop over its words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise
from typing import overload

import numpy as np

from textrnn.errors import DataError
from textrnn.system.runs import differs
from textrnn.typing import Bools, Counts, Ids, Ints
from textrnn.wording.quoting import quoted


@dataclass(frozen=True, eq=False, repr=False)
class NumberedTexts(Sequence[list[str]]):
    """Tokenised texts, a sequence of lists of strings that keeps numbers.

    Attributes:
        numbers: the number of each token of each text, one after the other, int32 of shape
            (tokens of all texts,).
        starts: where each text begins among them and the last one ends, int64 of shape
            (texts + 1,).
        words: the token of each number, each once; some may stand in no text.
    """

    numbers: Ids
    starts: Counts
    words: Sequence[str]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    def __repr__(self) -> str:
        """Return a line that does not list millions of tokens."""
        return f"NumberedTexts({len(self)} texts, {len(self.numbers)} tokens)"

    @overload
    def __getitem__(self, row: int) -> list[str]: ...
    @overload
    def __getitem__(self, row: slice) -> NumberedTexts: ...
    def __getitem__(self, row: int | slice) -> list[str] | NumberedTexts:
        """Return the tokens of a text, or some of the texts."""
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        row = range(len(self))[row]
        numbers = self.numbers[self.starts[row] : self.starts[row + 1]]
        return [self.words[i] for i in numbers.tolist()]

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the tokens of each text."""
        words = np.array(self.words, dtype=object)
        for start, end in pairwise(self.starts.tolist()):
            yield words[self.numbers[start:end]].tolist()

    @property
    def lengths(self) -> Counts:
        """The number of tokens of each text, int64 of shape (texts,)."""
        return np.diff(self.starts)

    def take(self, rows: Ints | Bools) -> NumberedTexts:
        """The texts at some positions, or where booleans of shape (texts,) are true."""
        rows = np.arange(len(self))[rows]
        return self._pieces(self.starts[rows], self.lengths[rows])

    def cut(self, limit: int | None) -> NumberedTexts:
        """The first tokens of each text, ``limit`` of them; all if it is None."""
        if limit is None or not len(self) or self.lengths.max() <= limit:
            return self
        return self._pieces(self.starts[:-1], np.minimum(self.lengths, limit))

    def compact(self) -> NumberedTexts:
        """The same texts without words that stand in none, numbered as they first occur."""
        first = np.full(len(self.words), len(self.numbers))
        first[self.numbers[::-1]] = np.arange(len(self.numbers))[::-1]  # the first is set last
        order = np.argsort(first, kind="stable")[: int((first < len(self.numbers)).sum())]
        table = np.zeros(len(self.words), dtype=np.int32)
        table[order] = np.arange(len(order))
        words = [self.words[i] for i in order.tolist()]
        return NumberedTexts(table[self.numbers], self.starts, words)

    def occurrences(self) -> tuple[Counts, Counts]:
        """How often each word occurs, and in how many texts, both of shape (words,)."""
        n_words = max(len(self.words), 1)
        rows = np.repeat(np.arange(len(self)), self.lengths)
        pairs = rows * n_words + self.numbers
        pairs.sort()
        counts = np.bincount(self.numbers, minlength=len(self.words))
        return counts, np.bincount(pairs[differs(pairs)] % n_words, minlength=len(self.words))

    def _pieces(self, starts: Counts, lengths: Counts) -> NumberedTexts:
        """Texts of some lengths that begin at some places."""
        ends = np.cumsum(lengths)
        places = np.repeat(starts - (ends - lengths), lengths)
        places += np.arange(len(places))
        return NumberedTexts(self.numbers[places], np.concatenate([[0], ends]), self.words)


def number_texts(token_lists: Iterable[Sequence[str]]) -> NumberedTexts:
    """Number the tokens of texts as they first occur; the texts are read once.

    Raises:
        DataError: a text is a string, not a list of tokens.
    """
    index = _new_numbers()
    lengths: list[int] = []

    def counted() -> Iterator[Sequence[str]]:
        for tokens in token_lists:
            if isinstance(tokens, str):
                raise DataError(
                    f"Expected a list of tokens for each text, got the string "
                    f"{quoted(tokens[:40])}; "
                    "tokenise it first."
                )
            lengths.append(len(tokens))
            yield tokens

    tokens = chain.from_iterable(counted())
    numbers = np.fromiter(map(index.__getitem__, tokens), dtype=np.int32)
    starts = np.cumsum([0, *lengths], dtype=np.int64)
    return NumberedTexts(numbers, starts, list(index))


def join(parts: Sequence[NumberedTexts]) -> NumberedTexts:
    """The texts of all parts, one after the other, with one numbering."""
    index = _new_numbers()
    numbers, starts, offset = [], [np.zeros(1, dtype=np.int64)], 0
    for part in parts:
        table = np.fromiter(map(index.__getitem__, part.words), np.int32, len(part.words))
        numbers.append(table[part.numbers])
        starts.append(part.starts[1:] + offset)
        offset += len(part.numbers)
    none = np.zeros(0, dtype=np.int32)
    return NumberedTexts(np.concatenate([none, *numbers]), np.concatenate(starts), list(index))


def as_numbered(token_lists: Sequence[Sequence[str]]) -> NumberedTexts:
    """Tokenised texts as arrays, whatever they are kept in.

    Raises:
        DataError: a text is a string, not a list of tokens.
    """
    return token_lists if isinstance(token_lists, NumberedTexts) else number_texts(token_lists)


def _new_numbers() -> defaultdict[str, int]:
    """A dictionary that gives each new word the next number.

    It holds no reference to itself: its memory is free at once, without a look for garbage.
    """
    return defaultdict(count().__next__)

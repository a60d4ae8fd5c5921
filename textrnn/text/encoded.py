"""Tokenised texts as three arrays: a list for each text, and a string for each word, is too much.

A corpus of 13 million words takes 54 MB so, is written to a file and read back in an instant,
and is counted, cut, encoded and packed without a loop over its words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, pairwise
from typing import overload

import numpy as np

from textrnn.errors import DataError
from textrnn.system.runs import differs, pieces
from textrnn.typing import Bools, Counts, Forms, Ids, Ints
from textrnn.wording.quoting import quoted


@dataclass(frozen=True, eq=False, repr=False)
class EncodedTexts(Sequence[list[str]]):
    """Tokenised texts, a sequence of lists of strings that keeps token ids.

    The ids are those of the texts' own words, as they first occur, or of a model's vocabulary.

    Attributes:
        ids: the token ids of each text, one text after the other, int32 of shape (N,).
        starts: where each text begins among them and the last one ends, int64 of shape
            (texts + 1,).
        words: the token of each id, each once; some may stand in no text.
        forms: what else is known of each of them, where the ids are of forms; see ``typing``.
    """

    ids: Ids
    starts: Counts
    words: Sequence[str]
    forms: Forms | None = None

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    def __repr__(self) -> str:
        """Return a line that does not list millions of tokens."""
        return f"EncodedTexts({len(self)} texts, {self.n_tokens} tokens)"

    @overload
    def __getitem__(self, row: int) -> list[str]: ...
    @overload
    def __getitem__(self, row: slice) -> EncodedTexts: ...
    def __getitem__(self, row: int | slice) -> list[str] | EncodedTexts:
        """Return the tokens of a text, or some of the texts."""
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        return [self.words[i] for i in self.ids_of(range(len(self))[row]).tolist()]

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the tokens of each text."""
        words = np.array(self.words, dtype=object)
        for start, end in pairwise(self.starts.tolist()):
            yield words[self.ids[start:end]].tolist()

    def ids_of(self, row: int) -> Ids:
        """The token ids of a text, a view of shape (length,)."""
        return self.ids[self.starts[row] : self.starts[row + 1]]

    @property
    def n_tokens(self) -> int:
        """N, the number of tokens of all texts."""
        return len(self.ids)

    @property
    def lengths(self) -> Counts:
        """The number of tokens of each text, int64 of shape (texts,)."""
        return np.diff(self.starts)

    def contents(self) -> list[bytes]:
        """For each text what equal texts have in common, and no others."""
        return [self.ids[a:b].tobytes() for a, b in pairwise(self.starts.tolist())]

    def take(self, rows: Ints | Bools) -> EncodedTexts:
        """The texts at some positions from 0, or where booleans of shape (texts,) are true."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        starts = self.starts[rows]
        return self._pieces(starts, self.starts[rows + 1] - starts)

    def tokens_of(self, rows: Ints | Bools) -> Ints:
        """The places of the tokens of some texts among all, one text after the other."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        starts = self.starts[rows]
        return pieces(starts, self.starts[rows + 1] - starts)

    def cut(self, limit: int | None) -> EncodedTexts:
        """The first tokens of each text, ``limit`` of them; all if it is None."""
        if limit is None or not len(self) or self.lengths.max() <= limit:
            return self
        return self._pieces(self.starts[:-1], np.minimum(self.lengths, limit))

    def compact(self) -> EncodedTexts:
        """The same texts without words that stand in none, their ids as they first occur."""
        first = np.full(len(self.words), self.n_tokens)
        first[self.ids[::-1]] = np.arange(self.n_tokens)[::-1]  # the first is set last
        order = np.argsort(first, kind="stable")[: int((first < self.n_tokens).sum())]
        table = np.zeros(len(self.words), dtype=np.int32)
        table[order] = np.arange(len(order))
        words = [self.words[i] for i in order.tolist()]
        forms = None if self.forms is None else self.forms[order]
        return EncodedTexts(table[self.ids], self.starts, words, forms)

    def occurrences(self) -> tuple[Counts, Counts]:
        """How often each word occurs, and in how many texts, both of shape (words,)."""
        n_words = max(len(self.words), 1)
        rows = np.repeat(np.arange(len(self)), self.lengths)
        pairs = rows * n_words + self.ids
        pairs.sort()
        counts = np.bincount(self.ids, minlength=len(self.words))
        return counts, np.bincount(pairs[differs(pairs)] % n_words, minlength=len(self.words))

    def _pieces(self, starts: Counts, lengths: Counts) -> EncodedTexts:
        """Texts of some lengths that begin at some places."""
        ids = self.ids[pieces(starts, lengths)]
        return replace(self, ids=ids, starts=np.concatenate([[0], np.cumsum(lengths)]))


def encode_lists(token_lists: Iterable[Sequence[str]]) -> EncodedTexts:
    """Give the tokens of texts ids as they first occur; the texts are read once.

    Raises:
        DataError: a text is a string, not a list of tokens.
    """
    index = _new_ids()
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
    ids = np.fromiter(map(index.__getitem__, tokens), dtype=np.int32)
    starts = np.cumsum([0, *lengths], dtype=np.int64)
    return EncodedTexts(ids, starts, list(index))


def as_encoded(token_lists: Sequence[Sequence[str]]) -> EncodedTexts:
    """Tokenised texts as arrays, whatever they are kept in.

    Raises:
        DataError: a text is a string, not a list of tokens.
    """
    return token_lists if isinstance(token_lists, EncodedTexts) else encode_lists(token_lists)


def concatenated(parts: Sequence[EncodedTexts]) -> EncodedTexts:
    """The texts of all parts, one after the other, with ids of the same words.

    Forms of a word are the same in all parts, those of one vocabulary; some may have none.
    """
    ids, words = _of_same_words(parts)
    starts, offset = [np.zeros(1, dtype=np.int64)], 0
    for part in parts:
        starts.append(part.starts[1:] + offset)
        offset += part.n_tokens
    none = np.zeros(0, dtype=np.int32)
    return EncodedTexts(
        np.concatenate([none, *ids]), np.concatenate(starts), words, _forms_of(parts, words)
    )


def _forms_of(parts: Sequence[EncodedTexts], words: Sequence[str]) -> Forms | None:
    """What the parts know of all their words together; None unless each has forms."""
    tables = [part.forms for part in parts if part.forms is not None]
    if not tables or len(tables) < len(parts):
        return None
    if all(part.words is words for part in parts):
        return tables[0]
    row = dict(zip(words, range(len(words)), strict=True))
    forms = np.empty((len(words), tables[0].shape[1]), np.int32)
    for part, table in zip(parts, tables, strict=True):
        forms[[row[word] for word in part.words]] = table
    return forms


def _of_same_words(parts: Sequence[EncodedTexts]) -> tuple[list[Ids], Sequence[str]]:
    """The ids of each part, of words that all of them share."""
    if parts and all(part.words is parts[0].words for part in parts):
        return [part.ids for part in parts], parts[0].words
    index, ids = _new_ids(), []
    for part in parts:
        table = np.fromiter(map(index.__getitem__, part.words), np.int32, len(part.words))
        ids.append(table[part.ids])
    return ids, list(index)


def _new_ids() -> defaultdict[str, int]:
    """A dictionary that gives each new word the next id.

    It holds no reference to itself: its memory is free at once, without a look for garbage.
    """
    return defaultdict(count().__next__)

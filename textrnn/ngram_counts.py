"""Count n-grams fast, because a baseline that takes minutes is a baseline nobody runs.

scikit-learn's ``CountVectorizer`` builds a string for every n-gram. Here a word is
looked up once, and a longer n-gram is one integer made from the code of its
beginning and the id of its last word, so NumPy sorts and counts them: the uni- to
trigrams of 6 million words take a seventh of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin

from textrnn.errors import DataError
from textrnn.typing import Ints

TokenLists: TypeAlias = Sequence[Sequence[str]]
"""One list of tokens a text."""


class NGramCounts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns lists of tokens into a sparse matrix of n-gram counts.

    Columns hold the words first, in the order they were first seen, then the bigrams,
    then the trigrams, and so on up to ``max_n``. Every word has a column; a longer n-gram
    that occurs less than ``min_count`` times has none. With ``binary`` a cell says only
    whether the n-gram occurs. N-grams not seen by ``fit`` are ignored by ``transform``.

    After ``fit``: ``vocabulary_`` (word to column) and ``keys_``, for each length from
    two the sorted codes of its n-grams, where the code of "a b c" is
    ``column_of("a b") * V + column_of("c")`` and columns are numbered within a length.
    """

    def __init__(self, *, max_n: int = 1, min_count: int = 1, binary: bool = False) -> None:
        self.max_n = max_n
        self.min_count = min_count
        self.binary = binary

    def fit(self, token_lists: TokenLists, labels: object = None) -> NGramCounts:
        """Learn the n-grams of these texts; labels are ignored."""
        self.fit_transform(token_lists, labels)
        return self

    def fit_transform(self, token_lists: TokenLists, labels: object = None) -> csr_array:
        """Learn the n-grams of these texts and return their counts."""
        del labels
        vocabulary: defaultdict[str, int] = defaultdict()
        vocabulary.default_factory = vocabulary.__len__  # the next free column
        ids = _flatten(token_lists, vocabulary.__getitem__)
        self.vocabulary_ = dict(vocabulary)
        self.keys_: list[Ints] = []
        return self._count(token_lists, ids, learn=True)

    def transform(self, token_lists: TokenLists) -> csr_array:
        """Return the counts, float32 of shape (len(token_lists), columns)."""
        vocabulary = self.vocabulary_
        ids = _flatten(token_lists, lambda token: vocabulary.get(token, -1))
        return self._count(token_lists, ids, learn=False)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the n-gram of each column, its words joined by blanks."""
        del input_features
        words = np.array(list(self.vocabulary_), dtype=object)
        names = [words]
        for keys in self.keys_:
            names.append(names[-1][keys // len(words)] + " " + words[keys % len(words)])
        return np.concatenate(names)

    def _count(self, token_lists: TokenLists, ids: Ints, *, learn: bool) -> csr_array:
        lengths = [len(tokens) for tokens in token_lists]
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        starts: Ints = np.flatnonzero(ids >= 0)  # positions where a known n-gram begins
        codes: Ints = ids[starts]
        all_rows, all_columns, offset = [rows[starts]], [codes], len(self.vocabulary_)
        for n in range(2, self.max_n + 1):
            starts, keys = _extend(starts, codes, ids, rows, n=n, size=len(self.vocabulary_))
            distinct, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
            if learn:
                self.keys_.append(distinct[counts >= self.min_count])
            codes = _positions(distinct, self.keys_[n - 2])[inverse]
            starts, codes = starts[codes >= 0], codes[codes >= 0]
            all_rows.append(rows[starts])
            all_columns.append(codes + offset)
            offset += len(self.keys_[n - 2])
        columns = np.concatenate(all_columns).astype(np.int32)
        ones = np.ones(len(columns), dtype=np.float32)
        cells = (np.concatenate(all_rows), columns)
        matrix = csr_array((ones, cells), shape=(len(lengths), offset))  # adds up equal cells
        if self.binary:
            matrix.data[:] = 1
        return matrix


def _flatten(token_lists: TokenLists, column: Callable[[str], int]) -> Ints:
    """Return the columns of all tokens of all texts, one after the other."""
    if any(isinstance(tokens, str) for tokens in token_lists):
        raise DataError("Expected a list of tokens for each text, got a string; tokenise it first.")
    total = sum(len(tokens) for tokens in token_lists)
    return np.fromiter(map(column, chain.from_iterable(token_lists)), np.int64, total)


def _extend(
    starts: Ints, codes: Ints, ids: Ints, rows: Ints, *, n: int, size: int
) -> tuple[Ints, Ints]:
    """Lengthen known (n-1)-grams by one known word of the same text.

    Returns the starts of those that can be lengthened and their keys as n-grams.
    """
    ends = starts + (n - 1)
    inside = ends < len(ids)
    starts, codes, ends = starts[inside], codes[inside], ends[inside]
    known = (rows[starts] == rows[ends]) & (ids[ends] >= 0)
    return starts[known], codes[known] * size + ids[ends[known]]


def _positions(wanted: Ints, known: Ints) -> Ints:
    """Return where each wanted key stands among the sorted known ones, or -1."""
    if not len(known):
        return np.full(len(wanted), -1)
    positions = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[positions] == wanted, positions, -1)

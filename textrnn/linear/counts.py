"""Count n-grams fast, because a baseline that takes minutes is a baseline nobody runs.

scikit-learn's ``CountVectorizer`` builds a string for every n-gram. Here a word is a number,
and a longer n-gram is one integer made from the code of its beginning and the number of its
last word, so NumPy sorts and counts them. Once sorted they are a matrix column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse import csc_array, csr_array
from sklearn.base import BaseEstimator, TransformerMixin

from textrnn.linear.hashing import followed_by, within, word_hashes
from textrnn.system.runs import differs, runs, sort_pairs
from textrnn.text.encoded import EncodedTexts, as_encoded
from textrnn.typing import Counts, Floats, Ids, Ints, Keys

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
        texts = as_encoded(token_lists).compact()
        self.vocabulary_ = {word: column for column, word in enumerate(texts.words)}
        self.keys_: list[Ints] = []
        return self._count(texts.ids, texts.lengths, learn=True)

    def transform(self, token_lists: TokenLists) -> csr_array:
        """Return the counts, float32 of shape (len(token_lists), columns)."""
        texts = as_encoded(token_lists)
        known = [self.vocabulary_.get(word, -1) for word in texts.words]
        ids = np.array(known, dtype=np.int32)[texts.ids]
        return self._count(ids, texts.lengths, learn=False)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the n-gram of each column, its words with blanks between them."""
        del input_features
        words = np.array(list(self.vocabulary_), dtype=object)
        names = [words]
        for keys in self.keys_:
            names.append(names[-1][keys // len(words)] + " " + words[keys % len(words)])
        return np.concatenate(names)

    def column_hashes(self) -> Keys:
        """The hash of the n-gram of each column, as `hashing.word_ngrams` has it, (columns,)."""
        none = np.zeros(0, dtype=np.int32)
        words = EncodedTexts(none, np.zeros(1, dtype=np.int64), list(self.vocabulary_))
        hashes = [word_hashes(words)]
        size = max(len(words.words), 1)
        for codes in self.keys_:
            hashes.append(followed_by(hashes[-1][codes // size], hashes[0][codes % size]))
        return np.concatenate(hashes)

    def _count(self, ids: Ids, lengths: Counts, *, learn: bool) -> csr_array:
        """Count n-grams of words; ``ids`` are those of all texts, -1 for an unknown word."""
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        size = len(self.vocabulary_)
        # Where a known n-gram begins.
        places: Ints = np.flatnonzero(ids >= 0).astype(_index_type(len(ids)))
        keys: Ints = ids[places].astype(np.int64)
        blocks = []
        for n in range(1, self.max_n + 1):
            keys, places = sort_pairs(keys, places)
            if n > 1 and learn:
                self.keys_.append(_frequent(keys, self.min_count))
            known = self.keys_[n - 2] if n > 1 else np.arange(size)
            codes = _positions(keys, known)
            places, codes = places[codes >= 0], codes[codes >= 0]
            blocks.append(_block(codes, rows[places], len(known)))
            if n < self.max_n:
                places, keys = _extend(places, codes, ids, rows, n=n + 1, size=size)
        matrix = _side_by_side(blocks, n_rows=len(lengths))
        if self.binary:
            matrix.data[:] = 1
        return matrix


class _Block(NamedTuple):
    """Some columns of a matrix, one after the other: a sparse matrix by columns."""

    cells: Floats
    rows: Ints
    sizes: Ints
    """Cells of each column."""


def _block(columns: Ints, rows: Ints, n_columns: int) -> _Block:
    """Count equal pairs of column and row; they come sorted."""
    begins = np.flatnonzero(differs(columns) | differs(rows))
    cells = np.diff(begins, append=len(columns)).astype(np.float32)
    return _Block(cells, rows[begins], np.bincount(columns[begins], minlength=n_columns))


def _side_by_side(blocks: list[_Block], *, n_rows: int) -> csr_array:
    """Join blocks to a matrix by rows; they are used up."""
    cells, rows, sizes = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    blocks.clear()
    # SciPy takes the wider type of places and bounds for both, and for all that follows.
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indptr = indptr.astype(_index_type(len(cells)))
    return csc_array((cells, rows, indptr), shape=(n_rows, len(sizes))).tocsr()


def _index_type(n: int) -> type[np.signedinteger[Any]]:
    """Return the narrower type of numbers below n: half the memory, and faster."""
    return np.int32 if n < 2**31 else np.int64


def _extend(
    places: Ints, codes: Ints, ids: Ids, rows: Ints, *, n: int, size: int
) -> tuple[Ints, Ints]:
    """Lengthen known (n-1)-grams by one known word of the same text.

    Returns the places of those that can be lengthened and their keys as n-grams, int64.
    """
    whole = within(rows, n)
    inside = places < len(whole)
    places, codes = places[inside], codes[inside]
    ends = places + (n - 1)
    known = whole[places] & (ids[ends] >= 0)
    return places[known], codes[known].astype(np.int64) * size + ids[ends[known]]


def _frequent(keys: Ints, min_count: int) -> Ints:
    """Return the keys that occur so often, each once; they come sorted."""
    begins, lengths = runs(keys)
    return keys[begins[lengths >= min_count]]


def _positions(keys: Ints, known: Ints) -> Ints:
    """Return where each key stands among the known ones, or -1; both come sorted."""
    begins, lengths = runs(keys)
    wanted = keys[begins]
    positions = np.full(len(wanted), -1, dtype=_index_type(len(known)))
    if len(known):
        nearest = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        found = known[nearest] == wanted
        positions[found] = nearest[found]
    return np.repeat(positions, lengths)

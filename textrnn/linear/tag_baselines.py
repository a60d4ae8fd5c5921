"""What a tagger must beat: the usual tag of each word, and a linear model of what stands around it.

The linear model is what taggers were before networks (Ratnaparkhi 1996): from the word, its
neighbours and how they are spelt, by logistic regression, each token for itself.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.text.encoded import EncodedTexts
from textrnn.text.pieces import N_PIECES, forms_of
from textrnn.typing import Ints

USUAL, LINEAR = "most frequent tag", "linear"
"""Names of the baselines."""
N_COLUMNS = 2**18
AROUND = (-2, -1, 0, 1, 2)
"""Places whose words are looked at; those of the nearest are looked at by their pieces, too."""
WHOLE = N_PIECES - 2
"""Of the pieces of a word that which is all of it, whatever its case; see ``pieces_of``."""
PIECES = [piece for piece in range(N_PIECES) if piece != WHOLE]
EPOCHS = 5


@dataclass(frozen=True)
class UsualTag:
    """The most frequent tag of each word in training; of an unknown word, that of all."""

    of_word: dict[str, int]
    of_all: int

    @classmethod
    def fit(cls, texts: EncodedTexts, tags: Ints) -> UsualTag:
        """Count the tags (n_tokens,) of each word."""
        counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for word, tag in zip(texts.ids.tolist(), tags.tolist(), strict=True):
            counts[word][tag] += 1
        usual = {texts.words[word]: _most(found) for word, found in counts.items()}
        return cls(usual, int(np.bincount(tags).argmax()))

    def predict(self, texts: EncodedTexts) -> Ints:
        """The number of the tag of each token, (n_tokens,)."""
        of_words = [self.of_word.get(word, self.of_all) for word in texts.words]
        found: Ints = np.array(of_words, dtype=np.int64)[texts.ids]
        return found


def _most(counts: Counter[int]) -> int:
    """The most frequent, of several the least."""
    return min(counts, key=lambda tag: (-counts[tag], tag))


@dataclass(frozen=True)
class LinearTagger:
    """Logistic regression of a token's tag on it and what stands around it.

    Attributes:
        model: scikit-learn's, over hashed features.
        seconds: that the fit took.
    """

    model: Any
    seconds: float

    @classmethod
    def fit(cls, texts: EncodedTexts, tags: Ints, *, random_state: int) -> LinearTagger:
        """Fit by averaged stochastic gradients to tags (n_tokens,), of which there are two."""
        from sklearn.linear_model import SGDClassifier

        begun = time.perf_counter()
        model = SGDClassifier(
            loss="log_loss",
            alpha=1e-6,
            max_iter=EPOCHS,
            tol=None,
            average=True,
            random_state=random_state,
        )
        model.fit(_features(texts), tags)
        return cls(model, time.perf_counter() - begun)

    def predict(self, texts: EncodedTexts) -> Ints:
        """The number of the tag of each token, (n_tokens,)."""
        if not texts.n_tokens:
            return np.zeros(0, np.int64)
        found: Ints = self.model.predict(_features(texts))
        return found


def _features(texts: EncodedTexts) -> Any:
    """Ones in hashed columns, sparse of shape (n_tokens, N_COLUMNS), as many for each token."""
    from scipy.sparse import csr_matrix

    forms = forms_of(texts.words, [0] * len(texts.words), 2**31 - 1)[:, 1:].astype(np.int64)
    whole = forms[:, WHOLE]
    ids, n = texts.ids, texts.n_tokens
    numbers = np.arange(n) - np.repeat(texts.starts[:-1], texts.lengths)
    lengths = np.repeat(texts.lengths, texts.lengths)
    columns: list[Ints] = [np.zeros(n, np.int64)]
    seen: dict[int, Ints] = {}
    for place in AROUND:
        there = (numbers + place >= 0) & (numbers + place < lengths)
        words = ids[np.clip(np.arange(n) + place, 0, max(n - 1, 0))]
        seen[place] = np.where(there, whole[words], -1)
        columns.append(_hashed(seen[place], place))
        columns += [
            _hashed(np.where(there, forms[words, piece], -1), (place, piece))
            for piece in (PIECES if abs(place) <= 1 else ())
        ]
    columns.append(_hashed(seen[-1] * 31 + seen[0], "before"))
    columns.append(_hashed(seen[1] * 31 + seen[0], "after"))
    indices = np.stack(columns, axis=1)
    starts = np.arange(n + 1) * indices.shape[1]
    ones = np.ones(indices.size)
    return csr_matrix((ones, indices.reshape(-1), starts), shape=(n, N_COLUMNS))


def _hashed(values: Ints, kind: Hashable) -> Ints:
    """Columns of values (n,) of a kind: Fibonacci hashing."""
    from zlib import crc32

    mixed = (values + 1).astype(np.uint64) + np.uint64(crc32(repr(kind).encode()) << 31)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    columns: Ints = (mixed >> np.uint64(64 - 18)).astype(np.int64)
    return columns

"""A linear model over n-grams: the part of a classifier that is blind to order at a distance.

A text's features are its distinct n-grams, each 1 / sqrt(number of them), so that a long text
does not shout. Only arrays are kept: sorted keys and their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.text.ngram_keys import NGramKind, distinct_ngrams
from textrnn.text.tokenised import NumberedTexts
from textrnn.typing import Bools, Floats, Ints, Keys


@dataclass(frozen=True)
class NGramModel:
    """Weights of n-grams.

    Attributes:
        kind: which n-grams are looked at.
        keys: of the n-grams that have weights, ascending, shape (n,).
        weights: shape (n, K): K is the number of classes, or 1 for two of them, of which
            the weights are for the second.
        bias: shape (K,).
    """

    kind: NGramKind
    keys: Keys
    weights: Floats
    bias: Floats

    def scaled(self, factor: float, bias: Floats) -> NGramModel:
        """The model whose logits are ``factor`` times these and ``bias`` (C,) more.

        Its weights are rounded to half precision, as a file holds them.
        """
        more = bias if len(self.bias) > 1 else bias[1:] - bias[:1]
        scaled = (factor * self.bias + more).astype(np.float32)
        weights = (factor * self.weights).astype(np.float16).astype(np.float32)
        return NGramModel(self.kind, self.keys, weights, scaled)

    def arrays(self) -> dict[str, Any]:
        """What a file holds."""
        return {"keys": self.keys, "weights": self.weights.astype(np.float16), "bias": self.bias}

    @classmethod
    def of(cls, kind: Mapping[str, Any], arrays: Mapping[str, Any]) -> NGramModel:
        """The way back of ``arrays``."""
        weights = arrays["weights"].astype(np.float32)
        return cls(NGramKind.of(kind), arrays["keys"], weights, arrays["bias"])

    def logits(self, texts: NumberedTexts) -> Floats:
        """Logits, float32 of shape (len(texts), C)."""
        n, K = len(texts), len(self.bias)
        sums = np.zeros((n, K), dtype=np.float32)
        counts = np.zeros(n, dtype=np.int64)
        for keys, rows in distinct_ngrams(texts, self.kind):
            columns, known = find(keys, self.keys)
            columns, rows = columns[known], rows[known]
            counts += np.bincount(rows, minlength=n)
            for k in range(K):
                sums[:, k] += np.bincount(rows, weights=self.weights[columns, k], minlength=n)
        sums /= np.sqrt(np.maximum(counts, 1))[:, np.newaxis].astype(np.float32)
        sums += self.bias
        return sums if K > 1 else np.hstack([np.zeros_like(sums), sums])


def find(keys: Keys, known: Keys) -> tuple[Ints, Bools]:
    """Where ascending keys stand among known ones, and whether they do."""
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    begins = begins.astype(np.int64)
    nearest = np.minimum(np.searchsorted(known, keys[begins]), max(len(known) - 1, 0))
    found = known[nearest] == keys[begins] if len(known) else np.zeros(len(begins), dtype=bool)
    times = np.diff(begins, append=len(keys))
    return np.repeat(nearest, times), np.repeat(found, times)

"""A linear model over n-grams: the part of a classifier that is blind to order at a distance.

A text's features are its distinct n-grams, each 1 / sqrt(number of them), so that a long text
does not shout; words and characters are counted apart. N-grams without a weight are counted, too:
to drop one is to set its weight to zero. Only arrays are kept: sorted keys and their weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.linear.hashing import (
    FIRST_OF_CHARACTERS,
    NGramKind,
    distinct_ngrams,
    keys_of,
    word_hashes,
)
from textrnn.system.compact import check_finite, compact_keys, expand_keys, in_format
from textrnn.system.runs import runs
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.typing import Bools, Floats, Ints, Keys


@dataclass(frozen=True)
class NGramModel:
    """Weights of n-grams.

    Attributes:
        kind: which n-grams are looked at.
        keys: of the n-grams that have weights, ascending, shape (n,).
        weights: shape (n, K): K is the number of classes or labels, or 1 for two classes, of
            which the weights are for the second.
        bias: shape (K,).
    """

    kind: NGramKind
    keys: Keys
    weights: Floats
    bias: Floats

    def arrays(self, *, compact: bool = False) -> dict[str, Any]:
        """What a file holds; compact, an n-gram takes 5 bytes and not 10, and nothing is lost.

        Raises:
            ModelError: a weight is beyond what half precision can hold, or not finite.
        """
        keys = compact_keys(self.keys) if compact else {"keys": self.keys}
        check_finite(self.bias, "bias of the n-grams")
        weights = in_format(self.weights, np.float16, "weights of the n-grams")
        return {**keys, "weights": weights, "bias": self.bias}

    @classmethod
    def of(cls, kind: Mapping[str, Any], arrays: Mapping[str, Any]) -> NGramModel:
        """The inverse of ``arrays``."""
        weights = arrays["weights"].astype(np.float32)
        keys = arrays["keys"] if "keys" in arrays else expand_keys(arrays)
        return cls(NGramKind.of(kind), keys, weights, arrays["bias"])

    def knows(self, words: Sequence[str]) -> Bools:
        """Whether each of some different words has a weight, shape (len(words),)."""
        keys = keys_of(word_hashes(encode_lists([words])))
        nearest = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        known: Bools = np.zeros(len(keys), dtype=bool)
        return self.keys[nearest] == keys if len(self.keys) else known

    def keep_known(self, texts: EncodedTexts, corrected: EncodedTexts) -> EncodedTexts:
        """Corrected texts in which those words stand as they were that have a weight.

        Args:
            texts: as they were written.
            corrected: the same, unknown words replaced by others; see ``Vocabulary.corrected``.
        """
        words = list(corrected.words)
        changed = [i for i, word in enumerate(texts.words) if word != words[i]]
        known = self.knows([texts.words[i] for i in changed]).tolist()
        for i, is_known in zip(changed, known, strict=True):
            if is_known:
                words[i] = texts.words[i]
        return EncodedTexts(corrected.ids, corrected.starts, words)

    def logits(self, texts: EncodedTexts) -> Floats:
        """Logits, float32 of shape (len(texts), C)."""
        n, K = len(texts), len(self.bias)
        logits = np.zeros((n, K), dtype=np.float32)
        for keys, rows in distinct_ngrams(texts, self.kind):
            columns, known = find(keys, self.keys)
            border = int(np.searchsorted(keys, FIRST_OF_CHARACTERS))
            for part in (slice(border), slice(border, None)):
                logits += self._part(columns[part], known[part], rows[part], n)
        logits += self.bias
        return logits if K > 1 else np.hstack([np.zeros_like(logits), logits])

    def _part(self, columns: Ints, known: Bools, rows: Ints, n: int) -> Floats:
        """What the words, or the characters, of some texts add to their logits, (n, K)."""
        sizes = text_sizes(np.bincount(rows, minlength=n))
        of_class, rows = self.weights[columns[known]].T, rows[known]
        sums = [np.bincount(rows, weights=values, minlength=n) / sizes for values in of_class]
        return np.stack(sums, axis=1).astype(np.float32)


def text_sizes(counts: Ints) -> Floats:
    """What the sum over a text's n-grams is divided by, given their number, float32."""
    sizes: Floats = np.sqrt(np.maximum(counts, 1)).astype(np.float32)
    return sizes


def weighted_sum(
    models: Sequence[NGramModel], ensemble_weights: Floats, bias: Floats
) -> NGramModel:
    """The model whose logits are a weighted sum of some models' and a bias of each class, (C,).

    Models that look at words know the same ones, and so do those that look at characters.
    Weights are rounded to half precision, as a file holds them.
    """
    K = len(models[0].bias)
    keys = np.unique(np.concatenate([model.keys for model in models]))
    weights = np.zeros((len(keys), K), dtype=np.float32)
    total = bias if len(bias) == K else bias[1:] - bias[:1]
    for model, weight in zip(models, ensemble_weights, strict=True):
        weights[np.searchsorted(keys, model.keys)] += weight * model.weights
        total = total + weight * model.bias
    characters = [model.kind.char_ngrams for model in models if model.kind.char_ngrams]
    kind = NGramKind(max(m.kind.max_n for m in models), characters[0] if characters else None)
    rounded = in_format(weights, np.float16, "weights of the n-grams").astype(np.float32)
    return NGramModel(kind, keys, rounded, total.astype(np.float32))


def find(keys: Keys, known: Keys) -> tuple[Ints, Bools]:
    """Where ascending keys stand among known ones, and whether they do."""
    begins, times = runs(keys)
    nearest = np.minimum(np.searchsorted(known, keys[begins]), max(len(known) - 1, 0))
    found = known[nearest] == keys[begins] if len(known) else np.zeros(len(begins), dtype=bool)
    return np.repeat(nearest, times), np.repeat(found, times)

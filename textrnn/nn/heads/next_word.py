"""Which word comes next, at every token: a language model's head.

The output at a token is compared with a vector of each word that can be predicted, which are the
first C ids of those that are read (marks that are read alone stand behind them). The vectors are
those of the embedding (Press and Wolf 2017; Inan et al. 2017), or *untied*, a table of their own.

    z = h P                 P of shape (H, D), where E is the embedding; else z = h, and D = H
    logits = z E^T + b      E of shape (C, D), b of shape (C,)

P is there where H = D, too: a state need not look like the word that it expects. After 80 seconds
on film reviews the perplexity was 131 with it and 137 without, both of size 256.

The embedding gets two gradients, from the words read and from here, which are added up. A view of
the head that answers among some words only (``among``) leaves the others' rows untouched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.heads.base import BIAS, HeadCache, HeadGradients
from textrnn.nn.heads.token import TokenHead
from textrnn.nn.inputs import EMBEDDING, EMBEDDING_STD
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params

PROJECTION, UNTIED = "linear.projection", "output.weight"


class NextWordHead(TokenHead):
    """Answers at every step which word comes next: logits (N, C), in the order of the rows.

    Args:
        n_directions: 1; who reads from the end has seen the word.
        hidden_size: H.
        n_classes: C, no more than there are rows of the embedding.
        pooling: means nothing here.
        embedding: shape of the embedding, (V, D), if it is the table of the words predicted, too.
    """

    predicts_words = True

    def __init__(
        self,
        n_directions: int,
        hidden_size: int,
        n_classes: int,
        *,
        pooling: str,
        embedding: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(n_directions, hidden_size, n_classes, pooling=pooling)
        self.table = UNTIED if embedding is None else EMBEDDING
        self.table_shape = (n_classes, hidden_size) if embedding is None else embedding
        self.n_features = self.table_shape[1]
        self.is_projected = embedding is not None

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.table,)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        own: dict[str, tuple[int, ...]] = {BIAS: (self.n_classes,)}
        if self.is_projected:
            own[PROJECTION] = (self.hidden_size, self.n_features)
        if self.table == UNTIED:
            own[UNTIED] = self.table_shape
        return own

    def initialise(self, rng: np.random.Generator, dtype: np.dtype[Any]) -> Params:
        """Draw the parameters: a Glorot-uniform projection, an embedding's vectors, zero biases."""
        params: Params = {BIAS: np.zeros(self.n_classes, dtype)}
        if self.is_projected:
            bound = np.sqrt(6.0 / (self.hidden_size + self.n_features))
            shape = (self.hidden_size, self.n_features)
            params[PROJECTION] = rng.uniform(-bound, bound, shape).astype(dtype)
        if self.table == UNTIED:
            params[UNTIED] = rng.normal(0.0, EMBEDDING_STD, self.table_shape).astype(dtype)
        return params

    # ----------------------------------------------------------------- features

    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        del batch
        return (self.projected(h[0], params), h[0]) if self.is_projected else (h[0].copy(), None)

    def projected(self, h: Floats, params: Params) -> Floats:
        """Outputs (..., H) as vectors of the size of the words', (..., D)."""
        z: Floats = h @ params[PROJECTION] if self.is_projected else h
        return z

    def features_backward(
        self, d_features: Floats, parts: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del batch
        if not self.is_projected:
            return PoolingGradients(d_features[np.newaxis], None, {})
        d_h = d_features @ params[PROJECTION].T
        return PoolingGradients(d_h[np.newaxis], None, {PROJECTION: parts.T @ d_features})

    def so_far(self, dtype: np.dtype[Any], params: Params) -> Running:
        return _Projected(self, super().so_far(dtype, params), params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        return self.projected(h[0], params)

    # ------------------------------------------------------------------- logits

    def logits(self, features: Floats, params: Params) -> Floats:
        logits: Floats = features @ params[self.table][: self.n_classes].T
        logits += params[BIAS]
        return logits

    def scaled(self, params: Params, factor: float) -> Params:
        name = PROJECTION if self.is_projected else UNTIED
        scaled = {n: (params[n] * factor).astype(params[n].dtype) for n in (name, BIAS)}
        return {**params, **scaled}

    def backward(
        self, d_logits: Floats, cache: HeadCache, batch: PackedBatch, params: Params
    ) -> HeadGradients:
        d_features = d_logits @ params[self.table][: self.n_classes]
        if cache.mask is not None:
            d_features *= cache.mask
        outputs, final, own = self.features_backward(d_features, cache.parts, batch, params)
        d_table = np.empty(self.table_shape, d_logits.dtype)
        np.matmul(d_logits.T, cache.features, out=d_table[: self.n_classes])
        d_table[self.n_classes :] = 0.0
        of_words = {self.table: d_table, BIAS: d_logits.sum(axis=0)}
        return HeadGradients(outputs, final, {**of_words, **own})

    def among(self, words: Ints, shift: Floats) -> SomeWordsHead:
        """The same head over the same parameters, with logits (N, n) of some words.

        Args:
            words: their ids, ascending, (n,).
            shift: is added to their logits, (n,).
        """
        view = SomeWordsHead.__new__(SomeWordsHead)
        vars(view).update(vars(self))
        view.words, view.shift = words, shift
        return view


class SomeWordsHead(NextWordHead):
    """Answers among some words; made by ``NextWordHead.among``."""

    words: Ints
    shift: Floats

    def logits(self, features: Floats, params: Params) -> Floats:
        logits: Floats = features @ params[self.table][self.words].T
        logits += params[BIAS][self.words] + self.shift
        return logits

    def backward(
        self, d_logits: Floats, cache: HeadCache, batch: PackedBatch, params: Params
    ) -> HeadGradients:
        d_features = d_logits @ params[self.table][self.words]
        if cache.mask is not None:
            d_features *= cache.mask
        outputs, final, own = self.features_backward(d_features, cache.parts, batch, params)
        d_bias = np.zeros(self.n_classes, d_logits.dtype)
        d_bias[self.words] = d_logits.sum(axis=0)
        of_words: Gradients = {
            self.table: RowGradient(self.words, d_logits.T @ cache.features, self.table_shape[0]),
            BIAS: d_bias,
        }
        return HeadGradients(outputs, final, {**of_words, **own})


class _Projected(Running):
    """The newest output of one document, as the words' vectors are compared with it."""

    def __init__(self, head: NextWordHead, newest: Running, params: Params) -> None:
        self._head, self._newest, self._params = head, newest, params

    def add(self, h: Floats) -> None:
        self._newest.add(h)

    def value(self, lengths: Ints) -> Floats:
        return self._head.projected(self._newest.value(lengths), self._params)

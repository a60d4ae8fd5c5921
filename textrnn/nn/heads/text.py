"""One answer a text: the outputs are pooled to one vector a direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.directions import by_direction, side_by_side
from textrnn.nn.heads.base import Head, RunningFeatures
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import POOLINGS, PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params


class TextHead(Head):
    """Pools, and answers once: logits (B, C), texts in the batch's sorted order."""

    def __init__(
        self,
        n_directions: int,
        hidden_size: int,
        n_classes: int,
        *,
        pooling: str,
        embedding: tuple[int, ...] | None = None,
    ) -> None:
        del embedding
        super().__init__(n_directions, hidden_size, n_classes, pooling=pooling)
        self.pooling = POOLINGS[pooling]
        self.is_local = self.pooling.is_local
        self.n_features *= self.pooling.width

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self.pooling.shapes(self.n_directions, self.hidden_size), **super().shapes()}

    def initialise(self, rng: np.random.Generator, dtype: np.dtype[Any]) -> Params:
        shapes = self.pooling.shapes(self.n_directions, self.hidden_size)
        return {**self.pooling.initialise(rng, shapes, dtype), **super().initialise(rng, dtype)}

    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        vectors, of_words = self.pooling.forward(h, batch, params)
        of_segments = None
        if batch.owners is not None:
            vectors, of_segments = self.pooling.over_segments(vectors, batch)
        return side_by_side(vectors), (of_words, of_segments)

    def features_backward(
        self, d_features: Floats, parts: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        of_words, of_segments = parts
        d_vectors = by_direction(d_features, self.n_directions)
        if batch.owners is not None:
            d_vectors = self.pooling.over_segments_backward(d_vectors, of_segments, batch)
        return self.pooling.backward(d_vectors, of_words, batch, params)

    def running(self, batch: PackedBatch, dtype: np.dtype[Any], params: Params) -> RunningFeatures:
        shape = (self.n_directions, batch.n_sequences, self.hidden_size)
        return _RunningPooling(self, self.pooling.running(shape, dtype, params))

    def so_far(self, dtype: np.dtype[Any], params: Params) -> Running:
        return self.pooling.running((self.n_directions, 1, self.hidden_size), dtype, params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        return self.pooling.of_document(h, params).reshape(-1)

    def places(self, batch: PackedBatch) -> Ints:
        return batch.order

    def in_order(self, logits: Floats, batch: PackedBatch) -> Floats:
        ordered: Floats = np.empty_like(logits)
        ordered[batch.order] = logits
        return ordered


class _RunningPooling(RunningFeatures):
    """The pooling so far."""

    def __init__(self, head: TextHead, pooled: Running) -> None:
        self._pooling, self._pooled = head.pooling, pooled

    def add(self, h: Floats) -> None:
        self._pooled.add(h)

    def value(self, batch: PackedBatch) -> Floats:
        vectors = self._pooled.value(batch.lengths)
        if batch.owners is not None:
            vectors, _ = self._pooling.over_segments(vectors, batch)
        return side_by_side(vectors)

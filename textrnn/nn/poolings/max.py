"""The largest output over a document's words, each unit for itself; of segments, over all."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings.base import (
    Pooling,
    PoolingGradients,
    Running,
    backwards,
    by_owner,
    onwards,
)
from textrnn.typing import Bools, Floats, Ints, Params


class Max(Pooling):
    """The largest output over a document's words, each unit for itself.

    The gradient goes to the word that gave the maximum, the first read of equal ones.
    """

    name = "max"

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Ints]:
        del params
        S, _, H = h.shape
        B = batch.n_sequences
        best = h[:, :B].copy()
        step_of_best = np.zeros((S, B, H), dtype=np.int32)
        larger = np.empty((S, B, H), dtype=bool)
        for t, (start, size) in enumerate(batch.steps):
            here = h[:, start : start + size]
            # "Or equal", as later steps are read earlier.
            np.greater_equal(here, best[:, :size], out=larger[:, :size])
            np.copyto(best[:, :size], here, where=larger[:, :size])
            np.copyto(step_of_best[:, :size], t, where=larger[:, :size])
        rows = batch.offsets[step_of_best] + np.arange(B)[:, np.newaxis]
        return best, rows

    def backward(
        self, d_out: Floats, cache: Ints, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del params
        S, _, H = d_out.shape
        d_h = np.zeros((S, batch.n_tokens, H), dtype=d_out.dtype)
        # A row and unit occur once.
        d_h[np.arange(S)[:, np.newaxis, np.newaxis], cache, np.arange(H)] = d_out
        return PoolingGradients(d_h, None, {})

    def every_step(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Bools]:
        """The largest so far, and of which words it is the output, (S, N, H)."""
        del params
        best, rose = h.copy(), np.ones(h.shape, dtype=bool)
        for here, before in onwards(batch):
            np.greater(best[:, here], best[:, before], out=rose[:, here])
            np.maximum(best[:, here], best[:, before], out=best[:, here])
        return best, rose

    def every_step_backward(
        self, d_out: Floats, cache: Bools, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del params
        d_h = d_out.copy()
        for here, before in backwards(batch):
            d, rose = d_h[:, here], cache[:, here]
            d_h[:, before] += np.where(rose, 0.0, d)
            d[~rose] = 0.0
        return PoolingGradients(d_h, None, {})

    def over_segments(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, Ints]:
        """The largest over the segments, and in which one it stands, (S, documents, H)."""
        assert batch.owners is not None
        order, starts = by_owner(batch.owners)
        ordered = vectors[:, order]
        best: Floats = np.maximum.reduceat(ordered, starts, axis=1)
        sizes = np.diff(starts, append=len(order))
        is_best = ordered == np.repeat(best, sizes, axis=1)
        places = np.where(is_best, np.arange(len(order))[:, np.newaxis], len(order))
        first = np.minimum.reduceat(places, starts, axis=1)
        # Of no number none is the best; any will do, as the loss is none either.
        return best, order[np.minimum(first, len(order) - 1)]

    def over_segments_backward(self, d_pooled: Floats, cache: Ints, batch: PackedBatch) -> Floats:
        S, _, H = d_pooled.shape
        d_vectors = np.zeros((S, batch.n_sequences, H), dtype=d_pooled.dtype)
        d_vectors[np.arange(S)[:, np.newaxis, np.newaxis], cache, np.arange(H)] = d_pooled
        return d_vectors

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        del params
        return RunningMax(shape, dtype)

    def of_document(self, h: Floats, params: Params) -> Floats:
        del params
        best: Floats = h.max(axis=1)
        return best


class RunningMax(Running):
    """The largest value of each unit."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._best = np.full(shape, -np.inf, dtype)

    def add(self, h: Floats) -> None:
        best = self._best[:, : h.shape[1]]
        np.maximum(best, h, out=best)

    def value(self, lengths: Ints) -> Floats:
        del lengths
        return self._best

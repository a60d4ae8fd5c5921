"""The mean of the outputs over a document's words; of segments, over the words of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings.base import (
    Pooling,
    PoolingGradients,
    Running,
    backwards,
    onwards,
    sum_by_document,
)
from textrnn.typing import Floats, Ints, Params


class Mean(Pooling):
    """The mean of the outputs over a document's words."""

    name = "mean"

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        total = sum_by_document(h, batch)
        total /= batch.lengths[:, np.newaxis].astype(h.dtype)
        return total, None

    def backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del cache, params
        share = d_out / batch.lengths[:, np.newaxis].astype(d_out.dtype)
        return PoolingGradients(share[:, batch.documents], None, {})

    def every_step(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        total = h.copy()
        for here, before in onwards(batch):
            total[:, here] += total[:, before]
        total /= batch.numbers[:, np.newaxis].astype(h.dtype)
        return total, None

    def every_step_backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del cache, params
        d_h = d_out / batch.numbers[:, np.newaxis].astype(d_out.dtype)
        for here, before in backwards(batch):
            d_h[:, before] += d_h[:, here]
        return PoolingGradients(d_h, None, {})

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        del params
        return RunningMean(shape, dtype)

    def of_document(self, h: Floats, params: Params) -> Floats:
        del params
        mean: Floats = h.mean(axis=1)
        return mean


class RunningMean(Running):
    """The mean of all states."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._total = np.zeros(shape, dtype)

    def add(self, h: Floats) -> None:
        self._total[:, : h.shape[1]] += h

    def value(self, lengths: Ints) -> Floats:
        mean: Floats = self._total / lengths[:, np.newaxis].astype(self._total.dtype)
        return mean

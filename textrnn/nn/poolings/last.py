"""The last state: that after a document's own last word, in the direction of reading.

The second direction reads backwards, and so its last state is that at the first word. Where long
documents are read in segments (``segment_length``), there is one such state a segment, and the
document's vector is their mean, each segment counting by its words (``Pooling.over_segments``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings.base import Pooling, PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params


class Last(Pooling):
    """The state after each document's own last word: its row of step 0."""

    name = "last"
    is_local = True

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        return h[:, : batch.n_sequences].copy(), None  # documents are aligned at their ends

    def backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del cache, batch, params
        return PoolingGradients(None, d_out, {})

    def every_step(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del batch, params
        return h.copy(), None

    def every_step_backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del cache, batch, params
        return PoolingGradients(d_out, None, {})

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        del params
        return RunningLast(shape, dtype)

    def of_document(self, h: Floats, params: Params) -> Floats:
        del params
        return h[:, -1]


class RunningLast(Running):
    """The newest state."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._newest = np.zeros(shape, dtype)

    def add(self, h: Floats) -> None:
        self._newest = h  # a view: the last one taken in holds every document's last state

    def value(self, lengths: Ints) -> Floats:
        del lengths
        return self._newest

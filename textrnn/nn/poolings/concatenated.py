"""Several poolings side by side (concat pooling, Howard and Ruder 2018)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings.base import Pooling, PoolingGradients, Running
from textrnn.nn.poolings.last import Last
from textrnn.nn.poolings.max import Max
from textrnn.nn.poolings.mean import Mean
from textrnn.typing import Floats, Ints, Params


class Concatenated(Pooling):
    """The vectors of several poolings without parameters, side by side."""

    parts: ClassVar[tuple[Pooling, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.width = sum(part.width for part in cls.parts)

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, list[Any]]:
        vectors, caches = zip(*(p.forward(h, batch, params) for p in self.parts), strict=True)
        return np.concatenate(vectors, axis=-1), list(caches)

    def backward(
        self, d_out: Floats, cache: list[Any], batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        found = [
            part.backward(share, own, batch, params)
            for part, share, own in zip(self.parts, self._split(d_out), cache, strict=True)
        ]
        outputs = _sum_of_given([gradients.outputs for gradients in found])
        final = _sum_of_given([gradients.final for gradients in found])
        return PoolingGradients(outputs, final, {})

    def every_step(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, list[Any]]:
        vectors, caches = zip(*(p.every_step(h, batch, params) for p in self.parts), strict=True)
        return np.concatenate(vectors, axis=-1), list(caches)

    def every_step_backward(
        self, d_out: Floats, cache: list[Any], batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        found = [
            part.every_step_backward(share, own, batch, params).outputs
            for part, share, own in zip(self.parts, self._split(d_out), cache, strict=True)
        ]
        return PoolingGradients(_sum_of_given(found), None, {})

    def _split(self, vectors: Floats) -> list[Floats]:
        """The share of each part, of vectors (S, B, k * H)."""
        H = vectors.shape[-1] // self.width
        return np.split(vectors, np.cumsum([part.width * H for part in self.parts])[:-1], axis=-1)

    def over_segments(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, list[Any]]:
        found = [
            part.over_segments(share, batch)
            for part, share in zip(self.parts, self._split(vectors), strict=True)
        ]
        pooled, caches = zip(*found, strict=True)
        return np.concatenate(pooled, axis=-1), list(caches)

    def over_segments_backward(
        self, d_pooled: Floats, cache: list[Any], batch: PackedBatch
    ) -> Floats:
        found = [
            part.over_segments_backward(share, own, batch)
            for part, share, own in zip(self.parts, self._split(d_pooled), cache, strict=True)
        ]
        return np.concatenate(found, axis=-1)

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        return RunningConcatenated([part.running(shape, dtype, params) for part in self.parts])

    def of_document(self, h: Floats, params: Params) -> Floats:
        return np.concatenate([part.of_document(h, params) for part in self.parts], axis=-1)


class MaxMean(Concatenated):
    """The largest output and the mean."""

    name, parts = "max_mean", (Max(), Mean())


class MaxMeanLast(Concatenated):
    """The largest output, the mean and the last state."""

    name, parts = "max_mean_last", (Max(), Mean(), Last())


class RunningConcatenated(Running):
    """Several at once."""

    def __init__(self, parts: list[Running]) -> None:
        self._parts = parts

    def add(self, h: Floats) -> None:
        for part in self._parts:
            part.add(h)

    def value(self, lengths: Ints) -> Floats:
        return np.concatenate([part.value(lengths) for part in self._parts], axis=-1)


def _sum_of_given(gradients: list[Floats | None]) -> Floats | None:
    """The sum of those that are not None, in the first one's memory; None if all are."""
    given = [gradient for gradient in gradients if gradient is not None]
    for gradient in given[1:]:
        given[0] += gradient
    return given[0] if given else None

"""What a readout is, and the ones without parameters: last, mean, max, and several joined.

A readout makes one vector of all the outputs (S, N, H) of a document, in each direction for
itself. It comes in three forms that agree: over a batch, with a way back; step by step,
where there is none; and over one document at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ints, Params


class ReadoutGradients(NamedTuple):
    """What a readout hands back."""

    outputs: Floats | None
    """Gradient of the outputs of every step, (S, N, H); None if all of it is in ``final``."""
    final: Floats | None
    """Gradient of the final states alone, (S, B, H), or None."""
    params: Params
    """Gradients of the readout's own parameters, by their names in the network."""


class Running(ABC):
    """A readout that takes one step after the other, where there is no way back."""

    @abstractmethod
    def add(self, h: Floats) -> None:
        """Take the outputs (S, n, H) of the n documents that have begun."""

    @abstractmethod
    def value(self, lengths: Ints) -> Floats:
        """The vectors (S, B, k * H) so far, of documents of which so many words were read, (B,)."""


class Readout(ABC):
    """A way to read one vector a document and direction off all outputs.

    ``params`` are all of the network's; a readout takes those whose names it knows.
    """

    width = 1
    """k, where the vectors of a direction have size k * H."""

    def shapes(self, n_directions: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter of its own."""
        del n_directions, hidden_size
        return {}

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        """Draw the parameters of the shapes given."""
        del rng, shapes, dtype
        return {}

    @abstractmethod
    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        """Return the vectors (S, B, k * H), in the batch's order, and what the way back needs."""

    @abstractmethod
    def backward(
        self, d_out: Floats, cache: Any, batch: PackedBatch, params: Params
    ) -> ReadoutGradients:
        """Return the gradients, from that of the vectors (S, B, k * H)."""

    def join(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, Any]:
        """From the vectors of segments (S, B, k * H) to those of documents, and a cache.

        Here the mean, each segment counting by its words.
        """
        assert batch.owners is not None
        words = np.bincount(batch.owners, weights=batch.lengths)
        shares = (batch.lengths / words[batch.owners]).astype(vectors.dtype)[:, np.newaxis]
        order, starts = _by_owner(batch.owners)
        joined: Floats = np.add.reduceat((vectors * shares)[:, order], starts, axis=1)
        return joined, shares

    def join_back(self, d_joined: Floats, cache: Any, batch: PackedBatch) -> Floats:
        """The way back of ``join``."""
        assert batch.owners is not None
        d_vectors: Floats = d_joined[:, batch.owners] * cache
        return d_vectors

    @abstractmethod
    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        """The same step by step, over outputs of shape (S, B, H) at the most."""

    @abstractmethod
    def of_document(self, h: Floats, params: Params) -> Floats:
        """The vectors (S, k * H) of one document from all its outputs (S, T, H)."""


def _by_owner(owners: Ints) -> tuple[Ints, Ints]:
    """The order that puts the segments of a document together, and where each one's begin."""
    order = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    return order, starts


def sum_by_document(values: Floats, batch: PackedBatch) -> Floats:
    """Sum over the words of each document: (S, N, ...) to (S, B, ...)."""
    S, _, *rest = values.shape
    total = np.zeros((S, batch.n_sequences, *rest), dtype=values.dtype)
    for start, size in batch.steps:
        total[:, :size] += values[:, start : start + size]
    return total


class Last(Readout):
    """The state after each document's own last word, in the direction of reading."""

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        return h[:, : batch.n_sequences].copy(), None  # step 0 holds every last word

    def backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> ReadoutGradients:
        del cache, batch, params
        return ReadoutGradients(None, d_out, {})

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


class Mean(Readout):
    """The mean of the outputs over a document's words."""

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        total = sum_by_document(h, batch)
        total /= batch.lengths[:, np.newaxis].astype(h.dtype)
        return total, None

    def backward(
        self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
    ) -> ReadoutGradients:
        del cache, params
        share = d_out / batch.lengths[:, np.newaxis].astype(d_out.dtype)
        return ReadoutGradients(share[:, batch.documents], None, {})

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


class Max(Readout):
    """The largest output over a document's words, each unit for itself.

    The gradient goes to the word that gave the maximum, the first read of equal ones.
    """

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
    ) -> ReadoutGradients:
        del params
        S, _, H = d_out.shape
        d_h = np.zeros((S, batch.n_tokens, H), dtype=d_out.dtype)
        # A row and unit occur once.
        d_h[np.arange(S)[:, np.newaxis, np.newaxis], cache, np.arange(H)] = d_out
        return ReadoutGradients(d_h, None, {})

    def join(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, Ints]:
        """The largest over the segments, and in which one it stands, (S, documents, H)."""
        assert batch.owners is not None
        order, starts = _by_owner(batch.owners)
        ordered = vectors[:, order]
        best: Floats = np.maximum.reduceat(ordered, starts, axis=1)
        sizes = np.diff(starts, append=len(order))
        is_best = ordered == np.repeat(best, sizes, axis=1)
        places = np.where(is_best, np.arange(len(order))[:, np.newaxis], len(order))
        first = np.minimum.reduceat(places, starts, axis=1)
        # Of no number none is the best; any will do, as the loss is none either.
        return best, order[np.minimum(first, len(order) - 1)]

    def join_back(self, d_joined: Floats, cache: Ints, batch: PackedBatch) -> Floats:
        S, _, H = d_joined.shape
        d_vectors = np.zeros((S, batch.n_sequences, H), dtype=d_joined.dtype)
        d_vectors[np.arange(S)[:, np.newaxis, np.newaxis], cache, np.arange(H)] = d_joined
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


class Joined(Readout):
    """The vectors of several readouts without parameters, side by side."""

    def __init__(self, *parts: Readout) -> None:
        self.parts = parts
        self.width = sum(part.width for part in parts)

    def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, list[Any]]:
        vectors, caches = zip(*(p.forward(h, batch, params) for p in self.parts), strict=True)
        return np.concatenate(vectors, axis=-1), list(caches)

    def backward(
        self, d_out: Floats, cache: list[Any], batch: PackedBatch, params: Params
    ) -> ReadoutGradients:
        found = [
            part.backward(share, own, batch, params)
            for part, share, own in zip(self.parts, self._split(d_out), cache, strict=True)
        ]
        outputs = _sum_of_given([gradients.outputs for gradients in found])
        final = _sum_of_given([gradients.final for gradients in found])
        return ReadoutGradients(outputs, final, {})

    def _split(self, vectors: Floats) -> list[Floats]:
        """The share of each part, of vectors (S, B, k * H)."""
        H = vectors.shape[-1] // self.width
        return np.split(vectors, np.cumsum([part.width * H for part in self.parts])[:-1], axis=-1)

    def join(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, list[Any]]:
        found = [
            part.join(share, batch)
            for part, share in zip(self.parts, self._split(vectors), strict=True)
        ]
        joined, caches = zip(*found, strict=True)
        return np.concatenate(joined, axis=-1), list(caches)

    def join_back(self, d_joined: Floats, cache: list[Any], batch: PackedBatch) -> Floats:
        found = [
            part.join_back(share, own, batch)
            for part, share, own in zip(self.parts, self._split(d_joined), cache, strict=True)
        ]
        return np.concatenate(found, axis=-1)

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        return RunningJoined([part.running(shape, dtype, params) for part in self.parts])

    def of_document(self, h: Floats, params: Params) -> Floats:
        return np.concatenate([part.of_document(h, params) for part in self.parts], axis=-1)


class RunningJoined(Running):
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

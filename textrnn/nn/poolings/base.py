"""What a pooling is: one vector a document of all its outputs.

It takes the outputs (S, N, H) in each direction for itself, and comes in three forms that agree:
over a batch, with a backward pass; step by step, where there is none; and over one document. A
fourth, of the words so far at every word, serves losses that correct every answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ints, Params


class PoolingGradients(NamedTuple):
    """What a pooling hands back."""

    outputs: Floats | None
    """Gradient of the outputs of every step, (S, N, H); None if all of it is in ``final``."""
    final: Floats | None
    """Gradient of the final states alone, (S, B, H), or None."""
    params: Params
    """Gradients of the pooling's own parameters, by their names in the network."""


class Running(ABC):
    """A pooling that takes one step after the other, where there is no backward pass."""

    @abstractmethod
    def add(self, h: Floats) -> None:
        """Take the outputs (S, n, H) of the n documents that have begun."""

    @abstractmethod
    def value(self, lengths: Ints) -> Floats:
        """The vectors (S, B, k * H) so far, of documents of which so many words were read, (B,)."""


class Pooling(ABC):
    """A way to make one vector a document and direction of all outputs.

    ``params`` are all of the network's; a pooling takes those whose names it knows.
    """

    name: ClassVar[str]
    """In ``POOLINGS``, and of the setting ``readout``."""
    width: ClassVar[int] = 1
    """k, where the vectors of a direction have size k * H."""
    is_local: ClassVar[bool] = False
    """Whether the vector is the output at one word alone."""

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
        """Return the vectors (S, B, k * H), in the batch's order, and what ``backward`` needs."""

    @abstractmethod
    def backward(
        self, d_out: Floats, cache: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        """Return the gradients, from that of the vectors (S, B, k * H)."""

    def every_step(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        """The vectors of the words so far at every word, (S, N, k * H), no view, and a cache.

        At a document's last word that of ``forward``, to rounding. A pooling that has not this
        form serves all but the losses that correct every answer.
        """
        raise NotImplementedError(self.name)

    def every_step_backward(
        self, d_out: Floats, cache: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        """The backward pass of ``every_step``, from the gradient (S, N, k * H)."""
        raise NotImplementedError(self.name)

    def over_segments(self, vectors: Floats, batch: PackedBatch) -> tuple[Floats, Any]:
        """From the vectors of segments (S, B, k * H) to those of documents, and a cache.

        Here the mean, each segment counting by its words.
        """
        assert batch.owners is not None
        words = np.bincount(batch.owners, weights=batch.lengths)
        shares = (batch.lengths / words[batch.owners]).astype(vectors.dtype)[:, np.newaxis]
        order, starts = by_owner(batch.owners)
        pooled: Floats = np.add.reduceat((vectors * shares)[:, order], starts, axis=1)
        return pooled, shares

    def over_segments_backward(self, d_pooled: Floats, cache: Any, batch: PackedBatch) -> Floats:
        """The backward pass of ``over_segments``."""
        assert batch.owners is not None
        d_vectors: Floats = d_pooled[:, batch.owners] * cache
        return d_vectors

    @abstractmethod
    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        """The same step by step, over outputs of shape (S, B, H) at the most."""

    @abstractmethod
    def of_document(self, h: Floats, params: Params) -> Floats:
        """The vectors (S, k * H) of one document from all its outputs (S, T, H)."""


def onwards(batch: PackedBatch) -> Iterator[tuple[slice, slice]]:
    """From the second words to the last: rows of a step that carry on, and those before them."""
    for (start, _), (before, carried) in reversed([*pairwise(batch.steps)]):
        yield slice(start, start + carried), slice(before, before + carried)


def backwards(batch: PackedBatch) -> Iterator[tuple[slice, slice]]:
    """The same from the last words to the second."""
    for (start, _), (before, carried) in pairwise(batch.steps):
        yield slice(start, start + carried), slice(before, before + carried)


def by_owner(owners: Ints) -> tuple[Ints, Ints]:
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

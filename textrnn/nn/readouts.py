"""From the outputs of every step to one vector a document.

Each readout is a forward and a backward function over the outputs (S, N, H) of all
directions, with documents in the batch's own (sorted) order. The backward of ``last``
hands on the gradient of the final states alone; that of ``mean`` and ``max`` one for
every step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ints


class Readout(Protocol):
    """A way to read one vector a document and direction off all outputs."""

    def forward(self, h: Floats, batch: PackedBatch) -> tuple[Floats, Any]:
        """Return the vectors (S, B, H) and what the way back needs."""

    def backward(
        self, d_out: Floats, cache: Any, batch: PackedBatch
    ) -> tuple[Floats | None, Floats | None]:
        """Return the gradients of all outputs (S, N, H) and of the final states (S, B, H)."""


class Last:
    """The state after each document's own last word, in the direction of reading."""

    def forward(self, h: Floats, batch: PackedBatch) -> tuple[Floats, None]:
        return h[:, : batch.n_documents].copy(), None  # step 0 holds every last word

    def backward(self, d_out: Floats, cache: None, batch: PackedBatch) -> tuple[None, Floats]:
        del cache, batch
        return None, d_out


class Mean:
    """The mean of the outputs over a document's words."""

    def forward(self, h: Floats, batch: PackedBatch) -> tuple[Floats, None]:
        S, _, H = h.shape
        total = np.zeros((S, batch.n_documents, H), dtype=h.dtype)
        for start, size in batch.steps:
            total[:, :size] += h[:, start : start + size]
        total /= batch.lengths[:, np.newaxis].astype(h.dtype)
        return total, None

    def backward(self, d_out: Floats, cache: None, batch: PackedBatch) -> tuple[Floats, None]:
        del cache
        share = d_out / batch.lengths[:, np.newaxis].astype(d_out.dtype)
        return share[:, batch.documents], None


class Max:
    """The largest output over a document's words, each unit for itself.

    The gradient goes to the word that gave the maximum, the first read of equal ones.
    """

    def forward(self, h: Floats, batch: PackedBatch) -> tuple[Floats, Ints]:
        S, _, H = h.shape
        B = batch.n_documents
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

    def backward(self, d_out: Floats, cache: Ints, batch: PackedBatch) -> tuple[Floats, None]:
        S, _, H = d_out.shape
        d_h = np.zeros((S, batch.n_tokens, H), dtype=d_out.dtype)
        # A row and unit occur once.
        d_h[np.arange(S)[:, np.newaxis, np.newaxis], cache, np.arange(H)] = d_out
        return d_h, None


class Running(ABC):
    """A readout that takes one step after the other, where there is no way back.

    Args:
        shape: (S, B, H).
        dtype: of the outputs.
    """

    @abstractmethod
    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None: ...

    @abstractmethod
    def add(self, h: Floats) -> None:
        """Take the outputs (S, n, H) of the n documents that have begun."""

    @abstractmethod
    def value(self, lengths: Ints) -> Floats:
        """The vectors (S, B, H) so far, of documents of which so many words were read, (B,)."""


class RunningLast(Running):
    """The newest state."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._newest = np.zeros(shape, dtype)

    def add(self, h: Floats) -> None:
        self._newest = h  # a view: the last one taken in holds every document's last state

    def value(self, lengths: Ints) -> Floats:
        del lengths
        return self._newest


class RunningMean(Running):
    """The mean of all states."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._total = np.zeros(shape, dtype)

    def add(self, h: Floats) -> None:
        self._total[:, : h.shape[1]] += h

    def value(self, lengths: Ints) -> Floats:
        mean: Floats = self._total / lengths[:, np.newaxis].astype(self._total.dtype)
        return mean


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


RUNNING: dict[str, type[Running]] = {"last": RunningLast, "mean": RunningMean, "max": RunningMax}
READOUTS: dict[str, Readout] = {"last": Last(), "mean": Mean(), "max": Max()}

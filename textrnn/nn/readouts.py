"""From the outputs of every step to one vector a document.

Each readout is a forward and a backward function over one direction's outputs
(N, H), with documents in the batch's own (sorted) order. The backward of ``last``
hands on the gradient of the final states alone; that of ``mean`` and ``max`` one
for every step.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.recurrent import final_rows
from textrnn.typing import Floats, Ints


class Readout(Protocol):
    """A way to read one vector a document off the outputs of a direction."""

    def forward(self, h: Floats, batch: PackedBatch, *, reverse: bool) -> tuple[Floats, Any]:
        """Return the vectors (B, H) and what the way back needs."""

    def backward(
        self, d_out: Floats, cache: Any, batch: PackedBatch
    ) -> tuple[Floats | None, Floats | None]:
        """Return the gradients of all outputs (N, H) and of the final states (B, H)."""


class Last:
    """The state at each document's own last word, in the direction of reading."""

    def forward(self, h: Floats, batch: PackedBatch, *, reverse: bool) -> tuple[Floats, None]:
        return h[final_rows(batch, reverse=reverse)], None

    def backward(self, d_out: Floats, cache: None, batch: PackedBatch) -> tuple[None, Floats]:
        del cache, batch
        return None, d_out


class Mean:
    """The mean of the outputs over a document's words."""

    def forward(self, h: Floats, batch: PackedBatch, *, reverse: bool) -> tuple[Floats, None]:
        del reverse
        total = np.zeros((batch.n_documents, h.shape[1]), dtype=h.dtype)
        for start, size in zip(batch.offsets.tolist(), batch.batch_sizes.tolist(), strict=False):
            total[:size] += h[start : start + size]
        return total / batch.lengths[:, np.newaxis].astype(h.dtype), None

    def backward(self, d_out: Floats, cache: None, batch: PackedBatch) -> tuple[Floats, None]:
        del cache
        share = d_out / batch.lengths[:, np.newaxis].astype(d_out.dtype)
        return share[batch.documents], None


class Max:
    """The largest output over a document's words, each unit for itself.

    The gradient goes to the word that gave the maximum, the first of equal ones.
    """

    def forward(self, h: Floats, batch: PackedBatch, *, reverse: bool) -> tuple[Floats, Ints]:
        del reverse
        B, H = batch.n_documents, h.shape[1]
        best = h[:B].copy()
        step_of_best = np.zeros((B, H), dtype=np.int32)
        larger = np.empty((B, H), dtype=bool)
        for t, (start, size) in enumerate(
            zip(batch.offsets.tolist(), batch.batch_sizes.tolist(), strict=False)
        ):
            here = h[start : start + size]
            np.greater(here, best[:size], out=larger[:size])
            np.copyto(best[:size], here, where=larger[:size])
            np.copyto(step_of_best[:size], t, where=larger[:size])
        rows = batch.offsets[step_of_best] + np.arange(B)[:, np.newaxis]
        return best, rows

    def backward(self, d_out: Floats, cache: Ints, batch: PackedBatch) -> tuple[Floats, None]:
        d_h = np.zeros((batch.n_tokens, d_out.shape[1]), dtype=d_out.dtype)
        d_h[cache, np.arange(d_out.shape[1])] = d_out  # a row and unit occur once
        return d_h, None


READOUTS: dict[str, Readout] = {"last": Last(), "mean": Mean(), "max": Max()}

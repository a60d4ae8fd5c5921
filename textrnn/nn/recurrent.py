"""A recurrent layer: a cell walked over a packed batch, and back.

All S directions walk together. The second reads every document from its last word to
its first: its rows hold the mirrored documents, so that it takes the same steps as the
first and one call serves both.

The border of this module is the *input product* ``x W_x + b`` of every token, shape
(G, S, N, H), which ``projection.py`` makes: it is needed once for each distinct token,
while the walk below goes through all of them in order.

The way back is exact BPTT. Weights do not change on the way: gradients of all steps are
kept and each weight's gradient is one product over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.cells import Cell, Step, Trace
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

CHECK_EVERY = 8
"""Steps between two looks at whether a gradient is gone; each look costs a pass over it."""


def forward(
    cell: Cell,
    params: Params,
    input_products: Floats,
    batch: PackedBatch,
    *,
    workspace: Workspace | None = None,
) -> Trace:
    """Read a batch; the outputs are ``trace.h``, shape (S, N, H).

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has, see ``Cell``.
        input_products: ``gate_scale * (x W_x + b)``, shape (G, S, N, H), the second
            direction's of the mirrored documents; overwritten.
        batch: the documents.
        workspace: where the trace is kept; it is valid until the next pass there.
    """
    G, S, N, H = input_products.shape
    take, dtype = (workspace or Workspace()).take, input_products.dtype
    trace = Trace(
        gates=input_products,
        states={name: take(name, (S, N, H), dtype) for name in cell.state_names},
        scratch=take("scratch", (G, S, batch.n_documents, H), dtype),
    )
    weights = cell.prepare_forward(params)
    previous = 0
    for start, size in batch.steps:
        origin = slice(previous, previous + size) if start else None
        cell.forward(weights, trace, Step(slice(start, start + size), origin))
        previous = start
    return trace


@dataclass(frozen=True)
class InputGradient:
    """Gradient of the gates' inputs, before ``gate_scale``.

    Attributes:
        values: shape (G, S, L, H).
        rows: the L rows of the batch they belong to; None when they are all N.
            The gradient of every other row is zero.
    """

    values: Floats
    rows: Ints | None


def backward(
    cell: Cell,
    params: Params,
    trace: Trace,
    batch: PackedBatch,
    *,
    d_outputs: Floats | None,
    d_final: Floats | None,
    gradient_floor: float = 0.0,
    workspace: Workspace | None = None,
) -> tuple[InputGradient, Params]:
    """Backpropagate through time.

    Args:
        cell: the cell of the forward pass.
        params: the parameters of the forward pass.
        trace: what the forward pass returned.
        batch: the documents.
        d_outputs: gradient of the outputs of every step, shape (S, N, H), or None.
        d_final: gradient of each document's last state, shape (S, B, H), or None.
        gradient_floor: with no ``d_outputs``, a document's way back ends once its
            gradient is below this share of the batch's largest. What is cut off is
            below float32's own rounding at 1e-7, and it saves both the work and the
            denormal numbers that slow the arithmetic down. 0 never stops.
        workspace: where the gradient of the inputs is kept.

    Returns:
        The gradient of the gates' inputs and those of ``W_h`` and the cell's own
        parameters.
    """
    G, S, N, H = trace.gates.shape
    dtype, B = trace.gates.dtype, batch.n_documents
    d_states = {name: np.zeros((S, B, H), dtype=dtype) for name in cell.carried_names}
    if d_final is not None:
        d_states["h"] += d_final
    floor = 0.0
    if d_final is not None and d_outputs is None and gradient_floor > 0.0:
        floor = gradient_floor * float(np.abs(d_final).max())

    weights = cell.prepare_backward(params)
    d_gates = (workspace or Workspace()).take("d_gates", (G, S, N, H), dtype)
    walked: list[tuple[int, int]] = []
    gone = 0  # documents, counted from the longest, whose gradient has vanished
    steps = batch.steps
    for t in reversed(range(len(steps))):
        start, size = steps[t]
        if floor and t % CHECK_EVERY == 0:
            gone = _vanished(d_states, size, start=gone, floor=floor)
        if gone >= size:
            continue  # until a shorter document joins
        rows = slice(start + gone, start + size)
        walked.append((rows.start, rows.stop))
        live = {name: d[:, gone:size] for name, d in d_states.items()}
        if d_outputs is not None:
            live["h"] += d_outputs[:, rows]
        previous = slice(steps[t - 1][0] + gone, steps[t - 1][0] + size) if t else None
        cell.backward(weights, trace, Step(rows, previous), live, d_gates[:, :, rows])

    kept = _rows_kept(walked, N)
    if kept is not None:
        d_gates = d_gates[:, :, kept]
    gradient = InputGradient(d_gates, kept)
    return gradient, _weight_gradients(cell, trace, batch, gradient)


def _vanished(d_states: Params, n: int, *, start: int, floor: float) -> int:
    """Count the leading documents whose gradients are all below ``floor``."""
    while start < n:
        # In blocks: the answer is mostly near the start.
        stop = min(n, start + 32)
        alive = np.zeros(stop - start, dtype=bool)
        for d in d_states.values():
            # Not "at least": a gradient that is no number must stay, to be found.
            alive |= ~(np.abs(d[:, start:stop]).max(axis=(0, 2)) < floor)
        if alive.any():
            return start + int(alive.argmax())
        start = stop
    return start


def _rows_kept(walked: list[tuple[int, int]], N: int) -> Ints | None:
    """The rows that the way back has passed, ascending; None when it passed all."""
    if sum(stop - start for start, stop in walked) == N:
        return None
    return np.concatenate([np.arange(start, stop) for start, stop in reversed(walked)])


def _weight_gradients(
    cell: Cell, trace: Trace, batch: PackedBatch, d_inputs: InputGradient
) -> Params:
    """Gradients of ``W_h`` and the cell's own parameters, one product a gate."""
    rows = slice(None) if d_inputs.rows is None else d_inputs.rows
    d_recurrent = cell.recurrent_gradient(trace, rows, d_inputs.values)
    # Zeros at the first step: cheaper than leaving its rows out of G gradients.
    previous = batch.previous_rows[rows]
    h_previous = trace.h[:, previous]
    h_previous[:, previous < 0] = 0.0
    d_W_h = np.matmul(h_previous.swapaxes(-1, -2), d_recurrent)
    return {"W_h": d_W_h, **cell.own_gradients(d_recurrent)}

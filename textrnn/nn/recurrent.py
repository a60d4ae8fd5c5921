"""One recurrent layer in one direction: a cell walked over a packed batch, and back.

The border of this module is the *input product* ``x W_x + b`` of every token,
shape (G, N, H), which ``projection.py`` makes: it is needed once for each distinct
token, while the walk below goes through all of them in order.

The way back is exact BPTT. Weights do not change on the way: gradients of all
steps are kept and each weight's gradient is one product over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.cells import Cell, Step, Trace
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ints, Params

CHECK_EVERY = 8
"""Steps between two looks at whether a gradient is gone; each look costs a pass over it."""


def reading_steps(batch: PackedBatch, *, reverse: bool) -> list[Step]:
    """The steps of a batch in the order in which a direction reads them."""
    sizes = batch.batch_sizes.tolist()
    offsets = batch.offsets.tolist()
    last = len(sizes) - 1
    steps = []
    for t, (size, start) in enumerate(zip(sizes, offsets, strict=False)):
        # Reading backwards, a document that ends at step t has no state yet.
        before = t + 1 if reverse else t - 1
        carried = 0 if before < 0 or before > last else min(size, sizes[before])
        origin = offsets[before] if carried else 0
        steps.append(Step(slice(start, start + size), slice(origin, origin + carried), carried))
    return steps[::-1] if reverse else steps


def forward(
    cell: Cell, params: Params, input_products: Floats, batch: PackedBatch, *, reverse: bool = False
) -> Trace:
    """Read a batch; the outputs are ``trace.h``, shape (N, H).

    Args:
        cell: the kind of recurrence.
        params: ``W_x``, ``W_h``, ``b`` and what else the cell has.
        input_products: ``gate_scale * (x W_x + b)``, shape (G, N, H); overwritten.
        batch: the documents.
        reverse: read each document from its last word to its first.
    """
    G, N, H = input_products.shape
    dtype = input_products.dtype
    trace = Trace(
        gates=input_products,
        states={name: np.empty((N, H), dtype=dtype) for name in cell.state_names},
        scratch=np.empty((G, batch.n_documents, H), dtype=dtype),
    )
    weights = cell.prepare(params)
    for step in reading_steps(batch, reverse=reverse):
        cell.forward(weights, trace, step)
    return trace


def final_rows(batch: PackedBatch, *, reverse: bool) -> Ints:
    """Rows that hold each document's state after its last read word, shape (B,)."""
    return np.arange(batch.n_documents) if reverse else batch.last_rows


@dataclass(frozen=True)
class InputGradient:
    """Gradient of the gates' inputs, before ``gate_scale``.

    Attributes:
        values: shape (G, L, H).
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
    reverse: bool = False,
    gradient_floor: float = 0.0,
) -> tuple[InputGradient, Params]:
    """Backpropagate through time.

    Args:
        cell: the cell of the forward pass.
        params: the parameters of the forward pass.
        trace: what the forward pass returned.
        batch: the documents.
        d_outputs: gradient of the outputs of every step, shape (N, H), or None.
        d_final: gradient of each document's final state, shape (B, H), or None.
        reverse: as in the forward pass.
        gradient_floor: with no ``d_outputs``, a document's way back ends once its
            gradient is below this share of the batch's largest. What is cut off is
            below float32's own rounding at 1e-7, and it saves both the work and the
            denormal numbers that slow the arithmetic down. 0 never stops.

    Returns:
        The gradient of the gates' inputs and those of ``W_h`` and the cell's own
        parameters.
    """
    G, N, H = trace.gates.shape
    dtype = trace.gates.dtype
    steps = reading_steps(batch, reverse=reverse)
    d_states = {name: np.zeros((batch.n_documents, H), dtype=dtype) for name in cell.carried_names}
    if d_final is not None:
        d_states["h"] += d_final
    floor = 0.0
    if d_final is not None and d_outputs is None and gradient_floor > 0.0:
        floor = gradient_floor * float(np.abs(d_final).max())

    d_gates = np.empty((G, N, H), dtype=dtype)
    walked: list[tuple[int, int]] = []
    gone = 0  # documents, counted from the first, whose gradient has vanished
    for count, step in enumerate(reversed(steps)):
        n = step.rows.stop - step.rows.start
        if floor and count % CHECK_EVERY == 0:
            gone = _vanished(d_states, n, start=min(gone, n), floor=floor)
        if gone >= n:
            if reverse:
                break  # no document joins later in this direction
            continue
        rows = slice(step.rows.start + gone, step.rows.stop)
        walked.append((rows.start, rows.stop))
        live = {name: d[gone:n] for name, d in d_states.items()}
        if d_outputs is not None:
            live["h"] += d_outputs[rows]
        carried = max(step.carried - gone, 0)
        previous = slice(step.previous.start + gone, step.previous.start + gone + carried)
        narrowed = Step(rows, previous, carried)
        cell.backward(params, trace, narrowed, live, d_gates[:, rows])

    rows_kept = _rows_kept(walked, N)
    if rows_kept is not None:
        d_gates = d_gates[:, rows_kept]
    gradient = InputGradient(d_gates, rows_kept)
    return gradient, _weight_gradients(cell, trace, steps, gradient)


def _vanished(d_states: Params, n: int, *, start: int, floor: float) -> int:
    """Count the leading documents whose gradients are all below ``floor``."""
    while start < n:
        # In blocks: the answer is mostly near the start.
        stop = min(n, start + 32)
        alive = np.zeros(stop - start, dtype=bool)
        for d in d_states.values():
            # Not "at least": a gradient that is no number must stay, to be found.
            alive |= ~(np.abs(d[start:stop]).max(axis=1) < floor)
        if alive.any():
            return start + int(alive.argmax())
        start = stop
    return start


def _rows_kept(walked: list[tuple[int, int]], N: int) -> Ints | None:
    """The rows that the way back has passed, ascending; None when it passed all."""
    if sum(stop - start for start, stop in walked) == N:
        return None
    return np.concatenate([np.arange(start, stop) for start, stop in sorted(walked)])


def _weight_gradients(
    cell: Cell, trace: Trace, steps: list[Step], d_inputs: InputGradient
) -> Params:
    """Gradients of ``W_h`` and the cell's own parameters, one product a gate."""
    N = trace.gates.shape[1]
    rows = slice(None) if d_inputs.rows is None else d_inputs.rows
    d_recurrent = cell.recurrent_gradient(trace, rows, d_inputs.values)

    origin = np.full(N, -1, dtype=np.int64)
    for step in steps:
        start = step.rows.start
        origin[start : start + step.carried] = np.arange(step.previous.start, step.previous.stop)
    origin = origin[rows]
    # Zeros where a document begins: cheaper than leaving those rows out of G gradients.
    h_previous = trace.h[origin]
    h_previous[origin < 0] = 0.0
    d_W_h = np.matmul(h_previous.T, d_recurrent)
    return {"W_h": d_W_h, **cell.own_gradients(d_recurrent)}

"""A recurrent layer: a cell walked over a packed batch, and back.

All S directions walk together. The second reads every document from its last word to
its first: its rows hold the mirrored documents, so that it takes the same steps as the
first and one call serves both. The state after a document's last read word is in step 0.

The border of this module is the *input product* ``x W_x + b`` of every token, shape
(G, S, N, H), which ``projection.py`` makes: it is needed once for each distinct token,
while the walk below goes through all of them in order.

The way back is exact BPTT. Weights do not change on the way: gradients of all steps are
kept and each weight's gradient is one product over all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from textrnn.nn.cells import Cell, Step, Trace
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

READ_AT_ONCE = 1_024
"""Rows that are gathered together when there is no way back: they stay in the cache."""
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
        scratch=take("scratch", (G, S, batch.n_sequences, H), dtype),
    )
    weights = cell.prepare_forward(params)
    for step in reversed(walk(batch)):
        cell.forward(weights, trace, step)
    return trace


def read(
    cell: Cell,
    params: Params,
    products: Floats,
    indices: Ints,
    batch: PackedBatch,
    take_in: Callable[[Floats], None],
    *,
    workspace: Workspace | None = None,
) -> None:
    """Read a batch without a way back: what is kept does not grow with the documents.

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has.
        products: ``gate_scale * (x W_x + b)`` of the distinct inputs, (G, S, U, H).
        indices: for each direction and row the place of its word there, (S, N).
        batch: the documents.
        take_in: is called after every step with the outputs (S, n, H) of the n documents
            that have begun; the array is overwritten by later steps.
        workspace: buffers to use again.
    """
    G, S, _, H = products.shape
    B, dtype = batch.n_sequences, products.dtype
    space = workspace or Workspace()
    room = max(READ_AT_ONCE, B)
    states = {name: space.take(name, (S, room + B, H), dtype) for name in cell.state_names}
    scratch = space.take("scratch", (G, S, B, H), dtype)
    weights = cell.prepare_forward(params)
    steps = walk(batch)
    last = len(steps)
    while last:
        # As many steps as there is room for; their states, and behind them the states that
        # the steps before left off with.
        first = last - 1
        end = steps[first].rows.stop
        while first and end - steps[first - 1].rows.start <= room:
            first -= 1
        start = steps[first].rows.start
        gates = gather(products, indices[:, start:end], workspace=space)
        trace = Trace(gates, states, scratch)
        for t in reversed(range(first, last)):
            rows, previous, carried = steps[t]
            here = slice(rows.start - start, rows.stop - start)
            origin = room if t == last - 1 else previous.start - start
            cell.forward(weights, trace, Step(here, slice(origin, origin + carried), carried))
            take_in(trace.h[:, here])
        n = steps[first].rows.stop - start
        for name in cell.carried_names:
            states[name][:, room : room + n] = states[name][:, :n]
        last = first


def walk(batch: PackedBatch) -> list[Step]:
    """The steps of a batch from its documents' last words back to their first."""
    ends = [*batch.steps, (batch.n_tokens, 0)]
    return [
        Step(slice(start, start + size), slice(before, before + carried), carried)
        for (start, size), (before, carried) in itertools.pairwise(ends)
    ]


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
) -> tuple[Floats, Params]:
    """Backpropagate through time.

    Args:
        cell: the cell of the forward pass.
        params: the parameters of the forward pass.
        trace: what the forward pass returned.
        batch: the documents.
        d_outputs: gradient of the outputs of every step, shape (S, N, H), or None.
        d_final: gradient of each document's last state, shape (S, B, H), or None.
        gradient_floor: with no ``d_outputs``, the way back ends once the gradient is
            below this share of what it began with. At 1e-7 what is cut off
            is below float32's rounding of the weights' gradients, and it saves both the
            work and the denormal numbers that slow the arithmetic down. It is not
            nothing to an optimiser that rescales: a rare word whose whole gradient is
            that small stays where it is, where Adam would move it. 0 never stops.
        workspace: where the gradient of the inputs is kept.

    Returns:
        The gradient of the gates' inputs, before ``gate_scale``, of the first L rows,
        shape (G, S, L, H): that of every other row is zero. And those of ``W_h`` and the
        cell's own parameters.
    """
    G, S, N, H = trace.gates.shape
    dtype, B = trace.gates.dtype, batch.n_sequences
    d_states = {name: np.zeros((S, B, H), dtype=dtype) for name in cell.carried_names}
    if d_final is not None:
        d_states["h"] += d_final
    floor = 0.0
    if d_final is not None and d_outputs is None and gradient_floor > 0.0:
        floor = gradient_floor * float(np.abs(d_final).max())

    weights = cell.prepare_backward(params)
    d_gates = (workspace or Workspace()).take("d_gates", (G, S, N, H), dtype)
    walked = 0
    for t, step in enumerate(walk(batch)):
        n = step.rows.stop - step.rows.start
        live = {name: d[:, :n] for name, d in d_states.items()}
        if floor and t % CHECK_EVERY == 0 and _is_gone(live, floor):
            break
        if d_outputs is not None:
            live["h"] += d_outputs[:, step.rows]
        cell.backward(weights, trace, step, live, d_gates[:, :, step.rows])
        walked = step.rows.stop
    d_gates = d_gates[:, :, :walked]
    return d_gates, _weight_gradients(cell, trace, batch, d_gates)


def _is_gone(d_states: Params, floor: float) -> bool:
    """Whether every gradient is below ``floor``; one that is no number is not."""
    return all(float(np.abs(d).max()) < floor for d in d_states.values())


def _weight_gradients(cell: Cell, trace: Trace, batch: PackedBatch, d_gates: Floats) -> Params:
    """Gradients of ``W_h`` and the cell's own parameters, one product a gate."""
    walked = slice(d_gates.shape[2])
    d_recurrent = cell.recurrent_gradient(trace, walked, d_gates)
    # Zeros where a document begins: cheaper than leaving those rows out of G gradients.
    previous = batch.previous_rows[walked]
    h_previous = trace.h[:, previous]
    h_previous[:, previous < 0] = 0.0
    d_W_h = np.matmul(h_previous.swapaxes(-1, -2), d_recurrent)
    return {"W_h": d_W_h, **cell.own_gradients(d_recurrent)}

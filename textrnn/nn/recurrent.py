"""A recurrent layer: a cell unrolled over a packed batch, and the backward pass.

All S directions are read together. The second reads every document from its last word to
its first: its rows hold the mirrored documents, so that it takes the same steps as the
first and one call serves both. The state after a document's last read word is in step 0.

The border of this module is the *input product* ``x W_x + b`` of every token, shape
(G, S, N, H), which ``projection.py`` makes: it is needed once for each distinct token,
while the steps below go through all of them in order.

States go in and come out, by their names in ``Cell.carried_names``, shape (S, B, H), documents
in the batch's sorted order. None in place of initial states is zeros, at no cost. The final
state of a direction is the one after the last word that it reads: for the second, the
document's first. A cell that needs times has one more entry, ``TIME``, so that a text is
gone on with from its state alone.

The backward pass is exact BPTT. Weights do not change on the way: gradients of all steps are
kept and each weight's gradient is one product over all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from textrnn.nn.cells import TIME, Cell, Step, Trace
from textrnn.nn.cells.batch_pass import CHECK_EVERY as CHECK_EVERY
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

READ_AT_ONCE = 1_024
"""Rows that are gathered together when there is no backward pass: they stay in the cache."""
Watch: TypeAlias = Callable[[slice, Params], None]
"""Is shown, at every step of a backward pass, its rows and the gradient of the states after it:
all of it, what its own output gave and what later steps handed back, (S, n, H) by name. The
arrays are overwritten by the next step."""


def forward(
    cell: Cell,
    params: Params,
    input_products: Floats,
    batch: PackedBatch,
    *,
    initial: Params | None = None,
    workspace: Workspace | None = None,
) -> tuple[Trace, Params]:
    """Read a batch; the outputs are ``trace.h``, shape (S, N, H). Return the final states, too.

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has, see ``Cell``.
        input_products: ``gate_scale * (x W_x + b)``, shape (G, S, N, H), the second
            direction's of the mirrored documents; overwritten.
        batch: the documents.
        initial: the states to begin with; None is zeros.
        workspace: where the trace is kept; it is valid until the next pass there.

    Raises:
        ValueError: the initial states have other names or shapes than the cell's.
    """
    G, S, N, H = input_products.shape
    B, dtype = batch.n_sequences, input_products.dtype
    space = workspace or Workspace()
    initial, read_before = _initial(cell, initial, (S, B, H), dtype)
    states = {name: space.take(name, (S, N, H), dtype) for name in cell.state_names}
    scratch = space.take("scratch", (G, S, B, H), dtype)
    trace = Trace(input_products, states, scratch, initial, read_before)
    weights = cell.prepare_forward(params)
    if cell.batch_pass is not None:
        way = cell.batch_pass(
            weights,
            batch,
            gates=input_products,
            states=states,
            initial=initial,
            read_before=read_before,
            workspace=space,
        )
        trace = replace(trace, batch_pass=way)
    else:
        for step in reversed(unroll(batch, read_before)):
            cell.forward(weights, trace, step if initial is None else entered(trace, step, initial))
    # Copies: the next pass may begin with them and write into the same workspace.
    final = {name: states[name][:, :B].copy() for name in cell.carried_names}
    return trace, final | _times_after(read_before, batch, S)


def read(
    cell: Cell,
    params: Params,
    products: Floats,
    indices: Ints,
    batch: PackedBatch,
    take_in: Callable[[Floats], None],
    *,
    initial: Params | None = None,
    workspace: Workspace | None = None,
) -> Params:
    """Read a batch without a backward pass: what is kept does not grow with the documents.

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has.
        products: ``gate_scale * (x W_x + b)`` of the distinct inputs, (G, S, U, H).
        indices: for each direction and row the place of its word there, (S, N).
        batch: the documents.
        take_in: is called after every step with the outputs (S, n, H) of the n documents
            that have begun; the array is overwritten by later steps.
        initial: the states to begin with; None is zeros.
        workspace: buffers to use again.

    Returns:
        The final states.
    """
    G, S, _, H = products.shape
    B, dtype = batch.n_sequences, products.dtype
    space = workspace or Workspace()
    if cell.batch_pass is not None:
        return _read_chunks(cell, params, products, indices, batch, take_in, initial, space)
    initial, read_before = _initial(cell, initial, (S, B, H), dtype)
    room = max(READ_AT_ONCE, B)
    states = {name: space.take(name, (S, room + B, H), dtype) for name in cell.state_names}
    scratch = space.take("scratch", (G, S, B, H), dtype)
    weights = cell.prepare_forward(params)
    steps = unroll(batch, read_before)
    for first, last in batch.chunks(room):
        # Their states, and behind them those that the steps before left off with.
        start, end = steps[first].rows.start, steps[last - 1].rows.stop
        gates = gather(products, indices[:, start:end], workspace=space)
        trace = Trace(gates, states, scratch, initial)
        for t in reversed(range(first, last)):
            rows, previous, carried, times, _ = steps[t]
            here = slice(rows.start - start, rows.stop - start)
            origin = room if t == last - 1 else previous.start - start
            step = Step(here, slice(origin, origin + carried), carried, times)
            if initial is not None:
                step = entered(trace, step, initial)
            cell.forward(weights, trace, step)
            take_in(trace.h[:, here])
        n = steps[first].rows.stop - start
        for name in cell.carried_names:
            states[name][:, room : room + n] = states[name][:, :n]
    final = {name: states[name][:, :B].copy() for name in cell.carried_names}
    return final | _times_after(read_before, batch, S)


def _read_chunks(
    cell: Cell,
    params: Params,
    products: Floats,
    indices: Ints,
    batch: PackedBatch,
    take_in: Callable[[Floats], None],
    initial: Params | None,
    space: Workspace,
) -> Params:
    """``read`` of a cell that goes over whole batches: as many steps at once as have room."""
    _, S, _, H = products.shape
    B = batch.n_sequences
    if initial is None:
        states = {name: np.zeros((S, B, H), products.dtype) for name in cell.carried_names}
        states |= {TIME: np.zeros((S, B, 1))} if cell.needs_times else {}
    else:
        states = {name: value.copy() for name, value in initial.items()}
    # Four times as many rows: a pass costs something beside its steps, more than the cache saves.
    for first, last in batch.chunks(max(4 * READ_AT_ONCE, B)):
        chunk, rows = batch.of_steps(first, last)
        n = chunk.n_sequences
        gates = gather(products, indices[:, rows], workspace=space)
        before = {name: value[:, :n] for name, value in states.items()}
        trace, after = forward(cell, params, gates, chunk, initial=before, workspace=space)
        for start, size in reversed(chunk.steps):
            take_in(trace.h[:, start : start + size])
        for name, value in after.items():
            states[name][:, :n] = value
    return states


def unroll(batch: PackedBatch, read_before: Ints | None = None) -> list[Step]:
    """The steps of a batch from its documents' last words back to their first.

    Args:
        batch: the documents.
        read_before: words of each document that were read before, shape (B,), for steps that know
            their times; else None.
    """
    ends = [*batch.steps, (batch.n_tokens, 0)]
    steps = [
        Step(slice(start, start + size), slice(before, before + carried), carried)
        for (start, size), (before, carried) in itertools.pairwise(ends)
    ]
    if read_before is None:
        return steps
    times = times_of(batch, read_before)
    return [step._replace(times=times[step.rows]) for step in steps]


def times_of(batch: PackedBatch, read_before: Ints) -> Ints:
    """For each row how many words of its document were read before, (N,)."""
    from_end = np.repeat(np.arange(len(batch.batch_sizes)), batch.batch_sizes)
    times: Ints = (read_before + batch.lengths - 1)[batch.documents] - from_end
    return times


def _initial(
    cell: Cell, initial: Params | None, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> tuple[Params | None, Ints | None]:
    """Initial states that were looked at, and the words read before, if the cell needs them."""
    if initial is None:
        return None, np.zeros(shape[1], dtype=np.int64) if cell.needs_times else None
    S, B, _ = shape
    expected = dict.fromkeys(cell.carried_names, shape)
    if cell.needs_times:
        expected[TIME] = (S, B, 1)
    found = {name: value.shape for name, value in initial.items()}
    if found != expected:
        raise ValueError(f"initial states of {cell.name} must be {expected}, not {found}")
    states = {name: initial[name].astype(dtype, copy=False) for name in cell.carried_names}
    if not cell.needs_times:
        return states, None
    times = initial[TIME]
    if (times != times[:1]).any():
        raise ValueError(f"{TIME} must be the same in all directions of a document")
    return states, times[0, :, 0].astype(np.int64)


def _times_after(read_before: Ints | None, batch: PackedBatch, S: int) -> Params:
    """The entry ``TIME`` of the final states, if the cell needs times."""
    if read_before is None:
        return {}
    read = (read_before + batch.lengths)[:, np.newaxis]
    return {TIME: np.tile(read.astype(np.float64), (S, 1, 1))}


def entered(trace: Trace, step: Step, initial: Params) -> Step:
    """The step with the states of the documents that begin in it beside those of the others."""
    k, n = step.carried, step.rows.stop - step.rows.start
    if k == n:
        return step
    before = {
        name: np.concatenate((trace.states[name][:, step.previous], value[:, k:n]), axis=1)
        for name, value in initial.items()
    }
    return Step(step.rows, slice(0, n), n, step.times, before)


def backward(
    cell: Cell,
    params: Params,
    trace: Trace,
    batch: PackedBatch,
    *,
    d_outputs: Floats | None = None,
    d_final: Floats | None = None,
    d_final_state: Params | None = None,
    gradient_floor: float = 0.0,
    watch: Watch | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Params, Params]:
    """Backpropagate through time.

    Args:
        cell: the cell of the forward pass.
        params: the parameters of the forward pass.
        trace: what the forward pass returned.
        batch: the documents.
        d_outputs: gradient of the outputs of every step, shape (S, N, H), or None.
        d_final: gradient of each document's last output, shape (S, B, H), or None.
        d_final_state: gradients of final states by name, shape (S, B, H), of all or some of
            them: that of ``"h"`` comes on top of ``d_final``.
        gradient_floor: with no ``d_outputs``, the backward pass ends once the gradient is
            below this share of what it began with. At 1e-7 what is cut off
            is below float32's rounding of the weights' gradients, and it saves both the
            work and the denormal numbers that slow the arithmetic down. It is not
            nothing to an optimiser that rescales: a rare word whose whole gradient is
            that small stays where it is, where Adam would move it. 0 never stops.
        watch: sees the gradient of the states at every step that is passed.
        workspace: where the gradient of the inputs is kept.

    Returns:
        The gradient of the gates' inputs, before ``gate_scale``, of the first L rows,
        shape (G, S, L, H): that of every other row is zero. Those of ``W_h`` and the
        cell's own parameters. And those of the initial states, (S, B, H) by name, given or not.
    """
    G, S, N, H = trace.gates.shape
    dtype, B = trace.gates.dtype, batch.n_sequences
    d_states = {name: np.zeros((S, B, H), dtype=dtype) for name in cell.carried_names}
    if d_final is not None:
        d_states["h"] += d_final
    for name, d in (d_final_state or {}).items():
        d_states[name] += d
    floor = 0.0
    if d_outputs is None and gradient_floor > 0.0:
        floor = gradient_floor * max(float(np.abs(d).max()) for d in d_states.values())

    d_gates = (workspace or Workspace()).take("d_gates", (G, S, N, H), dtype)
    if trace.batch_pass is not None and watch is None:
        passed, own = trace.batch_pass.backward(
            params, d_outputs=d_outputs, d_states=d_states, floor=floor, d_gates=d_gates
        )
        return d_gates[:, :, :passed], own, d_states
    weights = cell.prepare_backward(params)
    passed = 0
    for t, step in enumerate(unroll(batch, trace.read_before)):
        n = step.rows.stop - step.rows.start
        live = {name: d[:, :n] for name, d in d_states.items()}
        if floor and t % CHECK_EVERY == 0 and _is_gone(live, floor):
            for d in live.values():
                d[...] = 0.0  # so little of it would reach the documents' first words
            break
        if d_outputs is not None:
            live["h"] += d_outputs[:, step.rows]
        if watch is not None:
            watch(step.rows, live)
        if trace.initial is not None:
            step = entered(trace, step, trace.initial)
        cell.backward(weights, trace, step, live, d_gates[:, :, step.rows])
        passed = step.rows.stop
    d_gates = d_gates[:, :, :passed]

    def previous(name: str) -> Floats:
        return states_before(trace, name, batch, batch.previous_rows[:passed])

    return d_gates, cell.weight_gradients(trace, previous, d_gates), d_states


def _is_gone(d_states: Params, floor: float) -> bool:
    """Whether every gradient is below ``floor``; one that is no number is not."""
    return all(float(np.abs(d).max()) < floor for d in d_states.values())


def states_before(trace: Trace, name: str, batch: PackedBatch, rows: Ints) -> Floats:
    """A carried state in some rows, that before a document's first word where one is -1."""
    # Zeros where a document begins: cheaper than leaving those rows out of G gradients.
    states = trace.states[name][:, rows]
    begins = rows < 0
    initial = trace.initial
    states[:, begins] = (
        0.0 if initial is None else initial[name][:, batch.documents[: len(rows)][begins]]
    )
    return states

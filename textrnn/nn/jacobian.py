"""The Jacobian of one step of a cell: what its state, inputs and weights do to the next state.

It is made of the cell's own backward step: that takes the gradient of one number back, so of M rows
that are copies of each other, each with the gradient of one state alone, it makes all M rows of the
Jacobian in one call. Nothing is known here of any cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.cells import TIME, Cell, Step, Trace
from textrnn.typing import Floats, Params


@dataclass(frozen=True)
class StepJacobian:
    """Derivatives of the states after a step, of L rows, each at a step of its own.

    M is the number of states: of each carried one, in the order of ``Cell.carried_names``, its H
    units.

    Attributes:
        after: the states themselves, (S, L, M).
        state: by the states before the step, (S, L, M, M), the row first: [.., i, j] is
            ∂ after_i / ∂ before_j.
        inputs: by the input products ``x W_x + b``, not scaled, (S, L, M, G, H).
        params: by ``W_h`` and the cell's own parameters, as they act in this step alone,
            (S, L, M, ...) with the shape of one direction's; empty where they were not asked for.
    """

    after: Floats
    state: Floats
    inputs: Floats
    params: Params


def step_jacobian(
    cell: Cell, params: Params, products: Floats, before: Params, *, of_params: bool = False
) -> StepJacobian:
    """Derivatives of one step of L rows.

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has, of S directions.
        products: ``gate_scale * (x W_x + b)``, (G, S, L, H).
        before: the carried states before the step by name, (S, L, H); of a cell that needs
            times also ``TIME``, (S, L, 1). See ``recurrent``.
        of_params: whether the derivatives by parameters are wanted, M times their size a row.
    """
    G, S, L, H = products.shape
    names = cell.carried_names
    M = len(names) * H
    copies = {name: before[name].repeat(M, axis=1) for name in names}
    times = before[TIME][0, :, 0].astype(np.int64).repeat(M) if cell.needs_times else None
    step = Step(slice(0, L * M), slice(0, L * M), L * M, times, copies)
    states = {name: np.zeros((S, L * M, H), products.dtype) for name in cell.state_names}
    gates = np.ascontiguousarray(products.repeat(M, axis=2))
    trace = Trace(gates, states, np.zeros_like(gates), copies, times)
    cell.forward(cell.prepare_forward(params), trace, step)
    after = np.concatenate([states[name][:, ::M] for name in names], axis=-1)

    unit = np.eye(M, dtype=products.dtype).reshape(M, len(names), H)
    d_states = {name: np.tile(unit[:, i], (S, L, 1)) for i, name in enumerate(names)}
    d_gates = np.zeros_like(gates)
    cell.backward(cell.prepare_backward(params), trace, step, d_states, d_gates)
    d_before = np.concatenate([d_states[name] for name in names], axis=-1)
    return StepJacobian(
        after,
        d_before.reshape(S, L, M, M),
        np.moveaxis(d_gates.reshape(G, S, L, M, H), 0, 3),
        _of_each_row(cell, trace, copies, d_gates, (S, L, M)) if of_params else {},
    )


def _of_each_row(
    cell: Cell, trace: Trace, before: Params, d_gates: Floats, shape: tuple[int, int, int]
) -> Params:
    """The gradients of ``Cell.weight_gradients`` of each row by itself, (*shape, ...).

    It keeps directions apart and sums over rows, so every row becomes a direction of its own. A
    parameter that all directions share is summed over them, too; its rows are taken one by one.
    """
    H = d_gates.shape[-1]

    def gradients(rows: slice) -> Params:
        def apart(values: Floats) -> Floats:
            return values.reshape(*values.shape[:-3], -1, 1, H)[..., rows, :, :]

        states = {name: apart(value) for name, value in trace.states.items()}
        of_rows = Trace(apart(trace.gates), states, apart(trace.scratch))
        return cell.weight_gradients(
            of_rows, {name: apart(v) for name, v in before.items()}.__getitem__, apart(d_gates)
        )

    n = d_gates.shape[1] * d_gates.shape[2]
    found, axes = gradients(slice(0, n)), cell.direction_axes(2, H)
    for name in [name for name in found if axes[name] is None]:
        found[name] = np.stack([gradients(slice(i, i + 1))[name] for i in range(n)])
    moved = {name: np.moveaxis(value, axes[name] or 0, 0) for name, value in found.items()}
    return {name: value.reshape(*shape, *value.shape[1:]) for name, value in moved.items()}

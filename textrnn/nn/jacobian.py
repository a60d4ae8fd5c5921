"""The Jacobian of one step of a cell: what its state, inputs and weights do to the next state.

It is made of the cell's own backward step: that takes the gradient of one number back, so of M rows
that are copies of each other, each with the gradient of one state alone, it makes all M rows of the
Jacobian in one call. Nothing is known here of any cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.cells import Cell, Step, Trace
from textrnn.typing import Floats, Params


@dataclass(frozen=True)
class StepJacobian:
    """Derivatives of the states after a step, of L rows, each at a step of its own.

    M is the number of states: of each carried one, in the order of ``Cell.carried_names``, its H
    units.

    Attributes:
        state: by the states before the step, (S, L, M, M), the row first: [.., i, j] is
            ∂ after_i / ∂ before_j.
        inputs: by the input products ``x W_x + b``, not scaled, (S, L, M, G, H).
        params: by ``W_h`` and the cell's own parameters, as they act in this step alone,
            (S, L, M, ...) with the shape of one direction's; empty where they were not asked for.
    """

    state: Floats
    inputs: Floats
    params: Params


def jacobian_of(
    cell: Cell, params: Params, steps: Trace, *, of_params: bool = False
) -> StepJacobian:
    """Derivatives of steps that were taken, each a row of a trace of its own.

    Args:
        cell: the kind of recurrence.
        params: ``W_h`` and what else the cell has, of S directions.
        steps: what a forward pass left in L rows; in ``initial`` the carried states before each,
            in ``read_before`` its time, if the cell asks for it, in ``activated`` what belongs to
            the rows.
        of_params: whether the derivatives by parameters are wanted, M times their size a row.
    """
    trace, d_before, d_gates = _back(cell, params, steps)
    S, L, M, _ = d_before.shape
    activated = tuple(part.repeat(M, axis=-2) for part in steps.activated)
    d_products = cell.activate_backward(d_gates, activated)
    return StepJacobian(
        d_before,
        np.moveaxis(d_products.reshape(-1, S, L, M, steps.h.shape[-1]), 0, 3),
        _of_each_row(cell, trace, d_gates, (S, L, M)) if of_params else {},
    )


def state_jacobian(cell: Cell, params: Params, steps: Trace) -> Floats:
    """``jacobian_of`` by the states alone, for which nothing need be ``activated``."""
    return _back(cell, params, steps)[1]


def _back(cell: Cell, params: Params, steps: Trace) -> tuple[Trace, Floats, Floats]:
    """Take M copies of each row back, each with the gradient of one state.

    Returns:
        The copies; the gradients of the states before the steps, (S, L, M, M); and those of what
        the steps found in ``gates``, (K, S, L * M, H).
    """
    _, S, L, H = steps.gates.shape
    names = cell.carried_names
    M = len(names) * H
    assert steps.initial is not None
    copies = {name: value.repeat(M, axis=1) for name, value in steps.initial.items()}
    times = None if steps.read_before is None else steps.read_before.repeat(M)
    states = {name: value.repeat(M, axis=1) for name, value in steps.states.items()}
    gates = np.ascontiguousarray(steps.gates.repeat(M, axis=2))
    trace = Trace(gates, states, np.zeros_like(gates), copies, times)

    unit = np.eye(M, dtype=gates.dtype).reshape(M, len(names), H)
    d_states = {name: np.tile(unit[:, i], (S, L, 1)) for i, name in enumerate(names)}
    d_gates = np.zeros_like(gates)
    cell.backward(cell.prepare_backward(params), trace, _all_rows(trace), d_states, d_gates)
    d_before = np.concatenate([d_states[name] for name in names], axis=-1)
    return trace, d_before.reshape(S, L, M, M), d_gates


def _all_rows(trace: Trace) -> Step:
    """All rows of a trace as one step, each with a state of its own before it."""
    n = trace.h.shape[1]
    return Step(slice(0, n), slice(0, n), n, trace.read_before, trace.initial)


def _of_each_row(cell: Cell, trace: Trace, d_gates: Floats, shape: tuple[int, int, int]) -> Params:
    """The gradients of ``Cell.weight_gradients`` of each row by itself, (*shape, ...).

    It keeps directions apart and sums over rows, so every row becomes a direction of its own. A
    parameter that all directions share is summed over them, too; its rows are taken one by one.
    """
    H, before = d_gates.shape[-1], trace.initial
    assert before is not None

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

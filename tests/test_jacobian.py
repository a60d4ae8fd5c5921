"""The Jacobian of a step equals central differences of the step, for every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Cell, Step, Trace
from textrnn.nn.cells.rnn import TanhRNN
from textrnn.nn.check import Layer
from textrnn.nn.jacobian import StepJacobian, jacobian_of, state_jacobian
from textrnn.nn.packed import pack
from textrnn.typing import Floats, Params

H, L, STEP = 4, 3, 1e-6
CLOSE: dict[str, Any] = {"rtol": 2e-6, "atol": 2e-8}


class Shared(TanhRNN):
    """Both directions have one bias, and there are no recurrent weights but a number a unit."""

    name = "shared"

    def shapes(self, n_directions: int, input_size: int, hidden_size: int) -> Any:
        common = super().shapes(n_directions, input_size, hidden_size)
        del common["W_h"]
        return {**common, "own": (hidden_size,)}

    def prepare_forward(self, params: Params) -> Params:
        return params

    prepare_backward = prepare_forward

    def forward(self, weights: Params, trace: Trace, step: Any) -> None:
        z = trace.gates[0, :, step.rows]
        z[:, : step.carried] += weights["own"] * trace.previous("h", step)
        np.tanh(z, out=trace.h[:, step.rows])

    def backward(self, weights: Params, trace: Trace, step: Any, *given: Any) -> None:
        d_states, d_gates = given
        h = trace.h[:, step.rows]
        d_gates[0] = (1 - h * h) * d_states["h"]
        d_states["h"][...] = weights["own"] * d_gates[0]

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        del trace
        return {"own": (previous("h") * d_gates[0]).sum(axis=(0, 1))}


def step_jacobian(
    cell: Cell, params: Params, products: Floats, before: Params, *, of_params: bool = False
) -> StepJacobian:
    """Of one step of L rows from input products (G, S, L, H) and the states before it."""
    times = before[TIME][0, :, 0].astype(np.int64) if cell.needs_times else None
    initial = {name: before[name] for name in cell.carried_names}
    states = {name: np.zeros_like(products[0]) for name in cell.state_names}
    gates, activated = cell.activate(products.copy())
    steps = Trace(gates, states, np.zeros_like(gates), initial, times, activated)
    rows = slice(0, gates.shape[2])
    step = Step(rows, rows, rows.stop, times, initial)
    cell.forward(cell.prepare_forward(params), steps, step)
    return jacobian_of(cell, params, steps, of_params=of_params)


class Case:
    """A random step of some rows."""

    def __init__(self, cell: Cell, n_directions: int) -> None:
        rng = np.random.default_rng(3)
        self.cell, S = cell, n_directions
        shapes = cell.shapes(S, 1, H)
        self.params: Params = {
            n: rng.normal(0, 0.7, s) for n, s in shapes.items() if n not in ("W_x", "b")
        }
        self.products = rng.normal(0, 0.7, (cell.n_gates, S, L, H))
        self.before: Params = {n: rng.normal(0, 0.7, (S, L, H)) for n in cell.carried_names}
        if cell.needs_times:
            self.before[TIME] = np.tile(np.array([[2.0], [3.0], [8.0]]), (S, 1, 1))

    def jacobian(self, *, of_params: bool = True) -> StepJacobian:
        return step_jacobian(
            self.cell, self.params, self.products.copy(), self.before, of_params=of_params
        )

    def after(self) -> Floats:
        """By the engine itself, (S, L, M)."""
        batch = pack([np.zeros(1, np.int32)] * L)
        gates, _ = self.cell.activate(self.products.copy())
        _, final = recurrent.forward(self.cell, self.params, gates, batch, initial=self.before)
        return np.concatenate([final[name] for name in self.cell.carried_names], axis=-1)

    def difference(self, x: Floats, i: tuple[int, ...], step: float = STEP) -> Floats:
        kept = x[i]
        x[i] = kept + step
        above = self.after()
        x[i] = kept - step
        below = self.after()
        x[i] = kept
        return (above - below) / (2 * step)


@pytest.mark.parametrize("S", [1, 2])
@pytest.mark.parametrize("name", [*CELLS, "shared"])
def test_it_equals_central_differences(name: str, S: int) -> None:
    case = Case(Shared() if name == "shared" else CELLS[name], S)
    found, cell = case.jacobian(), case.cell
    M = len(cell.carried_names) * H
    assert found.state.shape == (S, L, M, M)
    numeric = np.zeros_like(found.state)
    for place, carried in enumerate(cell.carried_names):
        for s, row, unit in np.ndindex(S, L, H):
            difference = case.difference(case.before[carried], (s, row, unit))
            numeric[s, row, :, place * H + unit] = difference[s, row]
    np.testing.assert_allclose(found.state, numeric, **CLOSE)

    scale = cell.gate_scale(np.dtype(np.float64))
    numeric = np.zeros_like(found.inputs)
    for g, s, row, unit in np.ndindex(case.products.shape):
        difference = case.difference(case.products, (g, s, row, unit))
        numeric[s, row, :, g, unit] = difference[s, row] * scale[g]
    np.testing.assert_allclose(found.inputs, numeric, **CLOSE)

    assert set(found.params) == set(case.params)
    axes = cell.direction_axes(2, H)
    for of, value in case.params.items():
        numeric = np.zeros_like(found.params[of])
        for i in np.ndindex(value.shape):
            difference, axis = case.difference(value, i), axes[of]
            for s in range(S) if axis is None else [i[axis]]:
                own = i if axis is None else i[:axis] + i[axis + 1 :]
                numeric[(s, slice(None), slice(None), *own)] = difference[s]
        np.testing.assert_allclose(found.params[of], numeric, **CLOSE, err_msg=of)
    assert not case.jacobian(of_params=False).params


@pytest.mark.parametrize("name", CELLS)
def test_steps_that_were_taken_need_no_products(name: str) -> None:
    """What a pass over texts has left tells the same as their input products."""
    cell, layer = CELLS[name], Layer(CELLS[name], 2)
    batch = pack([np.array([0, 3, 1, 4], np.int32)])
    initial = layer.states(1)
    trace, _ = layer.forward(batch, initial)
    before: Params = {
        n: np.concatenate([trace.states[n][:, 1:], initial[n]], axis=1) for n in cell.carried_names
    }
    times = None
    if cell.needs_times:
        assert trace.read_before is not None
        times = trace.read_before + np.arange(3, -1, -1)
        before[TIME] = np.tile(times[:, np.newaxis].astype(float), (2, 1, 1))
    wanted = step_jacobian(cell, layer.params, layer.products(batch), before)
    taken = replace(trace, scratch=np.zeros_like(trace.gates), initial=before, read_before=times)
    found = state_jacobian(cell, layer.params, taken)
    np.testing.assert_allclose(found, wanted.state, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_the_chain_of_all_steps_is_the_gradient_of_the_initial_state(name: str) -> None:
    """All steps of a text, asked for together and multiplied: what a backward pass finds."""
    layer = Layer(CELLS[name], 1)
    batch, cell = pack([np.array([0, 3, 1, 4], np.int32)]), layer.cell
    initial = layer.states(1)
    trace, _ = layer.forward(batch, initial)
    before: Params = {
        n: np.concatenate([trace.states[n][:, 1:], initial[n]], axis=1) for n in cell.carried_names
    }
    if cell.needs_times:
        before[TIME] = initial[TIME] + np.arange(3, -1, -1.0)[:, np.newaxis]
    steps = step_jacobian(cell, layer.params, layer.products(batch), before).state[0]
    whole = steps[0] @ steps[1] @ steps[2] @ steps[3]
    for i, unit in enumerate(np.eye(len(whole)).reshape(len(whole), -1, 1, 1, trace.h.shape[-1])):
        d_final = dict(zip(cell.carried_names, unit, strict=True))
        _, _, d_initial = layer.backward(trace, batch, np.zeros_like(trace.h), d_final)
        found = np.concatenate([d_initial[n][0, 0] for n in cell.carried_names])
        np.testing.assert_allclose(whole[i], found, rtol=1e-11, atol=1e-13)

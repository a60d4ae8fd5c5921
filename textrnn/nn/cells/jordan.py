"""The network of Jordan 1986, whose output comes back to its hidden layer (back projection).

s_t = tanh   (x_t W_x + s_{t-1} W_h + y_{t-1} W_y + b)      hidden layer
y_t = sigmoid(s_t V + b_y)                                  output, of the same size

``y`` is the layer's output: what is read out, what a layer above reads, and what comes back one
step later. Jordan's units are logistic, and so is his output layer in the simulators that have his
network (SNNS, RSNNS); hence the sigmoid. His hidden layer saw its own past through ``y`` alone;
``W_h`` is Elman's recurrence beside it. Jordan kept a decaying trace of past outputs in units of
their own; here the hidden layer learns what to keep of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from textrnn.nn.cells.base import Cell, halved_tanh_to_sigmoid
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params

RECURRENCES = (("s", "W_h"), ("h", "W_y"))
"""Each state, and the weights by which it comes back to the hidden layer."""


class JordanReader(FastReader):
    """Of the network with back projection: both states side by side, for one product."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H, dtype = self.hidden_size, self.dtype
        both = [weights[name][0, direction] for _, name in RECURRENCES]
        self._W = np.ascontiguousarray(np.concatenate(both))
        self._V = np.ascontiguousarray(weights["V"][0, direction])
        self._b_y, self._one_half = weights["b_y"][0, direction, 0], np.full(H, 0.5, dtype)
        self._both = np.zeros(2 * H, dtype)
        self._s, self._y = self._both[:H], self._both[H:]

    @property
    def state(self) -> Params:
        return {"h": self._y.copy(), "s": self._s.copy()}

    @state.setter
    def state(self, state: Params) -> None:
        self._y[...] = state["h"]
        self._s[...] = state["s"]

    def reset(self) -> None:
        self._both[...] = 0.0

    def read(self, products: Floats, out: Floats) -> None:
        W, V, b_y, half = self._W, self._V, self._b_y, self._one_half
        both, s, y, product = self._both, self._s, self._y, self._product
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x, new in zip(products, out, strict=True):
            both.dot(W, product)
            add(x, product, s)
            tanh(s, s)
            s.dot(V, product)
            add(product, b_y, y)
            tanh(y, y)
            multiply(y, half, y)
            add(y, half, y)
            new[...] = y


class Jordan(Cell):
    """Simple recurrent cell with back projection.

    Has the parameters ``W_y`` and ``V`` (1, S, H, H) and ``b_y`` (1, S, H). The gradient of the
    output layer's input is kept beside the states, as ``V`` needs that of all steps.
    """

    name = "jordan"
    n_gates = 1
    state_names = ("h", "s", "d_output")
    carried_names = ("h", "s")
    recurrent_names = tuple(name for _, name in RECURRENCES)
    fast_reader = JordanReader

    def shapes(
        self, n_directions: int, input_size: int, hidden_size: int
    ) -> dict[str, tuple[int, ...]]:
        common = super().shapes(n_directions, input_size, hidden_size)
        square = common["W_h"]
        return {**common, "W_y": square, "V": square, "b_y": common["b"]}

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        params = super().initialise(rng, shapes, dtype)
        for name in ("W_y", "V"):
            bound = np.sqrt(6.0 / sum(shapes[name][-2:]))
            params[name] = rng.uniform(-bound, bound, shapes[name]).astype(dtype)
        return params

    def prepare_forward(self, params: Params) -> Params:
        # Halved like all that a sigmoid sums up.
        of_output = {"V": 0.5 * params["V"], "b_y": 0.5 * params["b_y"][:, :, np.newaxis]}
        return {**super().prepare_forward(params), "W_y": params["W_y"], **of_output}

    def prepare_backward(self, params: Params) -> Params:
        return {
            f"{name}_T": np.ascontiguousarray(params[name].swapaxes(-1, -2))
            for name in ("W_h", "W_y", "V")
        }

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z, y = trace.gates[0, :, step.rows], trace.h[:, step.rows]
        if k := step.carried:
            product = trace.scratch[0, :, :k]
            for state, name in RECURRENCES:
                np.matmul(trace.previous(state, step), weights[name][0], out=product)
                z[:, :k] += product
        s = np.tanh(z, out=trace.states["s"][:, step.rows])
        np.matmul(s, weights["V"][0], out=y)
        y += weights["b_y"][0]
        np.tanh(y, out=y)
        halved_tanh_to_sigmoid(y)

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_y, d_s, d_z = d_states["h"], d_states["s"], d_gates[0]
        y, s = trace.h[:, step.rows], trace.states["s"][:, step.rows]
        d_output = trace.states["d_output"][:, step.rows]
        np.subtract(1.0, y, out=d_output)
        d_output *= y
        d_output *= d_y  # d_y y (1 - y)
        d_s += np.matmul(d_output, weights["V_T"][0], out=trace.scratch[0, :, : d_y.shape[1]])
        np.multiply(s, s, out=d_z)
        np.subtract(1.0, d_z, out=d_z)
        d_z *= d_s  # d_s (1 - s^2)
        for state, name in RECURRENCES:
            np.matmul(d_z, weights[f"{name}_T"][0], out=d_states[state])

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        passed = slice(d_gates.shape[2])
        s, d_output = trace.states["s"][:, passed], trace.states["d_output"][:, passed]
        found = {
            name: np.matmul(previous(state).swapaxes(-1, -2), d_gates)
            for state, name in RECURRENCES
        }
        found["V"] = np.matmul(s.swapaxes(-1, -2), d_output)[np.newaxis]
        found["b_y"] = d_output.sum(axis=1)[np.newaxis]
        return found

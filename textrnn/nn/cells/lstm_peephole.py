"""LSTM with peepholes (Gers and Schmidhuber 2000): its gates see the cell state, too.

i, f = sigmoid(x W_x + h_{t-1} W_h + p c_{t-1} + b)     input and forget gate
g    = tanh   (x W_x + h_{t-1} W_h + b)                 candidate
c_t  = f * c_{t-1} + i * g
o    = sigmoid(x W_x + h_{t-1} W_h + p c_t + b)         output gate
h_t  = o * tanh(c_t)

Each unit looks at its own state alone: ``p`` is a diagonal, (3, S, H), of the gates i, f, o. It
starts at zero, as an LSTM without. What peepholes were made for is to count and to measure time:
a gate that is closed hides from the output what the cell holds, but not from the gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from textrnn.nn.cells.base import (
    Cell,
    add_recurrence,
    back_through_weights,
    halved_tanh_to_sigmoid,
)
from textrnn.nn.cells.reader import FastReaderWithCell
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params

INPUT, FORGET, OUTPUT, CANDIDATE = range(4)


class PeepholeReader(FastReaderWithCell):
    """Of the LSTM with peepholes: gates i, f, o, g."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H, dtype = self.hidden_size, self.dtype
        self._of_in_and_kept = weights["p"][:OUTPUT, direction, 0]
        self._of_output = weights["p"][OUTPUT, direction, 0]
        self._gates, self._c = np.empty((4, H), dtype), np.zeros(H, dtype)
        self._seen, self._tanh_c = np.empty((2, H), dtype), np.empty(H, dtype)

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, half, h, c = self._W_h, self._product, self._half[0], self._h, self._c
        gates, seen, tanh_c = self._gates, self._seen, self._tanh_c
        flat, in_and_kept, (taken_in, kept, output, candidate) = gates.reshape(-1), gates[:2], gates
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            add(x, product, flat)
            multiply(self._of_in_and_kept, c, seen)
            add(in_and_kept, seen, in_and_kept)
            tanh(in_and_kept, in_and_kept)
            multiply(in_and_kept, half, in_and_kept)
            add(in_and_kept, half, in_and_kept)
            tanh(candidate, candidate)
            multiply(taken_in, candidate, taken_in)
            multiply(kept, c, c)
            add(c, taken_in, c)
            multiply(self._of_output, c, tanh_c)
            add(output, tanh_c, output)
            tanh(output, output)
            multiply(output, half, output)
            add(output, half, output)
            tanh(c, tanh_c)
            multiply(output, tanh_c, new)
            h = new
        self._h = h


class PeepholeLSTM(Cell):
    """Long short-term memory with peepholes; has the parameter ``p`` (3, S, H)."""

    name = "lstm_peephole"
    n_gates = 4
    n_sigmoids = 3
    gate_names = ("input", "forget", "output", "candidate")
    keep_gate = "forget"
    state_names = ("h", "c", "tanh_c")
    carried_names = ("h", "c")
    fast_reader = PeepholeReader

    def shapes(
        self, n_directions: int, input_size: int, hidden_size: int
    ) -> dict[str, tuple[int, ...]]:
        common = super().shapes(n_directions, input_size, hidden_size)
        return {**common, "p": (self.n_sigmoids, n_directions, hidden_size)}

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        params = super().initialise(rng, shapes, dtype)
        params["b"][FORGET] = 1.0  # remember at first, as in the LSTM
        return params

    def prepare_forward(self, params: Params) -> Params:
        # Halved like all that a sigmoid gate sums up.
        return {**super().prepare_forward(params), "p": 0.5 * params["p"][:, :, np.newaxis]}

    def prepare_backward(self, params: Params) -> Params:
        return {**super().prepare_backward(params), "p": params["p"][:, :, np.newaxis]}

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        k = step.carried
        z = add_recurrence(weights, trace, step)
        c, tanh_c = trace.states["c"][:, step.rows], trace.states["tanh_c"][:, step.rows]
        c_before = trace.previous("c", step)
        z[:OUTPUT, :, :k] += weights["p"][:OUTPUT] * c_before
        np.tanh(z[:OUTPUT], out=z[:OUTPUT])
        halved_tanh_to_sigmoid(z[:OUTPUT])
        np.tanh(z[CANDIDATE], out=z[CANDIDATE])
        np.multiply(z[INPUT], z[CANDIDATE], out=c)
        c[:, :k] += z[FORGET, :, :k] * c_before
        z[OUTPUT] += weights["p"][OUTPUT] * c
        np.tanh(z[OUTPUT], out=z[OUTPUT])
        halved_tanh_to_sigmoid(z[OUTPUT])
        np.tanh(c, out=tanh_c)
        np.multiply(z[OUTPUT], tanh_c, out=trace.h[:, step.rows])

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, d_c = d_states["h"], d_states["c"]
        i, f, o, g = trace.gates[:, :, step.rows]
        c, tanh_c = trace.states["c"][:, step.rows], trace.states["tanh_c"][:, step.rows]
        p_i, p_f, p_o = weights["p"]
        d_gates[OUTPUT] = d_h * tanh_c * o * (1.0 - o)
        d_c += d_h * o * (1.0 - tanh_c * tanh_c)
        d_c += p_o * d_gates[OUTPUT]
        d_gates[INPUT] = d_c * g * i * (1.0 - i)
        d_gates[FORGET] = d_c * (c - i * g) * (1.0 - f)  # f c_{t-1} = c - i g
        d_gates[CANDIDATE] = d_c * i * (1.0 - g * g)
        d_c *= f
        d_c += p_i * d_gates[INPUT]
        d_c += p_f * d_gates[FORGET]
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        common = super().weight_gradients(trace, previous, d_gates)
        seen_before, seen_after = previous("c"), trace.states["c"][:, : d_gates.shape[2]]
        d_p = [
            (d_gates[INPUT] * seen_before).sum(axis=1),
            (d_gates[FORGET] * seen_before).sum(axis=1),
            (d_gates[OUTPUT] * seen_after).sum(axis=1),
        ]
        return {**common, "p": np.stack(d_p)}

"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

i, f, o = sigmoid(x W_x + h_{t-1} W_h + b)      input, forget and output gate
g       = tanh   (x W_x + h_{t-1} W_h + b)      candidate
c_t     = f * c_{t-1} + i * g
h_t     = o * tanh(c_t)

Gates are stored in the order i, f, o, g: the three sigmoids side by side.

The backward pass uses h = o tanh(c) and f c_{t-1} = c - i g, which the forward pass has
already multiplied out, and takes what several gates share in one call: at the small
sizes of a step a call costs as much as its arithmetic.
"""

from __future__ import annotations

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


class LSTMReader(FastReaderWithCell):
    """Of the LSTM: gates i, f, o, g, and behind them the cell state."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H, dtype = self.hidden_size, self.dtype
        row = np.zeros(5 * H, dtype)
        self._c = row[4 * H :]
        self._gates, self._sigmoids, self._output = row[: 4 * H], row[: 3 * H], row[2 * H : 3 * H]
        # (i, f) times (g, c): the two terms of the new cell state in one product.
        self._in_and_kept, self._new_and_old = row[: 2 * H], row[3 * H :]
        terms = np.empty(2 * H, dtype)
        self._terms, self._taken_in, self._kept = terms, terms[:H], terms[H:]
        self._tanh_c = np.empty(H, dtype)

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, half, h = self._W_h, self._product, self._half, self._h
        gates, sigmoids, output, c = self._gates, self._sigmoids, self._output, self._c
        factors, values, terms = self._in_and_kept, self._new_and_old, self._terms
        taken_in, kept, tanh_c = self._taken_in, self._kept, self._tanh_c
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            add(x, product, gates)
            tanh(gates, gates)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(factors, values, terms)
            add(taken_in, kept, c)
            tanh(c, tanh_c)
            multiply(output, tanh_c, new)
            h = new
        self._h = h


class LSTM(Cell):
    """Long short-term memory cell."""

    name = "lstm"
    n_gates = 4
    n_sigmoids = 3
    gate_names = ("input", "forget", "output", "candidate")
    keep_gate = "forget"
    fast_reader = LSTMReader
    state_names = ("h", "c", "tanh_c")
    carried_names = ("h", "c")

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        params = super().initialise(rng, shapes, dtype)
        params["b"][FORGET] = 1.0  # remember at first (Jozefowicz et al. 2015)
        return params

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = add_recurrence(weights, trace, step)
        np.tanh(z, out=z)
        halved_tanh_to_sigmoid(z[: self.n_sigmoids])
        c, tanh_c = trace.states["c"][:, step.rows], trace.states["tanh_c"][:, step.rows]
        np.multiply(z[INPUT], z[CANDIDATE], out=c)
        if step.carried:
            kept = trace.scratch[0, :, : step.carried]
            forget = z[FORGET, :, : step.carried]
            np.multiply(forget, trace.previous("c", step), out=kept)
            c[:, : step.carried] += kept
        np.tanh(c, out=tanh_c)
        np.multiply(z[OUTPUT], tanh_c, out=trace.h[:, step.rows])

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, d_c = d_states["h"], d_states["c"]
        gates = trace.gates[:, :, step.rows]
        i, f, o, g = gates
        h, c = trace.h[:, step.rows], trace.states["c"][:, step.rows]
        work, new = trace.scratch[:2, :, : d_h.shape[1]]
        # The state's gradient gains what came through the output: d_h o (1 - tanh_c^2).
        np.multiply(h, trace.states["tanh_c"][:, step.rows], out=work)
        np.subtract(o, work, out=work)
        work *= d_h
        d_c += work

        np.multiply(i, g, out=new)
        np.subtract(c, new, out=work)
        np.subtract(1.0, gates[: self.n_sigmoids], out=d_gates[: self.n_sigmoids])
        d_gates[INPUT] *= new  # d_c g i (1 - i)
        d_gates[FORGET] *= work  # d_c c_{t-1} f (1 - f)
        d_gates[OUTPUT] *= h  # d_h tanh_c o (1 - o)
        d_gates[OUTPUT] *= d_h
        new *= g
        np.subtract(i, new, out=d_gates[CANDIDATE])  # d_c i (1 - g^2)
        d_gates[CANDIDATE] *= d_c
        d_gates[:OUTPUT] *= d_c

        d_c *= f
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)

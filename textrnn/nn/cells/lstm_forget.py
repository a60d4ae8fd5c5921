"""LSTM with the forget gate alone (Johnson and Zhang 2016, section 2.2).

f   = sigmoid(x W_x + h_{t-1} W_h + b)      forget gate
u   = tanh   (x W_x + h_{t-1} W_h + b)      candidate
c_t = f * c_{t-1} + u
h_t = tanh(c_t)

Where a pooling over all states follows, they found the input and the output gate to bring little:
it finds the word that matters by itself. A step takes some two thirds of an LSTM's time; on reviews
the LSTM was the more accurate (docs/results.md).
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

FORGET, CANDIDATE = range(2)


class ForgetLSTMReader(FastReaderWithCell):
    """Of the LSTM with the forget gate alone: gates f, u."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H, dtype = self.hidden_size, self.dtype
        self._gates, self._c = np.empty(2 * H, dtype), np.zeros(H, dtype)

    def read(self, products: Floats, out: Floats) -> None:
        H, W_h, product, half, h = self.hidden_size, self._W_h, self._product, self._half, self._h
        gates, c = self._gates, self._c
        forget, candidate = gates[:H], gates[H:]
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, gates)
            np.tanh(gates, gates)
            np.multiply(forget, half, forget)
            np.add(forget, half, forget)
            np.multiply(c, forget, c)
            np.add(c, candidate, c)
            np.tanh(c, new)
            h = new
        self._h = h


class ForgetLSTM(Cell):
    """Long short-term memory cell without input and output gates."""

    name = "lstm_forget"
    n_gates = 2
    n_sigmoids = 1
    gate_names = ("forget", "candidate")
    keep_gate = "forget"
    fast_reader = ForgetLSTMReader
    state_names = ("h", "c")
    carried_names = ("h", "c")

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        params = super().initialise(rng, shapes, dtype)
        params["b"][FORGET] = 1.0  # remember at first, as in the LSTM
        return params

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = add_recurrence(weights, trace, step)
        np.tanh(z, out=z)
        halved_tanh_to_sigmoid(z[: self.n_sigmoids])
        c = trace.states["c"][:, step.rows]
        c[...] = z[CANDIDATE]
        if step.carried:
            kept = trace.scratch[0, :, : step.carried]
            forget = z[FORGET, :, : step.carried]
            np.multiply(forget, trace.previous("c", step), out=kept)
            c[:, : step.carried] += kept
        np.tanh(c, out=trace.h[:, step.rows])

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, d_c = d_states["h"], d_states["c"]
        f, u = trace.gates[:, :, step.rows]
        h, c = trace.h[:, step.rows], trace.states["c"][:, step.rows]
        work = trace.scratch[0, :, : d_h.shape[1]]
        np.multiply(h, h, out=work)
        np.subtract(1.0, work, out=work)
        work *= d_h
        d_c += work  # d_h (1 - h^2)

        np.subtract(1.0, f, out=d_gates[FORGET])
        np.subtract(c, u, out=work)
        d_gates[FORGET] *= work  # d_c c_{t-1} f (1 - f)
        np.multiply(u, u, out=work)
        np.subtract(1.0, work, out=d_gates[CANDIDATE])  # d_c (1 - u^2)
        d_gates *= d_c

        d_c *= f
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)

"""Gated recurrent unit (Cho et al. 2014), reset after the product (as in PyTorch and cuDNN).

r, u = sigmoid(x W_x + h_{t-1} W_h + b)             reset and update gate
q    = h_{t-1} W_hn + b_q                           recurrent half of the candidate
n    = tanh(x W_xn + b_n + r * q)                   candidate
h_t  = (1 - u) * n + u * h_{t-1}
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from textrnn.nn.cells.base import (
    Cell,
    back_through_weights,
    halved_tanh_to_sigmoid,
)
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params

RESET, UPDATE, CANDIDATE = range(3)


class GRUReader(FastReader):
    """Of the GRU: gates r, u, n."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H = self.hidden_size
        self._b_q = weights["b_q"][direction, 0]
        self._gates = np.empty(2 * H, self.dtype)
        self._candidate = np.empty(H, self.dtype)

    def read(self, products: Floats, out: Floats) -> None:
        H, W_h, product, half, h = self.hidden_size, self._W_h, self._product, self._half, self._h
        gates, n, b_q = self._gates, self._candidate, self._b_q
        reset, update = gates[:H], gates[H:]
        of_gates, q = product[: 2 * H], product[2 * H :]
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x_gates, x_n, new in zip(products[:, : 2 * H], products[:, 2 * H :], out, strict=True):
            h.dot(W_h, product)
            add(x_gates, of_gates, gates)
            tanh(gates, gates)
            multiply(gates, half, gates)
            add(gates, half, gates)
            add(q, b_q, q)
            multiply(reset, q, n)
            add(n, x_n, n)
            tanh(n, n)
            # (1 - u) n + u h = n + u (h - n)
            np.subtract(h, n, new)
            multiply(new, update, new)
            add(new, n, new)
            h = new
        self._h = h


class GRU(Cell):
    """Gated recurrent unit; has the parameter ``b_q`` (S, H) beside the common ones."""

    name = "gru"
    n_gates = 3
    n_sigmoids = 2
    gate_names = ("reset", "update", "candidate")
    keep_gate = "update"
    fast_reader = GRUReader
    state_names = ("h", "q")

    def prepare_forward(self, params: Params) -> Params:
        return {**super().prepare_forward(params), "b_q": params["b_q"][:, np.newaxis]}

    def shapes(
        self, n_directions: int, input_size: int, hidden_size: int
    ) -> dict[str, tuple[int, ...]]:
        common = super().shapes(n_directions, input_size, hidden_size)
        return {**common, "b_q": (n_directions, hidden_size)}

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = trace.gates[:, :, step.rows]
        h, q = trace.h[:, step.rows], trace.states["q"][:, step.rows]
        q[...] = weights["b_q"]
        if k := step.carried:
            product = trace.scratch[:, :, :k]
            np.matmul(trace.previous("h", step), weights["W_h"], out=product)
            z[:CANDIDATE, :, :k] += product[:CANDIDATE]
            q[:, :k] += product[CANDIDATE]
        np.tanh(z[:CANDIDATE], out=z[:CANDIDATE])
        halved_tanh_to_sigmoid(z[:CANDIDATE])
        n = z[CANDIDATE]
        np.multiply(z[RESET], q, out=h)
        n += h
        np.tanh(n, out=n)
        # (1 - u) n + u h_previous = n + u (h_previous - n)
        previous_minus(n, trace, step, out=h)
        h *= z[UPDATE]
        h += n

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h = d_states["h"]
        r, u, n = trace.gates[:, :, step.rows]
        d_r, d_u, d_n = d_gates
        work = trace.scratch[0, :, : d_h.shape[1]]
        np.subtract(1.0, u, out=work)
        previous_minus(n, trace, step, out=d_u)
        d_u *= d_h
        d_u *= work
        d_u *= u
        np.multiply(d_h, work, out=d_n)
        np.multiply(n, n, out=work)
        np.subtract(1.0, work, out=work)
        d_n *= work
        np.multiply(d_n, trace.states["q"][:, step.rows], out=d_r)
        np.subtract(1.0, r, out=work)
        d_r *= work
        d_r *= r

        d_h *= u
        straight = d_h.copy()
        # The candidate's recurrent product was multiplied by r, so its gradient is too.
        d_candidate = d_n.copy()
        d_n *= r
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)
        d_n[...] = d_candidate
        d_h += straight

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        d_recurrent = d_gates.copy()
        d_recurrent[CANDIDATE] *= trace.gates[RESET][:, : d_gates.shape[2]]
        common = super().weight_gradients(trace, previous, d_recurrent)
        return {**common, "b_q": d_recurrent[CANDIDATE].sum(axis=1)}


def previous_minus(n: Floats, trace: Trace, step: Step, out: Floats) -> None:
    """``h_previous - n``, where the state of a document that begins here is zero."""
    np.negative(n, out=out)
    out[:, : step.carried] += trace.previous("h", step)

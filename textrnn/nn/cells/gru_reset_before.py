"""Gated recurrent unit as it was first published (Cho et al. 2014): reset before the product.

r, u = sigmoid(x W_x + h_{t-1} W_h + b)                 reset and update gate
n    = tanh(x W_xn + (r * h_{t-1}) W_hn + b_n)          candidate
h_t  = (1 - u) * n + u * h_{t-1}

The candidate's product has to wait for the reset gate: two products a step where ``gru`` has one.
It is ONNX's GRU with ``linear_before_reset=0``, its default, and that of Keras before version 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from textrnn.nn.cells.base import Cell, halved_tanh_to_sigmoid
from textrnn.nn.cells.gru import CANDIDATE, RESET, UPDATE, previous_minus
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params


class ResetBeforeReader(FastReader):
    """Of the GRU with the reset before the product: gates r, u, n."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        H = self.hidden_size
        self._of_gates = np.ascontiguousarray(self._W_h[:, : 2 * H])
        self._of_candidate = np.ascontiguousarray(self._W_h[:, 2 * H :])
        self._gates = np.empty(2 * H, self.dtype)
        self._kept, self._candidate = np.empty((2, H), self.dtype)

    def read(self, products: Floats, out: Floats) -> None:
        H, of_gates, of_candidate, h = self.hidden_size, self._of_gates, self._of_candidate, self._h
        gates, kept, n, half = self._gates, self._kept, self._candidate, self._half
        reset, update = gates[:H], gates[H:]
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x_gates, x_n, new in zip(products[:, : 2 * H], products[:, 2 * H :], out, strict=True):
            h.dot(of_gates, gates)
            add(gates, x_gates, gates)
            tanh(gates, gates)
            multiply(gates, half, gates)
            add(gates, half, gates)
            multiply(reset, h, kept)
            kept.dot(of_candidate, n)
            add(n, x_n, n)
            tanh(n, n)
            # (1 - u) n + u h = n + u (h - n)
            np.subtract(h, n, new)
            multiply(new, update, new)
            add(new, n, new)
            h = new
        self._h = h


class ResetBeforeGRU(Cell):
    """Gated recurrent unit, reset before the product."""

    name = "gru_reset_before"
    n_gates = 3
    n_sigmoids = 2
    gate_names = ("reset", "update", "candidate")
    keep_gate = "update"
    fast_reader = ResetBeforeReader

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z, h = trace.gates[:, :, step.rows], trace.h[:, step.rows]
        gates, n, k = z[:CANDIDATE], z[CANDIDATE], step.carried
        product, before = trace.scratch[:, :, :k], trace.previous("h", step)
        if k:
            np.matmul(before, weights["W_h"][:CANDIDATE], out=product[:CANDIDATE])
            gates[:, :, :k] += product[:CANDIDATE]
        np.tanh(gates, out=gates)
        halved_tanh_to_sigmoid(gates)
        if k:
            np.multiply(z[RESET, :, :k], before, out=product[RESET])
            np.matmul(product[RESET], weights["W_h"][CANDIDATE], out=product[CANDIDATE])
            n[:, :k] += product[CANDIDATE]
        np.tanh(n, out=n)
        previous_minus(n, trace, step, out=h)
        h *= z[UPDATE]
        h += n

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h = d_states["h"]
        r, u, n = trace.gates[:, :, step.rows]
        d_r, d_u, d_n = d_gates
        products = trace.scratch[:, :, : d_h.shape[1]]
        previous_minus(n, trace, step, out=d_u)
        d_u *= d_h * u * (1.0 - u)
        np.multiply(d_h * (1.0 - u), 1.0 - n * n, out=d_n)
        # Through the candidate's product to r h_{t-1}, and from there to both of them.
        d_kept = np.matmul(d_n, weights["W_h_T"][CANDIDATE], out=products[CANDIDATE])
        np.multiply(d_kept, r * (1.0 - r), out=d_r)
        d_r[:, : step.carried] *= trace.previous("h", step)
        d_r[:, step.carried :] = 0.0

        d_h *= u
        d_kept *= r
        d_h += d_kept
        np.matmul(d_gates[:CANDIDATE], weights["W_h_T"][:CANDIDATE], out=products[:CANDIDATE])
        d_h += products[RESET]
        d_h += products[UPDATE]

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        before = previous("h")
        kept = trace.gates[RESET][:, : d_gates.shape[2]] * before
        d_W_h = np.matmul(before.swapaxes(-1, -2), d_gates)
        np.matmul(kept.swapaxes(-1, -2), d_gates[CANDIDATE], out=d_W_h[CANDIDATE])
        return {"W_h": d_W_h}

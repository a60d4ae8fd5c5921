"""Gated recurrent unit (Cho et al. 2014), reset after the product (as in PyTorch and cuDNN).

r, u = sigmoid(x W_x + h_{t-1} W_h + b)             reset and update gate
q    = h_{t-1} W_hn + b_q                           recurrent half of the candidate
n    = tanh(x W_xn + b_n + r * q)                   candidate
h_t  = (1 - u) * n + u * h_{t-1}
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.cells.base import (
    Cell,
    Step,
    Trace,
    back_through_weights,
    halved_tanh_to_sigmoid,
)
from textrnn.typing import Floats, Params

RESET, UPDATE, CANDIDATE = range(3)


class GRU(Cell):
    """Gated recurrent unit; has the parameter ``b_q`` (H,) beside the common ones."""

    name = "gru"
    n_gates = 3
    n_sigmoids = 2
    state_names = ("h", "q")

    def prepare(self, params: Params) -> Params:
        return {**super().prepare(params), "b_q": params["b_q"]}

    def shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(input_size, hidden_size), "b_q": (hidden_size,)}

    def initialise(
        self, rng: np.random.Generator, input_size: int, hidden_size: int, dtype: np.dtype[Any]
    ) -> Params:
        params = super().initialise(rng, input_size, hidden_size, dtype)
        params["b_q"] = np.zeros(hidden_size, dtype=dtype)
        return params

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = trace.gates[:, step.rows]
        h, q = trace.h[step.rows], trace.states["q"][step.rows]
        k = step.carried
        q[:] = weights["b_q"]
        if k:
            product = trace.scratch[:, :k]
            np.matmul(trace.h[step.previous], weights["W_h"], out=product)
            z[:CANDIDATE, :k] += product[:CANDIDATE]
            q[:k] += product[CANDIDATE]
        np.tanh(z[:CANDIDATE], out=z[:CANDIDATE])
        halved_tanh_to_sigmoid(z[:CANDIDATE])
        n = z[CANDIDATE]
        np.multiply(z[RESET], q, out=h)
        n += h
        np.tanh(n, out=n)
        # (1 - u) n + u h_prev = n + u (h_prev - n)
        np.negative(n, out=h)
        h[:k] += trace.h[step.previous]
        h *= z[UPDATE]
        h += n

    def backward(
        self, params: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h = d_states["h"]
        r, u, n = trace.gates[:, step.rows]
        d_r, d_u, d_n = d_gates
        k = step.carried
        work = trace.scratch[0, : len(d_h)]
        np.negative(n, out=d_u)
        d_u[:k] += trace.h[step.previous]
        d_u *= d_h
        np.subtract(1.0, u, out=work)
        d_u *= work
        d_u *= u
        # work is still 1 - u
        np.multiply(d_h, work, out=d_n)
        np.multiply(n, n, out=work)
        np.subtract(1.0, work, out=work)
        d_n *= work
        np.multiply(d_n, trace.states["q"][step.rows], out=d_r)
        np.subtract(1.0, r, out=work)
        d_r *= work
        d_r *= r

        d_h *= u
        W_h = params["W_h"]
        through = trace.scratch[1, : len(d_h)]
        back_through_weights(d_gates[:CANDIDATE], W_h[:CANDIDATE], through)
        np.multiply(d_n, r, out=work)
        through += work @ W_h[CANDIDATE].T
        d_h += through

    def recurrent_gradient(self, trace: Trace, rows: Any, d_gates: Floats) -> Floats:
        d_recurrent = d_gates.copy()
        d_recurrent[CANDIDATE] *= trace.gates[RESET, rows]
        return d_recurrent

    def own_gradients(self, d_recurrent: Floats) -> Params:
        return {"b_q": d_recurrent[CANDIDATE].sum(axis=0)}

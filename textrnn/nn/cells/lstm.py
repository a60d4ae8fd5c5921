"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

i, f, o = sigmoid(x W_x + h_{t-1} W_h + b)      input, forget and output gate
g       = tanh   (x W_x + h_{t-1} W_h + b)      candidate
c_t     = f * c_{t-1} + i * g
h_t     = o * tanh(c_t)

Gates are stored in the order i, f, o, g: the three sigmoids side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.cells.base import (
    Cell,
    Step,
    Trace,
    add_recurrence,
    back_through_weights,
    halved_tanh_to_sigmoid,
)
from textrnn.typing import Floats, Params

INPUT, FORGET, OUTPUT, CANDIDATE = range(4)


class LSTM(Cell):
    """Long short-term memory cell."""

    name = "lstm"
    n_gates = 4
    n_sigmoids = 3
    state_names = ("h", "c", "tanh_c")
    carried_names = ("h", "c")

    def initialise(
        self, rng: np.random.Generator, input_size: int, hidden_size: int, dtype: np.dtype[Any]
    ) -> Params:
        params = super().initialise(rng, input_size, hidden_size, dtype)
        params["b"][FORGET] = 1.0  # remember at first (Jozefowicz et al. 2015)
        return params

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = add_recurrence(weights, trace, step)
        np.tanh(z, out=z)
        halved_tanh_to_sigmoid(z[: self.n_sigmoids])
        c, tanh_c = trace.states["c"][step.rows], trace.states["tanh_c"][step.rows]
        np.multiply(z[INPUT], z[CANDIDATE], out=c)
        if step.carried:
            kept = trace.scratch[0, : step.carried]
            np.multiply(z[FORGET, : step.carried], trace.states["c"][step.previous], out=kept)
            c[: step.carried] += kept
        np.tanh(c, out=tanh_c)
        np.multiply(z[OUTPUT], tanh_c, out=trace.h[step.rows])

    def backward(
        self, params: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, d_c = d_states["h"], d_states["c"]
        i, f, o, g = trace.gates[:, step.rows]
        tanh_c = trace.states["tanh_c"][step.rows]
        work = trace.scratch[0, : len(d_h)]
        # The state's gradient: what came back along the cell, and through the output.
        np.multiply(tanh_c, tanh_c, out=work)
        np.subtract(1.0, work, out=work)
        work *= o
        work *= d_h
        d_c += work

        np.multiply(d_c, g, out=d_gates[INPUT])
        d_gates[FORGET] = 0.0
        np.multiply(
            d_c[: step.carried],
            trace.states["c"][step.previous],
            out=d_gates[FORGET, : step.carried],
        )
        np.multiply(d_h, tanh_c, out=d_gates[OUTPUT])
        # sigmoid' = s (1 - s), for the three gates at once
        sigmoids = trace.gates[: self.n_sigmoids, step.rows]
        slope = trace.scratch[: self.n_sigmoids, : len(d_h)]
        np.subtract(1.0, sigmoids, out=slope)
        slope *= sigmoids
        d_gates[: self.n_sigmoids] *= slope
        # tanh' = 1 - g^2
        np.multiply(g, g, out=work)
        np.subtract(1.0, work, out=work)
        work *= d_c
        np.multiply(work, i, out=d_gates[CANDIDATE])

        d_c *= f
        back_through_weights(d_gates, params["W_h"], d_h)

"""The simple recurrent network of Elman 1990, with tanh, with ReLU, or with no activation at all.

h_t = f(x_t W_x + h_{t-1} W_h + b)

Without f a state is a sum over the words so far, each multiplied by ``W_h`` as often as there are
words behind it. It is here for its gradient, in which textbooks' formulas hold as they stand: from
step to step it is multiplied by ``W_h`` and by nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.cells.base import Cell, add_recurrence, back_through_weights
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params


class TanhReader(FastReader):
    """Of the cell with a tanh."""

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, h = self._W_h, self._product, self._h
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, new)
            np.tanh(new, new)
            h = new
        self._h = h


class ReluReader(FastReader):
    """Of the cell with a rectifier."""

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, h = self._W_h, self._product, self._h
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, new)
            np.maximum(new, 0.0, out=new)
            h = new
        self._h = h


class LinearReader(FastReader):
    """Of the cell without an activation."""

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, h = self._W_h, self._product, self._h
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, new)
            h = new
        self._h = h


class TanhRNN(Cell):
    """Simple recurrent cell with a tanh."""

    name = "rnn"
    n_gates = 1
    fast_reader = TanhReader

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = add_recurrence(weights, trace, step)
        np.tanh(z[0], out=trace.h[:, step.rows])

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, d_z = d_states["h"], d_gates[0]
        h = trace.h[:, step.rows]
        np.multiply(h, h, out=d_z)
        np.subtract(1.0, d_z, out=d_z)
        d_z *= d_h
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)


class ReluRNN(Cell):
    """Simple recurrent cell with a rectifier; the identity starts its memory (Le et al. 2015)."""

    name = "rnn_relu"
    n_gates = 1
    fast_reader = ReluReader

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        params = super().initialise(rng, shapes, dtype)
        params["W_h"][...] = np.eye(shapes["W_h"][-1])
        return params

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z = add_recurrence(weights, trace, step)
        np.maximum(z[0], 0.0, out=trace.h[:, step.rows])

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h = d_states["h"]
        np.multiply(d_h, trace.h[:, step.rows] > 0, out=d_gates[0])
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)


class LinearRNN(Cell):
    """Simple recurrent cell without an activation."""

    name = "rnn_linear"
    n_gates = 1
    fast_reader = LinearReader

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        trace.h[:, step.rows] = add_recurrence(weights, trace, step)[0]

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        del step
        d_gates[0] = d_states["h"]
        back_through_weights(d_gates, weights, trace.scratch, out=d_states["h"])

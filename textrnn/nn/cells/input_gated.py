"""Cells whose gates see the input alone (Feng et al. 2024), and the time loop they share.

h_t = a_t * h_{t-1} + b_t            a_t and b_t of the input x_t alone

No state is multiplied with a matrix, so there is no ``W_h``, and a and b are made once for each
distinct input of a batch, before the loop. What is left of a step is two calls forward and three
back. The gradient of a, d_h * h_{t-1}, could be taken after the loop, over all rows at once; but
then the states have to be gathered again, and the step that has them at hand is as fast or faster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from textrnn.nn.cells.base import Cell
from textrnn.nn.cells.reader import Reader
from textrnn.nn.cells.step import Step, Trace
from textrnn.typing import Floats, Params

KEPT, NEW = range(2)
"""What ``activate`` of such a cell returns: a, the share of the state that is kept, and b."""


class InputGated(Cell):
    """A kind of it says what a and b are: ``activate`` and its backward pass."""

    recurrent_names: ClassVar[tuple[str, ...]] = ()
    gate_names = ("keep",)
    keep_gate = "keep"

    def shapes(
        self, n_directions: int, input_size: int, hidden_size: int
    ) -> dict[str, tuple[int, ...]]:
        shapes = super().shapes(n_directions, input_size, hidden_size)
        del shapes["W_h"]
        return shapes

    def prepare_forward(self, params: Params) -> Params:
        del params
        return {}

    def prepare_backward(self, params: Params) -> Params:
        del params
        return {}

    @final
    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        del weights
        kept, new = trace.gates[:, :, step.rows]
        h, k = trace.h[:, step.rows], step.carried
        if k == h.shape[1]:
            np.multiply(kept, trace.previous("h", step), out=h)
            h += new
            return
        np.multiply(kept[:, :k], trace.previous("h", step), out=h[:, :k])
        h[:, :k] += new[:, :k]
        h[:, k:] = new[:, k:]

    @final
    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        del weights
        d_h, k = d_states["h"], step.carried
        d_kept, d_gates[NEW] = d_gates[KEPT], d_h
        np.multiply(d_h[:, :k], trace.previous("h", step), out=d_kept[:, :k])
        d_kept[:, k:] = 0.0
        d_h *= trace.gates[KEPT, :, step.rows]

    @final
    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        del trace, previous, d_gates
        return {}

    @final
    def reader(self, params: Params, direction: int) -> Reader:
        del direction  # what differs, the input products, is made already
        return InputGatedReader(self, params["b"].shape[-1], params["b"].dtype)


class InputGatedReader(Reader):
    """One row a step, in two calls.

    Args:
        cell: the kind.
        hidden_size: H.
        dtype: of the state.
    """

    def __init__(self, cell: InputGated, hidden_size: int, dtype: np.dtype[Any]) -> None:
        self._cell, self._first = cell, np.zeros(hidden_size, dtype)
        self._h = self._first

    @property
    def state(self) -> Params:
        return {"h": self._h.copy()}

    @state.setter
    def state(self, state: Params) -> None:
        self._h = state["h"].astype(self._first.dtype)

    def reset(self) -> None:
        self._h = self._first

    def read(self, products: Floats, out: Floats) -> None:
        T, H = out.shape
        of_gates = products.reshape(T, self._cell.n_gates, H).swapaxes(0, 1)
        (kept, new), _ = self._cell.activate(of_gates)
        multiply, add, h = np.multiply, np.add, self._h
        for a, b, row in zip(kept, new, out, strict=True):
            multiply(a, h, row)
            add(row, b, row)
            h = row
        self._h = h

"""The clockwork network (Koutník, Greff, Gomez and Schmidhuber 2014): groups that tick slower.

The units are dealt into groups of periods 1, 2, 4 and 8, the fastest first. At time t, which counts
a text's words from 0, a group whose period divides t takes the simple network's step; the others
keep their state, at no cost.

h_t = tanh(x_t W_x + h_{t-1} W_h + b)       of groups that are due, else h_{t-1}

A group hears itself and slower groups only, so ``W_h`` is block-triangular. The array has room for
the weights that do not exist, too: they start at zero, are never read and have a gradient of zero,
so that no optimiser and no weight decay moves them.

A batch is gone over group by group (``nn.cells.clockwork_pass``); what is here is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from textrnn.nn.cells.base import Cell
from textrnn.nn.cells.batch_pass import BatchPass
from textrnn.nn.cells.clockwork_pass import ClockworkPass
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import TIME, Step, Trace
from textrnn.nn.cells.ticks import PERIODS, groups
from textrnn.typing import Floats, Ints, Params


def due_at(time: int, hidden_size: int) -> list[slice]:
    """The groups that are due: as each period divides the next, the first ones."""
    found = zip(PERIODS, groups(hidden_size), strict=False)
    return [group for period, group in found if time % period == 0]


class ClockworkReader(FastReader):
    """Of the clockwork network: the columns of the groups that are due, in one product."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        ends = [group.stop for group in groups(self.hidden_size)]
        leading = [(n, np.ascontiguousarray(self._W_h[:, :n]), self._product[:n]) for n in ends]
        self._due = [leading[len(due_at(t, self.hidden_size)) - 1] for t in range(PERIODS[-1])]
        self._n = 0

    @property
    def state(self) -> Params:
        return {"h": self._h.copy(), TIME: np.array([self._n], np.float64)}

    @state.setter
    def state(self, state: Params) -> None:
        self._h, self._n = state["h"].astype(self.dtype), int(state[TIME][0])

    def reset(self) -> None:
        self._h, self._n = self._first, 0

    def read(self, products: Floats, out: Floats) -> None:
        h, n, due = self._h, self._n, self._due
        for x, new in zip(products, out, strict=True):
            end, W_h, product = due[n % len(due)]
            h.dot(W_h, product)
            np.add(x[:end], product, product)
            np.tanh(product, new[:end])
            new[end:] = h[end:]
            h = new
            n += 1
        self._h, self._n = h, n


class Clockwork(Cell):
    """Simple recurrent cell in groups of units that tick at different rates."""

    name = "clockwork"
    n_gates = 1
    needs_times = True
    batch_pass: ClassVar[type[BatchPass] | None] = ClockworkPass
    fast_reader = ClockworkReader

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        """Each group begins as a simple network by itself, of orthogonal weights."""
        params = super().initialise(rng, shapes, dtype)
        W_h = np.zeros_like(params["W_h"])
        for group in groups(W_h.shape[-1]):
            block = rng.standard_normal(W_h[..., group, group].shape)
            W_h[..., group, group] = np.linalg.qr(block)[0]
        return {**params, "W_h": W_h}

    def prepare_forward(self, params: Params) -> Params:
        return {"W_h": without_what_is_not_there(params["W_h"])}

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        W_h, k, z = weights["W_h"][0], step.carried, trace.gates[0, :, step.rows]
        h = trace.h[:, step.rows]
        h[:, :k], h[:, k:] = trace.previous("h", step), 0.0
        before = h.copy()
        for rows, group in _due(step, h.shape[-1]):
            heard = before[:, rows, group.start :] @ W_h[:, group.start :, group]
            h[:, rows, group] = np.tanh(z[:, rows, group] + heard)

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        W_h_T, d_h, d_x = weights["W_h_T"][0], d_states["h"], d_gates[0]
        h = trace.h[:, step.rows]
        d_x[...] = 0.0
        for rows, group in _due(step, h.shape[-1]):
            d_x[:, rows, group] = d_h[:, rows, group] * (1.0 - h[:, rows, group] ** 2)
            d_h[:, rows, group] = 0.0
        for rows, group in _due(step, h.shape[-1]):
            d_h[:, rows, group.start :] += d_x[:, rows, group] @ W_h_T[:, group, group.start :]

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        found = super().weight_gradients(trace, previous, d_gates)
        return {"W_h": without_what_is_not_there(found["W_h"])}


def without_what_is_not_there(W_h: Floats) -> Floats:
    """A copy with zeros in place of the weights from faster groups to slower ones."""
    found = np.zeros_like(W_h)
    for group in groups(W_h.shape[-1]):
        found[..., group.start :, group] = W_h[..., group.start :, group]
    return found


def _due(step: Step, hidden_size: int) -> list[tuple[Ints, slice]]:
    """The groups, and the rows of a step in which each is due."""
    assert step.times is not None
    return [
        (np.flatnonzero(step.times % period == 0), group)
        for period, group in zip(PERIODS, groups(hidden_size), strict=False)
    ]

"""The clockwork network (Koutník, Greff, Gomez and Schmidhuber 2014): groups that tick slower.

The units are dealt into groups of periods 1, 2, 4 and 8, the fastest first. At time t, which counts
a text's words from 0, a group whose period divides t takes the simple network's step; the others
keep their state, at no cost.

h_t = tanh(x_t W_x + h_{t-1} W_h + b)       of groups that are due, else h_{t-1}

A group hears itself and slower groups only, so ``W_h`` is block-triangular. The array has room for
the weights that do not exist, too: they start at zero, are never read and have a gradient of zero,
so that no optimiser and no weight decay moves them.

As each period divides the next, the groups that are due are the first ones: a step works on the
leading units alone. The rows of one step may stand at different times; then those in which equally
many groups are due are taken together. Where there is a backward pass this is rare, as texts are
aligned at their beginnings (``nn.beginnings``).

The leading units of some rows are short pieces of memory, on which a call of NumPy's takes as long
as on whole rows. So they are copied, worked on side by side, and written back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from textrnn.nn.cells.base import Cell
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.cells.step import TIME, Step, Trace
from textrnn.typing import Floats, Ints, Params

PERIODS = (1, 2, 4, 8)
N_DUE = [sum(t % period == 0 for period in PERIODS) for t in range(PERIODS[-1])]
"""How many groups are due, by the time modulo the longest period."""


@cache
def groups(hidden_size: int) -> list[slice]:
    """The units of each group: as equal as can be, the faster ones larger; none is empty."""
    n = min(len(PERIODS), hidden_size)
    ends = np.cumsum([hidden_size // n + (i < hidden_size % n) for i in range(n)]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


@cache
def due_groups(hidden_size: int) -> list[list[slice]]:
    """The groups that are due, by the time modulo the longest period."""
    return [groups(hidden_size)[:n] for n in N_DUE]


def parts_of(step: Step, hidden_size: int) -> list[tuple[slice | Ints, list[slice]]]:
    """The rows of a step by the groups that are due in them."""
    assert step.times is not None
    due, phases = due_groups(hidden_size), step.times % PERIODS[-1]
    if (phases == phases[0]).all():
        return [(slice(None), due[phases[0]])]
    n_due = np.array([len(of_time) for of_time in due])[phases]
    return [
        (np.flatnonzero(n_due == n), groups(hidden_size)[:n]) for n in np.unique(n_due).tolist()
    ]


class ClockworkReader(FastReader):
    """Of the clockwork network: the columns of the groups that are due, in one product."""

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        super().__init__(weights, direction, n_sigmoids)
        ends = [group.stop for group in groups(self.hidden_size)]
        leading = [(n, np.ascontiguousarray(self._W_h[:, :n]), self._product[:n]) for n in ends]
        self._due = [leading[len(due) - 1] for due in due_groups(self.hidden_size)]
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
    prefers_one_time = True
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
        # With zeros where there is no weight, for the reader that takes leading columns whole.
        W_h = np.zeros_like(params["W_h"])
        for group in groups(W_h.shape[-1]):
            W_h[..., group.start :, group] = params["W_h"][..., group.start :, group]
        return {"W_h": W_h}

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        W_h, k = weights["W_h"][0], step.carried
        x, h = trace.gates[0, :, step.rows], trace.h[:, step.rows]
        h[:, :k], h[:, k:] = trace.previous("h", step), 0.0
        for rows, due in parts_of(step, h.shape[-1]):
            before, n = h[:, rows], due[-1].stop
            z = x[:, rows, :n].copy()
            product = np.empty_like(z)
            for group in due:
                heard = slice(group.start, None)
                np.matmul(before[..., heard], W_h[:, heard, group], out=product[..., group])
            z += product
            h[:, rows, :n] = np.tanh(z, out=z)

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        W_h_T, d_h, d_x = weights["W_h_T"][0], d_states["h"], d_gates[0]
        h = trace.h[:, step.rows]
        for rows, due in parts_of(step, h.shape[-1]):
            n = due[-1].stop
            d_z = h[:, rows, :n].copy()
            d_z *= d_z
            np.subtract(1.0, d_z, out=d_z)
            d_z *= d_h[:, rows, :n].copy()
            d_x[:, rows, :n], d_x[:, rows, n:] = d_z, 0.0
            d_h[:, rows, :n] = 0.0
            product = np.empty_like(h[:, rows])
            for group in due:  # is heard by itself and faster ones; who is not due by all that are
                own = slice(group.start, None if group is due[-1] else group.stop)
                by = slice(group.stop)
                np.matmul(d_z[..., by], W_h_T[:, by, own], out=product[..., own])
            d_h[:, rows] += product

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        """Those of each group are taken over the rows alone in which it was due."""
        before, H, L = previous("h"), d_gates.shape[-1], d_gates.shape[2]
        d_W_h = np.zeros((*d_gates.shape[:2], H, H), d_gates.dtype)
        for group, period in zip(groups(H), PERIODS, strict=False):
            heard, d_z = before, d_gates[0, ..., group].copy()
            if trace.times is not None and period > 1:
                rows = np.flatnonzero(trace.times[:L] % period == 0)
                heard, d_z = before.take(rows, axis=1), d_z.take(rows, axis=1)
            by_group = np.matmul(heard[..., group.start :].swapaxes(-1, -2), d_z)
            d_W_h[0, :, group.start :, group] = by_group
        return {"W_h": d_W_h}

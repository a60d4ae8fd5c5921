"""Singular values of ∂h_t/∂h_{t-1}: by how much one word can stretch a gradient, or shrink it.

Where the largest is below 1 at every step, a gradient vanishes; where one is above 1, it may
explode (Pascanu, Mikolov and Bengio 2013). That of h alone leaves out what a cell carries beside
it: an LSTM's memory is in its cell state. So there are those of the whole carried state, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.cells import Cell, Trace
from textrnn.nn.jacobian import state_jacobian
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Bools, Floats, Ints, Params

STEPS = 100
"""Steps that are looked at."""
QUANTILES = {"p10": 0.1, "median": 0.5, "p90": 0.9}
NUMBERS_AT_ONCE = 2**22
"""Of the Jacobians that are made together: 32 MB."""


@dataclass(frozen=True)
class SingularValues:
    """Of the Jacobians of some steps: quantiles over these, by the names in ``QUANTILES``.

    Attributes:
        steps: how many, drawn from all but the first words of texts.
        largest: the largest singular value of each.
        median: the median one.
        smallest: the smallest one.
    """

    steps: int
    largest: dict[str, float]
    median: dict[str, float]
    smallest: dict[str, float]


class Jacobians:
    """Collects singular values of the steps of a layer, both directions."""

    def __init__(self, cell: Cell, params: Params) -> None:
        self._cell, self._params = cell, params
        self._of_h: list[Floats] = []
        self._of_all: list[Floats] = []

    def add(self, trace: Trace, batch: PackedBatch, is_chosen: Bools) -> None:
        """Take in the chosen rows, (N,), of a batch, but for those of first words."""
        H, cell = trace.h.shape[-1], self._cell
        size = len(cell.carried_names) * H
        rows = np.flatnonzero(is_chosen & (batch.previous_rows >= 0))
        n = max(NUMBERS_AT_ONCE // (size * size), 1)
        for start in range(0, len(rows), n):
            steps = steps_at(cell, trace, batch, rows[start : start + n])
            state = state_jacobian(cell, self._params, steps)
            h = cell.carried_names.index("h") * H
            self._of_h.append(_singular(state[..., h : h + H, h : h + H]))
            if size > H:
                self._of_all.append(_singular(state))

    def of_h(self, direction: int) -> SingularValues | None:
        """Of ∂h_t/∂h_{t-1}; None where no text has two words."""
        return _summary(self._of_h, direction)

    def of_all(self, direction: int) -> SingularValues | None:
        """Of the whole carried state; None where that is h alone."""
        return _summary(self._of_all, direction)


def steps_at(cell: Cell, trace: Trace, batch: PackedBatch, rows: Ints) -> Trace:
    """Some rows of a pass that began with zeros, as steps of their own; none is a first word's."""
    before = batch.previous_rows[rows]
    states = {name: value[:, rows] for name, value in trace.states.items()}
    initial = {name: trace.states[name][:, before] for name in cell.carried_names}
    times = batch.numbers[rows] - 1 if cell.needs_times else None
    gates = trace.gates[:, :, rows]
    return Trace(gates, states, np.zeros_like(gates), initial, times)


def _singular(jacobians: Floats) -> Floats:
    """The singular values of (S, L, M, M), (S, L, M), in descending order."""
    finite = np.isfinite(jacobians).all(axis=(-1, -2), keepdims=True)
    values: Floats = np.linalg.svd(np.where(finite, jacobians, 0.0), compute_uv=False)
    return values


def _summary(found: list[Floats], direction: int) -> SingularValues | None:
    if not found:
        return None
    values = np.concatenate(found, axis=1)[direction]
    columns = (values[:, 0], np.median(values, axis=1), values[:, -1])
    levels = list(QUANTILES.values())
    named = [
        dict(zip(QUANTILES, np.quantile(column, levels).tolist(), strict=True))
        for column in columns
    ]
    return SingularValues(len(values), *named)

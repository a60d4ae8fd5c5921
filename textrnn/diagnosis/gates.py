"""How open the gates of a cell are, and how near to its bounds the state.

A sigmoid below 0.1 or above 0.9, or a tanh beyond 0.9, hardly moves with its input: what comes
through it is decided, and little gradient does. A gate that keeps the state from one word to the
next says by itself how long it is kept: f a word leaves f^n after n words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.diagnosis.decay import memory_length
from textrnn.nn.cells import Cell, Trace
from textrnn.typing import Floats

LOW, HIGH = 0.1, 0.9
STATE = "state"
"""The name of the output beside those of the gates."""
NEARLY_NOTHING = 1e-300
"""What an open gate's logarithm is taken of at the least."""


@dataclass(frozen=True)
class GateActivity:
    """What one gate does over all words and units.

    Attributes:
        kind: ``sigmoid``, ``tanh``, or ``state``, which is the output h.
        mean: of its values; of a tanh or a state, of what they are without their signs.
        low: share of these below 0.1.
        high: share above 0.9.
        memory: of the gate that keeps a state, the words after which a tenth of it is left, in the
            median unit, each with the geometric mean of its values; None of other gates, and where
            nothing is forgotten.
        longest_memory: the same of the unit that keeps it longest.
    """

    kind: str
    mean: float
    low: float
    high: float
    memory: float | None = None
    longest_memory: float | None = None


class Gates:
    """Adds up what the gates of a layer and direction do, batch after batch."""

    def __init__(self, cell: Cell, direction: int) -> None:
        self._cell, self._direction = cell, direction
        self._names = (*cell.gate_names, STATE)
        self._sums = np.zeros((len(self._names), 3))
        self._logarithms: Floats = np.zeros(())
        self._n_values = self._n_words = 0

    def add(self, trace: Trace) -> None:
        """Take in the words of a batch."""
        s = self._direction
        for number, name in enumerate(self._names):
            values = trace.h[s] if name == STATE else trace.gates[number, s]
            sizes = np.abs(values)
            self._sums[number] += sizes.sum(), (sizes < LOW).sum(), (sizes > HIGH).sum()
            if name == self._cell.keep_gate:
                logarithms = np.log(np.maximum(values, NEARLY_NOTHING))
                self._logarithms = self._logarithms + logarithms.sum(axis=0)
        self._n_values += trace.h[s].size
        self._n_words += len(trace.h[s])

    def activity(self) -> dict[str, GateActivity]:
        """By the names of the gates, and of the output."""
        found = {}
        for number, name in enumerate(self._names):
            mean, low, high = (self._sums[number] / self._n_values).tolist()
            memory = longest = None
            if name == self._cell.keep_gate:
                kept = np.exp(self._logarithms / self._n_words)
                memory = memory_length(float(np.median(kept)))
                longest = memory_length(float(kept.max()))
            found[name] = GateActivity(self._kind(number), mean, low, high, memory, longest)
        return found

    def _kind(self, number: int) -> str:
        name = self._names[number]
        if name == STATE:
            return STATE
        is_share = number < self._cell.n_sigmoids or name == self._cell.keep_gate
        return "sigmoid" if is_share else "tanh"

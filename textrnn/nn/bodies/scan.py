"""A layer that goes over the words with a step that has no weights: it adds, moves and bends.

All weights are in the input products, which are there for all words before the first step. What
a step makes of them and of a state is written once, for n documents side by side; here it is
taken over a batch, word by word over one document, and back.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from textrnn.nn.bodies.layer import Layer, LayerGradients
from textrnn.nn.cells import TIME, Reader
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather, sum_by_index
from textrnn.nn.recurrent import Watch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

ROWS_AT_ONCE = 1_024
"""Rows whose products are gathered together: they stay in the cache, and no trace keeps them."""
CHECK_EVERY = 8
"""Steps between two looks at whether there is any gradient left to carry back."""


@dataclass(frozen=True)
class ScanTrace:
    """What the backward pass needs."""

    h: Floats
    """The outputs, (S, N, H)."""
    kept: list[Any]
    """What each step returned, that of the documents' last words first."""


class ScanLayer(Layer):
    """Input products and a state go into a step, an output and the next state come out.

    Args:
        n_gates: G.
        n_directions: S.
        hidden_size: H of each gate.
        state_sizes: by name the size of each state that is carried, all zero at first.
        dtype: of all arrays.
    """

    counts_words: ClassVar[bool] = False
    """Whether the state holds, as ``TIME``, the words read before: no gradient goes there."""

    def __init__(
        self,
        *,
        n_gates: int,
        n_directions: int,
        hidden_size: int,
        state_sizes: dict[str, int],
        dtype: np.dtype[Any],
    ) -> None:
        self.n_gates, self.n_directions = n_gates, n_directions
        self.hidden_size, self.dtype = hidden_size, dtype
        self.width = hidden_size
        self.scale = np.ones((n_gates, 1, 1, 1), dtype=dtype)
        self._sizes = state_sizes

    @abstractmethod
    def step(self, gates: Floats, state: Params, h: Floats) -> Any:
        """Read one word of n documents; return what ``step_back`` needs beside the output.

        Args:
            gates: their input products, (G, S, n, H); may be overwritten.
            state: arrays (S, n, ...) by name, turned into those after the step.
            h: receives the outputs, (S, n, width).
        """

    @abstractmethod
    def step_back(
        self, h: Floats, kept: Any, d_h: Floats | None, d_state: Params, d_gates: Floats
    ) -> None:
        """Carry the gradient of a step's output and states back.

        Args:
            h: the outputs, (S, n, width).
            kept: what ``step`` returned.
            d_h: gradient of the outputs, or None where that is zero.
            d_state: gradients of the states after the step, turned into those before it.
            d_gates: receives that of the input products, (G, S, n, H).
        """

    def zero_state(self, n_documents: int) -> Params:
        """The state before the first word."""
        shape = (self.n_directions, n_documents)
        state = {name: np.zeros((*shape, n), self.dtype) for name, n in self._sizes.items()}
        return {**state, TIME: np.zeros((*shape, 1))} if self.counts_words else state

    def forward(
        self,
        weights: Params,
        products: Floats,
        indices: Ints,
        batch: PackedBatch,
        *,
        initial: Params | None = None,
        workspace: Workspace,
    ) -> tuple[ScanTrace, Params]:
        del weights
        shape = (self.n_directions, batch.n_tokens, self.width)
        h, kept = workspace.take("h", shape, self.dtype), []
        state = self._state(batch.n_sequences, initial)
        for rows, gates in _gathered(products, indices, batch, workspace):
            kept.append(self.step(gates, _of_first(state, gates.shape[2]), h[:, rows]))
        return ScanTrace(h, kept[::-1]), state

    def read(
        self,
        weights: Params,
        products: Floats,
        indices: Ints,
        batch: PackedBatch,
        take_in: Callable[[Floats], None],
        *,
        initial: Params | None = None,
        workspace: Workspace,
    ) -> Params:
        del weights
        shape = (self.n_directions, batch.n_sequences, self.width)
        out = workspace.take("h", shape, self.dtype)
        state = self._state(batch.n_sequences, initial)
        for _, gates in _gathered(products, indices, batch, workspace):
            n = gates.shape[2]
            self.step(gates, _of_first(state, n), out[:, :n])
            take_in(out[:, :n])
        return state

    def backward(
        self,
        weights: Params,
        trace: ScanTrace,
        indices: Ints,
        batch: PackedBatch,
        *,
        n_products: int,
        d_outputs: Floats | None,
        d_last: Floats | None,
        d_final: Params | None,
        gradient_floor: float,
        watch: Watch | None,
        workspace: Workspace,
    ) -> LayerGradients:
        del weights, gradient_floor, watch  # the states add up and are no output: h is
        d_state = self.zero_state(batch.n_sequences)
        d_state.pop(TIME, None)
        for name, d in (d_final or {}).items():
            d_state[name] += d
        shape = (self.n_gates, self.n_directions, batch.n_tokens, self.hidden_size)
        d_gates = workspace.take("d_gates", shape, self.dtype)
        passed = 0
        for t, (start, n) in enumerate(batch.steps):
            rows = slice(start, start + n)
            d_h = None if d_outputs is None else d_outputs[:, rows]
            if t == 0 and d_last is not None:
                d_h = d_last if d_h is None else d_h + d_last
            if d_h is None and t % CHECK_EVERY == 0 and _is_zero(d_state):
                break  # and so it is from here on
            of_step = _of_first(d_state, n)
            self.step_back(trace.h[:, rows], trace.kept[t], d_h, of_step, d_gates[:, :, rows])
            passed = rows.stop
        d_products = sum_by_index(
            d_gates[:, :, :passed], indices[:, :passed], n_products, workspace=workspace
        )
        return LayerGradients(d_products, {}, d_state, passed)

    def reader(self, weights: Params, direction: int) -> Reader:
        del weights, direction
        return ScanReader(self)

    def _state(self, n_documents: int, initial: Params | None) -> Params:
        """Where a pass begins: a state of its own, which the steps change.

        Raises:
            ValueError: the initial states have other names or shapes than the layer's.
        """
        state = self.zero_state(n_documents)
        if initial is not None:
            wanted = {name: value.shape for name, value in state.items()}
            found = {name: value.shape for name, value in initial.items()}
            if found != wanted:
                raise ValueError(f"initial states must be {wanted}, not {found}")
            for name, value in initial.items():
                state[name][...] = value
        return state


class ScanReader(Reader):
    """The same step for one document."""

    def __init__(self, layer: ScanLayer) -> None:
        self._layer = layer
        self.reset()

    @property
    def state(self) -> Params:
        return {name: value[0, 0].copy() for name, value in self._state.items()}

    @state.setter
    def state(self, state: Params) -> None:
        self.reset()
        for name, value in state.items():
            self._state[name][0, 0] = value

    def reset(self) -> None:
        self._state = {name: value[:1] for name, value in self._layer.zero_state(1).items()}

    def read(self, products: Floats, out: Floats) -> None:
        layer = self._layer
        gates = products.reshape(len(products), layer.n_gates, 1, 1, layer.hidden_size)
        for of_word, h in zip(gates, out, strict=True):
            layer.step(of_word, self._state, h[np.newaxis, np.newaxis])


def _is_zero(states: Params) -> bool:
    return not any(value.any() for value in states.values())


def _of_first(state: Params, n: int) -> Params:
    """Views of the states of the first n documents: those that have begun."""
    return {name: value[:, :n] for name, value in state.items()}


def _gathered(
    products: Floats, indices: Ints, batch: PackedBatch, workspace: Workspace
) -> Iterator[tuple[slice, Floats]]:
    """The rows of each step, from the documents' first words on, and their products."""
    steps = batch.steps
    room, last = max(ROWS_AT_ONCE, batch.n_sequences), len(steps)
    while last:
        first = last - 1
        end = sum(steps[first])
        while first and end - steps[first - 1][0] <= room:
            first -= 1
        start = steps[first][0]
        gates = gather(products, indices[:, start:end], workspace=workspace)
        for row, n in reversed(steps[first:last]):
            yield slice(row, row + n), gates[:, :, row - start : row - start + n]
        last = first

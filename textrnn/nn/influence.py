"""Real-time recurrent learning (Williams and Zipser 1989): gradients that are carried forward.

    I_t = J_t I_{t-1} + K_t        J_t = d state_t / d state_{t-1},  K_t = d state_t / d θ in step t
    dL/dθ = sum_t dL/dh_t I_t

``I_t``, the influence of all parameters on the state, is known as soon as word t is read; nothing
of earlier words is kept for it, so it does not grow with the length of a text but for its distinct
words. States and gates are those of a forward pass over the whole batch, kept as for a backward
pass: they tell each ``dL/dh_t`` and ``J_t``. A word costs O(M² P) for M states and P parameters,
where a backward pass takes O(P).

Parameters are those of the recurrence, and what the inputs come from: where words are read, the
input products of each distinct word of a text, from which the gradients of vectors, ``W_x`` and
``b`` follow at the end by the same sums as in a backward pass; where numbers are, or vectors that
do not learn, ``W_x`` and ``b``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.bodies.base import Body
from textrnn.nn.bodies.passes import BodyCache, LayerCache
from textrnn.nn.cells import Cell, Step, Trace
from textrnn.nn.gradients import Gradients
from textrnn.nn.jacobian import jacobian_of
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ints

ROOM = 2**26
"""Bytes of the influences of texts that are gone through side by side."""
COPIES = 4
"""Of the influences: those before a word and after it, and what the word adds, in its parts too."""


def influence_backward(
    body: Body, cache: BodyCache, d_outputs: Floats, *, frozen: Collection[str] = ()
) -> Gradients:
    """What ``Body.backward`` finds of a body of one recurrent layer that reads one way.

    Args:
        body: the body.
        cache: of a forward pass from states of zeros, by which each output's gradient is known.
        d_outputs: gradient of the outputs, (1, N, H).
        frozen: parameters whose gradient is not wanted; those of vectors cost the most.
    """
    (layer,), batch = cache.layers, cache.batch
    assert body.cell is not None
    table = body.input.table
    # Words that look up rows of W_x have no vectors, be W_x frozen.
    words = table is not None and (table not in frozen or body.input.size is None)
    source: _Source = (_Words if words else _Vectors)(body, layer, batch)
    shapes = body.cell.shapes(1, 1, body.width)
    own_shapes = {name: shape for name, shape in shapes.items() if name not in ("W_x", "b")}
    n_own = sum(int(np.prod(shape)) for shape in own_shapes.values())
    M = len(body.cell.carried_names) * body.width
    row = COPIES * body.dtype.itemsize * M * (source.n_columns + n_own)
    total = np.zeros((batch.n_sequences, source.n_columns + n_own), body.dtype)
    together = max(ROOM // row, 1)
    for first in range(0, batch.n_sequences, together):
        documents = slice(first, min(first + together, batch.n_sequences))
        _go_through(body.cell, layer, batch, source, own_shapes, d_outputs, documents, total)
    own, place = {}, source.n_columns
    summed = total.sum(axis=0)
    for name, shape in own_shapes.items():
        size = int(np.prod(shape))
        own[name] = summed[place : place + size].reshape(shape)
        own[name] *= layer.masks.get(name, 1.0)
        place += size
    of_weights, of_input = source.gradients(total[:, : source.n_columns])
    of_layer = {**own, **body.layers[0].of_inputs_backward(of_weights)}
    return {**of_input, **{f"{body.prefix}.0.{name}": value for name, value in of_layer.items()}}


def _go_through(
    cell: Cell,
    layer: LayerCache,
    batch: PackedBatch,
    source: _Source,
    own_shapes: dict[str, tuple[int, ...]],
    d_outputs: Floats,
    documents: slice,
    total: Floats,
) -> None:
    """Carry the influences along some texts and add up their gradients, (B, columns)."""
    H = d_outputs.shape[-1]
    place, M = cell.carried_names.index("h") * H, len(cell.carried_names) * H
    shape = (documents.stop - documents.start, M, total.shape[1])
    influence, work = np.zeros(shape, total.dtype), np.zeros(shape, total.dtype)
    for step in reversed(recurrent.unroll(batch, layer.trace.read_before)):
        rows = slice(
            step.rows.start + documents.start, min(step.rows.stop, step.rows.start + documents.stop)
        )
        n = rows.stop - rows.start
        if n <= 0:
            continue
        steps = _steps(cell, layer, step, rows, documents.start)
        jacobian = jacobian_of(cell, layer.weights, steps, of_params=True)
        np.matmul(jacobian.state[0], influence[:n], out=work[:n])
        own = [jacobian.params[name][0].reshape(n, M, -1) for name in own_shapes]
        immediate = [source.immediate(jacobian.inputs[0], rows), *own]
        work[:n] += np.concatenate(immediate, axis=-1)
        influence, work = work, influence
        d_h = d_outputs[0, rows, np.newaxis]
        if d_h.any():
            total[documents][:n] += (d_h @ influence[:n, place : place + H])[:, 0]


def _steps(cell: Cell, layer: LayerCache, step: Step, rows: slice, first: int) -> Trace:
    """The rows of a step of some texts, as ``jacobian_of`` takes them."""
    trace, n = layer.trace, rows.stop - rows.start
    inputs = layer.indices[0][rows]
    before = {}
    for name in cell.carried_names:
        before[name] = np.zeros((1, n, trace.h.shape[-1]), trace.h.dtype)
        found = trace.states[name][:, step.previous][:, first : first + n]
        before[name][:, : found.shape[1]] = found
    return Trace(
        trace.gates[:, :, rows],
        {name: values[:, rows] for name, values in trace.states.items()},
        trace.scratch,
        before,
        None if step.times is None else step.times[first : first + n],
        tuple(values[..., inputs, :] for values in trace.activated),
    )


class _Source(ABC):
    """What a layer's inputs come from, whose influence is carried.

    Attributes:
        n_columns: numbers of it.
    """

    n_columns: int

    @abstractmethod
    def __init__(self, body: Body, layer: LayerCache, batch: PackedBatch) -> None: ...

    @abstractmethod
    def immediate(self, inputs: Floats, rows: slice) -> Floats:
        """Derivatives by it, (n, M, columns), from those by input products, (n, M, G, H)."""

    @abstractmethod
    def gradients(self, total: Floats) -> tuple[Gradients, Gradients]:
        """Those of ``W_x`` and ``b``, and of the input's parameters, from its own (B, columns)."""


class _Words(_Source):
    """The input products of each distinct word of a text."""

    def __init__(self, body: Body, layer: LayerCache, batch: PackedBatch) -> None:
        self._body, self._layer, self._batch = body, layer, batch
        assert body.cell is not None
        G, H = body.cell.n_gates, body.width
        keys = batch.documents * layer.n_products + layer.indices[0]
        distinct, of_rows = np.unique(keys, return_inverse=True)
        self._owners, self._words = np.divmod(distinct, layer.n_products)
        # Each word's place among those of its text.
        self._places = np.arange(len(distinct)) - np.searchsorted(self._owners, self._owners)
        self._of_rows: Ints = self._places[of_rows.reshape(-1)]
        self._shape = (int(self._places.max()) + 1, G, H)
        self.n_columns = int(np.prod(self._shape))

    def immediate(self, inputs: Floats, rows: slice) -> Floats:
        n, M = inputs.shape[:2]
        found = np.zeros((n, M, *self._shape), inputs.dtype)
        found[np.arange(n), :, self._of_rows[rows]] = inputs
        return found.reshape(n, M, -1)

    def gradients(self, total: Floats) -> tuple[Gradients, Gradients]:
        body, layer = self._body, self._layer
        of_texts = total.reshape(-1, *self._shape)[self._owners, self._places]
        of_words = np.zeros((layer.n_products, *self._shape[1:]), total.dtype)
        np.add.at(of_words, self._words, of_texts)
        products = np.ascontiguousarray(of_words.transpose(1, 0, 2))[:, np.newaxis]
        weights = body.layers[0].of_inputs(body.layer(0))
        _, of_weights, of_input = body.input.backward(products, layer.inputs, weights, self._batch)
        return of_weights, of_input


class _Vectors(_Source):
    """``W_x`` and ``b``, by vectors that do not learn."""

    def __init__(self, body: Body, layer: LayerCache, batch: PackedBatch) -> None:
        del batch
        assert body.cell is not None
        assert layer.inputs.x is not None
        x = layer.inputs.x[layer.indices[0]]
        self._x = np.concatenate([x, np.ones_like(x[:, :1])], axis=1)
        self._shape = (self._x.shape[1], body.cell.n_gates, body.width)
        self.n_columns = int(np.prod(self._shape))

    def immediate(self, inputs: Floats, rows: slice) -> Floats:
        n, M = inputs.shape[:2]
        found: Floats = self._x[rows, np.newaxis, :, np.newaxis] * inputs.reshape(n, M, 1, -1)
        return found.reshape(n, M, -1)

    def gradients(self, total: Floats) -> tuple[Gradients, Gradients]:
        of_all = total.sum(axis=0).reshape(self._shape).transpose(1, 0, 2)[:, np.newaxis]
        return {"W_x": of_all[:, :, :-1], "b": of_all[:, :, -1]}, {}

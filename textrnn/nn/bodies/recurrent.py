"""Recurrent layers: a cell, unrolled over the batch (``nn/recurrent.py``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.bodies.base import Body
from textrnn.nn.bodies.layer import Layer, LayerGradients
from textrnn.nn.cells import Cell, Reader, Trace
from textrnn.nn.dropout import Dropout
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather, sum_by_index
from textrnn.nn.recurrent import Watch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params


class RecurrentLayer(Layer):
    """A cell that goes over the words one after the other.

    Args:
        cell: the kind of recurrence.
        n_directions: S.
        hidden_size: H of each direction.
        dtype: of the parameters.
    """

    def __init__(
        self, cell: Cell, *, n_directions: int, hidden_size: int, dtype: np.dtype[Any]
    ) -> None:
        self.cell, self.width = cell, hidden_size
        self._n_directions, self._dtype = n_directions, dtype
        self.scale = cell.gate_scale(dtype)

    def shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        return self.cell.shapes(self._n_directions, input_size, self.width)

    def initialise(self, rng: np.random.Generator, input_size: int) -> Params:
        return self.cell.initialise(rng, self.shapes(input_size), self._dtype)

    def masks(self, weights: Params, dropout: Dropout) -> Params:
        names = self.cell.recurrent_names
        drawn = {n: dropout.of_recurrent(weights[n].shape, self._dtype) for n in names}
        return {name: mask for name, mask in drawn.items() if mask is not None}

    def forward(
        self,
        weights: Params,
        products: Floats,
        indices: Ints,
        batch: PackedBatch,
        *,
        initial: Params | None = None,
        workspace: Workspace,
    ) -> tuple[Trace, Params]:
        activated, cache = self.cell.activate(products)
        gates = gather(activated, indices, workspace=workspace)
        trace, final = recurrent.forward(
            self.cell, weights, gates, batch, initial=initial, workspace=workspace
        )
        return replace(trace, activated=cache), final

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
        return recurrent.read(
            self.cell,
            weights,
            self.cell.activate(products)[0],
            indices,
            batch,
            take_in,
            initial=initial,
            workspace=workspace,
        )

    def backward(
        self,
        weights: Params,
        trace: Trace,
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
        d_gates, own, d_initial = recurrent.backward(
            self.cell,
            weights,
            trace,
            batch,
            d_outputs=d_outputs,
            d_final=d_last,
            d_final_state=d_final,
            gradient_floor=gradient_floor,
            watch=watch,
            workspace=workspace,
        )
        passed = d_gates.shape[2]
        d_activated = sum_by_index(d_gates, indices[:, :passed], n_products, workspace=workspace)
        d_products = self.cell.activate_backward(d_activated, trace.activated)
        return LayerGradients(d_products, own, d_initial, passed)

    def reader(self, weights: Params, direction: int) -> Reader:
        return self.cell.reader(weights, direction)


class Recurrent(Body):
    """Recurrent layers, in one direction or in both."""

    name = "recurrent"
    prefix = "recurrent"
    has_directions = True
    has_cell = True

    def make_layer(self, number: int) -> RecurrentLayer:
        del number
        assert self.cell is not None
        return RecurrentLayer(
            self.cell,
            n_directions=self.n_directions,
            hidden_size=self.hidden_size,
            dtype=self.dtype,
        )

"""What a forward pass of a body leaves, and what a backward pass finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textrnn.nn.gradients import Gradients
from textrnn.nn.inputs import InputCache
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params


@dataclass(frozen=True)
class LayerCache:
    """One layer's part of a forward pass."""

    weights: Params
    """Its parameters as they were used, after dropout."""
    masks: Params
    """Of dropout, by the names of the parameters that they were multiplied with."""
    inputs: InputCache
    n_products: int
    """Rows of which there are input products: U, or N."""
    indices: Ints
    """For each direction and row the place of its input products, (S, N)."""
    trace: Any
    """What the layer's backward pass needs; its ``h`` are the outputs, (S, N, H)."""
    space: Workspace


@dataclass(frozen=True)
class BodyCache:
    """What a forward pass leaves for the backward pass.

    Attributes:
        batch: the documents.
        layers: of each, the bottom one first; the top one is missing where it kept nothing.
        final: each layer's final states, (S, B, ...) by name, documents, or segments of them where
            they were cut, in the batch's sorted order.
    """

    batch: PackedBatch
    layers: list[LayerCache]
    final: list[Params]

    @property
    def outputs(self) -> Floats:
        """The top layer's, (S, N, H)."""
        h: Floats = self.layers[-1].trace.h
        return h


@dataclass(frozen=True)
class Backpropagated:
    """What a backward pass finds.

    Attributes:
        params: gradients of parameters by their names; those of an embedding and of one-hot
            weights are kept as the rows that took part.
        d_initial: gradients of each layer's initial states, (S, B, ...) by name, the bottom one
            first.
        d_inputs: the gradient of what ``Input.read`` returned: of distinct words' vectors, (U, D),
            of one-hot words' rows, (U, G, S, H), or of real-valued sequences, (N, D), in the
            order of the batch's rows.
        unrolled: the rows that it went over in each layer, the top one first.
    """

    params: Gradients
    d_initial: list[Params]
    d_inputs: Floats
    unrolled: list[int]

"""The body of a network: what it reads, and the recurrent layers, one on top of the other.

    ids ─▶ embedding or one-hot rows ─┐
    real-valued sequences ────────────┴─▶ recurrent layer(s) ─▶ outputs (S, N, H) of the top layer

A head makes answers of the outputs. A forward pass without a backward pass is the same, but the
top layer's outputs are handed over step by step and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Trace
from textrnn.nn.config import NetworkConfig
from textrnn.nn.directions import by_token, by_token_backward
from textrnn.nn.gradients import Gradients
from textrnn.nn.inputs import InputCache, multiply, multiply_backward
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather, sum_by_index
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout


@dataclass(frozen=True)
class LayerCache:
    """One recurrent layer's part of a forward pass."""

    weights: Params
    """Its parameters as they were used: ``W_h`` after dropout."""
    recurrent_mask: Floats | None
    """Of ``W_h``."""
    inputs: InputCache
    n_products: int
    """Rows of which there are input products: U, or N."""
    indices: Ints
    """For each direction and row the place of its input products, (S, N)."""
    trace: Trace
    space: Workspace


@dataclass(frozen=True)
class BodyCache:
    """What a forward pass leaves for the backward pass.

    Attributes:
        batch: the documents.
        layers: of each, the bottom one first; the top one is missing where it kept nothing.
        final: each layer's final states, (S, B, H) by name, documents, or segments of them where
            they were cut, in the batch's sorted order.
    """

    batch: PackedBatch
    layers: list[LayerCache]
    final: list[Params]


@dataclass(frozen=True)
class Backpropagated:
    """What a backward pass finds.

    Attributes:
        params: gradients of parameters by their names; those of an embedding and of one-hot
            weights are kept as the rows that took part.
        d_initial: gradients of each layer's initial states, (S, B, H) by name, the bottom one
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


class Body:
    """The recurrent layers of a network, over the parameters that it shares with its head."""

    def __init__(self, config: NetworkConfig, params: Params) -> None:
        self.config, self.params = config, params
        self.input = config.make_input()
        self.cell: Cell = CELLS[config.cell]
        self.dtype = np.dtype(config.dtype)
        self._scale = self.cell.gate_scale(self.dtype)

    def layer(self, layer: int) -> Params:
        """Parameters of a recurrent layer by their short names."""
        prefix = f"recurrent.{layer}."
        return {
            name.removeprefix(prefix): value
            for name, value in self.params.items()
            if name.startswith(prefix)
        }

    # ------------------------------------------------------------------ forward

    def forward(
        self,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        perturbation: Floats | None = None,
        initial: Sequence[Params] | None = None,
        take_in: Callable[[Floats], None] | None = None,
        workspace: Workspace | None = None,
    ) -> BodyCache:
        """Read a batch; the outputs are ``layers[-1].trace.h``, (S, N, H).

        Args:
            batch: the documents.
            dropout: in training.
            perturbation: see ``Input.forward``.
            initial: the states that each layer begins with, see ``recurrent.forward``; None is
                zeros.
            take_in: is given the top layer's outputs step by step, see ``recurrent.read``; then
                they are not kept, and there is no backward pass.
            workspace: buffers to use again; the cache is valid until the next pass there.
        """
        space, top = workspace or Workspace(), self.config.num_layers - 1
        cache = BodyCache(batch, [], [])
        for layer in range(top + 1):
            weights, state = self.layer(layer), None if initial is None else initial[layer]
            of_layer = space.part(f"layer {layer}")
            below = cache.layers[-1].trace.h if cache.layers else None
            shift = perturbation if layer == 0 else None
            products, inputs = self._products(weights, batch, below, dropout, shift)
            indices = self._indices(layer, batch)
            if take_in is not None and layer == top:
                final = recurrent.read(
                    self.cell,
                    weights,
                    products,
                    indices,
                    batch,
                    take_in,
                    initial=state,
                    workspace=of_layer.part("chunks"),
                )
                cache.final.append(final)
                break
            mask = dropout.of_recurrent(weights["W_h"].shape, self.dtype) if dropout else None
            if mask is not None:
                weights["W_h"] = weights["W_h"] * mask
            gates = gather(products, indices, workspace=of_layer)
            trace, final = recurrent.forward(
                self.cell, weights, gates, batch, initial=state, workspace=of_layer
            )
            cache.layers.append(
                LayerCache(weights, mask, inputs, products.shape[2], indices, trace, of_layer)
            )
            cache.final.append(final)
        return cache

    def _products(
        self,
        weights: Params,
        batch: PackedBatch,
        below: Floats | None,
        dropout: Dropout | None,
        perturbation: Floats | None,
    ) -> tuple[Floats, InputCache]:
        """Input products of the first layer, or of one over the outputs ``below``, (S, N, H)."""
        if below is None:
            return self.input.forward(
                self.params,
                weights,
                self._scale,
                batch,
                dropout=dropout,
                perturbation=perturbation,
            )
        x = by_token(below, batch)
        mask = dropout.of_input(x.shape, self.dtype) if dropout else None
        return multiply(x, weights, self._scale, mask)

    def _indices(self, layer: int, batch: PackedBatch) -> Ints:
        """Where each row's input products stand; mirrored for the second direction, (S, N)."""
        own = np.arange(batch.n_tokens) if layer else self.input.places(batch)
        return np.stack([own, own[batch.mirrored_rows]][: self.config.n_directions])

    # ----------------------------------------------------------------- backward

    def backward(
        self,
        cache: BodyCache,
        *,
        d_outputs: Floats | None,
        d_last: Floats | None,
        d_final: Sequence[Params] | None = None,
        gradient_floor: float = 0.0,
    ) -> Backpropagated:
        """Gradients of all parameters of the body, of its initial states and of its inputs.

        Args:
            cache: of a forward pass that kept everything.
            d_outputs: gradient of the top layer's outputs, (S, N, H), or None.
            d_last: gradient of its documents' last outputs alone, (S, B, H), or None.
            d_final: gradient of each layer's final states, by name; None is zeros.
            gradient_floor: of the top layer, see ``recurrent.backward``.
        """
        gradients: Gradients = {}
        of_states: list[Params] = []
        unrolled: list[int] = []
        for layer in reversed(range(self.config.num_layers)):  # the last one is that of the inputs
            of_cache = cache.layers[layer]
            d_gates, own, d_initial = recurrent.backward(
                self.cell,
                of_cache.weights,
                of_cache.trace,
                cache.batch,
                d_outputs=d_outputs,
                d_final=d_last,
                d_final_state=None if d_final is None else d_final[layer],
                gradient_floor=gradient_floor,
                workspace=of_cache.space,
            )
            if of_cache.recurrent_mask is not None:
                own["W_h"] *= of_cache.recurrent_mask
            unrolled.append(d_gates.shape[2])
            of_states.insert(0, d_initial)
            indices = of_cache.indices[:, : d_gates.shape[2]]
            d_products = sum_by_index(
                d_gates, indices, of_cache.n_products, workspace=of_cache.space
            )
            of_layer: Gradients = {**own}
            if layer:
                d_x, of_inputs = multiply_backward(d_products, of_cache.inputs, self.layer(layer))
                of_layer |= of_inputs
                d_last = None
                d_outputs = by_token_backward(d_x, cache.batch, self.config.n_directions)
            else:
                d_inputs, of_weights, of_input = self.input.backward(
                    d_products, of_cache.inputs, self.layer(0), cache.batch
                )
                of_layer |= of_weights
                gradients |= of_input
            gradients |= {f"recurrent.{layer}.{name}": value for name, value in of_layer.items()}
        return Backpropagated(gradients, of_states, d_inputs, unrolled)

"""What a body is: layers of one kind, one on top of the other, over what a network reads.

    ids ─▶ embedding or one-hot rows ─┐
    real-valued sequences ────────────┴─▶ layer(s) ─▶ outputs (S, N, H) of the top layer

A head makes answers of the outputs. A forward pass without a backward pass is the same, but the
top layer's outputs are handed over step by step and forgotten. What a layer does with the
products of its inputs is its own (``Layer``); a body says which layers it has.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import numpy as np

from textrnn.nn import registry
from textrnn.nn.bodies.layer import Layer
from textrnn.nn.bodies.passes import Backpropagated, BodyCache, LayerCache
from textrnn.nn.directions import by_token, by_token_backward
from textrnn.nn.gradients import Gradients
from textrnn.nn.inputs import Input, InputCache, multiply, multiply_backward
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.cells import Cell
    from textrnn.nn.dropout import Dropout

B = TypeVar("B", bound="Body")
LayerWatch: TypeAlias = Callable[[int, slice, Params], None]
"""``recurrent.Watch`` with the number of the layer before it."""


class Body(ABC):
    """The layers of a network, over the parameters that it shares with its head.

    Args:
        source: what the first layer reads.
        params: all of the network's; without them a body can tell their shapes and draw them.
        cell: of a body that has one, else None.
        hidden_size: H of a layer.
        num_layers: how many stand one on top of the other.
        n_directions: S; 1 of a body without directions.
        dtype: of the parameters.
    """

    name: ClassVar[str]
    """In ``BODIES``, and of the setting ``body``."""
    prefix: ClassVar[str]
    """Of the names of its layers' parameters."""
    has_directions: ClassVar[bool] = False
    """Whether it can read from both ends, each direction with parameters of its own."""
    has_cell: ClassVar[bool] = False
    """Whether it has a recurrent cell: states h_t, each made of the one before."""

    def __init__(
        self,
        source: Input,
        params: Params,
        *,
        cell: Cell | None,
        hidden_size: int,
        num_layers: int,
        n_directions: int,
        dtype: np.dtype[Any],
    ) -> None:
        self.input, self.params, self.cell, self.dtype = source, params, cell, dtype
        self.hidden_size, self.num_layers, self.n_directions = hidden_size, num_layers, n_directions

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Another process knows the body once it has it."""
        vars(self).update(state)
        if BODIES.get(self.name) is not type(self):
            register(type(self))

    @abstractmethod
    def make_layer(self, number: int) -> Layer:
        """The layer of a number, 0 being the first."""

    @property
    def width(self) -> int:
        """Of the outputs in each direction."""
        return self.hidden_size

    @property
    def n_outputs(self) -> int:
        """Width of the outputs of all directions together."""
        return self.n_directions * self.width

    @cached_property
    def layers(self) -> list[Layer]:
        """The bottom one first."""
        return [self.make_layer(number) for number in range(self.num_layers)]

    @property
    def n_weights(self) -> int:
        """Parameters of all layers, counted without making any, however many layers there are."""
        first, *upper = (self.make_layer(n).shapes(self._input_size(n)) for n in (0, 1))
        first = self.input.layer_shapes(first)
        of_layer = [sum(math.prod(map(int, s)) for s in one.values()) for one in (first, *upper)]
        return of_layer[0] + (self.num_layers - 1) * of_layer[1]

    def layer(self, number: int) -> Params:
        """Parameters of a layer by their short names."""
        prefix = f"{self.prefix}.{number}."
        return {
            name.removeprefix(prefix): value
            for name, value in self.params.items()
            if name.startswith(prefix)
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter of the input and the layers."""
        found = self.input.shapes()
        for number, layer in enumerate(self.layers):
            shapes = layer.shapes(self._input_size(number))
            if number == 0:
                shapes = self.input.layer_shapes(shapes)
            found |= {f"{self.prefix}.{number}.{name}": shape for name, shape in shapes.items()}
        return found

    def initialise(self, rng: np.random.Generator, embedding: Floats | None = None) -> Params:
        """Draw them; word vectors, (V, D), may be given."""
        params = self.input.initialise(rng, self.dtype, embedding)
        for number, layer in enumerate(self.layers):
            drawn = layer.initialise(rng, self._input_size(number))
            if number == 0:
                drawn = self.input.initialise_layer(rng, drawn)
            params |= {f"{self.prefix}.{number}.{name}": value for name, value in drawn.items()}
        return params

    def _input_size(self, number: int) -> int:
        """D of a layer; of one-hot words, which have rows of their own, any would do."""
        return self.n_outputs if number else self.input.size or self.hidden_size

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
        """Read a batch; the outputs are ``outputs`` of what is returned.

        Args:
            batch: the documents.
            dropout: in training.
            perturbation: see ``Input.forward``.
            initial: the states that each layer begins with, see ``Layer``; None is zeros.
            take_in: is given the top layer's outputs step by step, see ``Layer.read``; then
                they are not kept, and there is no backward pass.
            workspace: buffers to use again; the cache is valid until the next pass there.
        """
        space, top = workspace or Workspace(), self.num_layers - 1
        cache = BodyCache(batch, [], [])
        for number, layer in enumerate(self.layers):
            weights, state = self.layer(number), None if initial is None else initial[number]
            of_layer = space.part(f"layer {number}")
            below = cache.outputs if number else None
            shift = None if number else perturbation
            products, inputs = self._products(layer, weights, batch, below, dropout, shift)
            indices = self._indices(number, batch)
            if take_in is not None and number == top:
                final = layer.read(
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
            masks = layer.masks(weights, dropout) if dropout else {}
            weights |= {name: weights[name] * mask for name, mask in masks.items()}
            trace, final = layer.forward(
                weights, products, indices, batch, initial=state, workspace=of_layer
            )
            cache.layers.append(
                LayerCache(weights, masks, inputs, products.shape[2], indices, trace, of_layer)
            )
            cache.final.append(final)
        return cache

    def _products(
        self,
        layer: Layer,
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
                layer.of_inputs(weights),
                layer.scale,
                batch,
                dropout=dropout,
                perturbation=perturbation,
            )
        x = by_token(below, batch)
        mask = dropout.of_input(x.shape, self.dtype) if dropout else None
        return multiply(x, layer.of_inputs(weights), layer.scale, mask)

    def _indices(self, number: int, batch: PackedBatch) -> Ints:
        """Where each row's input products stand; mirrored for the second direction, (S, N)."""
        own = np.arange(batch.n_tokens) if number else self.input.places(batch)
        if self.n_directions == 1:
            return own[np.newaxis]
        return np.stack([own, own[batch.mirrored_rows]])

    # ----------------------------------------------------------------- backward

    def backward(
        self,
        cache: BodyCache,
        *,
        d_outputs: Floats | None,
        d_last: Floats | None,
        d_final: Sequence[Params] | None = None,
        gradient_floor: float = 0.0,
        watch: LayerWatch | None = None,
    ) -> Backpropagated:
        """Gradients of all parameters of the body, of its initial states and of its inputs.

        Args:
            cache: of a forward pass that kept everything.
            d_outputs: gradient of the top layer's outputs, (S, N, H), or None.
            d_last: gradient of its documents' last outputs alone, (S, B, H), or None.
            d_final: gradient of each layer's final states, by name; None is zeros.
            gradient_floor: see ``Layer.backward``.
            watch: sees the gradient of the states of every layer that has some, at every step.
        """
        gradients: Gradients = {}
        of_states: list[Params] = []
        unrolled: list[int] = []
        for number in reversed(range(self.num_layers)):  # the last one is that of the inputs
            layer, of_cache = self.layers[number], cache.layers[number]
            found = layer.backward(
                of_cache.weights,
                of_cache.trace,
                of_cache.indices,
                cache.batch,
                n_products=of_cache.n_products,
                d_outputs=d_outputs,
                d_last=d_last,
                d_final=None if d_final is None else d_final[number],
                gradient_floor=gradient_floor,
                watch=None if watch is None else partial(watch, number),
                workspace=of_cache.space,
            )
            for name, mask in of_cache.masks.items():
                found.own[name] *= mask
            unrolled.append(found.unrolled)
            of_states.insert(0, found.initial)
            weights = layer.of_inputs(self.layer(number))
            of_weights: Gradients
            if number:
                d_x, dense = multiply_backward(found.products, of_cache.inputs, weights)
                of_weights, d_last = {**dense}, None
                d_outputs = by_token_backward(d_x, cache.batch, self.n_directions)
            else:
                d_inputs, of_weights, of_input = self.input.backward(
                    found.products, of_cache.inputs, weights, cache.batch
                )
                gradients |= of_input
            of_layer = {**found.own, **layer.of_inputs_backward(of_weights)}
            gradients |= {f"{self.prefix}.{number}.{name}": g for name, g in of_layer.items()}
        return Backpropagated(gradients, of_states, d_inputs, unrolled)


BODIES: dict[str, type[Body]] = {}
"""By name."""


def register(body: type[B]) -> type[B]:
    """Make a body known by its ``name``, from outside the package, too; return it.

    A class that is defined anew, as in a notebook, takes the place of what it was before.

    Raises:
        ValueError: another body has that name.
    """
    registry.register(BODIES, body, lambda kind: kind)
    return body

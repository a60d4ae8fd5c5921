"""The network: embedding, recurrent layers, readout, linear layer.

    ids ─▶ one-hot row or embedding ─▶ recurrent layer(s) ─▶ readout ─▶ linear ─▶ logits

Many-to-one: a whole text goes in, one vector of class logits comes out. The forward
pass returns a cache, the backward pass takes it; the network itself holds nothing
but its configuration and its parameters.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Trace
from textrnn.nn.dropout import dropout_mask
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.losses import softmax
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather, project, project_back, spread, sum_by_token
from textrnn.nn.readouts import READOUTS
from textrnn.typing import Floats, Params

DIRECTIONS = ("forward", "backward")
EMBEDDING = "embedding.weight"
EMBEDDING_STD = 0.1
"""Standard deviation of word vectors that start at random."""


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that fixes the shapes of a network.

    Attributes:
        n_classes: C.
        vocabulary_size: V, the unknown word included.
        embedding_dim: D, or None for one-hot input.
        cell: a name in ``CELLS``.
        hidden_size: H of each direction.
        num_layers: recurrent layers, one on top of the other.
        bidirectional: read each text in both directions.
        readout: a name in ``READOUTS``.
        dtype: ``"float32"`` for work, ``"float64"`` for proof.
    """

    n_classes: int
    vocabulary_size: int
    embedding_dim: int | None = 100
    cell: str = "lstm"
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = False
    readout: str = "last"
    dtype: str = "float32"

    @property
    def directions(self) -> tuple[str, ...]:
        return DIRECTIONS if self.bidirectional else DIRECTIONS[:1]

    @property
    def n_features(self) -> int:
        """F, the width of the readout."""
        return self.hidden_size * len(self.directions)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def input_size(self, layer: int) -> int | None:
        """Width of a layer's input; None for one-hot words."""
        return self.n_features if layer else self.embedding_dim

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter.

        A one-hot layer's ``W_x`` is (V, G, H): a word's row for all gates is looked up.
        """
        cell, H = CELLS[self.cell], self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding_dim is not None:
            shapes[EMBEDDING] = (self.vocabulary_size, self.embedding_dim)
        for layer in range(self.num_layers):
            size = self.input_size(layer)
            of_cell = cell.shapes(size or H, H)
            if size is None:
                of_cell["W_x"] = (self.vocabulary_size, cell.n_gates, H)
            for direction in self.directions:
                prefix = f"recurrent.{layer}.{direction}."
                shapes |= {prefix + name: shape for name, shape in of_cell.items()}
        shapes["linear.weight"] = (self.n_features, self.n_classes)
        shapes["linear.bias"] = (self.n_classes,)
        return shapes


@dataclass(frozen=True)
class Dropout:
    """Dropout of one training step: the rates and where chance comes from.

    Attributes:
        input: rate on the inputs of every recurrent layer. In the first it falls on
            the batch's distinct words, so a word is masked alike wherever it stands
            (Gal and Ghahramani 2016); of one-hot inputs it drops whole words.
        readout: rate on the vector that reaches the linear layer.
        rng: the source of chance.
    """

    input: float
    readout: float
    rng: np.random.Generator

    def mask(self, rate: float, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats | None:
        return dropout_mask(self.rng, shape, rate, dtype) if rate > 0.0 else None


@dataclass(frozen=True)
class LayerCache:
    """One recurrent layer's part of a forward pass."""

    x: Floats | None
    """Its input after dropout: (U, D) in the first layer, (N, F) above; None if one-hot."""
    mask: Floats | None
    traces: dict[str, Trace]


@dataclass(frozen=True)
class Cache:
    """What a forward pass leaves for the way back."""

    batch: PackedBatch
    layers: list[LayerCache]
    readouts: dict[str, Any]
    features: Floats
    feature_mask: Floats | None


class Network:
    """A recurrent text classifier over token ids."""

    def __init__(self, config: NetworkConfig, params: Params) -> None:
        shapes = {name: value.shape for name, value in params.items()}
        if shapes != config.shapes():
            odd = sorted(set(shapes.items()) ^ set(config.shapes().items()))
            raise ValueError(f"parameters do not fit the configuration: {odd[:4]}")
        self.config = config
        self.params = params
        self.cell: Cell = CELLS[config.cell]
        self.dtype = np.dtype(config.dtype)
        self._scale = self.cell.gate_scale(self.dtype)
        self._names = {
            (layer, direction): {
                name.rsplit(".", 1)[1]: name
                for name in params
                if name.startswith(f"recurrent.{layer}.{direction}.")
            }
            for layer in range(config.num_layers)
            for direction in config.directions
        }

    @classmethod
    def initialise(
        cls, config: NetworkConfig, rng: np.random.Generator, embedding: Floats | None = None
    ) -> Network:
        """Draw the parameters of a new network.

        Args:
            config: the shapes.
            rng: the source of chance.
            embedding: word vectors to start from, (V, D); random ones if None.
        """
        dtype = np.dtype(config.dtype)
        params: Params = {}
        if config.embedding_dim is not None:
            if embedding is None:
                embedding = rng.normal(0.0, EMBEDDING_STD, config.shapes()[EMBEDDING])
            params[EMBEDDING] = np.array(embedding, dtype=dtype)
        cell = CELLS[config.cell]
        for layer in range(config.num_layers):
            size = config.input_size(layer)
            for direction in config.directions:
                drawn = cell.initialise(rng, size or config.hidden_size, config.hidden_size, dtype)
                if size is None:
                    rows = (config.vocabulary_size, cell.n_gates, config.hidden_size)
                    drawn["W_x"] = rng.normal(0.0, EMBEDDING_STD, rows).astype(dtype)
                prefix = f"recurrent.{layer}.{direction}."
                params.update({prefix + name: value for name, value in drawn.items()})
        bound = np.sqrt(6.0 / (config.n_features + config.n_classes))
        weight = rng.uniform(-bound, bound, (config.n_features, config.n_classes))
        params["linear.weight"] = weight.astype(dtype)
        params["linear.bias"] = np.zeros(config.n_classes, dtype=dtype)
        return cls(config, params)

    @property
    def n_parameters(self) -> int:
        return sum(value.size for value in self.params.values())

    def _weights(self, layer: int, direction: str) -> Params:
        names = self._names[layer, direction]
        return {short: self.params[name] for short, name in names.items()}

    # ------------------------------------------------------------------ forward

    def forward(
        self, batch: PackedBatch, *, dropout: Dropout | None = None
    ) -> tuple[Floats, Cache]:
        """Return logits (B, C), documents in the batch's sorted order, and the cache."""
        config = self.config
        layers: list[LayerCache] = []
        outputs: list[Floats] = []
        for layer in range(config.num_layers):
            x, mask = self._layer_input(layer, batch, outputs, dropout)
            traces = {
                direction: recurrent.forward(
                    self.cell,
                    self._weights(layer, direction),
                    self._input_products(layer, direction, x, mask, batch),
                    batch,
                    reverse=direction == "backward",
                )
                for direction in config.directions
            }
            outputs = [trace.h for trace in traces.values()]
            layers.append(LayerCache(x, mask, traces))

        readout = READOUTS[config.readout]
        vectors, readouts = [], {}
        for direction, h in zip(config.directions, outputs, strict=True):
            vector, readouts[direction] = readout.forward(h, batch, reverse=direction == "backward")
            vectors.append(vector)
        features = np.concatenate(vectors, axis=1)
        feature_mask = (
            dropout.mask(dropout.readout, features.shape, self.dtype) if dropout else None
        )
        if feature_mask is not None:
            features *= feature_mask
        logits = features @ self.params["linear.weight"] + self.params["linear.bias"]
        return logits, Cache(batch, layers, readouts, features, feature_mask)

    def _layer_input(
        self, layer: int, batch: PackedBatch, below: list[Floats], dropout: Dropout | None
    ) -> tuple[Floats | None, Floats | None]:
        """The input of a layer after dropout, and the mask."""
        rate = dropout.input if dropout else 0.0
        if layer == 0 and self.config.embedding_dim is None:
            shape = (len(batch.distinct), 1)
            return None, dropout.mask(rate, shape, self.dtype) if dropout else None
        if layer == 0:
            x = self.params[EMBEDDING][batch.distinct]
        else:
            x = below[0] if len(below) == 1 else np.concatenate(below, axis=1)
        mask = dropout.mask(rate, x.shape, self.dtype) if dropout else None
        return (x if mask is None else x * mask), mask

    def _input_products(
        self, layer: int, direction: str, x: Floats | None, mask: Floats | None, batch: PackedBatch
    ) -> Floats:
        """``gate_scale * (x W_x + b)`` for every token, (G, N, H)."""
        weights = self._weights(layer, direction)
        if x is not None:
            products = project(x, weights, self._scale)
        else:
            rows = weights["W_x"][batch.distinct]
            if mask is not None:
                rows *= mask[:, :, np.newaxis]
            products = (rows.transpose(1, 0, 2) + weights["b"][:, np.newaxis]) * self._scale
        return gather(products, batch.inverse) if layer == 0 else products

    def predict_proba(self, batch: PackedBatch) -> Floats:
        """Class probabilities (B, C), documents in the caller's order."""
        logits, _ = self.forward(batch)
        probabilities = np.empty_like(logits)
        probabilities[batch.order] = softmax(logits)
        return probabilities

    # ----------------------------------------------------------------- backward

    def backward(self, d_logits: Floats, cache: Cache, *, gradient_floor: float = 0.0) -> Gradients:
        """Gradients of all parameters from that of the logits (B, C).

        The names are those of ``params``. The gradients of the embedding and of
        one-hot weights are kept as the rows that took part.

        Args:
            d_logits: gradient of the logits, in the batch's sorted order.
            cache: of the forward pass.
            gradient_floor: see ``recurrent.backward``.
        """
        gradients: Gradients = {
            "linear.weight": cache.features.T @ d_logits,
            "linear.bias": d_logits.sum(axis=0),
        }
        d_features = d_logits @ self.params["linear.weight"].T
        if cache.feature_mask is not None:
            d_features *= cache.feature_mask

        H, directions = self.config.hidden_size, self.config.directions
        readout = READOUTS[self.config.readout]
        d_outputs: dict[str, Floats | None] = {}
        d_final: dict[str, Floats | None] = {}
        for i, direction in enumerate(directions):
            d_out = np.ascontiguousarray(d_features[:, i * H : (i + 1) * H])
            d_outputs[direction], d_final[direction] = readout.backward(
                d_out, cache.readouts[direction], cache.batch
            )
        for layer in reversed(range(self.config.num_layers)):
            d_x, of_layer = self._layer_back(layer, cache, d_outputs, d_final, gradient_floor)
            gradients |= of_layer
            if d_x is None:
                continue
            if layer == 0:
                rows, n_rows = cache.batch.distinct, self.config.vocabulary_size
                gradients[EMBEDDING] = RowGradient(rows, d_x, n_rows)
            else:
                d_final = dict.fromkeys(directions)
                d_outputs = {d: d_x[:, i * H : (i + 1) * H] for i, d in enumerate(directions)}
        return gradients

    def _layer_back(
        self,
        layer: int,
        cache: Cache,
        d_outputs: dict[str, Floats | None],
        d_final: dict[str, Floats | None],
        gradient_floor: float,
    ) -> tuple[Floats | None, Gradients]:
        """Gradient of a layer's input before dropout, None if one-hot, and of its parameters."""
        gradients: Gradients = {}
        parts: list[Floats] = []
        for direction in self.config.directions:
            d_inputs, own = recurrent.backward(
                self.cell,
                self._weights(layer, direction),
                cache.layers[layer].traces[direction],
                cache.batch,
                d_outputs=d_outputs[direction],
                d_final=d_final[direction],
                reverse=direction == "backward",
                gradient_floor=gradient_floor,
            )
            d_x, of_inputs = self._inputs_back(layer, direction, d_inputs, cache)
            parts += [] if d_x is None else [d_x]
            names = self._names[layer, direction]
            gradients |= {names[short]: value for short, value in {**own, **of_inputs}.items()}
        if not parts:
            return None, gradients
        total: Floats = sum(parts[1:], start=parts[0])
        mask = cache.layers[layer].mask
        return (total if mask is None else total * mask), gradients

    def _inputs_back(
        self, layer: int, direction: str, d_inputs: recurrent.InputGradient, cache: Cache
    ) -> tuple[Floats | None, Gradients]:
        """From the gates' inputs to the layer's input, ``W_x`` and ``b``."""
        batch, of_layer = cache.batch, cache.layers[layer]
        weights = self._weights(layer, direction)
        x, rows = of_layer.x, d_inputs.rows
        if layer > 0:
            assert x is not None
            x = x if rows is None else x[rows]
            d_x, grads = project_back(d_inputs.values, x, weights)
            return spread(d_x, rows, batch.n_tokens), {**grads}
        d_products = sum_by_token(d_inputs, batch.inverse, len(batch.distinct))
        if x is not None:
            d_x, grads = project_back(d_products, x, weights)
            return d_x, {**grads}
        d_rows = np.ascontiguousarray(d_products.transpose(1, 0, 2))
        d_b = d_rows.sum(axis=0)
        if of_layer.mask is not None:
            d_rows *= of_layer.mask[:, :, np.newaxis]
        return None, {
            "W_x": RowGradient(batch.distinct, d_rows, self.config.vocabulary_size),
            "b": d_b,
        }

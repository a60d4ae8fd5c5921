"""The network: embedding, recurrent layers, readout, linear layer.

    ids ─▶ one-hot row or embedding ─▶ recurrent layer(s) ─▶ readout ─▶ linear ─▶ logits

Many-to-one: a whole text goes in, one vector of class logits comes out. The forward
pass returns a cache, the backward pass takes it; the network itself holds nothing
but its configuration and its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Trace
from textrnn.nn.dropout import Dropout
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.losses import Output, output_of
from textrnn.nn.packed import PackedBatch, pack, pack_rows
from textrnn.nn.poolings import POOLINGS
from textrnn.nn.projection import gather, project, project_back, sum_by_index
from textrnn.nn.workspace import Workspace
from textrnn.typing import Counts, Floats, Ids, Ints, Params

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
        readout: a name in ``POOLINGS``.
        dtype: ``"float32"`` for work, ``"float64"`` for proof.
        segment_length: longer documents are read in segments of at most so many words, each
            from an empty state; the readout goes over all of them (Johnson and Zhang 2016).
            None reads documents whole.
        multilabel: each document has any number of the C labels, not one of C classes.
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
    segment_length: int | None = None
    multilabel: bool = False

    @property
    def output(self) -> Output:
        """What the logits mean."""
        return output_of(multilabel=self.multilabel)

    @property
    def n_directions(self) -> int:
        """S."""
        return 2 if self.bidirectional else 1

    @property
    def n_outputs(self) -> int:
        """Width of a recurrent layer's output, both directions together."""
        return self.hidden_size * self.n_directions

    @property
    def n_features(self) -> int:
        """F, the width of the readout."""
        return self.n_outputs * POOLINGS[self.readout].width

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def input_size(self, layer: int) -> int | None:
        """Width of a layer's input; None for one-hot words."""
        return self.n_outputs if layer else self.embedding_dim

    def layer_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of a recurrent layer.

        A one-hot layer's ``W_x`` is (V, G, S, H): a word's row for all gates is looked up.
        """
        cell, S, H = CELLS[self.cell], self.n_directions, self.hidden_size
        size = self.input_size(layer)
        shapes = cell.shapes(S, size or H, H)
        if size is None:
            shapes["W_x"] = (self.vocabulary_size, cell.n_gates, S, H)
        return shapes

    def tables(self) -> tuple[str, ...]:
        """Names of the parameters of which a batch touches only its words' rows."""
        return (EMBEDDING,) if self.embedding_dim is not None else ("recurrent.0.W_x",)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding_dim is not None:
            shapes[EMBEDDING] = (self.vocabulary_size, self.embedding_dim)
        for layer in range(self.num_layers):
            of_layer = self.layer_shapes(layer)
            shapes |= {f"recurrent.{layer}.{name}": shape for name, shape in of_layer.items()}
        shapes |= POOLINGS[self.readout].shapes(self.n_directions, self.hidden_size)
        shapes["linear.weight"] = (self.n_features, self.n_classes)
        shapes["linear.bias"] = (self.n_classes,)
        return shapes


@dataclass(frozen=True)
class LayerCache:
    """One recurrent layer's part of a forward pass."""

    weights: Params
    """Its parameters as they were used: ``W_h`` after dropout."""
    recurrent_mask: Floats | None
    """Of ``W_h``."""
    x: Floats | None
    """Its input after dropout: (U, D) in the first layer, (N, S * H) above; None if one-hot."""
    mask: Floats | None
    indices: Ints
    """For each direction and row the place of its word in the input, (S, N)."""
    trace: Trace
    final: Params
    """The final states, (S, B, H) by name."""
    space: Workspace


@dataclass(frozen=True)
class Cache:
    """What a forward pass leaves for the way back."""

    batch: PackedBatch
    layers: list[LayerCache]
    readout: Any
    joined: Any
    """Of the segments of documents, where they were cut."""
    features: Floats
    feature_mask: Floats | None
    walked: list[int]
    """Filled by the backward pass: the rows it passed in each layer, the top one first."""
    d_initial: list[Params]
    """Filled by the backward pass: the gradient of each layer's initial states, (S, B, H) by
    name, the bottom one first."""

    @property
    def final(self) -> list[Params]:
        """Each layer's final states, (S, B, H) by name, documents in the batch's sorted order."""
        return [layer.final for layer in self.layers]


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
            size = config.input_size(layer) or config.hidden_size
            shapes = cell.shapes(config.n_directions, size, config.hidden_size)
            drawn = cell.initialise(rng, shapes, dtype)
            if config.input_size(layer) is None:
                rows = config.layer_shapes(layer)["W_x"]
                drawn["W_x"] = rng.normal(0.0, EMBEDDING_STD, rows).astype(dtype)
            params |= {f"recurrent.{layer}.{name}": value for name, value in drawn.items()}
        readout = POOLINGS[config.readout]
        shapes = readout.shapes(config.n_directions, config.hidden_size)
        params |= readout.initialise(rng, shapes, dtype)
        bound = np.sqrt(6.0 / (config.n_features + config.n_classes))
        weight = rng.uniform(-bound, bound, (config.n_features, config.n_classes))
        params["linear.weight"] = weight.astype(dtype)
        params["linear.bias"] = np.zeros(config.n_classes, dtype=dtype)
        return cls(config, params)

    @property
    def n_parameters(self) -> int:
        return sum(value.size for value in self.params.values())

    def freeze(self) -> None:
        """Make the parameters read-only: what is derived from them may then be kept."""
        for value in self.params.values():
            value.flags.writeable = False

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter can change."""
        return not any(value.flags.writeable for value in self.params.values())

    def layer(self, layer: int) -> Params:
        """Parameters of a recurrent layer by their short names."""
        prefix = f"recurrent.{layer}."
        return {
            name.removeprefix(prefix): value
            for name, value in self.params.items()
            if name.startswith(prefix)
        }

    def pack(self, documents: Sequence[Ids]) -> PackedBatch:
        """The batch this network reads documents in, see ``nn.packed.pack``."""
        return pack(documents, self.config.segment_length)

    def pack_rows(self, ids: Ids, starts: Counts, rows: Ints | None = None) -> PackedBatch:
        """The batch in which it reads some of many documents; see ``packed.pack_rows``."""
        return pack_rows(ids, starts, rows, segment_length=self.config.segment_length)

    # ------------------------------------------------------------------ forward

    def forward(
        self,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        moved: Floats | None = None,
        initial: Sequence[Params] | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, Cache]:
        """Return logits (B, C), documents in the batch's sorted order, and the cache.

        Args:
            batch: the documents.
            dropout: in training.
            moved: what is added to the rows of the batch's distinct words in the table of
                ``config.tables``, of their shape; None adds nothing.
            initial: the states that each layer begins with, see ``recurrent.forward``; None is
                zeros. Where they end is in ``cache.final``.
            workspace: buffers to use again; the cache is valid until the next pass there.
        """
        workspace = workspace or Workspace()
        layers: list[LayerCache] = []
        for layer in range(self.config.num_layers):
            below = layers[-1].trace.h if layers else None
            space = workspace.part(f"layer {layer}")
            shift = None if layer else moved
            state = initial[layer] if initial is not None else None
            layers.append(self._layer_forward(layer, batch, below, dropout, space, shift, state))
        reading = POOLINGS[self.config.readout]
        vectors, readout = reading.forward(layers[-1].trace.h, batch, self.params)
        joined = None
        if batch.owners is not None:
            vectors, joined = reading.over_segments(vectors, batch)
        features = side_by_side(vectors)
        mask = dropout.of_readout(features.shape, self.dtype) if dropout else None
        if mask is not None:
            features *= mask
        logits = features @ self.params["linear.weight"] + self.params["linear.bias"]
        return logits, Cache(batch, layers, readout, joined, features, mask, [], [])

    def _layer_forward(
        self,
        layer: int,
        batch: PackedBatch,
        below: Floats | None,
        dropout: Dropout | None,
        space: Workspace,
        moved: Floats | None = None,
        initial: Params | None = None,
    ) -> LayerCache:
        x, mask, products = self._layer_products(layer, batch, below, dropout, moved)
        indices = self._indices(layer, batch)
        gates = gather(products, indices, workspace=space)
        weights = self.layer(layer)
        thinned = dropout.of_recurrent(weights["W_h"].shape, self.dtype) if dropout else None
        if thinned is not None:
            weights["W_h"] = weights["W_h"] * thinned
        trace, final = recurrent.forward(
            self.cell, weights, gates, batch, initial=initial, workspace=space
        )
        return LayerCache(weights, thinned, x, mask, indices, trace, final, space)

    def _layer_products(
        self,
        layer: int,
        batch: PackedBatch,
        below: Floats | None,
        dropout: Dropout | None,
        moved: Floats | None = None,
    ) -> tuple[Floats | None, Floats | None, Floats]:
        """A layer's input after dropout, its mask, and its input products (G, S, U or N, H)."""
        weights = self.layer(layer)
        x = self._layer_input(batch, below)
        if moved is not None and x is not None:
            x = x + moved
        shape = (len(batch.distinct), 1) if x is None else x.shape
        mask = dropout.of_input(shape, self.dtype) if dropout else None
        if dropout and layer == 0:
            mask = _product(mask, dropout.of_words(shape[0], self.dtype))
        if x is None:
            return None, mask, self._one_hot_products(weights, batch, mask, moved)
        x = x if mask is None else x * mask
        return x, mask, project(x, weights, self._scale)

    def _indices(self, layer: int, batch: PackedBatch) -> Ints:
        """Where each row's word stands in the layer's input; mirrored for the second direction."""
        own = np.arange(batch.n_tokens) if layer else batch.inverse
        return np.stack([own, own[batch.mirrored_rows]][: self.config.n_directions])

    def _layer_input(self, batch: PackedBatch, below: Floats | None) -> Floats | None:
        """Vectors of the distinct words, (U, D), or the outputs below, (N, S * H)."""
        if below is not None:
            backward = [h[batch.mirrored_rows] for h in below[1:]]
            return np.concatenate([below[0], *backward], axis=1)
        return self.params[EMBEDDING][batch.distinct] if self.config.embedding_dim else None

    def _one_hot_products(
        self,
        weights: Params,
        batch: PackedBatch,
        mask: Floats | None,
        moved: Floats | None,
    ) -> Floats:
        """Input products of the distinct words, (G, S, U, H): rows of ``W_x``, no product."""
        rows = weights["W_x"][batch.distinct]
        if moved is not None:
            rows += moved
        if mask is not None:
            rows *= mask[:, :, np.newaxis, np.newaxis]
        return (rows.transpose(1, 2, 0, 3) + weights["b"][:, :, np.newaxis]) * self._scale

    def predict_proba(self, batch: PackedBatch, workspace: Workspace | None = None) -> Floats:
        """Class probabilities (B, C), documents in the caller's order."""
        return self.config.output.probabilities(self.predict_logits(batch, workspace))

    def predict_logits(self, batch: PackedBatch, workspace: Workspace | None = None) -> Floats:
        """Logits (B, C), documents in the caller's order."""
        ordered: Floats = np.empty((len(batch.order), self.config.n_classes), self.dtype)
        ordered[batch.order] = self.read(batch, workspace=workspace)[0]
        return ordered

    def read(
        self,
        batch: PackedBatch,
        *,
        initial: Sequence[Params] | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, list[Params]]:
        """Logits (B, C) and each layer's final states, documents in the batch's sorted order.

        As ``forward``, but the top layer is read without keeping anything for a backward pass.
        """
        config, space = self.config, workspace or Workspace()
        top = config.num_layers - 1
        below: Floats | None = None
        final: list[Params] = []
        states = initial if initial is not None else [None] * config.num_layers
        for layer in range(top):
            of_layer = self._layer_forward(
                layer, batch, below, None, space.part(f"layer {layer}"), initial=states[layer]
            )
            below = of_layer.trace.h
            final.append(of_layer.final)
        _, _, products = self._layer_products(top, batch, below, None)
        shape = (config.n_directions, batch.n_sequences, config.hidden_size)
        readout = POOLINGS[config.readout].running(shape, self.dtype, self.params)
        of_top = recurrent.read(
            self.cell,
            self.layer(top),
            products,
            self._indices(top, batch),
            batch,
            readout.add,
            initial=states[top],
            workspace=space.part("top"),
        )
        vectors = readout.value(batch.lengths)
        if batch.owners is not None:
            vectors, _ = POOLINGS[config.readout].over_segments(vectors, batch)
        features = side_by_side(vectors)
        logits: Floats = features @ self.params["linear.weight"] + self.params["linear.bias"]
        return logits, [*final, of_top]

    # ----------------------------------------------------------------- backward

    def backward(
        self,
        d_logits: Floats,
        cache: Cache,
        *,
        d_final: Sequence[Params] | None = None,
        gradient_floor: float = 0.0,
    ) -> Gradients:
        """Gradients of all parameters from that of the logits (B, C).

        The names are those of ``params``. The gradients of the embedding and of
        one-hot weights are kept as the rows that took part.

        Args:
            d_logits: gradient of the logits, in the batch's sorted order.
            cache: of the forward pass; ``cache.d_initial`` receives the gradient of the initial
                states.
            d_final: gradient of each layer's final states, by name; None is zeros.
            gradient_floor: of the top layer, see ``recurrent.backward``.
        """
        gradients: Gradients = {
            "linear.weight": cache.features.T @ d_logits,
            "linear.bias": d_logits.sum(axis=0),
        }
        d_features = d_logits @ self.params["linear.weight"].T
        if cache.feature_mask is not None:
            d_features *= cache.feature_mask
        readout = POOLINGS[self.config.readout]
        d_vectors = by_direction(d_features, self.config.n_directions)
        if cache.batch.owners is not None:
            d_vectors = readout.over_segments_backward(d_vectors, cache.joined, cache.batch)
        d_outputs, d_last, of_readout = readout.backward(
            d_vectors, cache.readout, cache.batch, self.params
        )
        gradients |= of_readout
        for layer in reversed(range(self.config.num_layers)):
            of_cache = cache.layers[layer]
            d_gates, own, d_initial = recurrent.backward(
                self.cell,
                of_cache.weights,
                of_cache.trace,
                cache.batch,
                d_outputs=d_outputs,
                d_final=d_last,
                d_final_state=d_final[layer] if d_final is not None else None,
                gradient_floor=gradient_floor,
                workspace=of_cache.space,
            )
            if of_cache.recurrent_mask is not None:
                own["W_h"] *= of_cache.recurrent_mask
            cache.walked.append(d_gates.shape[2])
            cache.d_initial.insert(0, d_initial)
            d_x, of_inputs = self._inputs_back(layer, d_gates, cache)
            of_layer: Gradients = {**own, **of_inputs}
            gradients |= {f"recurrent.{layer}.{name}": value for name, value in of_layer.items()}
            if layer == 0 and d_x is not None:
                rows, n_rows = cache.batch.distinct, self.config.vocabulary_size
                gradients[EMBEDDING] = RowGradient(rows, d_x, n_rows)
            elif d_x is not None:
                d_last, d_outputs = None, by_direction(d_x, self.config.n_directions)
                d_outputs[1:] = d_outputs[1:, cache.batch.mirrored_rows]
        return gradients

    def _inputs_back(
        self, layer: int, d_gates: Floats, cache: Cache
    ) -> tuple[Floats | None, Gradients]:
        """From the gates' inputs, (G, S, L, H), to the layer's input, ``W_x`` and ``b``."""
        of_layer = cache.layers[layer]
        x, mask, indices = of_layer.x, of_layer.mask, of_layer.indices
        indices = indices[:, : d_gates.shape[2]]
        n = len(cache.batch.distinct) if x is None else len(x)
        d_products = sum_by_index(d_gates, indices, n, workspace=of_layer.space)
        if x is not None:
            d_x, of_inputs = project_back(d_products, x, self.layer(layer))
            return (d_x if mask is None else d_x * mask), {**of_inputs}
        d_b = d_products.sum(axis=2)
        d_rows = np.ascontiguousarray(d_products.transpose(2, 0, 1, 3))
        if mask is not None:
            d_rows *= mask[:, :, np.newaxis, np.newaxis]
        d_W_x = RowGradient(cache.batch.distinct, d_rows, self.config.vocabulary_size)
        return None, {"W_x": d_W_x, "b": d_b}


def _product(a: Floats | None, b: Floats | None) -> Floats | None:
    """Of two masks, of which None is all ones."""
    if a is None or b is None:
        return b if a is None else a
    return a * b


def side_by_side(vectors: Floats) -> Floats:
    """One row a document: (S, B, H) to (B, S * H)."""
    return np.concatenate(list(vectors), axis=1)


def by_direction(vectors: Floats, n_directions: int) -> Floats:
    """The way back of ``side_by_side``: (rows, S * H) to (S, rows, H)."""
    parts = vectors.reshape(len(vectors), n_directions, -1)
    return np.ascontiguousarray(parts.transpose(1, 0, 2))

"""What the first layer reads: embedded words, one-hot words, or real-valued vectors.

Each kind makes the *input products* ``x W_x + b`` that ``recurrent.py`` begins with, once for
each distinct word where there are words, and takes their gradient back. The layers above read
the outputs of those below, as ``RealValued`` reads a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import numpy as np

from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import project, project_back
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout

EMBEDDING = "embedding.weight"
EMBEDDING_STD = 0.1
"""Standard deviation of word vectors that start at random."""


Products: TypeAlias = Callable[[Floats], Floats]
"""Makes input products (T, G * H) of what one document reads."""


class InputCache(NamedTuple):
    """What the backward pass of an input needs."""

    x: Floats | None
    """The vectors after dropout, (U, D) of distinct words or (N, D); None if one-hot."""
    mask: Floats | None
    """Of dropout, that the vectors or the one-hot words' rows were multiplied with."""


class Input(ABC):
    """What the first layer reads.

    Attributes:
        table: name of the parameter that has a row for each word, or None.
        tables: names of all of which a batch touches only some rows.
        size: D, the width of the vectors; None where words look up rows of ``W_x``.
    """

    table: str | None = None
    size: int | None

    @property
    def tables(self) -> tuple[str, ...]:
        return () if self.table is None else (self.table,)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of its own parameters."""
        return {}

    def layer_shapes(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """The shapes of the first layer's parameters, from those that any layer has."""
        return shapes

    def initialise(
        self, rng: np.random.Generator, dtype: np.dtype[Any], vectors: Floats | None
    ) -> Params:
        """Draw its own parameters, or take the word vectors given, (V, D)."""
        del rng, dtype, vectors
        return {}

    def initialise_layer(self, rng: np.random.Generator, drawn: Params) -> Params:
        """The first layer's parameters, from those that any layer draws."""
        del rng
        return drawn

    def places(self, batch: PackedBatch) -> Ints:
        """For each row its place among the inputs of which products are made, (N,)."""
        return batch.inverse

    @abstractmethod
    def read(self, params: Params, batch: PackedBatch) -> Floats:
        """The vectors, (U, D) or (N, D), or one-hot words' rows: what a perturbation adds to."""

    @abstractmethod
    def of_document(self, params: Params, ids: Any) -> Floats:
        """What one document of ids (T,), or a slice of them, reads: T vectors or rows."""

    def single_products(self, weights: Params, scale: Floats, direction: int) -> Products:
        """Make the products of what ``of_document`` returns, see ``single_products``."""
        return single_products(weights, scale, direction)

    @abstractmethod
    def forward(
        self,
        params: Params,
        weights: Params,
        scale: Floats,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        perturbation: Floats | None = None,
    ) -> tuple[Floats, InputCache]:
        """Return ``scale * (x W_x + b)``, (G, S, U or N, H), and what ``backward`` needs.

        Args:
            params: all of the network's.
            weights: the first layer's.
            scale: of the gates, see ``Cell.gate_scale``.
            batch: the documents.
            dropout: in training.
            perturbation: added to what ``read`` returns, of its shape.
        """

    @abstractmethod
    def backward(
        self, d_products: Floats, cache: InputCache, weights: Params, batch: PackedBatch
    ) -> tuple[Floats, Gradients, Gradients]:
        """Take back the gradient of ``x W_x + b``, (G, S, U or N, H).

        Returns:
            The gradient of what ``read`` returns; those of the layer's ``W_x``
            and ``b``; and those of its own parameters.
        """


class Vectors(Input):
    """Vectors that are multiplied with ``W_x``; kinds of them tell where they come from."""

    def forward(
        self,
        params: Params,
        weights: Params,
        scale: Floats,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        perturbation: Floats | None = None,
    ) -> tuple[Floats, InputCache]:
        x = self.read(params, batch).astype(scale.dtype, copy=False)
        if perturbation is not None:
            x = x + perturbation
        return multiply(x, weights, scale, self.mask(x, dropout))

    def mask(self, x: Floats, dropout: Dropout | None) -> Floats | None:
        """Of dropout on the vectors; None where nothing is dropped."""
        return dropout.of_input(x.shape, x.dtype) if dropout else None

    def backward(
        self, d_products: Floats, cache: InputCache, weights: Params, batch: PackedBatch
    ) -> tuple[Floats, Gradients, Gradients]:
        d_x, of_layer = multiply_backward(d_products, cache, weights)
        return d_x, {**of_layer}, self.own_gradients(d_x, batch)

    def own_gradients(self, d_x: Floats, batch: PackedBatch) -> Gradients:
        """Gradients of its own parameters, from that of the vectors."""
        del d_x, batch
        return {}


class Embedding(Vectors):
    """Each word has a vector that is learnt."""

    table = EMBEDDING

    def __init__(self, vocabulary_size: int, size: int) -> None:
        self.vocabulary_size, self.size = vocabulary_size, size
        self._shape = (vocabulary_size, size)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {EMBEDDING: self._shape}

    def initialise(
        self, rng: np.random.Generator, dtype: np.dtype[Any], vectors: Floats | None
    ) -> Params:
        if vectors is None:
            vectors = rng.normal(0.0, EMBEDDING_STD, self._shape)
        return {EMBEDDING: np.array(vectors, dtype=dtype)}

    def read(self, params: Params, batch: PackedBatch) -> Floats:
        return self.of_document(params, batch.distinct)

    def of_document(self, params: Params, ids: Any) -> Floats:
        vectors: Floats = params[EMBEDDING][ids]
        return vectors

    def mask(self, x: Floats, dropout: Dropout | None) -> Floats | None:
        return word_mask(x.shape, x.dtype, dropout)

    def own_gradients(self, d_x: Floats, batch: PackedBatch) -> Gradients:
        return {EMBEDDING: RowGradient(batch.distinct, d_x, self.vocabulary_size)}


class OneHot(Input):
    """Each word is a row of ``W_x`` of its own, (V, G, S, H): looked up, not multiplied."""

    table: str
    size = None

    def __init__(self, vocabulary_size: int, table: str) -> None:
        self.vocabulary_size, self.table = vocabulary_size, table

    def layer_shapes(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        G, S, _, H = shapes["W_x"]
        return {**shapes, "W_x": (self.vocabulary_size, G, S, H)}

    def initialise_layer(self, rng: np.random.Generator, drawn: Params) -> Params:
        G, S, _, H = drawn["W_x"].shape
        rows = rng.normal(0.0, EMBEDDING_STD, (self.vocabulary_size, G, S, H))
        return {**drawn, "W_x": rows.astype(drawn["W_x"].dtype)}

    def read(self, params: Params, batch: PackedBatch) -> Floats:
        return self.of_document(params, batch.distinct)

    def of_document(self, params: Params, ids: Any) -> Floats:
        rows: Floats = params[self.table][ids]
        return rows

    def single_products(self, weights: Params, scale: Floats, direction: int) -> Products:
        of_gates, b = scale.reshape(-1, 1), single_bias(weights, scale, direction)

        def products(rows: Floats) -> Floats:
            scaled: Floats = rows[:, :, direction] * of_gates
            scaled = scaled.reshape(len(rows), -1)
            scaled += b
            return scaled

        return products

    def forward(
        self,
        params: Params,
        weights: Params,
        scale: Floats,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        perturbation: Floats | None = None,
    ) -> tuple[Floats, InputCache]:
        rows = self.read(params, batch)
        if perturbation is not None:
            rows += perturbation
        mask = word_mask((len(rows), 1), rows.dtype, dropout)
        if mask is not None:
            rows *= mask[:, :, np.newaxis, np.newaxis]
        products = (rows.transpose(1, 2, 0, 3) + weights["b"][:, :, np.newaxis]) * scale
        return products, InputCache(None, mask)

    def backward(
        self, d_products: Floats, cache: InputCache, weights: Params, batch: PackedBatch
    ) -> tuple[Floats, Gradients, Gradients]:
        del weights
        d_b = d_products.sum(axis=2)
        d_rows = np.ascontiguousarray(d_products.transpose(2, 0, 1, 3))
        if cache.mask is not None:
            d_rows *= cache.mask[:, :, np.newaxis, np.newaxis]
        d_W_x = RowGradient(batch.distinct, d_rows, self.vocabulary_size)
        return d_rows, {"W_x": d_W_x, "b": d_b}, {}


class RealValued(Vectors):
    """The rows of the batch are vectors themselves."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, params: Params, batch: PackedBatch) -> Floats:
        del params
        return cast("Floats", batch.ids)

    def of_document(self, params: Params, ids: Any) -> Floats:
        del params
        return cast("Floats", ids)

    def places(self, batch: PackedBatch) -> Ints:
        return np.arange(batch.n_tokens)


def multiply(
    x: Floats, weights: Params, scale: Floats, mask: Floats | None
) -> tuple[Floats, InputCache]:
    """Input products of vectors (rows, D), which are multiplied with a mask first."""
    x = x if mask is None else x * mask
    return project(x, weights, scale), InputCache(x, mask)


def multiply_backward(
    d_products: Floats, cache: InputCache, weights: Params
) -> tuple[Floats, Params]:
    """The backward pass of ``multiply``: gradients of the vectors, and of ``W_x`` and ``b``."""
    assert cache.x is not None
    d_x, of_layer = project_back(d_products, cache.x, weights)
    return (d_x if cache.mask is None else d_x * cache.mask), of_layer


def single_products(weights: Params, scale: Floats, direction: int) -> Products:
    """Make ``scale * (x W_x + b)``, (T, G * H), of one document and direction, gates side by side.

    The weights are laid out once; vectors (T, D) come again and again.
    """
    G, _, D, H = weights["W_x"].shape
    W_x = (weights["W_x"][:, direction] * scale[:, 0]).transpose(1, 0, 2).reshape(D, G * H)
    b = single_bias(weights, scale, direction)

    def products(x: Floats) -> Floats:
        found: Floats = np.dot(x, W_x)
        found += b
        return found

    return products


def single_bias(weights: Params, scale: Floats, direction: int) -> Floats:
    """The scaled biases of one direction, gates side by side, (G * H,)."""
    b: Floats = (weights["b"] * scale[..., 0])[:, direction].reshape(-1)
    return b


def word_mask(
    shape: tuple[int, ...], dtype: np.dtype[Any], dropout: Dropout | None
) -> Floats | None:
    """Of dropout on distinct words, parts of them and whole ones; None where nothing is dropped."""
    if dropout is None:
        return None
    of_parts = dropout.of_input(shape, dtype)
    of_words = dropout.of_words(shape[0], dtype)
    if of_parts is None or of_words is None:
        return of_words if of_parts is None else of_parts
    return of_parts * of_words

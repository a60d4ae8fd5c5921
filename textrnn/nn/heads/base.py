"""What a head is: features of the top layer's outputs, and a linear layer of logits over them.

The linear layer and its dropout are the same in each; a head says what the features are. It
does so in two forms that agree: of all outputs at once, with a backward pass; and step by step,
where nothing is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from textrnn.nn.gradients import Gradients
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout

WEIGHT, BIAS = "linear.weight", "linear.bias"


class HeadCache(NamedTuple):
    """What the backward pass of a head needs."""

    features: Floats
    """After dropout, (answers, F)."""
    mask: Floats | None
    """Of dropout."""
    parts: Any
    """Of the features themselves."""


class HeadGradients(NamedTuple):
    """What a head hands back."""

    outputs: Floats | None
    """Gradient of the outputs of every step, (S, N, H); None if all of it is in ``final``."""
    final: Floats | None
    """Gradient of the final states alone, (S, B, H), or None."""
    params: Gradients
    """Gradients of its parameters, by their names in the network."""


class RunningFeatures(ABC):
    """The features step by step, where there is no backward pass."""

    @abstractmethod
    def add(self, h: Floats) -> None:
        """Take the outputs (S, n, H) of the n documents that have begun."""

    @abstractmethod
    def value(self, batch: PackedBatch) -> Floats:
        """The features (answers, F), when all steps were taken."""


class Head(ABC):
    """Makes logits of the outputs (S, N, H) of the top layer.

    Args:
        n_directions: S.
        hidden_size: H.
        n_classes: C.
        pooling: a name in ``POOLINGS``, for a head that pools.
        embedding: shape of the embedding, (V, D), for a head that shares it; else None.
    """

    n_features: int
    """F."""
    answers_texts: ClassVar[bool] = True
    """Whether there is one answer a text, which is what a training and a prediction are of."""
    is_local: bool = False
    """Whether each answer is made of the output at its own word alone."""
    predicts_words: ClassVar[bool] = False
    """Whether the answers are the words that come next, the first C of those that are read."""

    def __init__(
        self,
        n_directions: int,
        hidden_size: int,
        n_classes: int,
        *,
        pooling: str,
        embedding: tuple[int, ...] | None = None,
    ) -> None:
        del pooling, embedding
        self.n_directions, self.hidden_size = n_directions, hidden_size
        self.n_classes = n_classes
        self.n_features = n_directions * hidden_size

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of parameters of which a step may touch only some rows."""
        return ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter."""
        return {WEIGHT: (self.n_features, self.n_classes), BIAS: (self.n_classes,)}

    def initialise(self, rng: np.random.Generator, dtype: np.dtype[Any]) -> Params:
        """Draw the parameters: Glorot-uniform weights and zero biases (Glorot and Bengio 2010)."""
        bound = np.sqrt(6.0 / (self.n_features + self.n_classes))
        weight = rng.uniform(-bound, bound, (self.n_features, self.n_classes))
        return {WEIGHT: weight.astype(dtype), BIAS: np.zeros(self.n_classes, dtype=dtype)}

    def forward(
        self, h: Floats, batch: PackedBatch, params: Params, dropout: Dropout | None
    ) -> tuple[Floats, HeadCache]:
        """Return logits (answers, C), and what ``backward`` needs."""
        features, parts = self.features(h, batch, params)
        mask = self.mask(dropout, features, batch) if dropout else None
        if mask is not None:
            features *= mask
        return self.logits(features, params), HeadCache(features, mask, parts)

    def mask(self, dropout: Dropout, features: Floats, batch: PackedBatch) -> Floats | None:
        """What features (answers, F) are multiplied by in training; None where nothing is."""
        del batch
        return dropout.of_readout(features.shape, features.dtype)

    def logits(self, features: Floats, params: Params) -> Floats:
        """The linear layer: (answers, F), or of one answer (F,), to (answers, C)."""
        logits: Floats = features.dot(params[WEIGHT])
        logits += params[BIAS]
        return logits

    def scaled(self, params: Params, factor: float) -> Params:
        """Parameters whose logits are ``factor`` times those of ``params``."""
        scaled = {n: (params[n] * factor).astype(params[n].dtype) for n in (WEIGHT, BIAS)}
        return {**params, **scaled}

    def backward(
        self, d_logits: Floats, cache: HeadCache, batch: PackedBatch, params: Params
    ) -> HeadGradients:
        """Gradients of the outputs and of all parameters of the head, from that of the logits."""
        d_features = d_logits @ params[WEIGHT].T
        if cache.mask is not None:
            d_features *= cache.mask
        outputs, final, own = self.features_backward(d_features, cache.parts, batch, params)
        of_linear = {WEIGHT: cache.features.T @ d_logits, BIAS: d_logits.sum(axis=0)}
        return HeadGradients(outputs, final, {**of_linear, **own})

    @abstractmethod
    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        """Return the features (answers, F), no view of the outputs, and a cache."""

    @abstractmethod
    def features_backward(
        self, d_features: Floats, parts: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        """The backward pass of ``features``."""

    @abstractmethod
    def running(self, batch: PackedBatch, dtype: np.dtype[Any], params: Params) -> RunningFeatures:
        """The features of a batch, step by step."""

    @abstractmethod
    def so_far(self, dtype: np.dtype[Any], params: Params) -> Running:
        """What makes the features (S, 1, F / S) of one document after each word of it."""

    @abstractmethod
    def of_document(self, h: Floats, params: Params) -> Floats:
        """The features (F,) or (T, F) of one document from all its outputs (S, T, H)."""

    @abstractmethod
    def places(self, batch: PackedBatch) -> Ints:
        """For each answer the place of its target among those of the texts, or of their tokens.

        Targets are in the caller's order: ``values[places]`` puts them beside the logits.
        """

    @abstractmethod
    def in_order(self, logits: Floats, batch: PackedBatch) -> Floats:
        """Logits (answers, C) in the order in which documents were given."""


class AllOutputs(RunningFeatures):
    """As there is an answer for each, all outputs are kept; they come from the last row up."""

    def __init__(
        self, head: Head, batch: PackedBatch, dtype: np.dtype[Any], params: Params
    ) -> None:
        self._head, self._params = head, params
        self._h = np.empty((head.n_directions, batch.n_tokens, head.hidden_size), dtype)
        self._missing = batch.n_tokens

    def add(self, h: Floats) -> None:
        end, self._missing = self._missing, self._missing - h.shape[1]
        self._h[:, self._missing : end] = h

    def value(self, batch: PackedBatch) -> Floats:
        return self._head.features(self._h, batch, self._params)[0]

"""Attention pooling (Yang et al. 2016): the network learns which words to weigh.

    u_t = tanh(h_t W + b)      weight_t = softmax over the document's words of u_t · context
    vector = sum of weight_t h_t

Each direction attends for itself, with parameters of its own: as it reads, it has the
outputs of other words than the other direction has, and so all three forms of a pooling,
also the one that keeps no outputs, stay a single pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings.base import Pooling, PoolingGradients, Running, sum_by_document
from textrnn.typing import Floats, Ints, Params

WEIGHT, BIAS, CONTEXT = "attention.W", "attention.b", "attention.context"


class AttentionCache(NamedTuple):
    """What the backward pass needs."""

    h: Floats
    """The outputs, (S, N, H)."""
    u: Floats
    """Their hidden representations, (S, N, A)."""
    weights: Floats
    """Weight of each word in its document, (S, N)."""


class Attention(Pooling):
    """The weighted sum of the outputs; the size A of ``u`` is that of the outputs, H."""

    name = "attention"

    def shapes(self, n_directions: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        S, H, A = n_directions, hidden_size, hidden_size
        return {WEIGHT: (S, H, A), BIAS: (S, A), CONTEXT: (S, A)}

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        """Glorot-uniform weights, the context too, and zero biases."""
        _, H, A = shapes[WEIGHT]
        of_weight, of_context = np.sqrt(6.0 / (H + A)), np.sqrt(6.0 / (A + 1))
        return {
            WEIGHT: rng.uniform(-of_weight, of_weight, shapes[WEIGHT]).astype(dtype),
            BIAS: np.zeros(shapes[BIAS], dtype=dtype),
            CONTEXT: rng.uniform(-of_context, of_context, shapes[CONTEXT]).astype(dtype),
        }

    def forward(
        self, h: Floats, batch: PackedBatch, params: Params
    ) -> tuple[Floats, AttentionCache]:
        u, scores = _scores(h, params)
        highest = scores[:, : batch.n_sequences].copy()
        for start, size in batch.steps:
            best = highest[:, :size]
            np.maximum(best, scores[:, start : start + size], out=best)
        weights: Floats = np.exp(scores - highest[:, batch.documents])
        weights /= sum_by_document(weights, batch)[:, batch.documents]
        vectors = sum_by_document(weights[..., np.newaxis] * h, batch)
        return vectors, AttentionCache(h, u, weights)

    def backward(
        self, d_out: Floats, cache: AttentionCache, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        h, u, weights = cache
        d_vectors = d_out[:, batch.documents]
        d_weights = (d_vectors * h).sum(axis=-1)
        mean = sum_by_document(weights * d_weights, batch)
        d_scores = weights * (d_weights - mean[:, batch.documents])
        d_z = d_scores[..., np.newaxis] * params[CONTEXT][:, np.newaxis]
        d_z *= 1.0 - u * u
        d_h = np.matmul(d_z, params[WEIGHT].swapaxes(-1, -2))
        d_h += weights[..., np.newaxis] * d_vectors
        return PoolingGradients(
            d_h,
            None,
            {
                WEIGHT: np.matmul(h.swapaxes(-1, -2), d_z),
                BIAS: d_z.sum(axis=1),
                CONTEXT: np.matmul(d_scores[:, np.newaxis], u)[:, 0],
            },
        )

    def running(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> Running:
        return RunningAttention(shape, dtype, params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        _, scores = _scores(h, params)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        vectors: Floats = np.matmul(weights[:, np.newaxis], h)[:, 0]
        return vectors


class RunningAttention(Running):
    """The weighted sum so far.

    All weights are relative to the highest score so far; when it rises, what was summed
    before is scaled down.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], params: Params) -> None:
        self._params = params
        self._highest = np.full(shape[:-1], -np.inf, dtype)
        self._sum_of_weights = np.zeros(shape[:-1], dtype)
        self._weighted = np.zeros(shape, dtype)

    def add(self, h: Floats) -> None:
        begun = slice(h.shape[1])
        highest, total = self._highest[:, begun], self._sum_of_weights[:, begun]
        weighted = self._weighted[:, begun]
        _, scores = _scores(h, self._params)
        risen = np.maximum(highest, scores)
        kept, weights = np.exp(highest - risen), np.exp(scores - risen)
        highest[...] = risen
        total *= kept
        total += weights
        weighted *= kept[..., np.newaxis]
        weighted += weights[..., np.newaxis] * h

    def value(self, lengths: Ints) -> Floats:
        del lengths
        vectors: Floats = self._weighted / self._sum_of_weights[..., np.newaxis]
        return vectors


def _scores(h: Floats, params: Params) -> tuple[Floats, Floats]:
    """``u`` (S, n, A) and its product with the context, (S, n), of outputs (S, n, H)."""
    u: Floats = np.matmul(h, params[WEIGHT])
    u += params[BIAS][:, np.newaxis]
    np.tanh(u, out=u)
    scores: Floats = np.matmul(u, params[CONTEXT][..., np.newaxis])[..., 0]
    return u, scores

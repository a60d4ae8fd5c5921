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
from textrnn.nn.poolings.base import (
    Pooling,
    PoolingGradients,
    Running,
    backwards,
    onwards,
    sum_by_document,
)
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


class EveryStepCache(NamedTuple):
    """What the backward pass at every word needs."""

    h: Floats
    """The outputs, (S, N, H)."""
    u: Floats
    """Their hidden representations, (S, N, A)."""
    weights: Floats
    """Weight of each word among those up to it, (S, N): 1 of a first word."""
    vectors: Floats
    """What was found, (S, N, H)."""


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
        d_h, own = _scores_backward(d_scores, h, u, params)
        d_h += weights[..., np.newaxis] * d_vectors
        return PoolingGradients(d_h, None, own)

    def every_step(
        self, h: Floats, batch: PackedBatch, params: Params
    ) -> tuple[Floats, EveryStepCache]:
        """A word of weight a among those up to it moves the vector by a (h - vector)."""
        u, scores = _scores(h, params)
        highest = scores.copy()
        for here, before in onwards(batch):
            np.maximum(highest[:, here], highest[:, before], out=highest[:, here])
        # Relative to the highest so far, as in RunningAttention: no score overflows.
        weights: Floats = np.exp(scores - highest)
        total, vectors = weights.copy(), h.copy()
        for here, before in onwards(batch):
            total[:, here] += np.exp(highest[:, before] - highest[:, here]) * total[:, before]
        weights /= total
        for here, before in onwards(batch):
            vectors[:, here] -= vectors[:, before]
            vectors[:, here] *= weights[:, here, np.newaxis]
            vectors[:, here] += vectors[:, before]
        return vectors, EveryStepCache(h, u, weights, vectors)

    def every_step_backward(
        self, d_out: Floats, cache: EveryStepCache, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        """Back through the vectors, then through the weights a = sigmoid(score - L).

        L is the logarithm of the sum of exp(score) before; when a word joins, its derivatives are a
        by the word's score and 1 - a by what it was.
        """
        h, u, weights, vectors = cache
        rest, d_vectors = 1.0 - weights, d_out.copy()
        for here, before in backwards(batch):
            d_vectors[:, before] += rest[:, here, np.newaxis] * d_vectors[:, here]
        # Where a word is the first, rest is 0, whatever stands in the row of no word before it.
        moved = h - vectors[:, batch.previous_rows]
        d_logit = (d_vectors * moved).sum(axis=-1) * weights * rest
        d_sum = np.zeros_like(d_logit)
        for here, before in backwards(batch):
            d_sum[:, before] = rest[:, here] * d_sum[:, here] - d_logit[:, here]
        d_h, own = _scores_backward(d_logit + weights * d_sum, h, u, params)
        d_h += weights[..., np.newaxis] * d_vectors
        return PoolingGradients(d_h, None, own)

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


def _scores_backward(
    d_scores: Floats, h: Floats, u: Floats, params: Params
) -> tuple[Floats, Params]:
    """The backward pass of ``_scores``: gradients of the outputs and of the parameters."""
    d_z = d_scores[..., np.newaxis] * params[CONTEXT][:, np.newaxis]
    d_z *= 1.0 - u * u
    d_h: Floats = np.matmul(d_z, params[WEIGHT].swapaxes(-1, -2))
    return d_h, {
        WEIGHT: np.matmul(h.swapaxes(-1, -2), d_z),
        BIAS: d_z.sum(axis=1),
        CONTEXT: np.matmul(d_scores[:, np.newaxis], u)[:, 0],
    }

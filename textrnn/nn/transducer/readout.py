"""What the decoder answers: one hidden layer over its state and context, and logits of words.

t = tanh(W_r [s; c] + b_r)       logits = t W + b
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from textrnn.typing import Floats, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout

HIDDEN, HIDDEN_BIAS, WEIGHT, BIAS = "readout.W", "readout.b", "linear.weight", "linear.bias"


class ReadoutCache(NamedTuple):
    """What the backward pass of the readout needs."""

    features: Floats
    """States and contexts side by side, (N, H + F)."""
    t: Floats
    """The hidden layer before dropout, (N, H)."""
    mask: Floats | None


def forward(
    states: Floats, contexts: Floats, params: Params, dropout: Dropout | None = None
) -> tuple[Floats, ReadoutCache]:
    """Logits (N, C) of states (N, H) and contexts (N, F), and a cache."""
    features = np.concatenate([states, contexts], axis=1)
    t: Floats = features @ params[HIDDEN]
    t += params[HIDDEN_BIAS]
    np.tanh(t, out=t)
    mask = dropout.of_readout(t.shape, t.dtype) if dropout else None
    logits: Floats = (t if mask is None else t * mask) @ params[WEIGHT]
    logits += params[BIAS]
    return logits, ReadoutCache(features, t, mask)


def backward(
    d_logits: Floats, cache: ReadoutCache, params: Params
) -> tuple[Floats, Floats, Params]:
    """Gradients of the states, of the contexts and of the parameters."""
    features, t, mask = cache
    d_t = d_logits @ params[WEIGHT].T
    if mask is not None:
        d_t *= mask
    d_t *= 1.0 - t * t
    d_features = d_t @ params[HIDDEN].T
    H = t.shape[1]
    dropped = t if mask is None else t * mask
    return (
        d_features[:, :H],
        d_features[:, H:],
        {
            HIDDEN: features.T @ d_t,
            HIDDEN_BIAS: d_t.sum(axis=0),
            WEIGHT: dropped.T @ d_logits,
            BIAS: d_logits.sum(axis=0),
        },
    )

"""Softmax and cross-entropy on the final output."""

from __future__ import annotations

import numpy as np

from textrnn.typing import Floats, Ints


def softmax(logits: Floats) -> Floats:
    """Probabilities (B, C) of logits (B, C); each row sums to one."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def cross_entropy(
    logits: Floats,
    targets: Ints,
    weights: Floats | None = None,
    *,
    batch_size: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, Floats]:
    """Mean weighted cross-entropy in nats, and its gradient.

    Args:
        logits: (B, C).
        targets: class numbers, (B,).
        weights: (B,), the weight of each document; all one if None. The sum is
            divided by B, not by the sum of weights, so that a document counts the
            same in whichever batch it stands.
        batch_size: what to divide by, if these are part of a larger batch.
        label_smoothing: the share of each target that is spread evenly over all
            classes (Szegedy et al. 2016).

    Returns:
        The loss and the gradient of the logits, (B, C).
    """
    B = len(logits)
    rows = np.arange(B)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_norm = np.log(np.exp(shifted).sum(axis=1))
    losses = log_norm - shifted[rows, targets]
    gradient = np.exp(shifted - log_norm[:, np.newaxis])
    gradient[rows, targets] -= 1.0 - label_smoothing
    if label_smoothing:
        gradient -= label_smoothing / logits.shape[1]
        losses += label_smoothing * (shifted[rows, targets] - shifted.mean(axis=1))
    if weights is not None:
        losses = losses * weights
        gradient *= weights[:, np.newaxis]
    gradient /= batch_size or B
    return float(losses.sum(dtype=np.float64)) / (batch_size or B), gradient

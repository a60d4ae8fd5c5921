"""Cross-entropy over thousands of classes: some rows at a time, which stay in the cache.

Logits of a batch of words fill tens of megabytes, and ``losses.cross_entropy`` goes over them ten
times. Here each row is read once from memory and its gradient written once, with one exponential
for each class instead of two.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.losses import SOFTMAX, cross_entropy
from textrnn.typing import Floats, Ints

AT_ONCE = 1 << 17
"""Numbers: of single precision half a megabyte, with as much of their gradient."""


def word_cross_entropy(
    logits: Floats,
    targets: Ints,
    weights: Floats | None = None,
    *,
    batch_size: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, Floats]:
    """What ``cross_entropy`` returns, but for rounding."""
    B, C = logits.shape
    if targets.ndim == 2 or B == 0:
        return cross_entropy(
            logits, targets, weights, batch_size=batch_size, label_smoothing=label_smoothing
        )
    size = batch_size or B
    shares = np.full(B, 1.0 / size, logits.dtype) if weights is None else weights / size
    gradient, loss = np.empty_like(logits), 0.0
    n = max(AT_ONCE // C, 1)
    for start in range(0, B, n):
        rows, share = slice(start, start + n), shares[start : start + n]
        part = gradient[rows]
        at_targets = np.arange(len(part)), targets[rows]
        np.subtract(logits[rows], logits[rows].max(axis=1, keepdims=True), out=part)
        told = (1.0 - label_smoothing) * part[at_targets]
        if label_smoothing:
            told += label_smoothing * part.mean(axis=1)
        np.exp(part, out=part)
        total = part.sum(axis=1)
        part *= (share / total)[:, np.newaxis]
        part[at_targets] -= (1.0 - label_smoothing) * share
        if label_smoothing:
            part -= (label_smoothing / C * share)[:, np.newaxis]
        loss += float(((np.log(total) - told) * share).sum(dtype=np.float64))
    return loss, gradient


WORDS = SOFTMAX._replace(loss=word_cross_entropy)
"""What logits of words mean: the classes of ``SOFTMAX``, of which there are many."""

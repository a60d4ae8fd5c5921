"""How much more often an n-gram occurs in one class than in the others: naive Bayes."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from textrnn.typing import Bools, Floats

SMOOTHING = 1.0
"""Added to every n-gram's count, so that one seen in a single class has a finite ratio."""


def log_count_ratio(
    counts: csr_array,
    positive: Bools,
    weights: Floats | None = None,
    *,
    smoothing: float = SMOOTHING,
) -> Floats:
    """The log-ratio of each n-gram's shares in two classes (Wang and Manning 2012, section 2.3).

    With ``p = smoothing + sum of the positive rows`` and ``q = smoothing + sum of the others`` it
    is ``log((p / sum(p)) / (q / sum(q)))``.

    Args:
        counts: of n-grams, (texts, columns).
        positive: whether a text is of the first class, (texts,).
        weights: of the texts, (texts,), each of which counts as so many; None for ones.
        smoothing: see ``SMOOTHING``.

    Returns:
        Float32 of shape (columns,).
    """
    lengths, n = np.diff(counts.indptr), counts.shape[1]
    cells = counts.data if weights is None else counts.data * np.repeat(weights, lengths)
    in_class = np.repeat(positive, lengths)
    total = np.bincount(counts.indices, cells, minlength=n)
    p = smoothing + np.bincount(counts.indices[in_class], cells[in_class], minlength=n)
    q = 2.0 * smoothing + total - p
    ratio: Floats = (np.log(p / p.sum()) - np.log(q / q.sum())).astype(np.float32)
    return ratio

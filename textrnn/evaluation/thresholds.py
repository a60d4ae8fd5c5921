"""From probabilities to an answer: the most probable class, or what reaches a threshold."""

from __future__ import annotations

import numpy as np

from textrnn.typing import Floats, Ints

USUAL = 0.5


def decide(
    probabilities: Floats, threshold: float | None = None, *, multilabel: bool = False
) -> Ints:
    """The answer for each text.

    Args:
        probabilities: (n, C).
        threshold: of two classes, the probability from which the second is the answer; None
            takes the more probable one. Of labels, that from which a text has it; None is 0.5.
        multilabel: the columns are labels, of which a text has any number.

    Returns:
        Class numbers, shape (n,); of labels ones and zeros, shape (n, C).
    """
    if multilabel:
        answers: Ints = (probabilities >= (USUAL if threshold is None else threshold)).astype(int)
    elif threshold is None:
        answers = probabilities.argmax(axis=1)
    else:
        answers = (probabilities[:, 1] >= threshold).astype(int)
    return answers


def rarer_class(targets: Ints, weights: Floats | None = None) -> int:
    """Which of two classes fewer texts have, by its number; the second of equal ones.

    Args:
        targets: class numbers 0 and 1, shape (n,).
        weights: of the texts, (n,), or None for ones.
    """
    return int(np.average(targets > 0, weights=weights) <= 0.5)


def best_f1_threshold_of(
    rare: int, probabilities: Floats, truth: Ints, weights: Floats | None = None
) -> float:
    """The threshold for the second of two classes with which one of them has its highest F1.

    Args:
        rare: number of the class whose F1 counts, 0 or 1.
        probabilities: of the second class, shape (n,).
        truth: class numbers, shape (n,).
        weights: of the texts, (n,), or None for ones.
    """
    if rare == 1:
        return best_f1_threshold(probabilities, truth, weights)
    return 1.0 - best_f1_threshold(1.0 - probabilities.astype(np.float64), 1 - truth, weights)


def best_f1_threshold(probabilities: Floats, truth: Ints, weights: Floats | None = None) -> float:
    """The threshold of the highest F1, half-way to the next lower probability.

    Of labels it is one threshold for all, of the highest micro-averaged F1.

    Args:
        probabilities: of yes, shape (n,) or (n, C).
        truth: ones and zeros, same shape.
        weights: of the texts, (n,), or None for ones.

    Returns:
        A number from 0 to 1; 0.5 where no answer is yes, and so nothing can be told.
    """
    order = np.argsort(-probabilities, axis=None, kind="stable")
    sorted_p = probabilities.ravel()[order].astype(np.float64)
    each = np.ones(len(truth)) if weights is None else weights.astype(np.float64)
    counts = np.repeat(each, truth.size // max(len(truth), 1))[order]
    hits = counts * (truth.ravel()[order] > 0)
    if not hits.any():
        return USUAL
    # A text of weight 0 before all others: nothing is said yes to.
    said = np.maximum(np.cumsum(counts) + hits.sum(), np.finfo(np.float64).tiny)
    f1 = 2 * np.cumsum(hits) / said
    lower = np.append(sorted_p[1:], 0.0)
    # Between equal probabilities nothing can be cut.
    f1[:-1][lower[:-1] == sorted_p[:-1]] = 0.0
    best = int(f1.argmax())
    return float(0.5 * (sorted_p[best] + lower[best]))

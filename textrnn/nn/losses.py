"""What the final output means: its probabilities, its loss, and how much of it is right.

Of the classes each text has one (``SOFTMAX``), or each text has any number of labels, every one
a yes or no of its own (``SIGMOID``), or each text has a number (``NUMBERS``). Targets are class
numbers of shape (B,), or of shape (B, C) ones and zeros, or the probabilities that a teacher
gives; or numbers, (B,). Where every token is answered for, B below is the number of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from textrnn.typing import Floats, Ints


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the classes' probabilities, (B, C) of logits (B, C)."""
    # The arrays' methods take three times as long of one row.
    shifted: Floats = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    shifted -= np.log(np.add.reduce(np.exp(shifted), axis=1, keepdims=True))
    return shifted


def softmax(logits: Floats) -> Floats:
    """Probabilities (B, C) of logits (B, C); each row sums to one."""
    logarithms = log_softmax(logits)
    return np.exp(logarithms, logarithms)


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
        targets: class numbers, (B,), or the probability of each class, (B, C).
        weights: (B,), the weight of each document; all one if None. The sum is
            divided by B, not by the sum of weights, so that a document counts the
            same in whichever batch it stands.
        batch_size: what to divide by, if these are part of a larger batch.
        label_smoothing: the share of each target that is spread evenly over all
            classes (Szegedy et al. 2016).

    Returns:
        The loss and the gradient of the logits, (B, C).
    """
    B, C = logits.shape
    logarithms = log_softmax(logits)
    gradient = np.exp(logarithms)
    if targets.ndim == 2:
        wanted = (1.0 - label_smoothing) * targets + label_smoothing / C
        losses = -(wanted * logarithms).sum(axis=1)
        gradient -= wanted
    else:
        rows = np.arange(B)
        losses = -logarithms[rows, targets]
        gradient[rows, targets] -= 1.0 - label_smoothing
        if label_smoothing:
            gradient -= label_smoothing / C
            losses += label_smoothing * (logarithms[rows, targets] - logarithms.mean(axis=1))
    if weights is not None:
        losses = losses * weights
        gradient *= weights[:, np.newaxis]
    gradient /= batch_size or B
    return float(losses.sum(dtype=np.float64)) / (batch_size or B), gradient


def sigmoid(logits: Floats) -> Floats:
    """Probability of each label by itself, same shape."""
    halves: Floats = np.tanh(0.5 * logits)
    halves *= 0.5
    halves += 0.5
    return halves


def yes_probabilities(logits: Floats) -> Floats:
    """The same, as exact where it is near 0: ``sigmoid`` is faster, and rounds to 0 early."""
    probabilities: Floats = np.logaddexp(logits.dtype.type(0), -logits)
    np.negative(probabilities, probabilities)
    return np.exp(probabilities, probabilities)


def binary_cross_entropy(
    logits: Floats,
    targets: Ints,
    weights: Floats | None = None,
    *,
    batch_size: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, Floats]:
    """Mean over documents of the sum of their labels' cross-entropies, and its gradient.

    Args:
        logits: (B, C).
        targets: 1 where a document has a label, else 0, or its probability, (B, C).
        weights: as in ``cross_entropy``.
        batch_size: as in ``cross_entropy``.
        label_smoothing: the share of each target that is spread over yes and no.

    Returns:
        The loss in nats and the gradient of the logits, (B, C).
    """
    wanted = targets.astype(logits.dtype)
    if label_smoothing:
        wanted += label_smoothing * (0.5 - wanted)
    # log(1 + exp(z)) - wanted z, in which no large numbers cancel where the answer is sure.
    losses = np.maximum(logits, 0.0) - wanted * logits + np.logaddexp(0.0, -np.abs(logits))
    losses = losses.sum(axis=1)
    gradient = sigmoid(logits) - wanted
    if weights is not None:
        losses = losses * weights
        gradient *= weights[:, np.newaxis]
    B = batch_size or len(logits)
    gradient /= B
    return float(losses.sum(dtype=np.float64)) / B, gradient


def squared_error(
    logits: Floats,
    targets: Floats,
    weights: Floats | None = None,
    *,
    batch_size: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, Floats]:
    """Mean squared error, and its gradient.

    Args:
        logits: the numbers predicted, (B, 1).
        targets: the numbers that are right, (B,).
        weights: as in ``cross_entropy``.
        batch_size: as in ``cross_entropy``.
        label_smoothing: there are no classes to spread anything over; must be 0.

    Returns:
        The loss and the gradient of the logits, (B, 1).

    Raises:
        ValueError: labels are to be smoothed.
    """
    if label_smoothing:
        raise ValueError(
            f"label_smoothing is {label_smoothing}, but numbers have no classes to spread over"
        )
    errors = logits[:, 0] - targets.astype(logits.dtype, copy=False)
    losses, gradient = errors * errors, 2.0 * errors
    if weights is not None:
        losses, gradient = losses * weights, gradient * weights
    B = batch_size or len(logits)
    return float(losses.sum(dtype=np.float64)) / B, gradient[:, np.newaxis] / B


def mean_one(weights: Floats | None) -> Floats | None:
    """Weights (B,) scaled to a mean of 1; None, which is ones, if there are none above 0."""
    return None if weights is None or not weights.any() else weights / weights.mean()


class Loss(Protocol):
    """``cross_entropy``, ``binary_cross_entropy`` or ``squared_error``."""

    def __call__(
        self,
        logits: Floats,
        targets: Any,
        weights: Floats | None = None,
        *,
        batch_size: int | None = None,
        label_smoothing: float = 0.0,
    ) -> tuple[float, Floats]: ...


class Output(NamedTuple):
    """What logits (B, C) mean.

    Attributes:
        probabilities: of logits, same shape; of numbers, the numbers themselves.
        log_probabilities: their logarithms, finite where a probability is too small for a number.
        loss: of logits and targets, with its gradient.
        right: of logits and targets the share of its labels that each document has right, (B,);
            of a number, what is lacking of one less its squared error.
        score: of logits, targets and weights (B,) or None: the mean of what is right; of numbers
            the coefficient of determination, R².
        slopes: of logits the derivatives of the probabilities by them, (B, C, C): [.., i, j] is
            that of the i-th by the j-th logit.
        wanted: of targets, C and a share of label smoothing what the probabilities should be,
            (B, C).
    """

    probabilities: Callable[[Floats], Floats]
    log_probabilities: Callable[[Floats], Floats]
    loss: Loss
    right: Callable[[Floats, Any], Floats]
    score: Callable[[Floats, Any, Floats | None], float]
    slopes: Callable[[Floats], Floats]
    wanted: Callable[[Any, int, float], Floats]


def _class_right(logits: Floats, targets: Ints) -> Floats:
    wanted = targets.argmax(axis=1) if targets.ndim == 2 else targets
    right: Floats = (logits.argmax(axis=1) == wanted).astype(np.float64)
    return right


def _labels_right(logits: Floats, targets: Ints) -> Floats:
    right: Floats = ((logits >= 0.0) == (targets >= 0.5)).mean(axis=1)
    return right


def _accuracy(logits: Floats, targets: Ints, weights: Floats | None) -> float:
    return float(np.average(_class_right(logits, targets), weights=weights))


def _label_accuracy(logits: Floats, targets: Ints, weights: Floats | None) -> float:
    return float(np.average(_labels_right(logits, targets), weights=weights))


def _log_yes(logits: Floats) -> Floats:
    found: Floats = -np.logaddexp(logits.dtype.type(0), -logits)
    return found


def _numbers(logits: Floats) -> Floats:
    return logits


def _closeness(logits: Floats, targets: Floats) -> Floats:
    # Over targets of variance 1, as a regression standardises them, its mean is R².
    errors: Floats = logits[:, 0].astype(np.float64) - targets
    return 1.0 - errors * errors


def r_squared(logits: Floats, targets: Floats, weights: Floats | None) -> float:
    """The share of the variance of targets (B,) that numbers (B, 1) explain.

    Of equal targets, which have none, what is lacking of one is the mean squared error.
    """
    errors = (logits[:, 0].astype(np.float64) - targets) ** 2
    around = (targets - np.average(targets, weights=weights)) ** 2
    variance = float(np.average(around, weights=weights)) or 1.0
    return 1.0 - float(np.average(errors, weights=weights)) / variance


def _softmax_slopes(logits: Floats) -> Floats:
    p = softmax(logits)
    slopes: Floats = p[:, :, np.newaxis] * (np.eye(p.shape[1], dtype=p.dtype) - p[:, np.newaxis])
    return slopes


def _sigmoid_slopes(logits: Floats) -> Floats:
    p = sigmoid(logits)
    slopes: Floats = (p * (1.0 - p))[:, :, np.newaxis] * np.eye(p.shape[1], dtype=p.dtype)
    return slopes


def _number_slopes(logits: Floats) -> Floats:
    return np.broadcast_to(np.eye(logits.shape[1], dtype=logits.dtype), (len(logits), 1, 1))


def _wanted_classes(targets: Any, n_classes: int, smoothing: float) -> Floats:
    wanted = targets if targets.ndim == 2 else np.eye(n_classes)[targets]
    smoothed: Floats = (1.0 - smoothing) * wanted + smoothing / n_classes
    return smoothed


def _wanted_labels(targets: Any, n_classes: int, smoothing: float) -> Floats:
    del n_classes
    smoothed: Floats = targets + smoothing * (0.5 - targets)
    return smoothed


def _wanted_numbers(targets: Any, n_classes: int, smoothing: float) -> Floats:
    del n_classes, smoothing
    numbers: Floats = targets[:, np.newaxis]
    return numbers


SOFTMAX = Output(
    softmax,
    log_softmax,
    cross_entropy,
    _class_right,
    _accuracy,
    _softmax_slopes,
    _wanted_classes,
)
SIGMOID = Output(
    yes_probabilities,
    _log_yes,
    binary_cross_entropy,
    _labels_right,
    _label_accuracy,
    _sigmoid_slopes,
    _wanted_labels,
)
NUMBERS = Output(
    _numbers,
    _numbers,
    squared_error,
    _closeness,
    r_squared,
    _number_slopes,
    _wanted_numbers,
)


def output_of(*, multilabel: bool, regression: bool = False) -> Output:
    """What the logits mean of a model for one label a text, for any number, or for a number."""
    if regression:
        return NUMBERS
    return SIGMOID if multilabel else SOFTMAX

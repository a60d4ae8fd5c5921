"""Say how good a classifier is, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from textrnn.errors import DataError
from textrnn.evaluation.significance import wilson_interval
from textrnn.evaluation.thresholds import decide
from textrnn.typing import Bools, Floats, Ints
from textrnn.wording.quoting import quoted

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassScores:
    """One label's scores; None where there is nothing to divide by.

    That is ``precision`` of a label never predicted, ``recall`` of a label no text has,
    and ``f1`` when both are so.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class Report:
    """Scores of one classifier on n texts.

    ``accuracy_interval`` holds 95 %; ``roc_auc`` is that of the second class, or the mean
    of one against the rest for more classes, or None when a class is absent from the
    texts; ``confusion`` has true labels as rows and predicted ones as columns, both in
    the order of ``classes``. ``macro_f1`` leaves out labels neither true nor predicted.
    """

    n: int
    classes: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    log_loss: float
    roc_auc: float | None
    calibration_error: float
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, ready for JSON."""
        return {
            **asdict(self),
            "classes": list(self.classes),
            "accuracy_interval": list(self.accuracy_interval),
            "per_class": [asdict(scores) for scores in self.per_class],
            "confusion": [list(row) for row in self.confusion],
        }


def evaluate(
    y_true: Sequence[str],
    probabilities: Floats,
    classes: Sequence[str],
    threshold: float | None = None,
) -> Report:
    """Score probabilities of shape (n, C), columns in the order of classes.

    The most probable class is taken for the answer, or of two classes the second from a
    ``threshold``; the calibration is that of the most probable class all the same.

    Raises ``DataError`` when there are no texts, when their number is not that of the
    rows, or when a text has a label that is not among the classes.
    """
    truth = _class_numbers(y_true, classes)
    if probabilities.shape != (len(truth), len(classes)):
        raise DataError(
            f"Probabilities of shape {probabilities.shape} do not fit "
            f"{len(truth)} texts and {len(classes)} classes."
        )
    # float32 rows add up to one only in float32; scikit-learn wants float64's "one".
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = decide(probabilities, threshold)
    right = predicted == truth
    likeliest = probabilities.argmax(axis=1) == truth
    numbers = range(len(classes))
    return Report(
        n=len(truth),
        classes=tuple(classes),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(truth)),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0)),
        log_loss=float(log_loss(truth, probabilities, labels=numbers)),
        roc_auc=_roc_auc(truth, probabilities),
        calibration_error=calibration_error(probabilities.max(axis=1), likeliest),
        per_class=class_scores(truth, predicted, classes),
        confusion=tuple(
            tuple(row) for row in confusion_matrix(truth, predicted, labels=numbers).tolist()
        ),
    )


def calibration_error(confidence: Floats, right: Bools) -> float:
    """Return the expected calibration error of top-label confidences (Guo et al. 2017).

    Texts fall into 15 bins of equal width by confidence; the error is the mean over all
    texts of how far their bin's accuracy is from its confidence. Both shapes are (n,).
    """
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.digitize(confidence, edges[1:-1], right=True)
    surplus = np.bincount(bins, weights=confidence - right)
    return float(np.abs(surplus).sum() / len(confidence))


def _class_numbers(y_true: Sequence[str], classes: Sequence[str]) -> Ints:
    if not len(y_true):
        raise DataError("There are no texts to evaluate on; give at least one.")
    number_of = {label: number for number, label in enumerate(classes)}
    unknown = sorted({str(label) for label in y_true if label not in number_of})
    if unknown:
        named = ", ".join(quoted(label) for label in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise DataError(
            f"the model never saw these labels in training: {named}{more}. "
            "Leave their texts out, or train on texts that have them."
        )
    return np.array([number_of[label] for label in y_true])


def _roc_auc(truth: Ints, probabilities: Floats) -> float | None:
    if len(np.unique(truth)) < probabilities.shape[1]:
        return None
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(truth, probabilities[:, 1]))
    return float(roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"))


def class_scores(truth: Ints, predicted: Ints, classes: Sequence[str]) -> tuple[ClassScores, ...]:
    """The scores of each class, of class numbers (n,) or indicator matrices (n, C)."""
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=range(len(classes)), zero_division=np.nan
    )
    return tuple(
        ClassScores(label, _or_none(p), _or_none(r), _or_none(f), int(count))
        for label, p, r, f, count in zip(classes, precision, recall, f1, support, strict=True)
    )


def _or_none(score: float) -> float | None:
    return None if np.isnan(score) else float(score)

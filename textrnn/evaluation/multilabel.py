"""Say how good a classifier is where each text has any number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, hamming_loss

from textrnn.corpora import indicator
from textrnn.errors import DataError
from textrnn.evaluation.metrics import ClassScores, calibration_error, class_scores
from textrnn.evaluation.significance import wilson_interval
from textrnn.evaluation.thresholds import decide
from textrnn.typing import Floats


@dataclass(frozen=True)
class MultilabelReport:
    """Scores of one classifier on n texts.

    ``accuracy`` is that of whole sets of labels, also called subset accuracy, and
    ``accuracy_interval`` holds 95 %; ``hamming_loss`` is the share of wrong answers, one a
    text and label; ``log_loss`` the mean over texts of the sum over labels. In ``macro_f1`` a
    label neither true nor predicted counts as 0. ``calibration_error`` is over all answers.
    """

    n: int
    classes: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    micro_f1: float
    macro_f1: float
    hamming_loss: float
    log_loss: float
    calibration_error: float
    per_class: tuple[ClassScores, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, ready for JSON."""
        return {
            **asdict(self),
            "classes": list(self.classes),
            "accuracy_interval": list(self.accuracy_interval),
            "per_class": [asdict(scores) for scores in self.per_class],
        }


def evaluate_multilabel(
    label_sets: Sequence[Sequence[str]],
    probabilities: Floats,
    classes: Sequence[str],
    threshold: float | None = None,
) -> MultilabelReport:
    """Score probabilities of shape (n, C), columns in the order of classes.

    ``threshold`` is the probability from which a text has a label, 0.5 if None.

    Raises ``DataError`` when there are no texts, when their number is not that of the
    rows, or when a text has a label that is not among the classes.
    """
    if not len(label_sets):
        raise DataError("There are no texts to evaluate on; give at least one.")
    truth = indicator(label_sets, classes)
    if probabilities.shape != truth.shape:
        raise DataError(
            f"Probabilities of shape {probabilities.shape} do not fit "
            f"{len(truth)} texts and {len(classes)} labels."
        )
    predicted = decide(probabilities, threshold, multilabel=True)
    least = np.finfo(np.float32).eps
    p = np.clip(probabilities.astype(np.float64), least, 1.0 - least)
    whole = (predicted == truth).all(axis=1)
    return MultilabelReport(
        n=len(truth),
        classes=tuple(classes),
        accuracy=float(whole.mean()),
        accuracy_interval=wilson_interval(int(whole.sum()), len(truth)),
        micro_f1=float(f1_score(truth, predicted, average="micro", zero_division=0)),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0)),
        hamming_loss=float(hamming_loss(truth, predicted)),
        log_loss=float(-np.where(truth > 0, np.log(p), np.log1p(-p)).sum(axis=1).mean()),
        calibration_error=calibration_error(
            np.maximum(p, 1.0 - p).ravel(), ((p >= 0.5) == (truth > 0)).ravel()
        ),
        per_class=class_scores(truth, predicted, classes),
    )

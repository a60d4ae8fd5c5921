"""How accuracy grows with the training texts, and from how many on the classifier is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from textrnn.evaluation.recommendation import CLASSIFIER, NETWORK, SIGNIFICANCE
from textrnn.experiments.data import Prepared
from textrnn.typing import Ints

FRACTIONS = (0.01, 0.03, 0.1, 0.3, 1.0)
FEWEST = 10
"""Training texts below which a point of the curve is luck."""


@dataclass(frozen=True)
class Point:
    """What was learned from a share of the texts.

    Attributes:
        fraction: the share.
        n_train: training texts.
        accuracy: of each classifier on the test texts, by its name.
        best_baseline: the most accurate of the others, empty without any.
        p_value: of the paired test of the classifier against it, corrected for the choice of
            that baseline; None without one of them. Each point is tested for itself.
        seconds: of training them all.
        p_value_uncorrected: of these two alone.
        correction: how the choice is allowed for, see ``significance.against_best``.
    """

    fraction: float
    n_train: int
    accuracy: dict[str, float]
    best_baseline: str
    p_value: float | None
    seconds: float
    p_value_uncorrected: float | None = None
    correction: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON, the classifier's under its name of 0.1.0, too."""
        values = asdict(self)
        if CLASSIFIER in self.accuracy:
            values["accuracy"][NETWORK] = self.accuracy[CLASSIFIER]
        return values

    @property
    def lead(self) -> float:
        """Accuracy of the classifier less that of the best baseline."""
        return self.accuracy[CLASSIFIER] - self.accuracy[self.best_baseline]


@dataclass(frozen=True)
class LearningCurve:
    """Points by the number of their texts, and in words where the classifier gets ahead."""

    points: tuple[Point, ...]
    crossing: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"points": [point.to_dict() for point in self.points], "crossing": self.crossing}


def part_of(data: Prepared, fraction: float, *, seed: int) -> Prepared:
    """A share of the training and of the validation texts; the test texts are the same.

    Of each label there is one text at least, and a smaller share lies within a larger one.
    """
    rows = {
        "train": nested_rows(data.train.labels, fraction, seed=seed),
        "validation": nested_rows(data.validation.labels, fraction, seed=seed),
    }
    part = replace(
        data.corpus,
        train=data.train.take(rows["train"]),
        validation=data.validation.take(rows["validation"]),
    )
    return replace(
        data,
        corpus=part,
        tokens={
            name: tokens.take(rows[name]) if name in rows else tokens
            for name, tokens in data.tokens.items()
        },
    )


def nested_rows(labels: Sequence[str], fraction: float, *, seed: int) -> Ints:
    """Rows of a share of each label's texts, ascending, the first of an order drawn by seed."""
    rng = np.random.default_rng(seed)
    known = np.asarray(labels)
    kept = []
    for label in np.unique(known):
        rows = rng.permutation(np.flatnonzero(known == label))
        kept.append(rows[: max(1, round(fraction * len(rows)))])
    return np.sort(np.concatenate(kept))


def crossing(points: Sequence[Point]) -> str:
    """Say how many training texts the classifier needs to be ahead of the best baseline."""
    points = [point for point in points if CLASSIFIER in point.accuracy and point.best_baseline]
    if len(points) < 2:
        return ""
    last = points[-1]
    if last.lead <= 0.0:
        ahead = ", ".join(f"{point.n_train:,}" for point in points if point.lead > 0.0)
        told = (
            f"The classifier is ahead at {ahead} training texts but"
            if ahead
            else "The classifier is"
        )
        return (
            f"{told} not ahead with all {last.n_train:,} training texts ({last.lead:+.3f} against "
            f"{last.best_baseline})."
        )
    first = len(points)
    while first > 0 and points[first - 1].lead > 0.0:
        first -= 1
    if first == 0:
        told = (
            f"The classifier is ahead at every size, from {points[0].n_train:,} training texts on"
        )
    else:
        told = (
            f"The curves cross between {points[first - 1].n_train:,} and "
            f"{points[first].n_train:,} training texts: from there on the classifier is ahead"
        )
    return f"{told} ({last.lead:+.3f} with all {last.n_train:,}, {_sureness(last)})."


def _sureness(point: Point) -> str:
    p = 1.0 if point.p_value is None else point.p_value
    return "more than chance" if p < SIGNIFICANCE else "which may be chance"

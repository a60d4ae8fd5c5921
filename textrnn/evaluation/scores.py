"""What is known of a classifier's scores and costs, whoever found it out and when.

`evaluate` finds the scores and needs scikit-learn; this is what a report keeps of them. Of a model
that a script saved some may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class LineOfClass:
    """The scores of one class; None where there is nothing to divide by, or nobody knows."""

    label: str | int | float | bool | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    support: int | None = None


_INTERVALS = (
    *("accuracy_interval", "mean_absolute_error_interval", "r2_interval", "spearman_interval"),
)


@dataclass(frozen=True)
class Scores:
    """Of one classifier on n texts; see ``metrics.Report`` and ``multilabel.MultilabelReport``.

    Attributes:
        n: texts.
        classes: in the order of the confusion matrix.
        accuracy: share that is right.
        accuracy_interval: holds 95 %.
        micro_f1: of many labels a text.
        macro_f1: mean over classes.
        hamming_loss: of many labels a text.
        log_loss: in nats.
        roc_auc: of one class a text; None where a class is absent.
        calibration_error: of the most probable class.
        per_class: a line for each.
        confusion: true labels as rows and predicted ones as columns, of one class a text.
        mean_absolute_error: of numbers, as all down to the rank correlation.
        mean_absolute_error_interval: holds 95 %.
        r2: the share of their variance that is explained.
        r2_interval: holds 95 %.
        spearman: the rank correlation.
        spearman_interval: holds 95 %.
        seconds: of training.
        params: that a baseline was tuned to.
        validation_accuracy: of a baseline, on the texts it was tuned by.
    """

    n: int | None = None
    classes: tuple[str, ...] | None = None
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    micro_f1: float | None = None
    macro_f1: float | None = None
    hamming_loss: float | None = None
    log_loss: float | None = None
    roc_auc: float | None = None
    calibration_error: float | None = None
    per_class: tuple[LineOfClass, ...] | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    mean_absolute_error: float | None = None
    mean_absolute_error_interval: tuple[float, float] | None = None
    r2: float | None = None
    r2_interval: tuple[float, float] | None = None
    spearman: float | None = None
    spearman_interval: tuple[float, float] | None = None
    seconds: float | None = None
    params: dict[str, Any] | None = None
    validation_accuracy: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``; what it does not know is left out."""
        known: dict[str, Any] = {f.name: values.get(f.name) for f in fields(cls)}
        if known["per_class"] is not None:
            names = {f.name for f in fields(LineOfClass)}
            known["per_class"] = tuple(
                LineOfClass(**{name: line[name] for name in names & line.keys()})
                for line in known["per_class"]
            )
        for name in ("classes", *_INTERVALS):
            known[name] = None if known[name] is None else tuple(known[name])
        if known["confusion"] is not None:
            known["confusion"] = tuple(tuple(row) for row in known["confusion"])
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """What is known, as plain lists and numbers; a lacking area under the curve, too."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        if self.per_class is not None:
            values["per_class"] = [asdict(line) for line in self.per_class]
            if self.hamming_loss is None:
                values["roc_auc"] = self.roc_auc
        for name in ("classes", *_INTERVALS):
            if name in values:
                values[name] = list(values[name])
        if self.confusion is not None:
            values["confusion"] = [list(row) for row in self.confusion]
        return values


@dataclass(frozen=True)
class Costs:
    """What a classifier costs: ``seconds`` of training, or None if another day's.

    ``latency_ms`` is for one text alone, ``size_bytes`` that of the folder it is saved in.
    """

    seconds: float | None
    latency_ms: float
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)

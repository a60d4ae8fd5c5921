"""What a contest found: scores, costs, a learning curve, and what a winner's folder keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from textrnn.evaluation.recommendation import CLASSIFIER, NETWORK, Costs
from textrnn.experiments.comparison import Contender
from textrnn.experiments.learning_curve import LearningCurve
from textrnn.storage.report import VERSION, Comparison


@dataclass(frozen=True, eq=False)
class ContestReport(Comparison):
    """What a contest found.

    Attributes:
        report_version: of this form, that of ``RunReport``.
        costs: of each classifier, by its name.
        learning_curve: if one was asked for.
        shared: how many texts the corpus's splits share.
        warnings: what the scores must not be read without.
        interrupted: whether Ctrl-C stopped it.
        saved: where a model was written.
    """

    report_version: int = VERSION
    costs: dict[str, Costs] = field(default_factory=dict)
    learning_curve: LearningCurve | None = None
    shared: Any = None
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False
    saved: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, the classifier's cost under its name of 0.1.0, too."""
        values = super().to_dict()
        if CLASSIFIER in self.costs:
            values["costs"] = {**values["costs"], NETWORK: values["costs"][CLASSIFIER]}
        return values

    def of(self, winner: Contender) -> dict[str, Any]:
        """What the report of one of the classifiers has of all, by the names of ``RunReport``."""
        told = self.to_dict()
        return {
            **{f.name: getattr(self, f.name) for f in fields(Comparison)},
            "test": winner.scores,
            "shared": self.shared,
            "warnings": self.warnings,
            "seconds": winner.seconds,
            "epochs": winner.epochs,
            "interrupted": self.interrupted,
            "others": {name: told[name] for name in ("costs", "learning_curve")},
        }

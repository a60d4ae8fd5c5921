"""What a report says of held-out texts: of the whole classifier, and of its network alone.

Until 0.1.0 the scores of epochs, and the best of them, were the network's alone under the names
that are the classifier's now. In a report of that time they are given their present names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WHOLE, NETWORK = "validation_accuracy", "network_validation_accuracy"
"""Keys of an epoch's record."""


def scores_of(history: Sequence[Mapping[str, float]], key: str) -> list[float]:
    """The scores under a key in those records that have one."""
    return [record[key] for record in history if key in record]


def as_named_now(report: Mapping[str, Any], *, is_alone: bool) -> dict[str, Any]:
    """A report of any version, with the network's own scores under their own names.

    Args:
        report: as in ``metrics.json``.
        is_alone: the classifier is a network and nothing else, without a threshold: then its
            scores are the network's. Those of another, as 0.1.0 measured them, are left out: it
            was scored on the texts that its ensemble weights were fitted to.
    """
    named = _moved(report, "best_validation_score", "best_network_validation_score", is_alone)
    if report.get("history"):
        named["history"] = [_moved(r, WHOLE, NETWORK, is_alone) for r in report["history"]]
    if report.get("validation"):
        found = _moved(report["validation"], "accuracy", "network_accuracy", is_alone)
        if "accuracy" not in found:
            found.pop("whole", None)  # the same figure's other name
        named["validation"] = found
    return named


def _moved(values: Mapping[str, Any], whole: str, network: str, is_alone: bool) -> dict[str, Any]:
    """Values whose ``whole`` is the network's own, unless that has its name already."""
    moved = dict(values)
    if whole in values and network not in values:
        moved[network] = values[whole]
        if not is_alone:
            del moved[whole]
    return moved

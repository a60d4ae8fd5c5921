"""How near predicted numbers come to the right ones, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from textrnn.evaluation.scores import Scores
from textrnn.typing import Floats

RESAMPLES = 1_000
"""Of the texts, for an interval that holds 95 % (Efron 1979)."""
Interval = tuple[float, float]


def evaluate_numbers(right: Floats, predicted: Floats) -> Scores:
    """Mean absolute error, R² and Spearman's rank correlation of n texts, with their intervals.

    R² is none where all numbers are equal, and a rank correlation where all of one kind are.

    Args:
        right: the numbers of the texts, (n,).
        predicted: those predicted, (n,).
    """
    errors, n = predicted - right, len(right)
    absolute = np.abs(errors)
    rank = _rank_correlation(right, predicted)
    return Scores(
        n=n,
        mean_absolute_error=float(absolute.mean()),
        mean_absolute_error_interval=_bootstrap(n, lambda rows: float(absolute[rows].mean())),
        r2=_r2(right, errors),
        r2_interval=_bootstrap(n, lambda rows: _r2(right[rows], errors[rows])),
        spearman=rank,
        spearman_interval=None if rank is None else _rank_interval(rank, n),
    )


def paired_errors(right: Floats, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Our mean absolute error less theirs on the same texts, and its 95 % interval."""
    differences = np.abs(ours - right) - np.abs(theirs - right)
    interval = _bootstrap(len(right), lambda rows: float(differences[rows].mean()))
    assert interval is not None
    return {"difference": float(differences.mean()), "interval": list(interval)}


def recommended_of(paired: dict[str, Any], name: str) -> tuple[str, str]:
    """The name of the one to use, the network or a baseline of that name, and why.

    A network that is not clearly nearer loses: it is slower to train and harder to understand.

    Args:
        paired: what ``paired_errors`` found of the network against the baseline.
        name: of the baseline.
    """
    low, high = paired["interval"]
    size, span = abs(paired["difference"]), f"95 % interval {low:+.4f} to {high:+.4f}"
    if high < 0.0:
        return "network", (
            f"Use the network: its mean absolute error is {size:.4f} less than that of {name} "
            f"({span})."
        )
    if low > 0.0:
        return name, (f"Use {name}: the network's mean absolute error is {size:.4f} more ({span}).")
    return name, (
        f"Use {name}: no clear difference from the network ({span} of the mean absolute error), "
        "and it is faster to train and easier to understand."
    )


def _r2(right: Floats, errors: Floats) -> float | None:
    spread = float(((right - right.mean()) ** 2).sum())
    return 1.0 - float((errors**2).sum()) / spread if spread > 0.0 else None


def _rank_correlation(right: Floats, predicted: Floats) -> float | None:
    if len(right) < 2 or not np.ptp(right) or not np.ptp(predicted):
        return None
    return float(spearmanr(right, predicted)[0])


def _rank_interval(rank: float, n: int) -> Interval | None:
    """By Fisher's transformation, with the variance of Bonett and Wright (2000)."""
    if n < 5:
        return None
    reach = 1.959964 * math.sqrt((1.0 + rank * rank / 2.0) / (n - 3))
    middle = math.atanh(min(max(rank, -1.0 + 1e-12), 1.0 - 1e-12))
    return math.tanh(middle - reach), math.tanh(middle + reach)


def _bootstrap(n: int, score: Callable[[Any], float | None]) -> Interval | None:
    """The middle 95 % of a score over texts drawn again; the same each time."""
    rng = np.random.default_rng(0)
    found = [score(rng.integers(0, n, n)) for _ in range(RESAMPLES)]
    known = [value for value in found if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)

"""Tell a real difference between two classifiers from luck in the choice of test texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import binom, binomtest

from textrnn.errors import DataError
from textrnn.typing import Floats, Ints

NONE, HOLM, ALL = "none", "holm", "intersection-union"
"""How a p-value allows for the choice of what was tested, see ``against_best``."""


@dataclass(frozen=True)
class PairedTest:
    """What two classifiers, a and b, did differently on the same texts.

    ``only_a`` and ``only_b`` count the texts that one alone got right; ``difference`` is
    the accuracy of a less that of b, ``interval`` its 95 % confidence interval, and
    ``p_value`` the probability of a split at least as uneven were both equally good. Where b was
    chosen among several, ``correction`` says how the p-value allows for that, and
    ``p_value_uncorrected`` is that of these two alone; the interval is always theirs.
    """

    only_a: int
    only_b: int
    p_value: float
    difference: float
    interval: tuple[float, float]
    correction: str = NONE
    p_value_uncorrected: float | None = None

    def __post_init__(self) -> None:
        if self.p_value_uncorrected is None:
            object.__setattr__(self, "p_value_uncorrected", self.p_value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {**vars(self), "interval": list(self.interval)}


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927).

    Unlike the textbook interval it stays within [0, 1] and is honest for accuracies
    near 1 and for few texts (Newcombe 1998, Statistics in Medicine 17:857-872).
    """
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    # Rounding can push a bound past the proportion itself when that is 0 or 1.
    return min(float(interval.low), successes / n), max(float(interval.high), successes / n)


def paired_test(
    y_true: Sequence[str], predicted_a: Sequence[str], predicted_b: Sequence[str]
) -> PairedTest:
    """Compare two classifiers' labels for the same texts; all three have shape (n,).

    The p-value is the exact, two-sided McNemar test (McNemar 1947; Dietterich 1998
    recommends it for classifiers compared on one test set). Raises ``DataError`` when
    there are no texts or the lengths differ.
    """
    lengths = (len(y_true), len(predicted_a), len(predicted_b))
    if len(set(lengths)) != 1 or not lengths[0]:
        raise DataError(
            f"A paired test needs one label and two predictions for each text, got {lengths}."
        )
    right_a = np.asarray(predicted_a) == np.asarray(y_true)
    right_b = np.asarray(predicted_b) == np.asarray(y_true)
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    return PairedTest(
        only_a=only_a,
        only_b=only_b,
        p_value=float(mcnemar(only_a, only_b)),
        difference=(only_a - only_b) / len(y_true),
        interval=_difference_interval(int((right_a & right_b).sum()), only_a, only_b, len(y_true)),
    )


def mcnemar(only_a: int | Ints, only_b: int | Ints) -> Floats:
    """Return the exact two-sided p-value of each pair of counts, of any one shape."""
    fewer, n = np.minimum(only_a, only_b), np.add(only_a, only_b)
    p_values: Floats = np.minimum(2.0 * binom.cdf(fewer, n, 0.5), 1.0)
    return p_values


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Return the p-values (n,) of n tests, corrected so that any of them errs in 5 % of cases.

    Holm 1979 (Scandinavian Journal of Statistics 6:65-70): the smallest is multiplied by n, the
    next by n - 1, and so on, and none is smaller than one before it.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    steps = np.arange(len(given), 0, -1)
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(np.maximum.accumulate(steps * given[order]), 1.0)
    return corrected


def against_best(tests: Mapping[str, PairedTest], best: str) -> PairedTest:
    """Return the test of a against the ``best`` of several b, allowing for that choice.

    Were all equally good, the best of five on the test texts would often be significantly better
    than a by the test of these two alone. So where a is not ahead, its p-value is Holm's, over all
    b. That a is better than the best means that it is better than each, whichever is the best
    in truth: its p-value is the largest of all (Berger 1982, Technometrics 24:295-300).

    Args:
        tests: of a against each b, by its name.
        best: the name of the most accurate b.
    """
    found = tests[best]
    if len(tests) == 1:
        return found
    p_values = [test.p_value for test in tests.values()]
    if found.difference > 0:
        return replace(found, p_value=max(p_values), correction=ALL)
    p_value = float(holm(p_values)[list(tests).index(best)])
    return replace(found, p_value=p_value, correction=HOLM)


def _difference_interval(both: int, only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired proportions.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17:2635-2650): the Wilson intervals
    of both proportions, put together with the correlation ``phi`` between them.
    """
    neither = n - both - only_a - only_b
    right_a, right_b = both + only_a, both + only_b
    low_a, high_a = wilson_interval(right_a, n)
    low_b, high_b = wilson_interval(right_b, n)
    below_a, above_a = right_a / n - low_a, high_a - right_a / n
    below_b, above_b = right_b / n - low_b, high_b - right_b / n

    agreement = float(both * neither - only_a * only_b)
    if agreement > 0:
        agreement = max(agreement - n / 2, 0.0)  # the paper's continuity correction
    margins = float(right_a) * (n - right_a) * right_b * (n - right_b)
    phi = agreement / margins**0.5 if margins else 0.0

    difference = (only_a - only_b) / n
    below = (below_a**2 - 2 * phi * below_a * above_b + above_b**2) ** 0.5
    above = (above_a**2 - 2 * phi * above_a * below_b + below_b**2) ** 0.5
    return max(difference - below, -1.0), min(difference + above, 1.0)

"""What is said of the best of several baselines allows for its having been chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from textrnn.evaluation.metrics import evaluate
from textrnn.evaluation.recommendation import CLASSIFIER, SIGNIFICANCE
from textrnn.evaluation.significance import (
    ALL,
    HOLM,
    NONE,
    PairedTest,
    against_best,
    holm,
    mcnemar,
    paired_test,
)
from textrnn.experiments.comparison import Contender, compared
from textrnn.experiments.data import Prepared
from textrnn.typing import Bools

NAMES = ("majority", "naive_bayes", "bow_lr", "tfidf_lr", "nbsvm")


class Rates(NamedTuple):
    """In what share of the runs each was called significantly better."""

    network: float
    baseline: float
    either_uncorrected: float


def right_of(
    accuracies: list[float], *, n_runs: int, n: int, agreement: float, seed: int = 0
) -> Bools:
    """Which of n texts each classifier has right, (n_runs, classifiers, n).

    A text is hard for all alike as far as they agree, from 0 to 1.
    """
    rng = np.random.default_rng(seed)
    found = np.empty((n_runs, len(accuracies), n), dtype=bool)
    bounds = norm.ppf(np.array(accuracies))[:, None]
    for run in range(n_runs):
        hard, own = rng.normal(size=n), rng.normal(size=(len(accuracies), n))
        found[run] = agreement**0.5 * hard + (1 - agreement) ** 0.5 * own < bounds
    return found


def rates(right: Bools) -> Rates:
    """How often the network, which is the first, or the best baseline wins significantly."""
    network, baselines = right[:, :1], right[:, 1:]
    only_a = (network & ~baselines).sum(axis=2)
    only_b = (baselines & ~network).sum(axis=2)
    p_values = mcnemar(only_a, only_b)
    n_texts = right.shape[2]
    wins = {"network": 0, "baseline": 0, "uncorrected": 0}
    for a, b, p in zip(only_a, only_b, p_values, strict=True):
        tests = {
            name: PairedTest(int(i), int(j), float(q), (i - j) / n_texts, (0.0, 0.0))
            for name, i, j, q in zip(NAMES, a, b, p, strict=False)
        }
        best = min(tests, key=lambda name: tests[name].difference)
        found = against_best(tests, best)
        if found.p_value < SIGNIFICANCE:
            wins["network" if found.difference > 0 else "baseline"] += 1
        assert found.p_value_uncorrected == tests[best].p_value
        wins["uncorrected"] += tests[best].p_value < SIGNIFICANCE
    return Rates(*(count / len(right) for count in wins.values()))


@pytest.mark.parametrize("agreement", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n_baselines", [2, 5])
def test_of_equals_none_is_called_better_in_more_than_5_percent_of_runs(
    n_baselines: int, agreement: float
) -> None:
    right = right_of([0.85] * (1 + n_baselines), n_runs=1_500, n=300, agreement=agreement)
    found = rates(right)
    assert found.network + found.baseline <= 0.05
    if n_baselines == 5 and agreement < 0.9:  # by the test of the best one alone they are
        assert found.either_uncorrected > 0.06


def test_an_equal_of_the_best_among_worse_ones() -> None:
    """Those that are clearly worse do not make the choice harder or easier."""
    accuracies = [0.85, 0.85, 0.5, 0.6, 0.7, 0.7]
    found = rates(right_of(accuracies, n_runs=1_500, n=300, agreement=0.3))
    assert found.network + found.baseline <= 0.06  # of 1,500 runs: 0.05 and two standard errors


def test_a_network_three_points_better_is_found() -> None:
    accuracies = [0.88, 0.5, 0.80, 0.84, 0.85, 0.85]
    found = rates(right_of(accuracies, n_runs=300, n=2_000, agreement=0.8))
    assert found.network > 0.9
    assert found.baseline == 0.0


def test_a_baseline_three_points_better_is_found() -> None:
    accuracies = [0.85, 0.5, 0.80, 0.84, 0.85, 0.88]
    found = rates(right_of(accuracies, n_runs=300, n=2_000, agreement=0.8))
    assert found.baseline > 0.9
    assert found.network == 0.0


def test_mcnemar_is_the_exact_test() -> None:
    for a, b in ((0, 0), (1, 0), (3, 9), (40, 41), (200, 150), (7, 7)):
        expected = binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
        assert float(mcnemar(a, b)) == pytest.approx(expected)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.3, 0.9, 0.5]), [0.9, 1.0, 1.0])
    assert holm([0.02]).tolist() == [0.02]


def test_p_values_by_the_direction_of_the_claim() -> None:
    ahead = {
        "bow_lr": PairedTest(60, 30, 0.002, 0.03, (0.0, 0.1)),
        "nbsvm": PairedTest(50, 29, 0.02, 0.021, (0.0, 0.1)),
        "naive_bayes": PairedTest(70, 48, 0.05, 0.022, (0.0, 0.1)),
    }
    found = against_best(ahead, "nbsvm")
    assert (found.p_value, found.p_value_uncorrected, found.correction) == (0.05, 0.02, ALL)
    behind = {
        "bow_lr": PairedTest(30, 40, 0.3, -0.01, (-0.1, 0.0)),
        "nbsvm": PairedTest(29, 50, 0.02, -0.021, (-0.1, 0.0)),
    }
    found = against_best(behind, "nbsvm")
    assert (found.p_value, found.p_value_uncorrected, found.correction) == (0.04, 0.02, HOLM)
    one = against_best({"nbsvm": behind["nbsvm"]}, "nbsvm")
    assert (one.p_value, one.p_value_uncorrected, one.correction) == (0.02, 0.02, NONE)


def contender(name: str, labels: list[str], wrong: range) -> Contender:
    """Who has all texts right but some."""
    predicted = [("b" if label == "a" else "a") if i in wrong else label
                 for i, label in enumerate(labels)]  # fmt: skip
    scores = np.array([[0.9, 0.1] if label == "a" else [0.1, 0.9] for label in predicted])
    report = evaluate(labels, scores, ["a", "b"])
    return Contender(name, cast(Any, None), report, predicted)


@pytest.mark.parametrize("n_baselines", [1, 2, 5])
def test_text_json_and_choice_say_the_same(n_baselines: int) -> None:
    """The best baseline alone is better by 9 texts of 9: p = 0.004, with five 0.020 at least."""
    labels = ["a", "b"] * 100
    network = contender(CLASSIFIER, labels, range(18))
    baselines = [
        contender(name, labels, range(9 if i == 0 else 12 - i, 20 if i else 18))
        for i, name in enumerate(NAMES[::-1][:n_baselines])
    ]
    data = cast(Prepared, SimpleNamespace(test=SimpleNamespace(labels=labels)))
    report = compared(data, baselines, network)
    paired = report["paired"]
    tests = [paired_test(labels, network.predicted, one.predicted) for one in baselines]
    assert paired["p_value_uncorrected"] == tests[0].p_value == pytest.approx(2 / 2**9)
    assert paired["p_value"] == pytest.approx(holm([t.p_value for t in tests])[0])
    assert paired["correction"] == (NONE if n_baselines == 1 else HOLM)
    assert report["recommended"] == paired["baseline"] == "nbsvm"
    assert f"use nbsvm (0.955 vs 0.910, p = {paired['p_value']:.3f})" in report["verdict"]


def test_the_best_of_five_by_chance_is_not_called_significant() -> None:
    """Better by 6 texts of 6, with a p-value of its own of 0.031; four others nearly are."""
    labels = ["a", "b"] * 100
    network = contender(CLASSIFIER, labels, range(20))
    others = [contender(name, labels, range(6, 21)) for name in NAMES[:4]]
    best = contender("nbsvm", labels, range(6, 20))
    data = cast(Prepared, SimpleNamespace(test=SimpleNamespace(labels=labels)))
    report = compared(data, [*others, best], network)
    assert report["paired"]["p_value_uncorrected"] < SIGNIFICANCE < report["paired"]["p_value"]
    assert "not significant" in report["verdict"]
    assert f"p = {report['paired']['p_value']:.3f}" in report["verdict"]


def test_without_baselines_or_a_network() -> None:
    labels = ["a", "b"] * 10
    data = cast(Prepared, SimpleNamespace(test=SimpleNamespace(labels=labels)))
    network, other = contender(CLASSIFIER, labels, range(3)), contender("nbsvm", labels, range(2))
    assert compared(data, [], network)["recommended"] == CLASSIFIER
    assert compared(data, [other], None)["recommended"] == "nbsvm"
    assert compared(data, [], None)["recommended"] is None
    assert compared(data, [], network)["paired"] is None

"""The wording of the recommendation, and which classifier it is for."""

from __future__ import annotations

import numpy as np
import pytest

from textrnn.evaluation.metrics import Report, evaluate
from textrnn.evaluation.recommendation import Costs, best_baseline, recommendation, recommended
from textrnn.evaluation.significance import PairedTest


def report_with(accuracy: float) -> Report:
    """Return the report of a classifier with this share of right answers in 1,000."""
    right = round(accuracy * 1000)
    probabilities = np.array([[1.0, 0.0]] * right + [[0.0, 1.0]] * (1000 - right))
    return evaluate(["no"] * 1000, probabilities, ["no", "yes"])


def paired_with(difference: float, p_value: float) -> PairedTest:
    """Return a test with this outcome."""
    return PairedTest(0, 0, p_value, difference, (-1.0, 1.0))


def judge(network: float, p_value: float, **baselines: float) -> str:
    reports = {name: report_with(accuracy) for name, accuracy in baselines.items()}
    paired = paired_with(network - baselines[best_baseline(reports)], p_value)
    return recommendation(report_with(network), reports, paired)


def test_what_is_recommended_when_the_network_wins() -> None:
    assert judge(0.931, 0.0004, nbsvm=0.914, bow_lr=0.88) == (
        "Use the classifier: it beats the best baseline, nbsvm (0.931 vs 0.914, p < 0.001)."
    )


def test_what_is_recommended_when_a_baseline_wins() -> None:
    assert judge(0.885, 0.012, bow_lr=0.88, nbsvm=0.914) == (
        "A bag of words is enough here: use nbsvm (0.914 vs 0.885, p = 0.012)."
    )


def test_what_is_recommended_when_it_may_be_chance() -> None:
    assert judge(0.917, 0.41, nbsvm=0.914) == (
        "A bag of words is enough here: use nbsvm, which is simpler and faster to train. "
        "The difference is not significant (classifier 0.917, nbsvm 0.914, p = 0.410)."
    )


@pytest.mark.parametrize("p_value", [0.3, 0.003])
def test_what_is_recommended_when_nothing_was_learned(p_value: float) -> None:
    assert judge(0.60, p_value, majority=0.61, bow_lr=0.59).startswith("Use neither")


def test_the_simplest_of_equal_baselines_is_best() -> None:
    reports = {"majority": report_with(0.5), "bow_lr": report_with(0.8), "nbsvm": report_with(0.8)}
    assert best_baseline(reports) == "bow_lr"


@pytest.mark.parametrize(
    ("difference", "p_value", "name"),
    [(0.01, 0.01, "classifier"), (0.01, 0.2, "nbsvm"), (-0.01, 0.01, "nbsvm")],
)
def test_the_network_is_recommended_only_if_it_is_surely_better(
    difference: float, p_value: float, name: str
) -> None:
    reports = {"bow_lr": report_with(0.8), "nbsvm": report_with(0.9)}
    assert recommended(reports, paired_with(difference, p_value)) == name


def test_without_a_network_the_best_baseline_is_recommended() -> None:
    assert recommended({"bow_lr": report_with(0.8), "nbsvm": report_with(0.9)}, None) == "nbsvm"


COSTS = {
    "classifier": Costs(95.2, 2.125, 5_200_000),
    "nbsvm": Costs(9.0, 0.4, 18_000_000),
    "majority": Costs(0.1, 0.1, 900),
}


def test_costs_are_told_of_both() -> None:
    told = recommendation(
        report_with(0.917), {"nbsvm": report_with(0.914)}, paired_with(0.003, 0.41), costs=COSTS
    )
    assert told == (
        "A bag of words is enough here: use nbsvm, which is simpler. "
        "The difference is not significant (classifier 0.917, nbsvm 0.914, p = 0.410). "
        "The classifier takes 95.2 s to train, 2.12 ms a text and 5.2 MB; "
        "nbsvm takes 9.0 s to train, 0.40 ms a text and 18.0 MB."
    )


def test_a_saved_network_has_no_time_of_training() -> None:
    costs = {"classifier": Costs(None, 2.0, 5_200), "nbsvm": COSTS["nbsvm"]}
    told = recommendation(
        report_with(0.93), {"nbsvm": report_with(0.91)}, paired_with(0.02, 0.001), costs=costs
    )
    assert "The classifier takes 2.00 ms a text and 5.2 kB; nbsvm takes 9.0 s" in told


def test_the_price_of_guessing_is_of_no_interest() -> None:
    told = recommendation(
        report_with(0.6), {"majority": report_with(0.61)}, paired_with(-0.01, 0.4), costs=COSTS
    )
    assert told.startswith("Use neither")
    assert "takes" not in told


@pytest.mark.parametrize(
    ("difference", "p_value", "sentence"),
    [
        (0.012, 0.0002, "Reading in order adds to the classifier's own n-grams (+0.012 accuracy, "),
        (
            -0.012,
            0.02,
            "Reading in order takes from the classifier's own n-grams (-0.012 accuracy, ",
        ),
        (0.001, 0.6, "What reading in order adds to the classifier's own n-grams may be chance ("),
    ],
)
def test_what_reading_adds_is_told(difference: float, p_value: float, sentence: str) -> None:
    told = recommendation(
        report_with(0.93),
        {"nbsvm": report_with(0.91)},
        paired_with(0.02, 0.001),
        over_ngrams=paired_with(difference, p_value),
    )
    assert sentence in told


def skewed(right_of_rare: int, right_of_common: int) -> Report:
    """A report of 100 rare and 900 common texts, of which so many are right."""
    labels = ["rare"] * 100 + ["usual"] * 900
    found = [right_of_rare, 100 - right_of_rare, 900 - right_of_common, right_of_common]
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], found, axis=0)
    return evaluate(labels, rows, ["rare", "usual"])


def test_who_finds_rare_classes_better_is_named() -> None:
    nbsvm, network = skewed(68, 899), skewed(90, 880)
    assert nbsvm.accuracy == 0.967 < network.accuracy == 0.970
    told = recommendation(network, {"nbsvm": nbsvm}, paired_with(0.003, 0.9))
    assert told.startswith("A bag of words is enough here")
    assert told.endswith(
        "By macro F1, which counts rare classes as much as others, classifier leads "
        f"({network.macro_f1:.3f} vs {nbsvm.macro_f1:.3f})."
    )
    assert network.macro_f1 - nbsvm.macro_f1 > 0.01
    assert "macro F1" not in recommendation(nbsvm, {"nbsvm": nbsvm}, paired_with(0.0, 1.0))
    assert "macro F1" not in recommendation(network, {"nbsvm": nbsvm}, paired_with(0.003, 0.01))

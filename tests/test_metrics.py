"""Scores against scikit-learn and hand-worked numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from textrnn.errors import DataError
from textrnn.evaluation.metrics import calibration_error, evaluate
from textrnn.evaluation.significance import wilson_interval
from textrnn.typing import Floats, Ints

CLASSES = ("red", "green", "blue")  # not sorted, on purpose


def random_case(n: int = 200, classes: Sequence[str] = CLASSES) -> tuple[Ints, list[str], Floats]:
    rng = np.random.default_rng(7)
    truth = rng.integers(len(classes), size=n)
    scores = rng.random((n, len(classes))) + 0.7 * np.eye(len(classes))[truth]
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return truth, [classes[number] for number in truth], probabilities


def test_same_as_scikit_learn() -> None:
    truth, labels, probabilities = random_case()
    predicted = probabilities.argmax(axis=1)
    report = evaluate(labels, probabilities, CLASSES)
    assert report.n == 200
    assert report.accuracy == metrics.accuracy_score(truth, predicted)
    assert report.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert report.log_loss == pytest.approx(metrics.log_loss(truth, probabilities), rel=1e-5)
    one_against_rest = [
        metrics.roc_auc_score(truth == number, probabilities[:, number]) for number in range(3)
    ]
    assert report.roc_auc == pytest.approx(np.mean(one_against_rest))
    assert report.confusion == tuple(
        tuple(row) for row in metrics.confusion_matrix(truth, predicted).tolist()
    )
    precision = metrics.precision_score(truth, predicted, average=None)
    assert [scores.precision for scores in report.per_class] == pytest.approx(precision)
    assert [scores.label for scores in report.per_class] == list(CLASSES)
    assert [scores.support for scores in report.per_class] == np.bincount(truth).tolist()


def test_a_threshold_is_the_answers_in_every_score_of_them() -> None:
    truth, labels, probabilities = random_case(classes=("no", "yes"))
    report = evaluate(labels, probabilities, ("no", "yes"), 0.7)
    predicted = (probabilities[:, 1] >= 0.7).astype(int)
    assert report.accuracy == metrics.accuracy_score(truth, predicted)
    assert report.accuracy_interval == wilson_interval(int((predicted == truth).sum()), len(truth))
    assert report.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    recall = metrics.recall_score(truth, predicted, average=None)
    assert [scores.recall for scores in report.per_class] == pytest.approx(recall)
    without = evaluate(labels, probabilities, ("no", "yes"))
    assert report.accuracy != without.accuracy
    for name in ("calibration_error", "log_loss", "roc_auc"):
        assert getattr(report, name) == getattr(without, name)


def test_what_is_scored_is_only_read() -> None:
    _, labels, probabilities = random_case()
    doubled = 2.0 * probabilities.astype(np.float64)
    kept = doubled.copy()
    assert evaluate(labels, doubled, CLASSES) == evaluate(labels, kept / 2.0, CLASSES)
    np.testing.assert_array_equal(doubled, kept)


def test_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    report = evaluate(["no", "no", "yes", "yes"], probabilities, ["no", "yes"])
    assert report.accuracy == 0.75
    assert report.confusion == ((2, 0), (1, 1))  # rows true, columns predicted
    assert report.log_loss == pytest.approx(-np.log([0.9, 0.6, 0.8, 0.3]).mean())
    assert report.roc_auc == 0.75  # of the 4 pairs, (0.4 for no, 0.3 for yes) is upside down
    no, yes = report.per_class
    assert (no.precision, no.recall) == pytest.approx((2 / 3, 1.0))
    assert no.support == 2
    assert (yes.precision, yes.recall, yes.f1) == pytest.approx((1.0, 0.5, 2 / 3))
    assert report.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    # Four bins with one text each: |.9 - 1| + |.6 - 1| + |.8 - 1| + |.7 - 0|, over 4.
    assert report.calibration_error == pytest.approx(1.4 / 4)


def test_calibration_error_by_hand() -> None:
    # 0.95 and 0.97 share the last bin: 2 texts, 1 right, mean confidence 0.96.
    # 0.55 is alone in the ninth and right.
    confidence, right = np.array([0.95, 0.97, 0.55]), np.array([True, False, True])
    assert calibration_error(confidence, right) == pytest.approx((2 * 0.46 + 0.45) / 3)


def test_calibration_bins_hold_their_upper_edge() -> None:
    # 1/3 ends the fifth bin and 0.34 is in the sixth, so right and wrong do not cancel.
    apart = calibration_error(np.array([1 / 3, 0.34]), np.array([True, False]))
    assert apart == pytest.approx((2 / 3 + 0.34) / 2)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


@given(
    truth=st.lists(st.integers(0, 2), min_size=1, max_size=30),
    data=st.data(),
)
def test_any_probabilities_give_finite_scores(truth: list[int], data: st.DataObject) -> None:
    scores = data.draw(arrays(np.float64, (len(truth), 3), elements=st.floats(0.0, 1.0)))
    probabilities = (scores + 1e-3) / (scores + 1e-3).sum(axis=1, keepdims=True)
    report = evaluate([CLASSES[number] for number in truth], probabilities, CLASSES)
    low, high = report.accuracy_interval
    assert 0 <= low <= report.accuracy <= high <= 1
    assert 0 <= report.calibration_error <= 1
    assert sum(map(sum, report.confusion)) == report.n == len(truth)
    assert np.isfinite([report.macro_f1, report.log_loss]).all()
    assert (report.roc_auc is None) == (len(set(truth)) < 3)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


def test_a_score_without_a_denominator_is_none() -> None:
    report = evaluate(["red", "red"], np.array([[0.8, 0.1, 0.1]] * 2), CLASSES)
    red, green, _ = report.per_class
    assert (red.precision, red.recall) == (1.0, 1.0)
    assert (green.precision, green.recall, green.f1, green.support) == (None, None, None, 0)
    assert report.roc_auc is None
    assert report.macro_f1 == 1.0  # labels neither true nor predicted do not count


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    report = evaluate(["yes"], np.array([[1.0, 0.0]], dtype=np.float32), ["no", "yes"])
    assert 10 < report.log_loss < 1000


def test_labels_never_trained_on_are_named() -> None:
    with pytest.raises(DataError, match="'mauve', 'pink'"):
        evaluate(["red", "pink", "mauve"], np.ones((3, 3)) / 3, CLASSES)


def test_only_five_unknown_labels_are_named() -> None:
    with pytest.raises(DataError, match="'e' and 2 more"):
        evaluate(list("abcdefg"), np.ones((7, 3)) / 3, CLASSES)


@pytest.mark.parametrize(
    ("labels", "shape", "message"),
    [([], (0, 3), "no texts"), (["red"], (2, 3), "do not fit"), (["red"], (1, 2), "do not fit")],
)
def test_shapes_must_agree(labels: list[str], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(labels, np.ones(shape), CLASSES)

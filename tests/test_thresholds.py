"""Answers from probabilities, and the threshold of the highest F1 against all others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from textrnn.evaluation.thresholds import (
    best_f1_threshold,
    best_f1_threshold_of,
    decide,
    rarer_class,
)


def test_answers() -> None:
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    assert decide(p).tolist() == [0, 0, 1]
    assert decide(p, 0.4).tolist() == [0, 1, 1]  # reaching it is enough
    assert decide(p, 0.0).tolist() == [1, 1, 1]
    assert decide(p, multilabel=True).tolist() == [[1, 0], [1, 0], [0, 1]]
    assert decide(p, 0.4, multilabel=True).tolist() == [[1, 0], [1, 1], [0, 1]]


# Few different values, so that many are equal.
scored = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 0.30001, 0.5, 0.9]), st.booleans()), min_size=1
)


@given(scored)
def test_no_threshold_is_better(pairs: list[tuple[float, bool]]) -> None:
    p = np.array([value for value, _ in pairs])
    truth = np.array([yes for _, yes in pairs], dtype=np.int64)
    found = best_f1_threshold(p, truth)
    if not truth.any():
        assert found == 0.5
        return
    tried = [f1_score(truth, p >= t, zero_division=0) for t in (0.0, 0.2, 0.300001, 0.4, 0.7)]
    assert f1_score(truth, p >= found) == pytest.approx(max(tried))


def test_it_lies_between_the_probabilities() -> None:
    assert best_f1_threshold(np.array([0.1, 0.3, 0.6]), np.array([0, 1, 1])) == pytest.approx(0.2)
    # Below the lowest of them is nothing.
    assert best_f1_threshold(np.array([0.4, 0.6]), np.array([1, 1])) == pytest.approx(0.2)


def test_of_labels_it_is_one_for_all() -> None:
    p = np.array([[0.9, 0.2], [0.4, 0.1]], dtype=np.float32)
    truth = np.array([[1, 0], [1, 0]])
    assert best_f1_threshold(p, truth) == pytest.approx(0.3)


@pytest.mark.parametrize("rare", [0, 1])
def test_the_rarer_class_is_tuned_wherever_it_stands(rare: int) -> None:
    p = np.array([0.4, 0.3, 0.2, 0.1, 0.05, 0.02])
    is_rare = np.array([1, 1, 0, 0, 0, 0])
    truth = is_rare if rare == 1 else 1 - is_rare
    of_second = p if rare == 1 else 1.0 - p
    assert rarer_class(truth) == rare
    found = best_f1_threshold_of(rare, of_second, truth)
    assert found == pytest.approx(0.25 if rare == 1 else 0.75)
    assert ((of_second >= found) == (truth == 1)).all()


def test_of_classes_as_rare_the_second_is_meant() -> None:
    assert rarer_class(np.array([0, 1])) == 1
    assert rarer_class(np.array([0, 1, 1])) == 0

"""Targets say what they are, and refuse what they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples import examples, targets_of
from textrnn.errors import DataError
from textrnn.nn.targets import HARD, MULTILABEL, REAL, SOFT, Targets, concatenated
from textrnn.training.examples import concatenated as all_examples

PROBABLE = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]], np.float32)
LABELS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]])
EVERY = [
    Targets.hard([2, 0, 2], 4),
    Targets.soft(PROBABLE),
    Targets.multilabel(LABELS),
    Targets.real([0.5, -3.0, 7.25]),
]
KINDS = [HARD, SOFT, MULTILABEL, REAL]


def test_each_says_its_kind_and_how_many_classes_there_are() -> None:
    assert [targets.kind for targets in EVERY] == KINDS
    assert [targets.n_classes for targets in EVERY] == [4, 3, 3, 0]
    assert [targets.is_multilabel for targets in EVERY] == [False, False, True, False]
    assert [len(targets) for targets in EVERY] == [3] * 4
    assert [targets.values.dtype.kind for targets in EVERY] == ["i", "f", "i", "f"]


@pytest.mark.parametrize("targets", EVERY, ids=KINDS)
@pytest.mark.parametrize("rows", [[2, 0], [True, False, True], []])
def test_some_are_taken_and_put_together_again(targets: Targets, rows: list[Any]) -> None:
    chosen = np.array(rows, dtype=bool if True in rows else np.int64)
    taken = targets.take(chosen)
    np.testing.assert_array_equal(taken.values, targets.values[chosen])
    assert (taken.kind, taken.n_classes) == (targets.kind, targets.n_classes)
    both = concatenated([taken, targets])
    np.testing.assert_array_equal(both.values, np.concatenate([taken.values, targets.values]))
    assert (both.kind, both.n_classes) == (targets.kind, targets.n_classes)


def test_probabilities_of_each() -> None:
    hard, soft, many, real = EVERY
    assert hard.probabilities(np.float32).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]]
    assert hard.probabilities(np.float32).dtype == np.float32
    assert soft.probabilities(np.float32) is soft.values
    assert many.probabilities(np.float64).tolist() == LABELS.tolist()
    with pytest.raises(DataError, match="no classes"):
        real.probabilities(np.float32)


def test_the_labels_of_each_text() -> None:
    hard, soft, many, real = EVERY
    assert hard.label_sets() == [[2], [0], [2]]
    assert many.label_sets() == [[0, 2], [], [0, 1, 2]]
    assert Targets.multilabel([[0.6, 0.4]]).label_sets() == [[0]]
    for targets in (soft, real):
        with pytest.raises(DataError, match=f"{targets.kind} targets say of no text"):
            targets.label_sets()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Targets.hard([0, 3], 3), "class 3 is not one of the 3 classes"),
        (lambda: Targets.hard([0, -1], 3), "class -1 is not one of the 3 classes"),
        (lambda: Targets.hard([[0, 1]], 3), r"hard targets have the shape \(n,\), not \(1, 2\)"),
        (lambda: Targets.hard([0.5], 3), "hard targets are class numbers, not 0.5"),
        (lambda: Targets.hard(["good"], 3), "hard targets are class numbers, not 'good'"),
        (lambda: Targets.soft([0, 1]), r"soft targets have the shape \(n, C\), not \(2,\)"),
        (lambda: Targets.soft([[0.5, 0.6]]), "of text 0 add up to 1.1, not to 1"),
        (lambda: Targets.soft([[0.5, 0.5], [1.5, -0.5]]), "but text 1 has 1.5 for class 0"),
        (lambda: Targets.soft([[0.5, np.nan]]), "but text 0 has nan for class 1"),
        (lambda: Targets.multilabel([[0, 2]]), "from 0 to 1, but text 0 has 2 for class 1"),
        (lambda: Targets.multilabel([0, 1]), r"multilabel targets have the shape \(n, C\)"),
        (lambda: Targets.real([1.0, np.inf]), "the target of text 1 is inf"),
        (lambda: Targets.real([[1.0]]), r"real targets have the shape \(n,\)"),
        (lambda: Targets.real(["1"]), "real targets are numbers, not '1'"),
        (lambda: concatenated(EVERY[:2]), "hard of 4 classes.*soft of 3 classes"),
        (lambda: concatenated([Targets.hard([0], 2), EVERY[0]]), "hard of 2.*hard of 4"),
    ],
)
def test_what_they_are_not_is_refused(make: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        make()


def test_examples_are_taken_and_put_together_with_targets_and_weights() -> None:
    one = examples([["a", "b"], [], ["c"]], [0, 1, 1], np.array([1.0, 2.0, 3.0]))
    two = examples([["d"], ["a"]], [1, 0])
    both = all_examples([one.take(np.array([2, 0])), two])
    assert list(both.texts) == [["c"], ["a", "b"], ["d"], ["a"]]
    assert both.targets.values.tolist() == [1, 0, 1, 0]
    assert both.weights is not None
    assert both.weights.tolist() == [3.0, 1.0, 1.0, 1.0]
    assert all_examples([two, two]).weights is None
    with pytest.raises(DataError, match="multilabel of 3 classes"):
        all_examples([two, examples([["a"]], targets_of(LABELS[:1]))])

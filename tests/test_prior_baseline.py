"""A network that is worse than the prior baseline is told of, whatever its n-grams do."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.training.examples import Examples
from textrnn.training.prior_baseline import nothing_learned, prior_baseline
from textrnn.training.state import TrainingState


def one_word_texts(targets: list[Any], weights: list[float] | None = None) -> Examples:
    shares = None if weights is None else np.array(weights)
    return examples([["word"]] * len(targets), np.array(targets), shares)


def test_the_prior_baseline_has_the_entropy_of_the_labels() -> None:
    loss, accuracy = prior_baseline(one_word_texts([0, 0, 0, 2]))
    assert loss == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert accuracy == 0.75


def test_weights_count_as_so_many_texts() -> None:
    weighted, counted = one_word_texts([0, 1], [3.0, 1.0]), one_word_texts([0, 0, 0, 1])
    assert prior_baseline(weighted) == pytest.approx(prior_baseline(counted))


def test_each_of_many_labels_is_guessed() -> None:
    loss, accuracy = prior_baseline(one_word_texts([[1, 0], [0, 0], [1, 0], [1, 0]]))
    assert loss == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25), abs=1e-6)
    assert accuracy == 0.875


@pytest.mark.parametrize(
    ("accuracy", "loss", "is_told"),
    [
        (0.5, 1.2, True),
        (0.52, 30.0, True),
        (0.5, 0.9, False),
        (0.8, 1.2, False),
        (0.56, 1.2, False),
    ],
)
def test_worse_than_the_prior_by_far(accuracy: float, loss: float, is_told: bool) -> None:
    state = cast(TrainingState, SimpleNamespace(best_score=(accuracy, -loss), best_params={"w": 1}))
    told = nothing_learned(state, one_word_texts([0, 1] * 200), 2)
    assert bool(told) == is_told
    if is_told:
        assert f"loss {loss:.3f} on the held-out texts against 0.693 of the prior baseline" in told


def test_nothing_held_out_tells_nothing() -> None:
    state = cast(TrainingState, SimpleNamespace(best_score=(0.1, -9.0), best_params={"w": 1}))
    assert nothing_learned(state, None, 2) == ""


@pytest.mark.parametrize("held_out", [[0] * 40, [1] * 40])
def test_held_out_texts_of_one_class_tell_nothing(held_out: list[int]) -> None:
    state = cast(TrainingState, SimpleNamespace(best_score=(1.0, -0.06), best_params={"w": 1}))
    assert nothing_learned(state, one_word_texts(held_out), 2) == ""


def test_classes_of_which_no_text_is_held_out_count() -> None:
    """With three of them a loss that is far from that of two is where a network begins."""
    values = {"best_score": (0.5, -1.2), "best_params": {"w": 1}, "steps": 1, "out_of_time": False}
    state = cast(TrainingState, SimpleNamespace(**values))
    assert "1 step was too few" in nothing_learned(state, one_word_texts([0, 1] * 200), 3)
    assert "lower learning_rate_init" in nothing_learned(state, one_word_texts([0, 1] * 200), 2)


def test_the_estimator_warns(reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    small: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "random_state": 0}
    exploding = TextRNNClassifier(learning_rate_init=1e3, max_iter=2, **small)
    validation = (["the inn"] * 20, ["good", "bad"] * 10)  # of which nothing can be right
    with pytest.warns(ConvergenceWarning, match="learned nothing.*lower learning_rate_init"):
        exploding.fit(texts, labels, validation_data=validation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TextRNNClassifier(max_iter=2, **small).fit(texts, labels)

"""The loss over many classes is that over few, a few rows at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gradcheck import assert_gradient
from tests.test_next_word import config_of
from textrnn.nn import word_loss
from textrnn.nn.losses import cross_entropy
from textrnn.nn.word_loss import WORDS, word_cross_entropy

B, C = 9, 7


@pytest.mark.parametrize("rows", [1, 2, 4, 9, 100])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("batch_size", [None, 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_same_loss(
    rows: int,
    label_smoothing: float,
    batch_size: int | None,
    weighted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_loss, "AT_ONCE", rows * C)
    rng = np.random.default_rng(0)
    logits, targets = 3.0 * rng.standard_normal((B, C)) + 50.0, rng.integers(0, C, B)
    weights = rng.uniform(0.0, 2.0, B) if weighted else None
    given = {"batch_size": batch_size, "label_smoothing": label_smoothing}
    loss, gradient = word_cross_entropy(logits, targets, weights, **given)  # type: ignore[arg-type]
    expected, d_logits = cross_entropy(logits, targets, weights, **given)  # type: ignore[arg-type]
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, d_logits, rtol=1e-10, atol=1e-14)


def test_its_gradient() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((4, C)), rng.integers(0, C, 4)
    _, gradient = word_cross_entropy(logits, targets, label_smoothing=0.2)
    assert_gradient(
        gradient, lambda: word_cross_entropy(logits, targets, label_smoothing=0.2)[0], logits
    )


def test_a_teachers_probabilities_and_single_precision_are_taken() -> None:
    logits = np.random.default_rng(0).standard_normal((4, C)).astype(np.float32)
    soft = np.full((4, C), 1 / C)
    assert word_cross_entropy(logits, soft)[0] == cross_entropy(logits, soft)[0]
    weights = np.ones(4)  # double, as the caller may have them
    assert word_cross_entropy(logits, np.arange(4), weights)[1].dtype == np.float32


def test_no_row_loses_its_loss_to_large_numbers() -> None:
    logits = np.array([[1e4, 0.0], [0.0, -1e4]], np.float32)
    loss, gradient = word_cross_entropy(logits, np.array([1, 0]))
    assert loss == 5e3
    np.testing.assert_array_equal(gradient, [[0.5, -0.5], [0.0, 0.0]])


def test_who_tells_words_learns_by_it() -> None:
    assert config_of("tied").output is WORDS
    assert config_of("untied", head="token").output is not WORDS

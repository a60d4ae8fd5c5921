"""Softmax and cross-entropy against SciPy's and their definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_expit, log_softmax
from sklearn.metrics import r2_score

from textrnn.evaluation.thresholds import decide
from textrnn.nn.losses import (
    NUMBERS,
    SIGMOID,
    SOFTMAX,
    Output,
    binary_cross_entropy,
    cross_entropy,
    mean_one,
    sigmoid,
    softmax,
)
from textrnn.typing import Floats, Ints

logit_tables = arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(-50, 50)
)


@given(logit_tables)
def test_softmax(logits: Floats) -> None:
    before = logits.copy()
    probabilities = softmax(logits)
    np.testing.assert_array_equal(logits, before)
    np.testing.assert_allclose(probabilities, np.exp(log_softmax(logits, axis=1)), rtol=1e-12)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(softmax(logits + 1000.0), probabilities, rtol=1e-9)


@given(logit_tables, st.data())
def test_cross_entropy(logits: Floats, data: st.DataObject) -> None:
    B, C = logits.shape
    targets = np.array(data.draw(st.lists(st.integers(0, C - 1), min_size=B, max_size=B)))
    weights = np.array(data.draw(st.lists(st.floats(0, 5), min_size=B, max_size=B)))
    each = -log_softmax(logits, axis=1)[np.arange(B), targets]
    one_hot = np.eye(C)[targets]

    loss, gradient = cross_entropy(logits, targets)
    assert loss == pytest.approx(each.sum() / B)
    np.testing.assert_allclose(gradient, (softmax(logits) - one_hot) / B, atol=1e-12)

    loss, gradient = cross_entropy(logits, targets, weights)
    assert loss == pytest.approx((weights * each).sum() / B)
    expected = weights[:, np.newaxis] * (softmax(logits) - one_hot) / B
    np.testing.assert_allclose(gradient, expected, atol=1e-12)


@given(logit_tables, st.floats(0.0, 0.99), st.data())
def test_label_smoothing(logits: Floats, share: float, data: st.DataObject) -> None:
    """That of targets which share out a part of themselves."""
    B, C = logits.shape
    targets = np.array(data.draw(st.lists(st.integers(0, C - 1), min_size=B, max_size=B)))
    spread = (1 - share) * np.eye(C)[targets] + share / C
    loss, gradient = cross_entropy(logits, targets, label_smoothing=share)
    expected = -(spread * log_softmax(logits, axis=1)).sum() / B
    assert loss == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(gradient, (softmax(logits) - spread) / B, atol=1e-12)


@given(logit_tables, st.floats(0.0, 0.99), st.data())
def test_probabilities_as_targets(logits: Floats, share: float, data: st.DataObject) -> None:
    """They share out the document's one unit of loss; ones and zeros are class numbers."""
    B, C = logits.shape
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    wanted: Any = rng.dirichlet(np.ones(C), B)
    weights: Floats = rng.uniform(0.0, 2.0, (B,))
    spread = (1 - share) * wanted + share / C
    loss, gradient = cross_entropy(logits, wanted, weights, label_smoothing=share)
    each = -(spread * log_softmax(logits, axis=1)).sum(axis=1)
    assert loss == pytest.approx((weights * each).sum() / B, abs=1e-12)
    expected = weights[:, np.newaxis] * (softmax(logits) - spread) / B
    np.testing.assert_allclose(gradient, expected, atol=1e-12)

    numbers: Ints = rng.integers(0, C, (B,))
    loss, gradient = cross_entropy(logits, numbers, weights, label_smoothing=share)
    ones: Any = np.eye(C)[numbers]
    same = cross_entropy(logits, ones, weights, label_smoothing=share)
    assert same[0] == pytest.approx(loss, abs=1e-12)
    np.testing.assert_allclose(same[1], gradient, atol=1e-12)


@given(logit_tables, st.floats(0.0, 0.99), st.integers(0, 99))
def test_label_smoothing_of_many_labels(logits: Floats, share: float, seed: int) -> None:
    """Every target, a yes, a no or a probability, moves towards 1/2 by a share of the way."""
    B, C = logits.shape
    rng = np.random.default_rng(seed)
    weights: Floats = rng.uniform(0.0, 2.0, (B,))
    targets: tuple[Any, ...] = (rng.integers(0, 2, (B, C)), rng.random((B, C)))
    for wanted in targets:
        spread = (1 - share) * wanted + share * 0.5
        each = -(spread * log_expit(logits) + (1 - spread) * log_expit(-logits)).sum(axis=1)
        loss, gradient = binary_cross_entropy(
            logits, wanted, weights, batch_size=B + 3, label_smoothing=share
        )
        assert loss == pytest.approx((weights * each).sum() / (B + 3), rel=1e-9, abs=1e-12)
        expected = weights[:, np.newaxis] * (expit(logits) - spread) / (B + 3)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)


def test_weights_are_scaled_to_a_mean_of_one() -> None:
    scaled = mean_one(np.array([1.0, 1.0, 7.0]))
    assert scaled is not None
    np.testing.assert_allclose(scaled, [1 / 3, 1 / 3, 7 / 3])
    assert mean_one(np.zeros(2)) is None
    assert mean_one(None) is None


def test_what_is_right_of_probable_targets() -> None:
    """The most probable class; of many labels those that are as probable as not."""
    targets = np.array([[0.2, 0.8], [0.6, 0.4]])
    logits = np.array([[-1.0, 2.0], [-1.0, 2.0]])
    np.testing.assert_array_equal(SOFTMAX.right(logits, targets), [1.0, 0.0])
    np.testing.assert_array_equal(SIGMOID.right(logits, targets), [1.0, 0.0])


def test_right_is_what_would_be_answered() -> None:
    """Of labels a half is a yes, in a text's targets and in its answer."""
    logits = np.array([[-1e-3, 0.0, 1e-3], [0.0, 0.0, 0.0]])
    answers: Any = decide(sigmoid(logits), multilabel=True)
    np.testing.assert_array_equal(SIGMOID.right(logits, answers), [1.0, 1.0])
    np.testing.assert_array_equal(SIGMOID.right(logits, 0.5 * answers), [1.0, 1.0])
    np.testing.assert_array_equal(SIGMOID.right(logits, 0.49 * answers), [1 / 3, 0.0])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_label_smoothing_equals_torch(share: float) -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((7, 4)), rng.integers(0, 4, 7)
    weights = rng.uniform(0.0, 2.0, 7)
    leaf = torch.tensor(logits, requires_grad=True)
    each = torch.nn.functional.cross_entropy(
        leaf, torch.tensor(targets), label_smoothing=share, reduction="none"
    )
    expected = (each * torch.tensor(weights)).mean()
    expected.backward()
    loss, gradient = cross_entropy(logits, targets, weights, label_smoothing=share)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_the_type_of_the_logits_is_kept(label_smoothing: float) -> None:
    logits, weights = np.ones((2, 3), np.float32), np.ones(2, np.float32)
    _, gradient = cross_entropy(logits, np.array([0, 2]), weights, label_smoothing=label_smoothing)
    assert gradient.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_logits(dtype: str) -> None:
    """No overflow, no logarithm of zero, and the type of the logits is kept."""
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]], dtype=dtype)
    loss, gradient = cross_entropy(logits, np.array([1, 1]), np.array([1.0, 1.0], dtype=dtype))
    assert loss == pytest.approx(1e4 / 2)
    assert gradient.dtype == softmax(logits).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(gradient, np.array([[0.5, -0.5], [0.0, 0.0]], dtype=dtype))


def test_weights_of_zero_take_a_document_out() -> None:
    logits = np.array([[1.0, 2.0], [3.0, -1.0]])
    alone, _ = cross_entropy(logits[:1], np.array([0]))
    loss, gradient = cross_entropy(logits, np.array([0, 1]), np.array([1.0, 0.0]))
    assert 2 * loss == pytest.approx(alone)
    np.testing.assert_array_equal(gradient[1], 0.0)


def test_r_squared_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    targets, weights = rng.normal(5.0, 3.0, 20), rng.uniform(0.1, 2.0, 20)
    found = targets + rng.normal(0.0, 2.0, 20)
    assert NUMBERS.score(found[:, np.newaxis], targets, None) == pytest.approx(
        r2_score(targets, found)
    )
    assert NUMBERS.score(found[:, np.newaxis], targets, weights) == pytest.approx(
        r2_score(targets, found, sample_weight=weights)
    )


@pytest.mark.parametrize("output", [SOFTMAX, SIGMOID])
def test_log_probabilities_stay_finite(output: Output) -> None:
    logits = np.array([[3.0, -2.0], [1e5, -1e5]])
    found = output.log_probabilities(logits)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found), output.probabilities(logits), rtol=1e-12)

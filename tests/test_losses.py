"""Softmax and cross-entropy against SciPy's and their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax

from textrnn.nn.losses import cross_entropy, softmax
from textrnn.typing import Floats

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

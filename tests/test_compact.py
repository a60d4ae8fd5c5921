"""Smaller files: keys come back exactly, weights nearly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import ModelError
from textrnn.system.compact import (
    SCALE,
    compact_keys,
    dequantise_weights,
    expand_keys,
    quantise_weights,
)


@given(st.sets(st.integers(0, 2**40 - 1), max_size=50))
def test_keys_come_back(values: set[int]) -> None:
    keys = np.array(sorted(values), dtype=np.uint64)
    back = expand_keys(compact_keys(keys))
    assert back.dtype == np.uint64
    np.testing.assert_array_equal(back, keys)


def test_keys_with_one_upper_part_come_back() -> None:
    keys = (np.uint64(7) << np.uint64(24)) + np.arange(70_000, dtype=np.uint64)
    np.testing.assert_array_equal(expand_keys(compact_keys(keys)), keys)


def test_many_keys_take_less_than_half_their_bytes() -> None:
    drawn = np.random.default_rng(0).integers(0, 2**40, 100_000).astype(np.uint64)
    keys = np.unique(drawn)
    assert sum(part.nbytes for part in compact_keys(keys).values()) < 0.46 * keys.nbytes


def test_few_keys_take_little_more_than_half_their_bytes() -> None:
    keys = np.arange(0, 2**40, 2**30, dtype=np.uint64)
    assert sum(part.nbytes for part in compact_keys(keys).values()) <= 0.5 * keys.nbytes + 256
    np.testing.assert_array_equal(expand_keys(compact_keys(keys)), keys)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_back_nearly(dtype: str) -> None:
    rng = np.random.default_rng(0)
    params = {
        "table": rng.normal(0, [[1e-3], [1.0], [40.0], [0.0]], (4, 30)).astype(dtype),
        "other": rng.normal(0, 1, (2, 3, 5)).astype(dtype),
    }
    small = quantise_weights(params, ("table",))
    assert small["table"].dtype == np.int8
    assert small["other"].dtype == np.float16
    back = dequantise_weights(small, dtype)
    assert back.keys() == params.keys()
    assert all(value.dtype == np.dtype(dtype) for value in back.values())
    step = np.abs(params["table"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(back["table"] - params["table"]) <= 0.51 * step).all()
    np.testing.assert_allclose(back["other"], params["other"], rtol=1e-3, atol=1e-6)


def test_what_was_rounded_once_is_not_rounded_again() -> None:
    params = {"table": np.random.default_rng(1).normal(0, 1, (50, 20)).astype(np.float32)}
    first = quantise_weights(params, ("table",))
    second = quantise_weights(dequantise_weights(first, "float32"), ("table",))
    np.testing.assert_array_equal(first["table"], second["table"])
    np.testing.assert_allclose(first["table" + SCALE], second["table" + SCALE], rtol=1e-6)


@pytest.mark.parametrize("value", [1e5, -65_520.0, 3e38, np.inf, -np.inf, np.nan])
def test_a_weight_beyond_half_precision_is_refused_by_name(value: float) -> None:
    params = {"gru.bias": np.array([1.0, value, 2.0], np.float32)}
    with pytest.raises(ModelError, match=r"'gru\.bias' hold .*(Keep it|be saved)") as told:
        quantise_weights(params, ())
    assert f"{np.float32(value):g}" in str(told.value)


@pytest.mark.parametrize("value", [1e39, np.inf, np.nan])
def test_a_row_whose_scale_no_file_can_hold_is_refused(value: float) -> None:
    with pytest.raises(ModelError, match="'table'"):
        quantise_weights({"table": np.array([[1.0, value], [1.0, 2.0]])}, ("table",))


@pytest.mark.parametrize("value", [65_504.0, 65_519.0, 6e-8, 0.0])
def test_what_half_precision_can_hold_is_written(value: float) -> None:
    small = quantise_weights({"a": np.array([value, -value], np.float32)}, ())
    assert np.isfinite(small["a"]).all()


@pytest.mark.parametrize("steps", [1, 100, 180, 190, 1_000])
def test_rows_of_the_smallest_weights_keep_their_signs(steps: int) -> None:
    smallest = 2.0**-149  # of float32, in which the scale is rounded to whole steps
    table = np.array([[steps * smallest, -steps * smallest, 0.0]], np.float32)
    small = quantise_weights({"table": table}, ("table",))
    back = dequantise_weights(small, "float32")["table"]
    assert (back * table >= 0).all()


def test_ordinary_weights_are_not_copied() -> None:
    params = {"a": np.ones((2, 2), np.float32)}
    assert dequantise_weights(params, "float32")["a"] is params["a"]

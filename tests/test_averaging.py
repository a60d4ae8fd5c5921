"""The average of the weights against its definition, over every update of every weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.training.averaging import WeightAverage
from textrnn.typing import Params

ROWS = 6
touched_rows = st.lists(st.sets(st.integers(0, ROWS - 2)), max_size=12)
"""Rows of each update; the last row of the table never takes part."""


def new_params() -> Params:
    rng = np.random.default_rng(0)
    return {"table": rng.standard_normal((ROWS, 2, 3)), "bias": rng.standard_normal(4)}


def draw_gradients(rows: set[int], rng: np.random.Generator) -> Gradients:
    """Of some rows of the table, and of the bias."""
    at = np.array(sorted(rows), dtype=np.int64)
    gradients: Gradients = {
        "table": RowGradient(at, rng.standard_normal((len(at), 2, 3)), ROWS),
        "bias": rng.standard_normal(4),
    }
    return gradients


def apply(params: Params, gradients: Gradients) -> None:
    for name, gradient in gradients.items():
        if isinstance(gradient, RowGradient):
            params[name][gradient.rows] -= gradient.values
        else:
            params[name] -= gradient


@given(touched_rows, st.sampled_from([0.0, 0.5, 0.9, 0.999]), st.sets(st.integers(0, 12)))
def test_lazy_average_is_the_average(
    updates: list[set[int]], decay: float, asked: set[int]
) -> None:
    """Whenever it is asked for on the way."""
    rng, params = np.random.default_rng(1), new_params()
    first = {name: value.copy() for name, value in params.items()}
    average = WeightAverage(params, decay, tables=["table"])
    snapshots: list[Params] = []
    for i, rows in enumerate(updates):
        if i in asked:
            average.of(params)
        gradients = draw_gradients(rows, rng)
        average.before_update(params, gradients)
        apply(params, gradients)
        snapshots.append({name: value.copy() for name, value in params.items()})
    found = average.of(params)
    shares = decay ** np.arange(len(updates), dtype=float)[::-1]
    for name, value in found.items():
        if snapshots:
            stacked = np.stack([params[name] for params in snapshots])
            expected = np.average(stacked, axis=0, weights=shares)
        else:
            expected = first[name]
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    # A word that never came up keeps its vector to the bit.
    np.testing.assert_array_equal(found["table"][-1], first["table"][-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_taking_up_an_average_gives_the_same_bits(dtype: str) -> None:
    rng = np.random.default_rng(1)
    params = {name: value.astype(dtype) for name, value in new_params().items()}
    average = WeightAverage(params, 0.9, tables=["table"])
    resumed: WeightAverage | None = None
    for i in range(20):
        gradients = draw_gradients(set(rng.choice(ROWS, 2).tolist()), rng)
        average.before_update(params, gradients)
        if resumed is not None:
            resumed.before_update(params, gradients)
        apply(params, gradients)
        if i == 10:
            resumed = WeightAverage(params, 0.9, tables=["table"])
            saved = {name: value.copy() for name, value in average.of(params).items()}
            resumed.restore(saved, average.n_updates)
    assert resumed is not None
    found, again = average.of(params), resumed.of(params)
    for name, value in found.items():
        assert value.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(value, again[name])


def test_the_parameters_are_copied() -> None:
    params = new_params()
    average = WeightAverage(params, 0.5)
    params["bias"][:] = 9.0
    assert not (average.values["bias"] == 9.0).any()

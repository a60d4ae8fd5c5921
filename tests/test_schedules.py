"""Learning rates over a run: rise, then decay."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn.schedules import SCHEDULES, learning_rate_at


def rates(schedule: str, *, warmup: int, total: int, base: float = 1.0) -> list[float]:
    return [
        learning_rate_at(
            update, base=base, schedule=schedule, warmup_updates=warmup, total_updates=total
        )
        for update in range(total)
    ]


def test_constant() -> None:
    assert rates("constant", warmup=0, total=3) == [1.0, 1.0, 1.0]
    assert rates("constant", warmup=2, total=4) == [0.5, 1.0, 1.0, 1.0]


def test_linear() -> None:
    assert rates("linear", warmup=0, total=4) == [1.0, 0.75, 0.5, 0.25]
    assert rates("linear", warmup=2, total=6, base=2.0) == [1.0, 2.0, 2.0, 1.5, 1.0, 0.5]


def test_cosine() -> None:
    # cos 0, cos 60°, cos 120° and, at the end of the run, cos 180°
    assert rates("cosine", warmup=0, total=3) == pytest.approx([1.0, 0.75, 0.25])
    end = learning_rate_at(3, base=1.0, schedule="cosine", warmup_updates=0, total_updates=3)
    assert end == pytest.approx(0.0, abs=1e-15)


def test_slanted() -> None:
    """Up in two equal steps and down in four, between a 32nd and all."""
    low, high = 2.0, 64.0
    found = rates("slanted", warmup=2, total=6, base=high)
    assert found == pytest.approx([33.0, 64.0, 64.0, 48.5, 33.0, 17.5])
    end = learning_rate_at(99, base=high, schedule="slanted", warmup_updates=2, total_updates=6)
    assert end == low


@given(st.sampled_from(SCHEDULES), st.integers(0, 20), st.integers(1, 40), st.floats(1e-5, 10))
def test_shape(schedule: str, warmup: int, total: int, base: float) -> None:
    """It rises in equal steps to its base, then never rises again nor falls below zero."""
    all_rates = rates(schedule, warmup=warmup, total=total, base=base)
    rising, rest = all_rates[:warmup], all_rates[warmup:]
    first = 1 / 32 if schedule == "slanted" else 0.0
    heights = [(i + 1) / warmup for i in range(len(rising))]
    assert rising == pytest.approx([base * (first + (1 - first) * h) for h in heights])
    assert all(0.0 < rate <= base * (1 + 1e-12) for rate in all_rates)
    assert all(later <= earlier for earlier, later in pairwise(rest))
    if rest:
        assert rest[0] == pytest.approx(base)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_nothing_is_left_past_the_end(schedule: str) -> None:
    """A run that goes on for longer than was planned does not start to climb uphill."""
    for update in (10, 11, 1000):
        rate = learning_rate_at(
            update, base=1.0, schedule=schedule, warmup_updates=3, total_updates=10
        )
        assert rate == pytest.approx(0.0, abs=1e-15)

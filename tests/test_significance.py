"""Intervals and the paired test, against published and hand-worked numbers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import DataError
from textrnn.evaluation.significance import paired_test, wilson_interval


def labels_of(
    both: int, only_a: int, only_b: int, neither: int
) -> tuple[list[str], list[str], list[str]]:
    """Return true and predicted labels with these numbers of right answers."""
    right_a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    right_b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    say = {1: "yes", 0: "no"}
    return ["yes"] * len(right_a), [say[a] for a in right_a], [say[b] for b in right_b]


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # the four examples of Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_as_published(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_by_hand() -> None:
    # 5 of 10: centre 1/2, half-width z * sqrt(1/40 + z^2/400) / (1 + z^2/10)
    z = 1.959964
    half = z * (1 / 40 + z**2 / 400) ** 0.5 / (1 + z**2 / 10)
    assert wilson_interval(5, 10) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_proportion(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n <= high <= 1


def test_mcnemar_by_hand() -> None:
    # 7 disagreements, 6 for a: 2 * (1 + 7) / 2**7 = 1/8.
    test = paired_test(*labels_of(both=10, only_a=6, only_b=1, neither=3))
    assert (test.only_a, test.only_b) == (6, 1)
    assert test.p_value == pytest.approx(0.125)
    assert test.difference == pytest.approx(0.25)


def test_interval_of_the_difference_by_hand() -> None:
    # Without correlation: both right 4, each alone 4, neither 4, so phi is 0 and the
    # interval is +- sqrt(2) times the half-width of the Wilson interval of 8 of 16.
    test = paired_test(*labels_of(both=4, only_a=4, only_b=4, neither=4))
    low, high = wilson_interval(8, 16)
    half = (high - low) / 2
    assert test.interval == pytest.approx((-(2**0.5) * half, 2**0.5 * half))


def test_interval_of_the_difference_with_correlation_by_hand() -> None:
    # Both 7 of 10, Wilson (0.3968, 0.8922): 0.3032 below and 0.1922 above 0.7.
    # phi = (6*2 - 1*1 - 10/2) / sqrt(7*3*7*3) = 6/21, so the half-width is
    # sqrt(0.3032^2 - 2 * 6/21 * 0.3032 * 0.1922 + 0.1922^2) = 0.3092.
    test = paired_test(*labels_of(both=6, only_a=1, only_b=1, neither=2))
    assert test.interval == pytest.approx((-0.3092, 0.3092), abs=2e-4)


def test_agreement_narrows_the_interval() -> None:
    apart = paired_test(*labels_of(both=40, only_a=30, only_b=20, neither=10))
    alike = paired_test(*labels_of(both=55, only_a=15, only_b=5, neither=25))
    assert apart.difference == alike.difference
    assert alike.interval[1] - alike.interval[0] < apart.interval[1] - apart.interval[0]


def test_mistakes_apart_widen_the_interval() -> None:
    """Of 5 and 6 right of 10: where one is right the other tends to be wrong, or by chance."""
    apart = paired_test(*labels_of(both=2, only_a=3, only_b=4, neither=1))
    by_chance = paired_test(*labels_of(both=3, only_a=2, only_b=3, neither=2))
    assert apart.difference == by_chance.difference
    assert apart.interval[0] < by_chance.interval[0] - 0.02
    assert apart.interval[1] > by_chance.interval[1] + 0.02


def test_equal_answers_are_no_difference() -> None:
    test = paired_test(["x", "y"], ["x", "x"], ["x", "x"])
    assert (test.only_a, test.only_b, test.p_value, test.difference) == (0, 0, 1.0, 0.0)


@given(st.lists(st.tuples(*[st.sampled_from("xyz")] * 3), min_size=1, max_size=60))
def test_swapping_sides_swaps_signs(rows: list[tuple[str, ...]]) -> None:
    truth, a, b = (list(column) for column in zip(*rows, strict=True))
    one, other = paired_test(truth, a, b), paired_test(truth, b, a)
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.difference == -other.difference
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert -1 <= one.interval[0] <= one.difference <= one.interval[1] <= 1
    assert 0 <= one.p_value <= 1


def test_ready_for_json() -> None:
    test = paired_test(*labels_of(both=3, only_a=2, only_b=1, neither=1))
    assert json.loads(json.dumps(test.to_dict())) == test.to_dict()


@pytest.mark.parametrize("lengths", [(0, 0, 0), (2, 2, 1), (1, 2, 2)])
def test_lengths_must_agree(lengths: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="one label and two predictions"):
        paired_test(*(["x"] * length for length in lengths))

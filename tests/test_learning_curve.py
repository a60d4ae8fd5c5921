"""Shares of a corpus that lie within each other, and where two curves cross."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.corpora import Corpus, Split
from textrnn.experiments.data import prepare
from textrnn.experiments.learning_curve import FRACTIONS, Point, crossing, nested_rows, part_of
from textrnn.text.tokenizers import WordTokenizer


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=300), st.integers(0, 5))
def test_a_smaller_share_lies_within_a_larger_one(labels: list[str], seed: int) -> None:
    shares = [set(nested_rows(labels, fraction, seed=seed)) for fraction in FRACTIONS]
    for smaller, larger in pairwise(shares):
        assert smaller <= larger
    assert shares[-1] == set(range(len(labels)))


def test_each_label_keeps_its_share() -> None:
    labels = ["common"] * 900 + ["rare"] * 100
    kept = [labels[row] for row in nested_rows(labels, 0.1, seed=0)]
    assert kept.count("common") == 90
    assert kept.count("rare") == 10


@pytest.mark.parametrize(("n", "fraction", "kept"), [(16, 0.1, 2), (14, 0.1, 1), (4, 0.1, 1)])
def test_shares_are_rounded(n: int, fraction: float, kept: int) -> None:
    assert len(nested_rows(["a"] * n, fraction, seed=0)) == kept


def test_no_label_is_lost() -> None:
    labels = ["common"] * 900 + ["rare"]
    assert {labels[row] for row in nested_rows(labels, 0.01, seed=0)} == {"common", "rare"}


def test_another_seed_draws_other_rows() -> None:
    labels = ["a"] * 100
    drawn = [tuple(nested_rows(labels, 0.1, seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_part_has_the_tokens_of_its_texts(reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    corpus = Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]))
    tokenizer = WordTokenizer()
    data = prepare(corpus, tokenizer, validation_fraction=0.3, seed=0, cache=False)
    part = part_of(data, 0.5, seed=0)
    assert 0 < len(part.train) < len(data.train)
    assert 0 < len(part.validation) < len(data.validation)
    assert part.test is data.test
    for name, split in (("train", part.train), ("validation", part.validation)):
        assert list(part.tokens[name]) == [tokenizer(text) for text in split.texts]
    assert list(part.tokens["test"]) == list(data.tokens["test"])


def point(n: int, network: float, baseline: float, p_value: float = 0.5) -> Point:
    return Point(
        n / 1000, n, {"bow_lr": baseline, "classifier": network}, "bow_lr", p_value, seconds=1.0
    )


@pytest.mark.parametrize(
    ("leads", "told"),
    [
        ((-0.1, -0.02, 0.03), "The curves cross between 100 and 1,000 training texts: "),
        ((0.1, -0.02, 0.03), "The curves cross between 100 and 1,000 training texts: "),
        # As good is not ahead.
        ((0.0, 0.02, 0.03), "The curves cross between 10 and 100 training texts: "),
        ((-0.1, 0.0, 0.03), "The curves cross between 100 and 1,000 training texts: "),
        ((-0.1, 0.02, 0.03), "The curves cross between 10 and 100 training texts: "),
        ((0.1, 0.02, 0.03), "The classifier is ahead at every size, from 10 training texts on"),
        (
            (-0.1, -0.02, -0.01),
            "The classifier is not ahead with all 1,000 training texts (-0.010 ",
        ),
        (
            (-0.1, 0.02, -0.01),
            "The classifier is ahead at 100 training texts but not ahead with all ",
        ),
        ((-0.1, -0.02, 0.0), "The classifier is not ahead with all 1,000 training texts (+0.000 "),
    ],
)
def test_where_the_curves_cross(leads: tuple[float, ...], told: str) -> None:
    points = [point(n, 0.8 + lead, 0.8) for n, lead in zip((10, 100, 1000), leads, strict=True)]
    assert told in crossing(points)


def test_the_lead_and_its_sureness_are_told() -> None:
    sure, unsure = ([point(10, 0.7, 0.8), point(100, 0.83, 0.8, p)] for p in (0.01, 0.2))
    assert crossing(sure).endswith("(+0.030 with all 100, more than chance).")
    assert crossing(unsure).endswith("(+0.030 with all 100, which may be chance).")


def test_one_point_is_no_curve() -> None:
    assert crossing([point(10, 0.7, 0.8)]) == ""
    alone = Point(0.01, 10, {"bow_lr": 0.8}, "bow_lr", None, seconds=1.0)
    assert crossing([alone, alone]) == ""

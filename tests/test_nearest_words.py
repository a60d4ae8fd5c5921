"""The nearest known word, against a search that looks at every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.nearest_words import SHORTEST, NearestWords

WORDS = st.lists(st.text("abß犬", max_size=7), max_size=12)


def left(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def slowly(unknown: list[str], known: list[str]) -> list[int]:
    """The first known word that shares a string with one character left out or none."""
    return [
        next(
            (
                i
                for i, other in enumerate(known)
                if min(len(word), len(other)) >= SHORTEST and left(word) & left(other)
            ),
            -1,
        )
        for word in unknown
    ]


@given(WORDS, WORDS)
def test_finds_what_a_slow_search_finds(unknown: list[str], known: list[str]) -> None:
    nearest = NearestWords(known)
    for _ in range(2):  # the second time from what was kept
        found = nearest.find(unknown)
        assert found.dtype == np.int32
        assert found.tolist() == slowly(unknown, known)


@pytest.mark.parametrize("slip", ["graet", "gret", "greeat", "grxat", "reat", "greatt"])
def test_every_slip_of_a_finger_is_mended(slip: str) -> None:
    assert NearestWords(["awful", "great", "groat"]).find([slip]).tolist() == [1]


@pytest.mark.parametrize("word", ["", "gre", "1888", "gr8at", "grandiose", "great!"])
def test_what_is_short_far_or_no_word_stays_unknown(word: str) -> None:
    assert NearestWords(["great", "1889"]).find([word]).tolist() == [-1]

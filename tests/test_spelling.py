"""The nearest known word, against searches that look at every pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.text import spelling
from textrnn.text.spelling import EDIT, LEFT_OUT, SHORTEST, SPELLING_RULES, NearestWords

WORDS = st.lists(st.text("abß犬", max_size=7), max_size=12)
# Few letters, so that many pairs are near; some beyond 16 bits, some that are none, as a lone
# half of a pair is, which a known word may hold.
NEAR_WORDS = st.lists(st.text("abc𐐨𝒳\ud835", min_size=4, max_size=7), max_size=30)


def left(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def meet_with_one_left_out(word: str, other: str) -> bool:
    """The rule of textrnn 0.1.0."""
    return bool(left(word) & left(other))


def distance(word: str, other: str) -> int:
    """Of Damerau and Levenshtein, restricted: no letter that moved is touched again."""
    rows = [[0] * (len(other) + 1) for _ in range(len(word) + 1)]
    for i in range(len(word) + 1):
        for j in range(len(other) + 1):
            if min(i, j) == 0:
                rows[i][j] = i + j
                continue
            rows[i][j] = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (word[i - 1] != other[j - 1]),
            )
            if min(i, j) > 1 and word[i - 2 : i] == other[j - 2 : j][::-1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


def is_one_edit(word: str, other: str) -> bool:
    return abs(len(word) - len(other)) < 2 and distance(word, other) < 2


RULES = {EDIT: is_one_edit, LEFT_OUT: meet_with_one_left_out}


def slowly(unknown: list[str], known: list[str], near: Callable[[str, str], bool]) -> list[int]:
    """The first known word that is near to each unknown one."""
    return [
        next(
            (
                i
                for i, other in enumerate(known)
                if word.isalpha() and min(len(word), len(other)) >= SHORTEST and near(word, other)
            ),
            -1,
        )
        for word in unknown
    ]


@pytest.mark.parametrize("spelling_rule", SPELLING_RULES)
@pytest.mark.parametrize("words", [WORDS, NEAR_WORDS], ids=["few", "near"])
def test_finds_what_a_slow_search_finds(
    spelling_rule: str, words: st.SearchStrategy[list[str]]
) -> None:
    @settings(deadline=None)
    @given(words, words)
    def check(unknown: list[str], known: list[str]) -> None:
        nearest = NearestWords(known)
        for _ in range(2):  # the second time from what was kept
            found = nearest.find(unknown, spelling_rule)
            assert found.dtype == np.int32
            assert found.tolist() == slowly(unknown, known, RULES[spelling_rule])

    check()


@settings(deadline=None)
@given(unknown=NEAR_WORDS, known=NEAR_WORDS)
def test_hashes_that_meet_by_chance_make_no_word_near(unknown: list[str], known: list[str]) -> None:
    for bits in (0, 2**24, ~0 << 24):  # all alike, of two kinds, and the largest
        with pytest.MonkeyPatch.context() as patch:
            make = spelling._with_one_left_out
            patch.setattr(
                spelling,
                "_with_one_left_out",
                lambda characters, bits=bits, make=make: (
                    (make(characters) & np.uint64(2**24)) | np.uint64(bits % 2**64)
                ),
            )
            found = NearestWords(known).find(unknown)
        assert found.tolist() == slowly(unknown, known, is_one_edit)


@pytest.mark.parametrize("typo", ["graet", "gret", "greeat", "grxat", "reat", "greatt"])
def test_every_slip_of_a_finger_is_mended(typo: str) -> None:
    assert NearestWords(["awful", "great", "groat"]).find([typo]).tolist() == [1]


@pytest.mark.parametrize("word", ["", "gre", "1888", "gr8at", "grandiose", "great!"])
def test_what_is_short_far_or_no_word_stays_unknown(word: str) -> None:
    assert NearestWords(["great", "1889"]).find([word]).tolist() == [-1]


@pytest.mark.parametrize(
    ("word", "known"), [("tables", "stable"), ("rabbi", "abbie"), ("lastic", "elasti")]
)
def test_a_letter_lost_here_and_another_gained_there_are_two_slips(word: str, known: str) -> None:
    assert NearestWords([known]).find([word]).tolist() == [-1]
    assert NearestWords([known]).find([word], LEFT_OUT).tolist() == [0]


def test_a_later_word_is_meant_where_the_first_is_only_nearly_near() -> None:
    known = ["stable", "table", "tablet", "cables"]
    assert NearestWords(known).find(["tables", "tabels"]).tolist() == [1, -1]
    # Of the same length, with the same letters left when one is left out, many times over.
    known = [f"{letter}bcde" for letter in "lmnopqrst"] + ["bcdez"]
    assert NearestWords(known).find(["bcdex"]).tolist() == [9]


def test_keys_are_the_same_on_every_machine() -> None:
    characters = spelling._characters(["\U0001d4b3ab\ud835"])
    assert characters.tolist() == [[0x1D4B3, 0x61, 0x62, 0xD835]]
    keys = spelling._with_one_left_out(characters)
    assert [f"{key:x}" for key in keys[0].tolist()] == [
        *("23d977680e000000", "6deae58c18000000", "bdb5c7adbb000000"),
        *("61039f83000000", "4bc5f64b68000000"),
    ]

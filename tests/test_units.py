"""Texts into symbols and back, and by which symbols they are better read."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import UsageError
from textrnn.text.units import CHAR, UNITS, WORD, choose_unit, unit_of

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@given(st.text())
def test_characters_lose_nothing(text: str) -> None:
    unit = unit_of(CHAR)
    assert unit.join(unit(text)) == text
    assert unit.first(text, 3) == unit(text)[:3]


@given(st.text())
def test_words_lose_nothing_but_how_many_blanks_there_were(text: str) -> None:
    unit = unit_of(WORD)
    assert unit.join(unit(text)) == " ".join(text.split())
    assert unit(unit.join(unit(text))) == unit(text)


def test_a_unit_has_a_name() -> None:
    assert all(unit_of(name).name == name for name in UNITS)
    with pytest.raises(UsageError, match=r"'words' is not known.*'word'"):
        unit_of("words")


def test_texts_of_few_frequent_words_are_read_by_words() -> None:
    rng = random.Random(0)
    phrases = [" ".join(rng.choices(NUMBERS, k=rng.randint(1, 6))) for _ in range(300)]
    assert choose_unit(phrases) == WORD


def test_texts_with_words_of_their_own_are_read_by_characters() -> None:
    rng = random.Random(0)
    dates = [f"May {rng.randint(1, 31)}, {rng.randint(1900, 2100)}" for _ in range(300)]
    assert choose_unit(dates) == CHAR


def test_texts_of_a_word_each_are_read_by_characters() -> None:
    assert choose_unit(["abba"] * 100) == CHAR
    assert choose_unit(["abba"] * 60 + ["ab ba"] * 40) == CHAR
    assert choose_unit([""]) == CHAR

"""The slips that the benchmark makes, and its table."""

from __future__ import annotations

import numpy as np

from benchmarks.misspelt import misspelt, table
from textrnn.inference.classifier import NEAREST, SAME

TEXT = "the quick brown fox jumps over the lazy dog, 12 times a day " * 50


def changed(share: float, seed: int = 0) -> list[tuple[str, str]]:
    slipped = misspelt(TEXT, np.random.default_rng(seed), share)
    return [(a, b) for a, b in zip(TEXT.split(), slipped.split(), strict=True) if a != b]


def test_about_every_tenth_word_has_a_slip() -> None:
    words = len([word for word in TEXT.split() if len(word.strip(",")) > 1 and word != "12"])
    assert 0.05 * words < len(changed(0.1)) < 0.15 * words
    assert changed(0.0) == []


def test_a_slip_is_one_edit() -> None:
    for before, after in changed(1.0):
        assert abs(len(before) - len(after)) <= 1
        left = {before[:i] + before[i + 1 :] for i in range(len(before))} | {before}
        assert left & ({after[:i] + after[i + 1 :] for i in range(len(after))} | {after})


def test_numbers_and_single_letters_stay() -> None:
    assert not {before for before, _ in changed(1.0)} & {"12", "a"}


def test_the_same_seed_gives_the_same_slips() -> None:
    assert changed(0.1, 3) == changed(0.1, 3) != changed(0.1, 4)


def test_the_table_holds_losses_against_words_alone() -> None:
    runs = [
        {"corpus": "x", "ngrams": "none", "unknown_words": SAME, "clean": 0.8, "misspelt": 0.7},
        {"corpus": "x", "ngrams": "auto", "unknown_words": NEAREST, "clean": 0.9, "misspelt": 0.86},
    ]
    assert table(runs).splitlines()[2:] == [
        "| x | none | same | 0.8000 | 0.7000 | 0.1000 | 1.00 |",
        "| x | auto | nearest | 0.9000 | 0.8600 | 0.0400 | 0.40 |",
    ]

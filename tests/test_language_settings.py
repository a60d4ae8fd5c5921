"""What a language model's settings come to where they leave it to us."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textrnn.text.vocabulary import Vocabulary
from textrnn.training.config import TrainingConfig
from textrnn.training.language.settings import LanguageModelSettings, usual_dropout
from textrnn.training.language.stages import frequencies


def config_of(n_words: int = 1_000_000, **given: Any) -> TrainingConfig:
    return LanguageModelSettings(**given).training_config(1_000, n_words)


@pytest.mark.parametrize(
    ("n_words", "rate"), [(10, 0.3), (100_000, 0.3), (1_000_000, 0.2), (10**7, 0.1), (10**9, 0.0)]
)
def test_dropout_is_the_less_the_more_there_is_to_learn(n_words: int, rate: float) -> None:
    assert usual_dropout(n_words) == rate
    config = config_of(n_words)
    assert (config.dropout_input, config.dropout_readout) == (rate, rate)


def test_dropout_that_is_given_is_taken() -> None:
    config = config_of(dropout_input=0.0, dropout_readout=0.7)
    assert (config.dropout_input, config.dropout_readout) == (0.0, 0.7)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (35, 35)),
        ({"unit": "char"}, (50, 50)),
        ({"k1": 10}, (10, 10)),
        ({"k1": 10, "k2": 20}, (10, 20)),
        ({"k2": 50}, (35, 50)),
    ],
)
def test_words_between_updates(given: dict[str, Any], expected: tuple[int, int]) -> None:
    config = config_of(**given)
    assert (config.k1, config.k2) == expected


def test_changes_come_last() -> None:
    changed = LanguageModelSettings().training_config(1_000, 10, dropout_input=0.9, k1=7)
    assert (changed.dropout_input, changed.k1) == (0.9, 7)


def test_words_begin_with_their_frequencies() -> None:
    vocabulary = Vocabulary(("<unk>", "a", "b"), np.array([0, 6, 2]))
    np.testing.assert_allclose(np.exp(frequencies(vocabulary, 3)), np.array([1, 6, 2, 3]) / 12)

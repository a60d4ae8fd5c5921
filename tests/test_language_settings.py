"""What a language model's settings come to where they leave it to us."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textrnn.errors import UsageError
from textrnn.nn.labelled import LabelledEmbedding, shifts
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.config import TrainingConfig
from textrnn.training.language.settings import LanguageModelSettings, usual_dropout
from textrnn.training.language.stages import frequencies, negatives_of


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


def test_pairs_of_words_and_labels_are_no_more_than_ids() -> None:
    """32-bit ones: 120,000 words with 20,000 labels each are told apart by where labels stand."""
    sizes = {"n_words": 119_999, "n_labels": 20_000, "embedding_dim": 2}
    with pytest.raises(UsageError, match=r"119,999 words.*20,000 labels.*label_at.*max_features"):
        LanguageModelSettings().language_network(**sizes)
    assert not LanguageModelSettings(label_at="first").language_network(**sizes).n_labels
    most = {"n_words": 2**20 - 2**11, "n_labels": 2**11 - 1, "embedding_dim": 2}
    config = LanguageModelSettings().language_network(**most)
    last = config.vocabulary_size - 1
    pair = np.array([last], np.int32) + shifts(np.array([config.n_labels - 1]), last + 1)
    assert pair.dtype == np.int32
    assert pair.tolist() == [2**31 - 1]
    embedding = LabelledEmbedding(last + 1, 2, config.n_labels)
    assert [row.tolist() for row in embedding.rows(pair)] == [[last], [last]]


@pytest.mark.parametrize(("sampled", "n"), [(5, 5), (6, None), (600, None), (None, None)])
def test_words_are_drawn_where_there_are_more(sampled: int | None, n: int | None) -> None:
    found = negatives_of(LanguageModelSettings(sampled=sampled), np.arange(6), 6)
    assert (None if found is None else found.n) == n


def test_words_begin_with_their_frequencies() -> None:
    vocabulary = Vocabulary(("<unk>", "a", "b"), np.array([0, 6, 2]))
    np.testing.assert_allclose(np.exp(frequencies(vocabulary, 3)), np.array([1, 6, 2, 3]) / 12)

"""Scores, figures and readings of language models, against numbers of a pencil."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.tiny_language import CATS, MOODS
from textrnn.errors import UsageError
from textrnn.inference.language import LanguageModel, joined_scores, read, score

_: LanguageModel = CATS  # mypy: a table is a language model


def test_a_text_has_the_product_of_its_words_and_its_end() -> None:
    found = score(CATS, ["The cat sat", "the dog sat", ""])
    expected = [
        0.7 * 0.8 * 0.6 * 0.8,  # the cat sat end
        0.7 * 0.1 * 0.2 * 0.8,  # a dog is unknown
        0.1,  # an empty text is its end
    ]
    np.testing.assert_allclose(found.log_probability, np.log(expected), rtol=1e-14)
    assert found.n_tokens.tolist() == [4, 4, 1]
    assert found.n_unknown.tolist() == [0, 1, 0]
    np.testing.assert_allclose(
        found.perplexity, [p ** (-1 / n) for p, n in zip(expected, (4, 4, 1), strict=True)]
    )


def test_figures_are_of_all_tokens_not_the_mean_of_texts() -> None:
    found = score(CATS, ["the cat sat", "the dog sat", ""])
    figures = found.figures
    bits = -float(np.log2([0.7 * 0.8 * 0.6 * 0.8, 0.7 * 0.1 * 0.2 * 0.8, 0.1]).sum()) / 9
    assert figures.bits_per_token == pytest.approx(bits, rel=1e-14)
    assert figures.perplexity == pytest.approx(2**bits, rel=1e-14)
    assert figures.n_tokens == 9
    assert figures.unknown == pytest.approx(1 / 6)
    parts = [score(CATS, ["the cat sat"]), score(CATS, ["the dog sat", ""])]
    assert joined_scores(parts).figures == figures


def test_no_texts_have_no_scores_and_an_empty_one_alone_has_one() -> None:
    assert score(CATS, []).log_probability.shape == (0,)
    only = score(CATS, [""]).figures
    assert (only.n_tokens, only.unknown) == (1, 0.0)
    assert only.perplexity == pytest.approx(10.0)


def test_what_is_impossible_has_no_finite_perplexity() -> None:
    with np.errstate(divide="ignore"):
        found = score(CATS, ["the the"])
    assert found.log_probability[0] == -math.inf
    assert found.perplexity[0] == math.inf
    assert found.figures.perplexity == math.inf


def test_a_label_is_one_or_all_of_them_by_their_shares() -> None:
    happy, sad = 0.7 * 0.1 * 0.4, 0.2 * 0.5 * 0.4
    for label, p in (("happy", happy), ("sad", sad), (None, 0.75 * happy + 0.25 * sad)):
        found = score(MOODS, ["good bad", ""], label=label)
        np.testing.assert_allclose(np.exp(found.log_probability), [p, 0.1], rtol=1e-14)


def test_what_was_read_says_how_probable_each_label_is() -> None:
    reading = read(MOODS, "bad bad")
    likelihoods = np.array([0.75 * 0.2 * 0.1, 0.25 * 0.7 * 0.5])
    np.testing.assert_allclose(reading.shares, likelihoods / likelihoods.sum(), rtol=1e-14)
    np.testing.assert_allclose(read(MOODS, "").shares, [0.75, 0.25], rtol=1e-14)
    assert read(MOODS, "bad", label="sad").shares.tolist() == [1.0]
    assert read(CATS, "the").labels is None


@pytest.mark.parametrize("model", [CATS, MOODS])
def test_a_label_that_the_model_does_not_know_is_refused(model: LanguageModel) -> None:
    with pytest.raises(UsageError, match="'hapy'") as refused:
        score(model, ["good"], label="hapy")
    assert refused.value.parameter == "label"
    assert ("Did you mean 'happy'?" in str(refused.value)) is bool(model.labels)

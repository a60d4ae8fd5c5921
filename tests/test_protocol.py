"""One protocol for every classifier: a network, one with n-grams, a bag of words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn import TextRNNClassifier
from textrnn.evaluation.thresholds import decide
from textrnn.inference.fitted_baselines import as_linear_model
from textrnn.inference.pool import predict_many
from textrnn.inference.protocol import Classifier, Contents
from textrnn.linear.baselines import fit_baselines
from textrnn.nn.losses import softmax
from textrnn.storage.reading import load_classifier
from textrnn.storage.writing import save_model
from textrnn.text.encoded import encode_lists
from textrnn.text.tokenizers import WordTokenizer

TEXTS = ["a good inn", "a bad inn", "good food , good bed", "bad food", "", "the inn"]
KINDS = ("network", "network and n-grams", "bag of words", "one against the rest", "many labels")


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    texts = [text for text in TEXTS if text] * 6
    labels = ["good", "bad", "good", "bad", "neither"] * 6
    named: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "max_iter": 2, "random_state": 0}
    both = TextRNNClassifier(**named).fit(texts, labels).model_
    tokens = encode_lists([text.split() for text in texts])
    bags = {
        baseline.name: as_linear_model(baseline, WordTokenizer())
        for baseline in fit_baselines(tokens, labels, tokens, labels, names=["tfidf_lr", "nbsvm"])
    }
    many = TextRNNClassifier(**named)
    indicator = np.array([[label == "good", label == "bad", True] for label in labels])
    found: list[Classifier] = [
        replace(both, ngrams=None),
        both,
        bags["tfidf_lr"],
        bags["nbsvm"],
        many.fit(texts, indicator).model_,
    ]
    return dict(zip(KINDS, found, strict=True))


@pytest.fixture(params=KINDS)
def model(classifiers: dict[str, Classifier], request: pytest.FixtureRequest) -> Classifier:
    return classifiers[request.param]


def test_logits_are_logits(model: Classifier) -> None:
    """Each row by itself, of the type that is told, and what the probabilities are made of."""
    logits = model.predict_logits(TEXTS)
    assert logits.shape == (len(TEXTS), len(model.classes))
    assert logits.dtype == model.dtype
    probabilities = model.predict_proba(TEXTS)
    assert probabilities.dtype == np.float64
    exact = logits.astype(np.float64)
    expected = 1.0 / (1.0 + np.exp(-exact)) if model.multilabel else softmax(exact)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
    if not model.multilabel:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(model.predict_logits([text])[0], logits[row], atol=1e-5)
    np.testing.assert_allclose(predict_many(model, TEXTS, logits=True), logits, atol=1e-5)


def test_no_logit_is_taken_back_from_a_probability(model: Classifier) -> None:
    """A probability that rounds to 0 or 1 has lost its logit; the logits are finite."""
    sure = ["good " * 400, "bad " * 400]
    assert np.isfinite(model.predict_logits(sure)).all()


def test_answers_are_decided_by_the_threshold(model: Classifier) -> None:
    probabilities = model.predict_proba(TEXTS)
    expected = decide(probabilities, model.threshold, multilabel=model.multilabel)
    np.testing.assert_array_equal(model.decide(probabilities), expected)


def test_what_is_saved_answers_the_same(model: Classifier, tmp_path: Path) -> None:
    handed: list[Contents] = []
    model.save(handed.append)
    (contents,) = handed
    assert contents.weights
    save_model(model, tmp_path / "m")
    again = load_classifier(tmp_path / "m")
    assert type(again) is type(model)
    assert again.classes == model.classes
    np.testing.assert_array_equal(again.predict_logits(TEXTS), model.predict_logits(TEXTS))

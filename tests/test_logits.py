"""Logits stay logits from the network to the answer, and probabilities add up to one."""

from __future__ import annotations

import json
import warnings
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from tests.examples import documents_of, examples, texts_of
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.cli.predict import DIGITS, rounded
from textrnn.evaluation.calibration import fit_ensemble_weights
from textrnn.evaluation.thresholds import decide
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.batches import predict_logits, predict_proba
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.nn.losses import SIGMOID, SOFTMAX, sigmoid, softmax
from textrnn.nn.network import Network
from textrnn.storage.reading import load_classifier
from textrnn.training.ensemble import fit_ensemble
from textrnn.training.measure import loss_and_accuracy
from textrnn.training.settings import Settings

FOLDERS = sorted(Path(__file__).parent.glob("reference/models_*/*/"))
TEXTS = ["a fine film", "a dull play", "", "the the the", "awful acting and a fine story"] * 3


def sure_model(scale: float, *, multilabel: bool) -> TextModel:
    """A small model whose last layer is so large that its answers are 0 and 1 in float32."""
    name = "multilabel" if multilabel else "plain"
    model = load_classifier(next(folder for folder in FOLDERS if folder.name == name))
    assert isinstance(model, TextModel)
    assert model.multilabel is multilabel
    params = {**model.network.params}
    for key in ("linear.weight", "linear.bias"):
        params[key] = params[key] * np.float32(scale)
    return replace(model, network=Network(model.network.config, params))


@pytest.mark.parametrize("multilabel", [False, True])
def test_logits_are_not_clipped(multilabel: bool) -> None:
    model = sure_model(1e4, multilabel=multilabel)
    alone = replace(model, ngrams=None)
    ids = model.encode(TEXTS)
    raw = predict_logits(model.network, ids)
    spread = np.abs(raw - (0.0 if multilabel else raw.mean(axis=1, keepdims=True)))
    assert spread.max() > 300  # float32's logarithm ends at 87, log odds at 16
    packed, _ = model.network.forward(model.network.pack(documents_of(ids)))
    assert np.abs(packed).max() == pytest.approx(np.abs(raw).max(), rel=1e-4)
    np.testing.assert_allclose(alone.predict_logits(TEXTS), raw, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(predict_many(alone, TEXTS, logits=True), raw, rtol=1e-4, atol=1e-2)
    if model.ngrams is not None:
        of_ngrams = model.ngram_logits(model.tokens(TEXTS))
        np.testing.assert_allclose(model.predict_logits(TEXTS), raw + of_ngrams, rtol=1e-4, atol=1)
    one_by_one = np.concatenate([model.predict_logits([text]) for text in TEXTS])
    np.testing.assert_allclose(one_by_one, model.predict_logits(TEXTS), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_weighing_of_a_network_sees_its_logits(multilabel: bool) -> None:
    """Clipped, texts of which it is sure would all be as sure."""
    model = replace(sure_model(1.0, multilabel=multilabel), ngrams=None)
    scale = 300.0 / float(np.abs(model.predict_logits(TEXTS)).max())
    model = replace(sure_model(scale, multilabel=multilabel), ngrams=None)
    output, logits = model.network.config.output, model.predict_logits(TEXTS)
    right = (logits > 0).astype(int) if multilabel else logits.argmax(axis=1)
    targets = right.copy()
    targets[::4] = 1 - right[::4] if multilabel else (right[::4] + 1) % logits.shape[1]
    texts = examples(model.tokens(TEXTS), targets)
    expected, _ = fit_ensemble_weights(output, [logits], targets)
    clipped, _ = fit_ensemble_weights(output, [logits.clip(-16, 16)], targets)
    found = fit_ensemble(model, Settings(), None, texts, texts).weights.of_models
    assert found == pytest.approx(expected, rel=1e-2)
    assert found != pytest.approx(clipped, rel=0.5)


@pytest.mark.parametrize("output", [SOFTMAX, SIGMOID])
def test_a_loss_of_sure_answers_is_not_clipped(output: Any) -> None:
    logits = np.array([[500.0, -500.0]], dtype=np.float32)
    targets = np.array([[0, 1]]) if output is SIGMOID else np.array([1])
    loss, accuracy = loss_and_accuracy(output, logits, targets)
    assert loss == pytest.approx(1_000.0)
    assert accuracy == 0.0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_probabilities_are_made_of_logits(folder: Path) -> None:
    model = load_classifier(folder)
    probabilities, logits = model.predict_proba(TEXTS), model.predict_logits(TEXTS)
    made = sigmoid(logits) if model.multilabel else softmax(logits)
    np.testing.assert_allclose(made, probabilities, atol=1e-6)
    assert logits.shape == probabilities.shape
    assert logits.dtype == model.dtype
    assert probabilities.dtype == np.float64
    both = predict_many(model, TEXTS, logits=True)
    np.testing.assert_allclose(both, logits, rtol=1e-4, atol=1e-4)


def test_a_probability_near_zero_keeps_its_digits() -> None:
    logits = np.array([[-30.0, 0.0, 30.0, -80.0]], dtype=np.float32)
    found = SIGMOID.probabilities(logits)
    expected = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# ---------------------------------------------------------------- they add up to one


@pytest.fixture(scope="module", params=[2, 3, 40])
def fitted(request: pytest.FixtureRequest) -> tuple[TextRNNClassifier, list[str], list[int]]:
    C = request.param
    texts, labels = [f"w{i % C} x{i % 7}" for i in range(5 * C)], [i % C for i in range(5 * C)]
    model = TextRNNClassifier(
        hidden_size=4, embedding_dim=4, max_iter=2, early_stopping=False, random_state=0
    )
    return model.fit(texts, labels), texts, labels


@pytest.mark.parametrize("ngrams", [True, False])
def test_log_loss_of_sklearn_does_not_warn(
    fitted: tuple[TextRNNClassifier, list[str], list[int]], ngrams: bool
) -> None:
    model, texts, labels = fitted
    model = copy(model)
    if not ngrams:
        model.model_ = replace(model.model_, ngrams=None)
    found = model.predict_proba(texts)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-14)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_loss(labels, found)
        log_loss(labels, model.model_.predict_proba(texts))  # in single precision
        np.testing.assert_array_equal(model.predict_log_proba(texts), np.log(found))
    # The command line's, in single precision, and the library's are the same.
    np.testing.assert_allclose(found, model.model_.predict_proba(texts), rtol=1e-5, atol=1e-7)
    assert np.array_equal(model.predict(texts), model.classes_[found.argmax(axis=1)])


def test_log_probabilities_are_finite_where_a_class_is_out_of_the_question() -> None:
    model = TextRNNClassifier()
    model.model_ = sure_model(50.0, multilabel=False)
    model.classes_ = np.array(model.model_.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(model.predict_log_proba(TEXTS)).all()


@pytest.mark.parametrize(
    "folder", [f for f in FOLDERS if f.name.startswith("linear")], ids=lambda f: f.name
)
def test_a_bag_of_words_adds_up_to_one(folder: Path) -> None:
    model = load_classifier(folder)
    assert isinstance(model, LinearModel)
    many = replace(
        model,
        classes=tuple(range(300)),
        form=replace(model.form, one_against_rest=True),
        weights=np.random.default_rng(0).normal(size=(len(model.keys), 300)).astype(np.float32),
        bias=np.full(300, -6.0),
    )
    for one in (model, many):
        found = one.predict_proba(TEXTS)
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-13)


PROBABILITIES = st.lists(st.floats(0.0, 1.0, width=32), min_size=2, max_size=60)


@settings(deadline=None)
@given(PROBABILITIES.filter(lambda values: sum(values) > 1e-3))
def test_rounded_probabilities_add_up_to_one(values: list[float]) -> None:
    p = np.array(values, dtype=np.float32)
    p /= p.sum()
    found = rounded(p.tolist())
    assert sum(found) == pytest.approx(1.0, abs=1e-12)
    assert found == [round(value, DIGITS) for value in found]
    np.testing.assert_allclose(found, p, atol=1.1 * 10.0**-DIGITS)
    order = np.argsort(-p, kind="stable")
    assert (np.diff(np.array(found)[order]) <= 0).all()


def test_probabilities_in_json_add_up_to_one(
    fitted: tuple[TextRNNClassifier, list[str], list[int]], tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from textrnn.cli.app import app

    model, texts, labels = fitted
    model.save(tmp_path / "m")
    arguments = ["predict", "-m", str(tmp_path / "m"), "--json", "-q", "--top-k", "2", "--", *texts]
    result = CliRunner().invoke(app, arguments)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    names = [str(c) for c in model.classes_]
    told = np.array([[record["probabilities"][name] for name in names] for record in records])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_loss(labels, told)
    for record in records:
        assert record["probability"] == record["probabilities"][record["label"]]
        assert record["top"][0]["probability"] == max(record["probabilities"].values())
    np.testing.assert_allclose(told, model.predict_proba(texts), atol=2e-6)


def test_one_text_is_read_as_many_are() -> None:
    config = network_config(
        cell="lstm", vocabulary_size=9, n_classes=3, hidden_size=4, embedding_dim=3
    )
    network = Network.initialise(config, np.random.default_rng(0))
    ids = [np.array([1, 2, 3]), np.array([4])]
    together = predict_logits(network, texts_of(ids))
    for i, one in enumerate(ids):
        np.testing.assert_allclose(
            predict_logits(network, texts_of([one]))[0], together[i], rtol=1e-4
        )
    np.testing.assert_allclose(predict_proba(network, texts_of(ids)), softmax(together), rtol=1e-6)


def test_an_answer_is_what_its_logit_says_however_near_the_classes_are() -> None:
    """In single precision a probability of a half comes of many logits below zero."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=1e-7, size=(500, 1)).astype(np.float32)
    model = Mock()
    model.network.config.output = SIGMOID
    model.predict_logits.return_value = logits
    model.answer = lambda found: found
    probabilities = TextModel.predict_proba(model, [""] * 500)
    assert probabilities.dtype == np.float64
    assert np.array_equal(decide(probabilities, multilabel=True), logits >= 0.0)


def test_logarithms_of_the_surest_answers_are_finite() -> None:
    texts = ["fine good", "bad dull"] * 10
    classifier = TextRNNClassifier(hidden_size=4, max_iter=2, random_state=0, ngrams="none")
    classifier.fit(texts, ["good", "bad"] * 10)
    classifier.model_.network.params["linear.weight"] *= 1e6
    found = classifier.predict_log_proba(texts)
    assert np.isfinite(found).all()
    assert found.min() < -745  # of which the probability is 0
    np.testing.assert_allclose(np.exp(found), classifier.predict_proba(texts))

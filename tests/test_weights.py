"""A text of weight k counts as the text given k times, in every part of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.evaluation.calibration import fit_ensemble_weights
from textrnn.evaluation.thresholds import best_f1_threshold, best_f1_threshold_of, rarer_class
from textrnn.linear.baselines import NaiveBayes
from textrnn.linear.counts import NGramCounts
from textrnn.linear.fit import fit_ngrams, naive_bayes, ngram_features
from textrnn.linear.hashing import NGramKind
from textrnn.linear.nbsvm import LogCountRatio
from textrnn.nn.losses import SIGMOID, SOFTMAX
from textrnn.text.encoded import encode_lists
from textrnn.training import ngrams
from textrnn.training.class_weight import weights_by_class
from textrnn.training.ensemble import fit_ensemble
from textrnn.training.examples import Examples
from textrnn.training.settings import Settings
from textrnn.typing import Floats

WORDS = [f"w{i}" for i in range(12)]


def problem(n_classes: int, n: int = 60) -> tuple[Examples, Examples]:
    """Texts with whole numbers as weights, and each of them given so many times."""
    rng = np.random.default_rng(n_classes)
    texts = [list(rng.choice(WORDS, 5)) for _ in range(n)]
    targets = rng.integers(0, max(n_classes, 2), n)
    if n_classes == 1:  # labels
        targets = rng.integers(0, 2, (n, 3))
    times = rng.integers(1, 5, n)
    rows = np.repeat(np.arange(n), times)
    given_once = examples(texts, targets, times.astype(np.float64))
    return given_once, examples([texts[i] for i in rows], targets[rows])


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_weights_count_in_ratios_and_fit_of_ngrams(n_classes: int) -> None:
    once, often = problem(n_classes)
    features = [
        ngram_features(texts.texts, NGramKind(2), max_features=1_000, weights=texts.weights)
        for texts in (once, often)
    ]
    for found, expected in zip(
        *(
            (
                naive_bayes(of, texts.targets, texts.weights),
                fit_ngrams(of, texts.targets, C=20.0, weights=texts.weights),
            )
            for of, texts in zip(features, (once, often), strict=True)
        ),
        strict=True,
    ):
        assert np.array_equal(found.keys, expected.keys)
        np.testing.assert_allclose(found.weights, expected.weights, rtol=2e-2, atol=2e-3)
        np.testing.assert_allclose(found.bias, expected.bias, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize(("min_df", "max_features"), [(1, 8), (3, 100), (6, 5)])
def test_weights_count_in_the_choice_of_ngrams(min_df: int, max_features: int) -> None:
    once, often = problem(2, 20)
    options: dict[str, Any] = {"max_features": max_features, "min_df": min_df}
    kind = NGramKind(2, (2, 3))
    expected = ngram_features(often.texts, kind, **options)
    found = ngram_features(once.texts, kind, weights=once.weights, **options)
    assert np.array_equal(found.keys, expected.keys)


def test_an_ngram_is_not_lost_to_the_rounding_of_weights() -> None:
    texts = encode_lists([["a", "b"], ["a", "c"], ["a", "b"]])
    for weights in (np.full(3, 1.0 - 1e-7), np.full(3, 1.0 + 1e-7), None):
        features = ngram_features(texts, NGramKind(1), max_features=10, min_df=2, weights=weights)
        assert len(features.keys) == 2


def test_weights_count_in_the_choice_of_the_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out texts like those trained on want a weak penalty, their opposites a strong one."""
    monkeypatch.setattr(ngrams, "STRENGTHS", (0.01, 100.0))
    tokens, targets = [["good"], ["bad"]] * 20, np.array([1, 0] * 20)
    train = examples(tokens, targets)
    turned = np.concatenate([targets, 1 - targets])
    for weights, wanted in (([200.0, 1.0], 100.0), ([1.0, 200.0], 0.01)):
        held = examples(tokens * 2, turned, np.repeat(weights, 40))
        found = ngrams.choose_ngrams(Settings(ngrams="words"), train, held)
        assert [part.C for part in found.parts] == [None, wanted]


@pytest.mark.parametrize("output", [SOFTMAX, SIGMOID])
def test_weights_count_in_the_factors(output: Any) -> None:
    rng = np.random.default_rng(0)
    times = rng.integers(1, 5, 80)
    parts = [rng.normal(size=(80, 3)) for _ in range(2)]
    targets = rng.integers(0, 2, (80, 3)) if output is SIGMOID else rng.integers(0, 3, 80)
    found = fit_ensemble_weights(output, parts, targets, times.astype(np.float64))
    repeated = [np.repeat(part, times, axis=0) for part in parts]
    expected = fit_ensemble_weights(output, repeated, np.repeat(targets, times, axis=0))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


TOLD = st.tuples(st.integers(0, 10), st.integers(0, 1), st.integers(1, 4))


@settings(deadline=None)
@given(st.lists(TOLD, min_size=1, max_size=20), st.sampled_from([1.0, 0.5, 3.0]))
def test_weights_count_in_a_tuned_threshold(
    texts: list[tuple[int, int, int]], scale: float
) -> None:
    p, truth, times = (np.array(column) for column in zip(*texts, strict=True))
    weights, rows = times * scale, np.repeat(np.arange(len(p)), times)
    found = best_f1_threshold(p / 10, truth, weights)
    assert found == pytest.approx(best_f1_threshold(p[rows] / 10, truth[rows]))
    rare = rarer_class(truth[rows])
    assert rarer_class(truth, weights) == rare
    found = best_f1_threshold_of(rare, p / 10, truth, weights)
    assert found == pytest.approx(best_f1_threshold_of(rare, p[rows] / 10, truth[rows]))


def test_weights_count_in_the_threshold_of_labels() -> None:
    p = np.array([[0.9, 0.2], [0.4, 0.6], [0.7, 0.1]])
    truth = np.array([[1, 0], [1, 0], [0, 0]])
    times = np.array([1, 4, 2])
    expected = best_f1_threshold(np.repeat(p, times, axis=0), np.repeat(truth, times, axis=0))
    assert best_f1_threshold(p, truth, times.astype(np.float32)) == pytest.approx(expected)
    assert best_f1_threshold(p, truth) != pytest.approx(expected)


def test_weights_count_in_the_threshold_of_a_model_and_class_weights_do_not() -> None:
    """Class weights are to find the rare class: its F1 is that of the texts as they are."""
    rng = np.random.default_rng(1)
    model = TextRNNClassifier(
        hidden_size=4, embedding_dim=4, max_iter=12, learning_rate_init=0.05,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(60)]
    has_word = np.array(["w0" in text for text in texts])
    targets = (has_word ^ (rng.random(60) < 0.2)).astype(np.int64)
    alone = replace(model.fit(texts, targets).model_, ngrams=None)
    tokens, times = alone.tokens(texts), 1 + 7 * (rng.random(60) < 0.3)
    once = examples(tokens, targets, times / times.mean())
    rows = np.repeat(np.arange(60), times)
    often = examples(tokens.take(rows), targets[rows])
    plain = examples(tokens, targets)

    def threshold_of(data: Examples, class_weight: Any = None) -> float | None:
        settings = Settings(threshold="f1", class_weight=class_weight)
        return fit_ensemble(alone, settings, None, data, data).weights.threshold

    assert threshold_of(once) == pytest.approx(threshold_of(often), abs=1e-3)
    assert threshold_of(once) != pytest.approx(threshold_of(plain), abs=1e-2)
    of_class = {0: 1.0, 1: 9.0}
    weights = np.where(targets == 1, 9.0, 1.0)
    weighted = examples(tokens, targets, weights / weights.mean())
    # The bias follows the weights, and the threshold the bias: the answers stay.
    settings = Settings(threshold="f1", class_weight=of_class)
    found = fit_ensemble(alone, settings, None, weighted, weighted)
    again = fit_ensemble(alone, Settings(threshold="f1"), None, plain, plain)
    first, second = (
        one.classifier().decide(one.classifier().predict_proba(tokens)) for one in (found, again)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 3.0, "b": 1.0}, None])
def test_class_weight_sees_the_weights_of_texts(class_weight: Any) -> None:
    labels, times = np.array(["a", "b", "b", "a", "b"]), np.array([4, 1, 2, 1, 1])
    found = weights_by_class(
        labels.tolist(), class_weight, weights=times.astype(float), normalise=False
    )
    if class_weight is None:
        assert found is None
        return
    assert found is not None
    rows = np.repeat(np.arange(5), times)
    expected = compute_sample_weight(class_weight, labels[rows])
    np.testing.assert_allclose(np.repeat(found, times), expected)


def counts_of(texts: Examples) -> Any:
    return NGramCounts(max_n=2).fit_transform([list(text) for text in texts.texts])


def test_class_weight_counts_in_naive_bayes_and_the_ratios_of_nbsvm() -> None:
    once, _ = problem(2)
    counts, y = counts_of(once), cast(Any, once.targets.values)
    rows = np.repeat(np.arange(len(y)), np.where(y == 1, 3, 1))
    found = NaiveBayes(class_weight={0: 1.0, 1: 3.0}).fit(counts, y).predict_proba(counts)
    expected = NaiveBayes().fit(counts[rows], y[rows]).predict_proba(counts)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(found - NaiveBayes().fit(counts, y).predict_proba(counts)).max() > 0.05
    ratio = LogCountRatio().fit(counts, y == 1, np.where(y == 1, 3.0, 1.0)).ratio_
    np.testing.assert_allclose(ratio, LogCountRatio().fit(counts[rows], y[rows] == 1).ratio_)


# ------------------------------------------------------------- weights that are none

BAD: dict[str, Any] = {
    "all zero": [0.0] * 6,
    "zero": 0,
    "a string": "heavy",
    "strings": ["a"] * 6,
    "a dictionary": {"a": 1.0},
    "two dimensions": [[1.0]] * 6,
    "too few": [1.0] * 5,
    "too many": [1.0] * 7,
    "empty": [],
    "None": [None] * 6,
    "one None": [1.0, None, 1.0, 1.0, 1.0, 1.0],
    "NaN": [float("nan")] * 6,
    "infinite": [float("inf"), *[1.0] * 5],
    "negative": [-1.0, *[1.0] * 5],
    "complex": [1j] * 6,
    "an object": object(),
}


def check_as_sklearn(weights: Any, y: Any) -> None:
    """What it says of weights that are none; of zeros alone it says so from 1.9 on."""
    _check_sample_weight(weights, y, ensure_non_negative=True)
    raise ValueError("Sample weights must contain at least one non-zero number.")


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score", "fit many labels"])
@pytest.mark.parametrize("name", BAD)
def test_sample_weight_that_is_none_gets_the_error_of_sklearn(
    name: str, method: str, fitted: TextRNNClassifier
) -> None:
    texts, y = ["good film", "bad film"] * 3, np.array(["good", "bad"] * 3)
    with pytest.raises((ValueError, TypeError)) as expected:
        check_as_sklearn(BAD[name], y)
    calls: dict[str, Callable[..., Any]] = {
        "score": fitted.score,
        "fit": TextRNNClassifier().fit,
        "fit many labels": lambda X, _, **given: TextRNNClassifier().fit(X, np.eye(6), **given),
        "partial_fit": fitted.partial_fit,
    }
    with pytest.raises(expected.type) as found:
        calls[method](texts, y, sample_weight=BAD[name])
    assert type(found.value) is expected.type
    assert str(found.value) == str(expected.value)


@pytest.fixture(scope="module")
def fitted() -> TextRNNClassifier:
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=1, early_stopping=False)
    return model.fit(["good film", "bad film"] * 6, ["good", "bad"] * 6)


def test_score_by_weights(fitted: TextRNNClassifier) -> None:
    texts, y = ["good film", "bad film", "odd"], np.array(["good", "bad", "good"])
    right = fitted.predict(texts) == y
    weights: Floats = np.array([1.0, 2.0, 5.0])
    expected = float(np.average(right, weights=weights))
    assert fitted.score(texts, y, sample_weight=weights) == pytest.approx(expected)
    assert fitted.score(texts, y) == pytest.approx(float(right.mean()))


def test_no_ngram_is_lost_to_weights_of_a_mean_of_one() -> None:
    """As those of classes are: of a class with many texts they are far below 1."""
    once, _ = problem(2)
    weights = np.where(once.targets.values == 1, 1.6, 0.2)
    found, expected = (
        ngram_features(once.texts, NGramKind(3), max_features=10_000, weights=each)
        for each in (weights, None)
    )
    assert np.array_equal(found.keys, expected.keys)

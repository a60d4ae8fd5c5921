"""Probabilities that mean something: what is fitted on held-out texts after the training."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit, log_softmax
from sklearn.linear_model import LogisticRegression

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.evaluation.calibration import combined, fit_ensemble_weights
from textrnn.evaluation.metrics import calibration_error
from textrnn.nn.losses import SIGMOID, SOFTMAX, Output
from textrnn.training.ensemble import fit_ensemble
from textrnn.training.held_out import LEAST_WEIGHT
from textrnn.training.ngrams import choose_ngrams
from textrnn.training.settings import Settings
from textrnn.typing import Floats

rng = np.random.default_rng(0)
N = 3_000


def test_one_model_gets_a_temperature_and_its_answers_stay() -> None:
    targets = rng.integers(0, 3, N)
    honest = 2.0 * (rng.normal(size=(N, 3)) + 2.0 * np.eye(3)[targets])
    factors, bias = fit_ensemble_weights(SOFTMAX, [4.0 * honest], targets)
    assert factors == pytest.approx([0.25], abs=0.02)
    np.testing.assert_array_equal(bias, 0.0)


def test_of_labels_too() -> None:
    """By Bayes the log-odds of a label with a score of unit variance, two apart, are twice it."""
    targets = rng.integers(0, 2, (N, 4))
    honest = 2.0 * (rng.normal(size=(N, 4)) + 2.0 * targets - 1.0)
    (factor,), _ = fit_ensemble_weights(SIGMOID, [5.0 * honest], targets)
    assert factor == pytest.approx(0.2, abs=0.02)
    noise = rng.normal(size=(N, 4))
    shifted = honest + np.array([1.0, 0.0, -1.0, 0.0])
    factors, bias = fit_ensemble_weights(SIGMOID, [shifted, noise], targets)
    assert factors[0] > 0.8
    assert factors[1] < 0.1
    np.testing.assert_allclose(bias, [-1.0, 0.0, 1.0, 0.0], atol=0.2)


def test_weights_count_as_copies_do() -> None:
    targets = rng.integers(0, 3, 200)
    parts = [rng.normal(size=(200, 3)) + np.eye(3)[targets], rng.normal(size=(200, 3))]
    times = rng.integers(1, 4, 200)
    copies = [np.repeat(part, times, axis=0) for part in parts]
    factors, bias = fit_ensemble_weights(SOFTMAX, copies, np.repeat(targets, times))
    weighted, its_bias = fit_ensemble_weights(SOFTMAX, parts, targets, 7.0 * times)
    np.testing.assert_allclose(weighted, factors, atol=1e-4)
    np.testing.assert_allclose(its_bias, bias, atol=1e-4)


@pytest.mark.parametrize("output", [SOFTMAX, SIGMOID], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("n_parts", [1, 2, 3])
def test_the_factors_have_the_least_penalised_loss(output: Output, n_parts: int) -> None:
    """Of few texts, on which the penalty weighs; found again without any gradient."""
    chance = np.random.default_rng(n_parts)
    n, C, penalty = 8, 3, 1e-4 if n_parts == 1 else 1e-2
    targets = chance.integers(0, 2, (n, C)) if output is SIGMOID else chance.integers(0, C, n)
    told = targets if output is SIGMOID else np.eye(C)[targets]
    parts = [chance.normal(size=(n, C)) + 2.0 * told for _ in range(n_parts)]
    weights = chance.uniform(0.5, 3.0, n)

    def objective(values: Floats) -> float:
        factors, bias = values[:n_parts], values[n_parts:] if n_parts > 1 else np.zeros(C)
        logits = sum(f * part for f, part in zip(factors, parts, strict=True)) + bias
        if output is SIGMOID:
            each = -np.where(targets > 0, log_expit(logits), log_expit(-logits)).sum(axis=1)
        else:
            each = -log_softmax(logits, axis=1)[np.arange(n), targets]
        away = ((factors - 1 / n_parts) ** 2).sum() + (bias**2).sum()
        return float(np.average(each, weights=weights) + penalty * away)

    start = np.concatenate([np.ones(n_parts), np.zeros(C if n_parts > 1 else 0)])
    bounds = [(0.0, None)] * n_parts + [(None, None)] * (len(start) - n_parts)
    best = minimize(objective, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13})
    factors, bias = fit_ensemble_weights(output, parts, targets, weights)
    found = np.concatenate([factors, bias[: len(start) - n_parts]])
    np.testing.assert_allclose(found, best.x, rtol=0.02, atol=0.02)
    assert objective(found) <= best.fun + 1e-5


def test_a_part_that_is_wrong_is_not_turned_round() -> None:
    targets = np.random.default_rng(1).integers(0, 3, 200)
    told = 2.0 * np.eye(3)[targets]
    chance = np.random.default_rng(2).normal(size=(2, 200, 3))
    factors, _ = fit_ensemble_weights(SOFTMAX, [told + chance[0], -told + chance[1]], targets)
    assert factors[0] > 0.5
    assert factors[1] == 0.0
    assert fit_ensemble_weights(SOFTMAX, [-told + chance[1]], targets)[0].tolist() == [0.0]


def test_combined() -> None:
    parts = rng.normal(size=(2, 5, 3))
    found = combined(parts, np.array([2.0, 0.5]), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, 2 * parts[0] + parts[1] / 2 + [1, 2, 3])


def noisy(n: int, seed: int) -> tuple[list[str], list[int]]:
    """A word that tells the class in three of four texts, among words that tell nothing."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 2, n)
    told = np.where(chance.random(n) < 0.75, labels, 1 - labels)
    texts = [
        " ".join(
            chance.permutation([("no", "yes")[t], *(f"w{i}" for i in chance.integers(0, 99, 5))])
        )
        for t in told.tolist()
    ]
    return texts, labels.tolist()


def test_a_network_alone_is_calibrated() -> None:
    """Overfitted it is far too sure; after the fit it is not, and it answers the same."""
    texts, labels = noisy(300, 1)
    new_texts, truth = noisy(600, 3)
    network = TextRNNClassifier(
        ngrams="none", hidden_size=8, embedding_dim=8, max_iter=12, early_stopping=False,
        learning_rate_init=0.02, learning_rate="constant", dropout_input=0.0, dropout_readout=0.0,
        unknown_alpha=0.0, bidirectional=False, random_state=0, label_smoothing=0.0, ema_decay=0.0,
    ).fit(texts, labels)  # fmt: skip
    raw = network.predict_proba(new_texts)

    held_texts, targets = noisy(300, 2)
    held_out = examples([text.split() for text in held_texts], np.array(targets))
    held_p = network.predict_proba(held_texts)
    alone = Settings(ngrams="none")
    model = fit_ensemble(network.model_, alone, None, held_out, held_out).classifier()
    calibrated = model.predict_proba(new_texts)
    np.testing.assert_array_equal(calibrated.argmax(axis=1), raw.argmax(axis=1))

    def error(probabilities: Floats) -> float:
        right = probabilities.argmax(axis=1) == np.array(truth)
        return calibration_error(probabilities.max(axis=1), right)

    assert error(calibrated) < 0.5 * error(raw)
    # The factor is the slope of a logistic regression on the log-odds, through zero.
    factor = np.median(log_odds(calibrated) / log_odds(raw))
    logistic = LogisticRegression(C=np.inf, fit_intercept=False).fit(log_odds(held_p), targets)
    assert factor == pytest.approx(logistic.coef_.item(), abs=0.05)


def log_odds(probabilities: Floats) -> Floats:
    return np.log(probabilities[:, 1:] / probabilities[:, :1])


def test_fit_calibrates() -> None:
    """What ``fit`` leaves needs little scaling on the held-out texts, however it was trained."""
    texts, labels = noisy(200, 4)
    held_texts, held_labels = noisy(200, 5)
    network = TextRNNClassifier(
        ngrams="none", hidden_size=4, embedding_dim=4, max_iter=10, learning_rate_init=0.02,
        label_smoothing=0.7, ema_decay=0.0, bidirectional=False, random_state=0,
    ).fit(texts, labels, validation_data=(held_texts, held_labels))  # fmt: skip
    parts = [np.log(network.predict_proba(held_texts))]
    (factor,), _ = fit_ensemble_weights(SOFTMAX, parts, np.array(held_labels))
    assert factor == pytest.approx(1.0, abs=0.2)  # 7.2 as it was trained


def test_a_network_that_weighs_nothing_can_still_learn() -> None:
    """Its last layer is multiplied by its weight, and nothing grows out of zero."""
    texts, labels = noisy(200, 6)
    model = TextRNNClassifier(
        ngrams="none", hidden_size=8, embedding_dim=8, max_iter=12, early_stopping=False,
        learning_rate_init=0.02, dropout_input=0.0, dropout_readout=0.0, random_state=0,
    ).fit(texts, labels).model_  # fmt: skip
    held_texts, targets = noisy(300, 8)
    held_out = examples([text.split() for text in held_texts], np.array(targets))
    for name in ("linear.weight", "linear.bias"):
        model.network.params[name] *= -5.0  # what it says is wrong
    before = model.network.params["linear.weight"].copy()
    weighed = fit_ensemble(model, Settings(ngrams="none"), None, held_out, held_out)
    after = weighed.classifier().network.params["linear.weight"]
    np.testing.assert_allclose(after, LEAST_WEIGHT * before, rtol=1e-5)


def test_weights_count_in_the_accuracy_of_all_together() -> None:
    texts, labels = noisy(300, 7)
    held_texts, held_labels = noisy(300, 8)
    targets = np.array(held_labels)
    weights = np.where(targets == 1, 9.0, 1.0)
    data = examples([text.split() for text in texts], np.array(labels))
    held_out = examples([text.split() for text in held_texts], targets, weights)
    settings = Settings(ngrams="words")
    model = TextRNNClassifier(
        ngrams="none", hidden_size=4, embedding_dim=4, max_iter=2, early_stopping=False,
        random_state=0,
    ).fit(texts, labels).model_  # fmt: skip
    chosen = choose_ngrams(settings, data, held_out)
    weighed = fit_ensemble(model, settings, chosen, data, held_out)
    assert weighed.right is not None
    assert weighed.accuracy == pytest.approx(np.average(weighed.right, weights=weights))
    assert abs(weighed.right.mean() - weighed.accuracy) > 0.02
    # What was fitted to four fifths of them answers nearly as what was fitted to all.
    answers = weighed.classifier().predict_proba(held_texts).argmax(axis=1) == targets
    assert (weighed.right == answers).mean() > 0.97

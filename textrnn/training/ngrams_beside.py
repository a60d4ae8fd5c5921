"""The n-gram model beside a network: which n-grams, how strong, and how far to believe each part.

Both are trained apart; what each is worth is found out on texts that neither has seen. Trained
jointly, the n-grams explain the training texts alone and the network learns little, which
was worse on held-out texts of every corpus tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from textrnn.inference import predict_proba
from textrnn.model import TextModel
from textrnn.ngram_model import NGramModel
from textrnn.nn.losses import softmax
from textrnn.text.ngram_keys import NGramKind
from textrnn.text.tokenised import NumberedTexts, as_numbered, join
from textrnn.training.fit import TokenisedTexts
from textrnn.training.ngram_fit import fit_ngrams, ngram_features
from textrnn.training.settings import Settings
from textrnn.typing import Floats, Ints

WORDS = NGramKind(3)
CHARACTERS = NGramKind(2, (2, 5))
MUCH_TEXT = 1_500_000
"""Training tokens from which character n-grams no longer pay: they take minutes, and every
word that matters was seen."""
STRENGTHS = (20.0, 100.0)
"""Values of C that are tried: on held-out texts of all corpora the best was near one of them."""
MAX_FEATURES = 400_000
"""On IMDB a million did no better, and this many take 4 MB."""
PENALTY = 1e-2
"""Pulls the factors to equal parts and the biases to zero: few held-out texts say little."""


@dataclass(frozen=True)
class Chosen:
    """An n-gram model fitted to the training texts, and how it was chosen.

    Attributes:
        model: the n-gram model.
        C: inverse strength of its penalty.
        accuracy: on the held-out texts, or None without any.
    """

    model: NGramModel
    C: float
    accuracy: float | None


def choose_ngrams(
    settings: Settings,
    train: TokenisedTexts,
    validation: TokenisedTexts | None,
    n_classes: int,
) -> Chosen:
    """Fit each kind of n-gram model that is asked for; keep the one with the least loss.

    Without held-out texts the first kind and strength are taken.
    """
    best: tuple[float, Chosen] | None = None
    texts = as_numbered(train.tokens).cut(settings.max_length)
    held_out = None if validation is None else as_numbered(validation.tokens)
    for kind in _kinds(settings.ngrams, texts):
        features = ngram_features(texts, kind, max_features=MAX_FEATURES, min_df=_min_df(texts))
        for C in STRENGTHS:
            model = fit_ngrams(features, train.targets, n_classes, C=C, weights=train.weights)
            if validation is None or held_out is None:
                return Chosen(model, C, None)
            p = softmax(model.logits(held_out.cut(settings.max_length)))
            chosen = p[np.arange(len(p)), validation.targets]
            loss = float(-np.log(np.maximum(chosen, 1e-30)).mean())
            accuracy = float((p.argmax(axis=1) == validation.targets).mean())
            if best is None or loss < best[0]:
                best = (loss, Chosen(model, C, accuracy))
    assert best is not None
    return best[1]


def join_parts(
    model: TextModel,
    chosen: Chosen,
    train: TokenisedTexts,
    validation: TokenisedTexts | None,
) -> TextModel:
    """Put the n-gram model beside a trained network.

    How far to believe each is fitted on the held-out texts; then the n-gram model is fitted
    once more, to all texts. The network's factor goes into its last layer, in place.
    """
    n_classes = len(model.classes)
    if validation is None:
        halves, none = (0.5, 0.5), np.zeros(n_classes)
        return replace(model, ngrams=_believe(model, chosen.model, halves, none))
    tokens = as_numbered(validation.tokens).cut(model.max_length)
    probabilities = predict_proba(model.network, model.encode_tokens(tokens))
    factors, bias = fit_factors(
        [probabilities, softmax(chosen.model.logits(tokens))], validation.targets
    )
    both = join([as_numbered(train.tokens).cut(model.max_length), tokens])
    features = ngram_features(
        both, chosen.model.kind, max_features=MAX_FEATURES, min_df=_min_df(both)
    )
    targets = np.concatenate([train.targets, validation.targets])
    weights = None
    if train.weights is not None and validation.weights is not None:
        weights = np.concatenate([train.weights, validation.weights])
    whole = fit_ngrams(features, targets, n_classes, C=chosen.C, weights=weights)
    return replace(model, ngrams=_believe(model, whole, factors, bias))


def _believe(
    model: TextModel, ngrams: NGramModel, factors: tuple[float, ...], bias: Floats
) -> NGramModel:
    """Scale the network's logits, in place, and the n-gram model's."""
    for name in ("linear.weight", "linear.bias"):
        model.network.params[name] *= factors[0]
    return ngrams.scaled(factors[1], bias)


def fit_factors(parts: list[Floats], targets: Ints) -> tuple[tuple[float, ...], Floats]:
    """Factors of some models' log-probabilities whose sum has the least cross-entropy.

    Of one model alone the factor is 1 / temperature (Guo et al. 2017).

    Args:
        parts: probabilities (n, C) of each model.
        targets: class numbers, (n,).

    Returns:
        A factor of each model, from 0, and a bias of each class, shape (C,).
    """
    from scipy.optimize import minimize

    smallest = np.finfo(np.float32).tiny
    logs = np.stack([np.log(np.maximum(p, smallest).astype(np.float64)) for p in parts])
    n_parts, n, C = logs.shape

    def loss_and_gradient(values: Floats) -> tuple[float, Floats]:
        factors, bias = values[:n_parts], values[n_parts:]
        p = softmax(np.tensordot(factors, logs, 1) + bias)
        loss = -np.log(np.maximum(p[np.arange(n), targets], smallest)).mean()
        p[np.arange(n), targets] -= 1.0
        away = factors - 1.0 / n_parts
        loss += PENALTY * (np.vdot(away, away) + np.vdot(bias, bias))
        d_factors = (logs * p).sum(axis=(1, 2)) / n + 2 * PENALTY * away
        d_bias = p.sum(axis=0) / n + 2 * PENALTY * bias
        return float(loss), np.concatenate([d_factors, d_bias])

    start = np.concatenate([np.full(n_parts, 1.0 / n_parts), np.zeros(C)])
    bounds = [(0.0, None)] * n_parts + [(None, None)] * C
    solved = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(solved.x[:n_parts].tolist()), solved.x[n_parts:]


def _kinds(ngrams: str, texts: NumberedTexts) -> list[NGramKind]:
    if ngrams == "auto":
        return [WORDS] if len(texts.numbers) > MUCH_TEXT else [WORDS, CHARACTERS]
    return [WORDS if ngrams == "words" else CHARACTERS]


def _min_df(texts: NumberedTexts) -> int:
    """Where there is much text, an n-gram that stands in one text says nothing of others."""
    return 2 if len(texts.numbers) > MUCH_TEXT else 1

"""The baseline of a network that predicts numbers: ridge regression on TF-IDF.

It is taken the same care of as of the baselines for classes: words and bigrams by the network's
own tokenizer, the penalty chosen on its validation texts, fitted again on all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from textrnn.linear.counts import NGramCounts
from textrnn.text.encoded import EncodedTexts, concatenated
from textrnn.typing import Floats

NAME = "ridge"
ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties that are tried."""


@dataclass(frozen=True)
class FittedRidge:
    """The regression with the penalty that did best on the validation texts.

    Attributes:
        pipeline: from tokens to numbers in standard units.
        mean: of the numbers that the penalty was chosen with.
        scale: their standard deviation.
        alpha: the penalty.
        seconds: of choosing and fitting.
    """

    pipeline: Pipeline
    mean: float
    scale: float
    alpha: float
    seconds: float

    def predict(self, texts: EncodedTexts) -> Floats:
        """A number for each text, (n,)."""
        found: Floats = self.pipeline.predict(texts).astype(np.float64)
        return found * self.scale + self.mean


def fit_ridge(
    train: EncodedTexts, numbers: Floats, validation: EncodedTexts, held_out: Floats
) -> FittedRidge:
    """Choose the penalty by the squared error on validation texts, and fit to all.

    The numbers are standardised: features are float32, and so would the numbers be, which of
    times or prices leaves no digits for what they differ by.

    Args:
        train: tokens of the training texts.
        numbers: of these, (n_train,).
        validation: tokens of the validation texts.
        held_out: numbers of these, (n_validation,).
    """
    started = time.perf_counter()
    features = Pipeline(
        [("counts", NGramCounts(max_n=2)), ("tfidf", TfidfTransformer(sublinear_tf=True))]
    )
    mean, scale = float(np.mean(numbers)), float(np.std(numbers)) or 1.0
    numbers, held_out = (numbers - mean) / scale, (held_out - mean) / scale
    counted, known = features.fit_transform(train), features.transform(validation)

    def error(alpha: float) -> float:
        found = Ridge(alpha=alpha).fit(counted, numbers).predict(known)
        return float(((found - held_out) ** 2).mean())

    alpha = min(ALPHAS, key=error)
    pipeline = Pipeline([*features.steps, ("ridge", Ridge(alpha=alpha))])
    pipeline.fit(concatenated([train, validation]), np.concatenate([numbers, held_out]))
    return FittedRidge(pipeline, mean, scale, alpha, time.perf_counter() - started)

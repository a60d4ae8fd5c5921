"""Turn a fitted baseline into a model that can be saved.

A scikit-learn pipeline can only be pickled, and nothing here is unpickled; but every baseline
is linear over n-grams, so its weights say all, or a Markov chain for each class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from textrnn.inference.bag_of_words import COUNTS, PRESENCE, TFIDF, LinearForm, LinearModel
from textrnn.inference.markov_classifier import MarkovClassifier
from textrnn.linear.baselines import FittedBaseline
from textrnn.linear.counts import NGramCounts
from textrnn.linear.markov_bayes import MarkovBayes
from textrnn.linear.nbsvm import NBSVM
from textrnn.system.compact import in_format
from textrnn.text.tokenizers import Tokenizer
from textrnn.typing import Floats


def as_model(fitted: FittedBaseline, tokenizer: Tokenizer) -> LinearModel | MarkovClassifier:
    """The model that gives the baseline's probabilities, to within rounding.

    Args:
        fitted: the baseline.
        tokenizer: what made the tokens it was fitted to.
    """
    classifier = fitted.pipeline[-1]
    if not isinstance(classifier, MarkovBayes):
        return as_linear_model(fitted, tokenizer)
    return MarkovClassifier(
        tokenizer=tokenizer,
        vocabulary=classifier.vocabulary_,
        chains=tuple(classifier.chains_),
        prior=classifier.prior_,
        classes=fitted.classes,
        settings={"baseline": fitted.name, **fitted.params},
    )


def as_linear_model(fitted: FittedBaseline, tokenizer: Tokenizer) -> LinearModel:
    """The model of a baseline over bags of words; see ``as_model``."""
    counts, classifier = fitted.pipeline[0], fitted.pipeline[-1]
    counter = counts if isinstance(counts, NGramCounts) else None
    weights, bias = _linear(classifier)
    if len(bias) == 2:  # of two classes the difference says all
        weights, bias = weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    scale = np.zeros(0, dtype=np.float32)
    value = PRESENCE if counter is not None and counter.binary else COUNTS
    for _, step in fitted.pipeline.steps:
        if isinstance(step, TfidfTransformer):
            value, scale = TFIDF, in_format(step.idf_, np.float32, "scale")
    hashes = counter.column_hashes() if counter else np.zeros(0, dtype=np.uint64)
    keys, columns = np.unique(hashes, return_index=True)
    form = LinearForm(
        fitted.name,
        max_n=counter.max_n if counter else 1,
        value=value,
        one_against_rest=isinstance(classifier, NBSVM) and len(fitted.classes) > 2,
    )
    return LinearModel(
        tokenizer=tokenizer,
        classes=fitted.classes,
        form=form,
        keys=keys,
        weights=np.ascontiguousarray(in_format(weights[columns], np.float32, "weights")),
        bias=bias,
        scale=scale[columns] if len(scale) else scale,
        settings={"baseline": fitted.name, **fitted.params},
    )


def _linear(classifier: Any) -> tuple[Floats, Floats]:
    """Weights (columns, K) and bias (K,) of a fitted classifier."""
    if isinstance(classifier, DummyClassifier):
        bias = np.log(classifier.class_prior_)
        return np.zeros((0, len(bias))), bias
    if isinstance(classifier, MultinomialNB):
        logs = classifier.feature_log_prob_.T
        # All are far below zero: around their mean, a sum of them loses less to rounding.
        return logs - logs.mean(axis=1, keepdims=True), classifier.class_log_prior_
    if isinstance(classifier, LogisticRegression):
        return classifier.coef_.T, classifier.intercept_.astype(np.float64)
    assert isinstance(classifier, NBSVM), f"no baseline ends with {classifier!r}"
    weights = [model["ratio"].ratio_ * model["logistic"].coef_[0] for model in classifier.models_]
    bias = [model["logistic"].intercept_[0] for model in classifier.models_]
    return np.stack(weights, axis=1), np.array(bias, dtype=np.float64)

"""Pruning: a trained model without the words and n-grams that it needs least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textrnn.errors import UsageError
from textrnn.inference.classifier import SAME, TextModel
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.network import Network
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params
from textrnn.wording.messages import ForScripts, Parameter


def prune(
    model: TextModel, *, max_words: int | None = None, max_ngrams: int | None = None
) -> TextModel:
    """A model with fewer words and n-grams; the one given is not changed.

    Args:
        model: trained.
        max_words: keep only so many words, the most frequent; the others become unknown.
        max_ngrams: keep only so many n-grams, those of the largest weights.

    Raises:
        UsageError: a number below 1.
    """
    for name, value in (("max_words", max_words), ("max_ngrams", max_ngrams)):
        if value is not None and value < 1:
            raise UsageError(
                Parameter(name),
                f" is {value}, but must be 1 or more",
                ForScripts(", or None for all"),
                ".",
            )
    if max_words is not None and max_words < len(model.vocabulary) - 1:
        model = _with_fewer_words(model, max_words)
    if model.ngrams is not None and max_ngrams is not None:
        model = replace(model, ngrams=_strongest(model.ngrams, max_ngrams))
    return model


def _with_fewer_words(model: TextModel, n: int) -> TextModel:
    """The first ``n`` words after the unknown one: they stand in the order of their counts."""
    old = model.vocabulary
    counts = np.array(old.counts[: n + 1])
    counts[0] += old.counts[n + 1 :].sum()
    vocabulary = Vocabulary(old.tokens[: n + 1], counts)
    config = replace(model.network.config, vocabulary_size=len(vocabulary))
    params: Params = dict(model.network.params)
    for table in config.tables():
        params[table] = params[table][: n + 1]
    # A dropped word is a word, not an edit of another one.
    reading = SAME if len(vocabulary) < len(old) else model.unknown_words
    network = Network(config, params)
    return replace(model, vocabulary=vocabulary, network=network, unknown_words=reading)


def _strongest(ngrams: NGramModel, n: int) -> NGramModel:
    """The ``n`` n-grams with the largest weight for any class, their keys still ascending."""
    if n >= len(ngrams.keys):
        return ngrams
    strength = np.abs(ngrams.weights).max(axis=1)
    kept = np.sort(np.argpartition(-strength, n)[:n])
    return replace(ngrams, keys=ngrams.keys[kept], weights=ngrams.weights[kept])

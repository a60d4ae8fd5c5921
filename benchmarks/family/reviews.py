"""IMDB's reviews, and how many of their words are read when a classifier is asked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from textrnn.corpora import load_corpus
from textrnn.typing import Ints

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the words of a review."""
HELD_OUT = 0.2


class Reviews(NamedTuple):
    """Texts to learn from and texts to be judged by, with their labels."""

    texts: list[str]
    labels: list[str]
    judged_texts: list[str]
    judged_labels: list[str]


def load_reviews(*, held_out: bool = False) -> Reviews:
    """The training and the test reviews; or a fifth of the former to be judged by."""
    corpus = load_corpus("imdb", offline=True)
    train, test = corpus.train, corpus.test
    assert test is not None
    texts, labels = list(train.texts), list(train.labels)
    if not held_out:
        return Reviews(texts, labels, list(test.texts), list(test.labels))
    order = np.random.default_rng(0).permutation(len(texts))
    rest, few = np.split(order, [round((1.0 - HELD_OUT) * len(texts))])
    return Reviews(
        [texts[i] for i in rest],
        [labels[i] for i in rest],
        [texts[i] for i in few],
        [labels[i] for i in few],
    )


def words_read(lengths: Ints) -> Ints:
    """After each of ``SHARES`` of texts of these lengths, (shares, B): rounded up, one at least."""
    shares = np.array(SHARES)[:, np.newaxis]
    return np.maximum(np.ceil(shares * lengths).astype(int), 1)

"""What a bag of words tells of a review of which only a share is read: what there is to tell.

No network, and no order of words but in phrases of two or three: the package's tuned baselines,
once fitted to whole reviews and asked after a share of the words, and once for each share
fitted to reviews that are cut likewise. Where the second knows no more than the first, it is not
the classifier that is ill prepared for half a review; the half tells less.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.family.part import Run
from benchmarks.family.reviews import SHARES, load_reviews, words_read
from textrnn.corpora.sampling import holdout
from textrnn.linear.baselines import FittedBaseline, fit_baselines
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.settings import Settings

WHOLE, CUT = "whole reviews", "reviews cut alike"
LEARNT_FROM = (WHOLE, CUT)
Words = list[list[str]]


def run(baseline: str, learnt_from: str, held_out: bool = False) -> Run:
    """A baseline, of whole reviews or of reviews cut to the share that it is asked after."""
    reviews = load_reviews(held_out=held_out)
    started = time.perf_counter()
    texts, judged = words_of(reviews.texts), words_of(reviews.judged_texts)
    validation = holdout(
        reviews.texts, reviews.labels, Settings().validation_fraction, random_state=0
    )
    answers = np.array(reviews.judged_labels)
    accuracies = []
    model = None
    for share, cut in enumerate(shortened(judged)):
        if model is None or learnt_from == CUT:
            read = shortened(texts)[share] if learnt_from == CUT else texts
            model = fitted(baseline, read, reviews.labels, validation)
        accuracies.append(float((model.pipeline.predict(cut) == answers).mean()))
    return {
        "model": baseline,
        "learnt": learnt_from,
        "readout": "",
        "seed": 0,
        "texts": "held out" if held_out else "test",
        "shares": SHARES,
        "accuracies": accuracies,
        "seconds": time.perf_counter() - started,
    }


def words_of(texts: list[str]) -> Words:
    """The words that a network with the usual settings reads of each text."""
    settings = Settings()
    tokenizer = make_tokenizer("word", lowercase=settings.lowercase)
    return [tokenizer(text)[: settings.max_length] for text in texts]


def shortened(words: Words) -> list[Words]:
    """The texts as they are after each of ``SHARES`` of their words."""
    read = words_read(np.array([len(text) for text in words])).tolist()
    return [[text[:n] for text, n in zip(words, of_share, strict=True)] for of_share in read]


def fitted(
    baseline: str, words: Words, labels: list[str], validation: np.ndarray
) -> FittedBaseline:
    """Tuned on the held-out texts, then fitted to all."""
    rows = [np.flatnonzero(~validation).tolist(), np.flatnonzero(validation).tolist()]
    (train, train_labels), (tuned, tuned_labels) = (
        ([words[i] for i in part], [labels[i] for i in part]) for part in rows
    )
    (model,) = fit_baselines(train, train_labels, tuned, tuned_labels, names=[baseline])
    return model

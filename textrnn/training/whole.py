"""Train a whole classifier, the network and the n-gram model beside it, in the time there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from textrnn.model import TextModel
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.fit import TokenisedTexts, make_run
from textrnn.training.loop import TrainingState
from textrnn.training.ngrams_beside import Chosen, choose_ngrams, finish
from textrnn.training.settings import Settings

SAVING_SHARE = 0.02
"""Of the time allowed that is kept for writing the model."""
REFITTING = 1.2
"""Time to fit the n-gram model to all texts, over that of choosing it: one fit, not several,
but of more texts."""
TRIED_TEXTS = 2_000
"""Texts whose n-grams are timed, where there are several times as many."""
NGRAM_FITS = 4
"""Time to choose an n-gram model of words and to fit it again, over that of one fit."""
NGRAM_SHARE = 0.5
"""Of the time left that n-grams may take before texts are left out."""


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        model: the classifier.
        state: of the network's run.
        accuracy: of the whole classifier on the held-out texts; None without any, or if it
            was interrupted.
        n_texts: training texts that there was time for.
    """

    model: TextModel
    state: TrainingState
    accuracy: float | None
    n_texts: int


def train_whole(
    model: TextModel,
    settings: Settings,
    train: TokenisedTexts,
    *,
    validation: TokenisedTexts | None,
    rng: np.random.Generator,
    started: float,
    callbacks: Sequence[Callback] = (),
    choose: Callable[..., Chosen] = choose_ngrams,
    on_ngrams: Callable[[Chosen], None] | None = None,
    refit: bool = True,
) -> Trained:
    """Train the network of ``model`` in place, and what stands beside it.

    Args:
        model: a new one, or one to go on with.
        settings: how; of them ``max_seconds`` counts from ``started``.
        train: texts to learn from.
        validation: held-out texts.
        rng: the source of chance.
        started: when the work began, by ``time.perf_counter``.
        callbacks: called during the network's run.
        choose: finds the n-gram model, as `choose_ngrams`.
        on_ngrams: told of the n-gram model before the network's run.
        refit: fit the n-gram model to all texts in the end, if there is time.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    deadline = None
    if settings.max_seconds is not None:
        deadline = Deadline(started + (1.0 - SAVING_SHARE) * settings.max_seconds)
    chosen, refitting = None, 0.0
    if settings.ngrams != "none":
        if deadline is not None:
            train = texts_that_fit(settings, train, len(model.classes), deadline)
        begun = time.perf_counter()
        chosen = choose(settings, train, validation, len(model.classes), deadline)
        refitting = REFITTING * (time.perf_counter() - begun)
        if on_ngrams is not None:
            on_ngrams(chosen)
    run = make_run(
        model,
        settings,
        train,
        validation=validation,
        rng=rng,
        callbacks=callbacks,
        deadline=deadline and deadline.sooner(refitting),
    )
    state = run.run()
    if state.interrupted:
        return Trained(model, state, None, len(train))
    refit = refit and (deadline is None or deadline.left() > 0.0)
    finished = finish(model, settings, chosen, train, validation, refit=refit)
    return Trained(finished.model, state, finished.accuracy, len(train))


def texts_that_fit(
    settings: Settings, train: TokenisedTexts, n_classes: int, deadline: Deadline
) -> TokenisedTexts:
    """As many of the training texts, drawn at random, as there is time to count n-grams of.

    At least those on which that is tried.
    """
    if len(train) < 2 * NGRAM_FITS * TRIED_TEXTS:
        return train  # which takes little longer than to try
    order = np.random.default_rng(0).permutation(len(train))
    some = train.take(np.sort(order[:TRIED_TEXTS]))
    begun = deadline.clock()
    choose_ngrams(replace(settings, ngrams="words"), some, None, n_classes)
    all_texts = NGRAM_FITS * (deadline.clock() - begun) * len(train) / len(some)
    share = NGRAM_SHARE * max(deadline.left(), 0.0) / max(all_texts, 1e-9)
    if share >= 1.0:
        return train
    return train.take(np.sort(order[: max(int(share * len(train)), TRIED_TEXTS)]))

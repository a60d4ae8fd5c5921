"""Train a whole classifier, the network and the n-gram model beside it, in the time there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from textrnn.model import TextModel
from textrnn.text.tokenised import NumberedTexts
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.fit import TokenisedTexts, make_run
from textrnn.training.loop import TrainingState
from textrnn.training.ngrams_beside import Chosen, choose_ngrams, finish, refitted
from textrnn.training.self_training import answers, lesson, pupil, steps_of
from textrnn.training.settings import Settings

SAVING_SHARE = 0.02
"""Of the time allowed that is kept for writing the model."""
REFITTING = 1.2
"""Time to fit the n-gram model to all texts, over that of choosing it: one fit, not several,
but of more texts."""
TRIED_TEXTS = 2_000
"""Texts whose n-grams are timed, where there are several times as many."""
WORTH_REFITTING = 0.5
"""Of the time that choosing the n-gram model took, what must be left to fit it to all texts."""
NGRAM_FITS = 4
"""Time to choose an n-gram model of words and to fit it again, over that of one fit."""
NGRAM_SHARE = 0.5
"""Of the time left that n-grams may take before texts are left out."""
TEACHER_SHARE = 0.35
"""Of the time for networks, the part of the one that teaches another on unlabelled texts."""


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        model: the classifier.
        state: of the network's run.
        accuracy: of the whole classifier on the held-out texts; None without any, or if it
            was interrupted in the first epoch.
        n_texts: training texts that there was time for.
        teacher_accuracy: of the classifier that taught this one, on the held-out texts.
    """

    model: TextModel
    state: TrainingState
    accuracy: float | None
    n_texts: int
    teacher_accuracy: float | None = None


def train_whole(
    model: TextModel,
    settings: Settings,
    train: TokenisedTexts,
    *,
    validation: TokenisedTexts | None,
    rng: np.random.Generator,
    started: float,
    unlabelled: NumberedTexts | None = None,
    callbacks: Sequence[Callback] = (),
    choose: Callable[..., Chosen] = choose_ngrams,
    on_ngrams: Callable[[Chosen], None] | None = None,
    refit: bool = True,
    n_texts: int | None = None,
) -> Trained:
    """Train the network of ``model`` in place, and what stands beside it.

    With unlabelled texts the classifier then teaches another on them, whose network begins where
    the first one began. It takes its teacher's place, unless it does clearly worse on the held-out
    texts.

    After Ctrl-C the n-gram model is the one fitted to the training texts; in the first epoch
    there is nothing to keep.

    Args:
        model: a new one, or one to go on with.
        settings: how; of them ``max_seconds`` counts from ``started``.
        train: texts to learn from.
        validation: held-out texts.
        rng: the source of chance.
        started: when the work began, by ``time.perf_counter``.
        unlabelled: texts to learn from that have no labels.
        callbacks: called during the network's run.
        choose: finds the n-gram model, as `choose_ngrams`.
        on_ngrams: told of the n-gram model before the network's run.
        refit: fit the n-gram model to all texts in the end, if there is time.
        n_texts: training texts that a run had time for which is now resumed; None finds out.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    deadline = None
    if settings.max_seconds is not None:
        deadline = Deadline(started + (1.0 - SAVING_SHARE) * settings.max_seconds)
    chosen, choosing = None, 0.0
    if settings.ngrams != "none":
        if deadline is not None:
            if n_texts is None:
                n_texts = texts_that_fit(settings, train, len(model.classes), deadline)
            train = drawn(train, n_texts)
        begun = time.perf_counter()
        chosen = choose(settings, train, validation, len(model.classes), deadline)
        choosing = time.perf_counter() - begun
        if on_ngrams is not None:
            on_ngrams(chosen)
    if unlabelled is not None:
        choosing *= (len(train) + len(unlabelled)) / len(train)
    before_refit = deadline and deadline.sooner(REFITTING * choosing)

    def train_network(
        model: TextModel, texts: TokenisedTexts, deadline: Deadline | None, **changes: int
    ) -> TrainingState:
        run = make_run(
            model,
            settings,
            texts,
            validation=validation,
            rng=rng,
            callbacks=callbacks,
            deadline=deadline,
            **changes,
        )
        return run.run()

    n_labelled = len(train)
    first_weights = {name: value.copy() for name, value in model.network.params.items()}
    soon = before_refit
    if soon is not None and unlabelled is not None:
        soon = soon.sooner((1.0 - TEACHER_SHARE) * soon.left())
    state = train_network(model, train, soon)
    if state.interrupted and state.epoch == 0:
        return Trained(model, state, None, len(train))
    teacher_accuracy = None
    if unlabelled is not None and not state.interrupted:
        teacher = finish(model, settings, chosen, train, validation, refit=False)
        teacher_accuracy = teacher.accuracy
        try:
            for callback in callbacks:
                callback.on_taught(len(unlabelled))
            taught = replace(model, network=pupil(model, first_weights))
            texts = lesson(teacher.model, train, unlabelled, n_jobs=settings.processes())
            of_taught = train_network(taught, texts, before_refit, **steps_of(settings, texts))
            state.interrupted = of_taught.interrupted
            told, learned = train, chosen
            if chosen is not None and not of_taught.interrupted:
                # With the new network beside them the n-grams are the better teacher of themselves.
                better = finish(taught, settings, chosen, train, validation, refit=False)
                texts = lesson(better.model, train, unlabelled, n_jobs=settings.processes())
                told = answers(texts, multilabel=model.multilabel)
                learned = refitted(chosen, told, settings.max_length)
            done = finish(taught, settings, learned, told, validation, refit=False)
            if of_taught.epoch > 0 and not is_worse(done.accuracy, teacher.accuracy, validation):
                of_taught.interrupted = state.interrupted
                model, state, chosen, train = taught, of_taught, learned, told
        except KeyboardInterrupt:
            state.interrupted = True  # there is the teacher
    refit = refit and not state.interrupted and is_time_to_refit(deadline, choosing)
    finished = finish(model, settings, chosen, train, validation, refit=refit)
    state.interrupted = state.interrupted or finished.interrupted
    return Trained(finished.model, state, finished.accuracy, n_labelled, teacher_accuracy)


def is_worse(pupil: float | None, teacher: float | None, validation: TokenisedTexts | None) -> bool:
    """Whether a pupil's accuracy on held-out texts is below its teacher's by more than chance.

    That is, by more than a standard error. A little less is no reason to keep the teacher: held-out
    texts that resemble the training texts, as reviews of the same films, flatter the one who knows
    only those.
    """
    if pupil is None or teacher is None or validation is None:
        return False
    return pupil < teacher - math.sqrt(teacher * (1.0 - teacher) / len(validation))


def is_time_to_refit(deadline: Deadline | None, choosing: float) -> bool:
    """Whether enough time is left to fit the n-gram model again; it took ``choosing`` seconds."""
    return deadline is None or deadline.left() > WORTH_REFITTING * choosing


def drawn(train: TokenisedTexts, n: int) -> TokenisedTexts:
    """So many of the texts, drawn at random; the same each time."""
    if n >= len(train):
        return train
    order = np.random.default_rng(0).permutation(len(train))
    return train.take(np.sort(order[:n]))


def texts_that_fit(
    settings: Settings, train: TokenisedTexts, n_classes: int, deadline: Deadline
) -> int:
    """Number of the training texts of which there is time to count n-grams.

    At least those on which that is tried.
    """
    if len(train) < 2 * NGRAM_FITS * TRIED_TEXTS:
        return len(train)  # which takes little longer than to try
    some = drawn(train, TRIED_TEXTS)
    begun = deadline.clock()
    choose_ngrams(replace(settings, ngrams="words"), some, None, n_classes)
    all_texts = NGRAM_FITS * (deadline.clock() - begun) * len(train) / len(some)
    share = NGRAM_SHARE * max(deadline.left(), 0.0) / max(all_texts, 1e-9)
    return min(max(int(share * len(train)), TRIED_TEXTS), len(train))

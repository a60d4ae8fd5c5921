"""Train a whole classifier, the network and the n-gram model beside it, in the time there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np

from textrnn.corpora.sampling import drawn_rows
from textrnn.errors import ModelError, TrainingError
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.nn.losses import mean_one
from textrnn.system.processes import process_count
from textrnn.system.telling import warn
from textrnn.text.encoded import EncodedTexts
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.distillation import Taught, teach, without
from textrnn.training.ensemble import (
    Chosen,
    Judge,
    Weighed,
    choose_ngrams,
    finish,
    judge_of,
    weigh,
)
from textrnn.training.examples import Examples, concatenated
from textrnn.training.fit import make_run
from textrnn.training.settings import Settings
from textrnn.training.state import TrainingState
from textrnn.typing import Floats, Params
from textrnn.wording.messages import Message, Parameter

Texts = TypeVar("Texts", Examples, EncodedTexts)

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
LESSON_SHARE = 0.4
"""Of the time left after that, what a teacher's labels and the n-grams that learn them may take."""
FEWEST_TAUGHT = 500
"""Unlabelled texts below which there is no time for a lesson, if there are more."""


class Teaching(NamedTuple):
    """How a classifier taught another on unlabelled texts.

    Attributes:
        n_texts: those that there was time for.
        accuracy: of the teacher, on the held-out texts.
        state: of the teacher's run.
        kept: whether the one that was taught took its teacher's place.
    """

    n_texts: int
    accuracy: float | None
    state: TrainingState
    kept: bool


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        model: the classifier.
        state: of the network's run.
        accuracy: of the whole classifier on the held-out texts, see ``Weighed``; None without
            any, or if it was interrupted in the first epoch.
        n_texts: training texts that there was time for.
        teaching: if there were unlabelled texts, and time for them.
    """

    model: TextModel
    state: TrainingState
    accuracy: float | None
    n_texts: int
    teaching: Teaching | None = None


def train_whole(
    model: TextModel,
    settings: Settings,
    train: Examples,
    *,
    validation: Examples | None,
    rng: np.random.Generator,
    started: float,
    unlabelled: EncodedTexts | None = None,
    callbacks: Sequence[Callback] = (),
    choose: Callable[..., Chosen] = choose_ngrams,
    on_ngrams: Callable[[Chosen], None] | None = None,
    refit: bool = True,
    n_texts: int | None = None,
    n_taught: int | None = None,
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
        train: texts to learn from, as all here are read: cut to their ``max_length``.
        validation: held-out texts.
        rng: the source of chance.
        started: when the work began, by ``time.perf_counter``.
        unlabelled: texts to learn from that have no labels.
        callbacks: called during the network's run.
        choose: finds the n-gram model, as `choose_ngrams`.
        on_ngrams: told of the n-gram model before the network's run.
        refit: fit the n-gram model to all texts in the end, if there is time.
        n_texts: training texts that a run had time for which is now resumed; None finds out.
        n_taught: the same of all texts of the network that was taught.

    Raises:
        TrainingError: the loss became infinite or not a number.
        ModelError: ``n_taught`` is not of this run.
    """
    deadline = None
    if settings.max_seconds is not None:
        deadline = Deadline(started + (1.0 - SAVING_SHARE) * settings.max_seconds)
    chosen, choosing = None, 0.0
    if settings.ngrams != "none":
        if deadline is not None:
            if n_texts is None:
                n_texts = texts_that_fit(settings, train, deadline)
            train = drawn(train, n_texts)
        begun = time.perf_counter()
        chosen = choose(settings, train, validation, deadline)
        choosing = time.perf_counter() - begun
        if on_ngrams is not None:
            on_ngrams(chosen)
    n_labelled = len(train)
    before_refit = deadline and deadline.sooner(REFITTING * choosing)
    judge = None
    if validation is not None:
        judge = judge_of(model, settings, chosen, train, validation)
    training = Training(settings, train, validation, rng, callbacks, judge)
    if unlabelled is not None and validation is not None:
        unlabelled = without(unlabelled, validation.texts)
    soon, first_weights = before_refit, dict[str, Floats]()
    if unlabelled:
        first_weights = {name: value.copy() for name, value in model.network.params.items()}
        soon = soon and soon.sooner((1.0 - TEACHER_SHARE) * max(soon.left(), 0.0))
    state = training.run(model, train, deadline=soon)
    if state.interrupted and state.epoch == 0:
        return Trained(model, state, None, n_labelled)
    best = weigh(model, settings, chosen, train, validation, judge=judge)
    interrupted, characters, teaching = state.interrupted, True, None
    if unlabelled and not interrupted and not (state.stopped and not state.out_of_time):
        reserve = REFITTING * choosing
        if deadline is not None:
            n, seconds = texts_to_teach(best, unlabelled, deadline, reserve / n_labelled, training)
            if n_taught is not None:
                n = taught_before(n_taught, n_labelled, len(unlabelled))
            unlabelled = drawn(unlabelled, n)
            reserve += seconds
        if unlabelled:
            until = deadline and deadline.sooner(reserve)
            taught, interrupted = training.teach(best, first_weights, unlabelled, until)
            kept = taught is not None and is_kept(taught, best)
            teaching = Teaching(len(unlabelled), best.accuracy, state, kept)
            if taught is not None and kept:
                best, state, train = taught.weighed, taught.state, taught.texts
                characters = taught.characters
                choosing *= len(train) / n_labelled
    refit = refit and not interrupted and is_time_to_refit(deadline, choosing)
    texts = concatenated([train, validation]) if refit and validation is not None else None
    finished = finish(best, texts, characters=characters)
    state.interrupted = interrupted or finished.interrupted
    return Trained(finished.model, state, finished.accuracy, n_labelled, teaching)


@dataclass(frozen=True)
class Training:
    """What the runs of a training share; see ``train_whole``."""

    settings: Settings
    train: Examples
    validation: Examples | None
    rng: np.random.Generator
    callbacks: Sequence[Callback]
    judge: Judge | None = None

    @property
    def n_jobs(self) -> int:
        """Processes that predict."""
        return process_count(self.settings.n_jobs)

    def run(
        self, model: TextModel, texts: Examples, deadline: Deadline | None, **changes: Any
    ) -> TrainingState:
        """Train a model's network in place."""
        run = make_run(
            model,
            self.settings,
            texts,
            validation=self.validation,
            rng=self.rng,
            callbacks=self.callbacks,
            deadline=deadline,
            scorer=None if self.judge is None else self.judge.accuracy,
            **changes,
        )
        return run.run()

    def teach(
        self,
        teacher: Weighed,
        first_weights: Params,
        unlabelled: EncodedTexts,
        deadline: Deadline | None,
    ) -> tuple[Taught | None, bool]:
        """Let a classifier teach another; what is left of it, and whether Ctrl-C came."""
        try:
            for callback in self.callbacks:
                callback.on_taught(len(unlabelled))
            taught = teach(
                teacher,
                first_weights,
                self.settings,
                self.train,
                self.validation,
                unlabelled,
                partial(self.run, deadline=deadline),
                n_jobs=self.n_jobs,
            )
        except KeyboardInterrupt:
            return None, True
        except TrainingError as error:
            told = Message("on unlabelled texts ", error.message, " What taught them stays.")
            warn(told)
            return None, False
        return taught, taught is None or taught.state.interrupted


def is_kept(taught: Taught, teacher: Weighed) -> bool:
    """Whether what was taught takes its teacher's place.

    It does unless it is worse on the held-out texts by more than chance, two standard errors of
    the difference. A little less is no reason to keep the teacher: held-out texts that resemble the
    training texts, as reviews of the same films, flatter the one who knows only those. One that
    did not come to its end must do as well; without such texts it is not kept.
    """
    if taught.weighed.right is None or teacher.right is None:
        return taught.state.finished and not taught.state.is_cut_short
    losses, weights = teacher.right - taught.weighed.right, mean_one(teacher.weights)
    loss = float(np.average(losses, weights=weights))
    if taught.state.is_cut_short:  # half taught
        return loss <= 0.0
    spread = math.sqrt(float(np.average((losses - loss) ** 2, weights=weights)))
    return loss <= 2.0 * spread / math.sqrt(len(losses))


def texts_to_teach(
    teacher: Weighed, texts: EncodedTexts, deadline: Deadline, refit: float, training: Training
) -> tuple[int, float]:
    """Number of unlabelled texts that there is time for, and the seconds beside their network.

    Each is read twice by the teacher, and twice its n-grams are fitted, in ``refit`` seconds. Of
    too few nothing is learned: then it is 0.
    """
    classifier, some = teacher.classifier(), drawn(texts, TRIED_TEXTS // 4)
    begun = deadline.clock()
    predict_many(classifier, some, training.n_jobs)
    a_text = 2 * ((deadline.clock() - begun) / len(some) + refit)
    n = min(int(LESSON_SHARE * max(deadline.left(), 0.0) / max(a_text, 1e-9)), len(texts))
    return (n, n * a_text) if n >= min(FEWEST_TAUGHT, len(texts)) else (0, 0.0)


def taught_before(n_taught: int, n_labelled: int, n_unlabelled: int) -> int:
    """Number of unlabelled texts among all texts of the network that was taught.

    Raises:
        ModelError: there cannot have been so many, or none.
    """
    if not n_labelled < n_taught <= n_labelled + n_unlabelled:
        raise ModelError(
            f"the checkpoint of what was taught is of {n_taught:,} texts, which this run has not; "
            "train without ",
            Parameter("resume"),
            ".",
        )
    return n_taught - n_labelled


def is_time_to_refit(deadline: Deadline | None, choosing: float) -> bool:
    """Whether enough time is left to fit the n-gram model again; it took ``choosing`` seconds."""
    return deadline is None or deadline.left() > WORTH_REFITTING * choosing


def drawn(texts: Texts, n: int) -> Texts:
    """So many of the texts, drawn at random; the same each time.

    Of texts with labels each class in proportion, and at least one of each label.
    """
    if n >= len(texts):
        return texts
    rng = np.random.default_rng(0)
    if not isinstance(texts, Examples):
        return texts.take(np.sort(rng.permutation(len(texts))[:n]))
    return texts.take(drawn_rows(texts.targets.label_sets(), n, rng))


def texts_that_fit(settings: Settings, train: Examples, deadline: Deadline) -> int:
    """Number of the training texts of which there is time to count n-grams.

    At least those on which that is tried.
    """
    if len(train) < 2 * NGRAM_FITS * TRIED_TEXTS:
        return len(train)  # which takes little longer than to try
    some = drawn(train, TRIED_TEXTS)
    begun = deadline.clock()
    choose_ngrams(replace(settings, ngrams="words"), some, None)
    all_texts = NGRAM_FITS * (deadline.clock() - begun) * len(train) / len(some)
    share = NGRAM_SHARE * max(deadline.left(), 0.0) / max(all_texts, 1e-9)
    return min(max(int(share * len(train)), TRIED_TEXTS), len(train))

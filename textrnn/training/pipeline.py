"""One fit as a list of stages over one context: what an estimator and an experiment both run.

A stage reads what those before it found and adds its own. Each is told of when it is done, through
``on_stage``: that is where lines for the user, timings and notes hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from textrnn.errors import TrainingError
from textrnn.inference.classifier import TextModel
from textrnn.storage.report import Distillation
from textrnn.system.processes import process_count
from textrnn.system.telling import warn
from textrnn.text.encoded import EncodedTexts
from textrnn.text.spelling import EDIT
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.distillation import Student, distil, is_kept, without
from textrnn.training.ensemble import Ensemble, HeldOutScorer, fit_ensemble, make_scorer
from textrnn.training.examples import Examples, concatenated
from textrnn.training.fit import build_model, make_run
from textrnn.training.in_time import (
    drawn,
    is_time_to_refit,
    texts_that_fit,
    unlabelled_before,
    unlabelled_that_fit,
)
from textrnn.training.ngrams import NGrams, choose_ngrams, refitted
from textrnn.training.settings import Settings
from textrnn.training.state import TrainingState
from textrnn.typing import Params
from textrnn.wording.messages import Message

SAVING_SHARE = 0.02
"""Of the time allowed that is kept for writing the model."""
REFITTING = 1.2
"""Time to fit the n-gram model to all texts, over that of choosing it: one fit, not several,
but of more texts."""
TEACHER_SHARE = 0.35
"""Of the time for networks, the part of the one that teaches a student on unlabelled texts."""

Info = Mapping[str, Any]
"""What a stage tells of itself: its own figures, and the ``seconds`` that it took."""
OnStage = Callable[[str, Info], None]
"""Told the name of each stage that did something, when it is done."""


def ignore(name: str, info: Info) -> None:
    """The quiet default."""
    del name, info


@dataclass
class Fit:
    """The context of one fit: what it is given, and what its stages find.

    Attributes:
        settings: how; of them ``max_seconds`` counts from ``started``.
        classes: the label of each class.
        train: texts to learn from, as all here are read: cut to their ``max_length``. Later those
            of them that there was time for.
        validation: held-out texts.
        rng: the source of randomness.
        unlabelled: texts to learn from that have no labels.
        go_on_from: a model whose training goes on; None makes one.
        spelling_rule: of a model that is made, see ``TextModel``.
        started: when the work began, by ``time.perf_counter``.
        callbacks: called during the network's runs.
        on_stage: told of each stage.
        choose: finds the n-gram models, as `choose_ngrams`.
        n_texts: training texts that a run had time for which is now resumed; None finds out.
        n_student: the same of all texts of the student's run.
        deadline: when all must be over.
        model: the network's; in the end the classifier.
        ngrams: the n-gram models.
        seconds_of_ngrams: that it took to choose them.
        scorer: what scores the network beside them after each epoch.
        first_weights: those that the network began with, where a student will begin there.
        state: of the run of the network that is kept.
        ensemble: network and n-gram models together.
        accuracy: what is right on the held-out texts, see ``Ensemble``; None without any.
        distillation: if there were unlabelled texts, and time for them.
        student: if it took its teacher's place.
    """

    settings: Settings
    classes: Sequence[Any]
    train: Examples
    validation: Examples | None
    rng: np.random.Generator
    unlabelled: EncodedTexts | None = None
    go_on_from: TextModel | None = None
    spelling_rule: str = EDIT
    started: float = field(default_factory=time.perf_counter)
    callbacks: Sequence[Callback] = ()
    on_stage: OnStage = ignore
    choose: Callable[..., NGrams] = choose_ngrams
    n_texts: int | None = None
    n_student: int | None = None
    deadline: Deadline | None = field(default=None, init=False)
    model: TextModel = field(init=False)
    ngrams: NGrams | None = field(default=None, init=False)
    seconds_of_ngrams: float = field(default=0.0, init=False)
    scorer: HeldOutScorer | None = field(default=None, init=False)
    first_weights: Params = field(default_factory=dict, init=False)
    state: TrainingState = field(default_factory=TrainingState, init=False)
    ensemble: Ensemble | None = field(default=None, init=False)
    accuracy: float | None = field(default=None, init=False)
    distillation: Distillation | None = field(default=None, init=False)
    student: Student | None = field(default=None, init=False)

    @property
    def is_lost(self) -> bool:
        """Whether Ctrl-C came in the first epoch, so that there is nothing to keep."""
        return self.state.interrupted and self.state.epoch == 0

    @property
    def n_jobs(self) -> int:
        """Processes that predict."""
        return process_count(self.settings.n_jobs)

    @property
    def seconds_to_refit(self) -> float:
        """What choosing n-gram models would take for the texts that the last ones learned from."""
        if self.student is None:
            return self.seconds_of_ngrams
        return self.seconds_of_ngrams * len(self.student.examples) / len(self.train)

    def run_network(
        self, model: TextModel, examples: Examples, deadline: Deadline | None, **changes: Any
    ) -> TrainingState:
        """Train a model's network in place, with changes of the training that is set."""
        validation = self.validation
        if validation is not None and self.scorer is not None:
            validation = replace(validation, texts=self.scorer.encoded)
        run = make_run(
            model,
            self.settings,
            examples,
            validation=validation,
            rng=self.rng,
            callbacks=self.callbacks,
            deadline=deadline,
            scorer=None if self.scorer is None else self.scorer.accuracy,
            **changes,
        )
        return run.run()


@dataclass(frozen=True)
class Stage:
    """A step of a fit: its name, and what it does; that tells None if there was nothing to do."""

    name: str
    run: Callable[[Fit], Info | None]


def run_stages(fit: Fit, stages: Sequence[Stage] | None = None) -> Fit:
    """Run stages, all if None, one after the other; the model is then the classifier.

    After Ctrl-C the n-gram model is the one fitted to the training texts; in the first epoch
    there is nothing to keep, and no stage follows.

    Raises:
        UsageError: a setting does not fit the texts.
        TrainingError: the loss became infinite or not a number.
        ModelError: the student that is resumed is not of this run.
    """
    if fit.settings.max_seconds is not None:
        fit.deadline = Deadline(fit.started + (1.0 - SAVING_SHARE) * fit.settings.max_seconds)
    for stage in STAGES if stages is None else stages:
        begun = time.perf_counter()
        info = stage.run(fit)
        if info is not None:
            fit.on_stage(stage.name, {**info, "seconds": time.perf_counter() - begun})
        if fit.is_lost:
            return fit
    if fit.ensemble is not None:
        fit.model = fit.ensemble.classifier()
    return fit


def make_network(fit: Fit) -> Info:
    """A vocabulary of the texts and a network with its first weights, or those to go on from."""
    told: list[str] = []
    if fit.go_on_from is not None:
        fit.model = fit.go_on_from
    else:
        model = build_model(
            fit.settings,
            fit.train.texts,
            fit.classes,
            rng=fit.rng,
            unlabelled=fit.unlabelled,
            multilabel=fit.train.targets.is_multilabel,
            tell=told.append,
        )
        fit.model = replace(model, spelling_rule=fit.spelling_rule)
    network = fit.model.network
    return {
        "n_parameters": network.n_parameters,
        "vocabulary_size": len(fit.model.vocabulary),
        "notes": told,
    }


def fit_ngrams(fit: Fit) -> Info | None:
    """The n-gram models, fitted to as many texts as there is time for."""
    if fit.settings.ngrams == "none":
        return None
    if fit.deadline is not None:
        if fit.n_texts is None:
            fit.n_texts = texts_that_fit(fit.settings, fit.train, fit.deadline)
        fit.train = drawn(fit.train, fit.n_texts)
    begun = time.perf_counter()
    fit.ngrams = fit.choose(fit.settings, fit.train, fit.validation, fit.deadline)
    fit.seconds_of_ngrams = time.perf_counter() - begun
    return {"accuracy": fit.ngrams.accuracy, "n_texts": len(fit.train)}


def train_network(fit: Fit) -> Info:
    """The network's run; with unlabelled texts there is a student to follow in the same time."""
    deadline = fit.deadline and fit.deadline.sooner(REFITTING * fit.seconds_of_ngrams)
    if fit.validation is not None:
        fit.scorer = make_scorer(fit.model, fit.settings, fit.ngrams, fit.train, fit.validation)
        if fit.unlabelled is not None:
            fit.unlabelled = without(fit.unlabelled, fit.validation.texts)
    if fit.unlabelled:
        params = fit.model.network.params
        fit.first_weights = {name: value.copy() for name, value in params.items()}
        if deadline is not None:
            deadline = deadline.sooner((1.0 - TEACHER_SHARE) * max(deadline.left(), 0.0))
    fit.state = fit.run_network(fit.model, fit.train, deadline)
    return {"epochs": fit.state.epoch, "steps": fit.state.steps, "stopped": fit.state.stopped}


def weight_parts(fit: Fit) -> Info:
    """The ensemble weights of network and n-gram models."""
    fit.ensemble = fit_ensemble(
        fit.model, fit.settings, fit.ngrams, fit.train, fit.validation, scorer=fit.scorer
    )
    fit.accuracy = fit.ensemble.accuracy
    return {"accuracy": fit.accuracy}


def distil_student(fit: Fit) -> Info | None:
    """A student of the classifier, on unlabelled texts; it takes its place unless it is worse."""
    teacher, state = fit.ensemble, fit.state
    stopped = state.stopped and not state.out_of_time
    if not fit.unlabelled or teacher is None or state.interrupted or stopped:
        return None
    reserve = REFITTING * fit.seconds_of_ngrams
    texts = fit.unlabelled
    if fit.deadline is not None:
        a_text = reserve / len(fit.train)
        n, seconds = unlabelled_that_fit(teacher, texts, fit.deadline, a_text, fit.n_jobs)
        if fit.n_student is not None:
            n = unlabelled_before(fit.n_student, len(fit.train), len(texts))
        texts, reserve = drawn(texts, n), reserve + seconds
    if not texts:
        return None
    student = _student(fit, teacher, texts, fit.deadline and fit.deadline.sooner(reserve))
    kept = student is not None and is_kept(student, teacher)
    fit.distillation = Distillation(len(texts), kept, teacher.accuracy, state.steps, state.history)
    if student is not None and kept:
        fit.student, fit.ensemble = student, student.ensemble
        fit.accuracy = student.ensemble.accuracy
        student.state.interrupted |= fit.state.interrupted
        fit.state = student.state
    return {
        "n_texts": len(texts),
        "kept": kept,
        "accuracy": fit.accuracy,
        "teacher_accuracy": teacher.accuracy,
        "interrupted": fit.state.interrupted,
    }


def _student(
    fit: Fit, teacher: Ensemble, texts: EncodedTexts, deadline: Deadline | None
) -> Student | None:
    """What a teacher leaves, None if that is nothing; Ctrl-C is then noted in the teacher's run."""
    try:
        for callback in fit.callbacks:
            callback.on_student(len(texts))
        student = distil(
            teacher,
            fit.first_weights,
            fit.settings,
            fit.train,
            fit.validation,
            texts,
            partial(fit.run_network, deadline=deadline),
            n_jobs=fit.n_jobs,
        )
    except KeyboardInterrupt:
        student = None
    except TrainingError as error:
        warn(Message("on unlabelled texts ", error.message, " Their teacher stays."))
        return None
    fit.state.interrupted = student is None or student.state.interrupted
    return student


def refit_ngrams(fit: Fit) -> Info | None:
    """The n-gram models once more, fitted to training and held-out texts, if there is time."""
    ensemble, student = fit.ensemble, fit.student
    if ensemble is None or ensemble.ngrams is None or fit.validation is None:
        return None
    if fit.state.interrupted or not is_time_to_refit(fit.deadline, fit.seconds_to_refit):
        return None
    learned_from = fit.train if student is None else student.examples
    examples = concatenated([learned_from, fit.validation])
    characters = student is None or student.characters
    try:
        ngrams = refitted(ensemble.ngrams, examples, characters=characters)
    except KeyboardInterrupt:  # those fitted to the training texts are good, too
        fit.state.interrupted = True
        return None
    fit.ensemble = replace(ensemble, ngrams=ngrams)
    return {"n_texts": len(examples)}


REFIT = Stage("refit", refit_ngrams)
STAGES = (
    Stage("network", make_network),
    Stage("n-grams", fit_ngrams),
    Stage("training", train_network),
    Stage("ensemble", weight_parts),
    Stage("distillation", distil_student),
    REFIT,
)
"""Of a classifier, in their order."""

"""Distillation: a finished classifier labels texts that have none, and a student learns from them.

The student's network learns the teacher's probabilities there (Hinton et al. 2015), then the
n-grams the pseudo-labels of both, each weighted by its margin: where the teacher is in doubt,
little is pressed on the student. The network has seen an order of words, the n-grams many words:
each learns what the other knows. On IMDB's reviews, whole films held out, the n-grams alone gain
more than a point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.nn.losses import mean_one
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text import encoded
from textrnn.text.encoded import EncodedTexts
from textrnn.training.batching import batch_count
from textrnn.training.ensemble import Ensemble, fit_ensemble
from textrnn.training.examples import Examples, concatenated
from textrnn.training.ngrams import MUCH_TEXT, refitted
from textrnn.training.settings import Settings, usual_epochs
from textrnn.training.state import TrainingState
from textrnn.typing import Params

EPOCHS = 2
"""A third over IMDB's 75,000 reviews brought nothing."""


@dataclass(frozen=True)
class Student:
    """What a teacher leaves.

    Attributes:
        ensemble: the new network, and n-gram models that learned from pseudo-labels, too.
        state: of the network's run.
        examples: what the n-gram models learned from, with labels.
        characters: whether those of characters did, too.
    """

    ensemble: Ensemble
    state: TrainingState
    examples: Examples
    characters: bool


def distil(
    teacher: Ensemble,
    first_weights: Params,
    settings: Settings,
    train: Examples,
    validation: Examples | None,
    unlabelled: EncodedTexts,
    train_network: Callable[..., TrainingState],
    *,
    n_jobs: int = 1,
) -> Student | None:
    """Let a new network, and then the n-gram models, learn from a classifier.

    Args:
        teacher: the classifier's parts.
        first_weights: those that the student's network begins with.
        settings: how the teacher was trained.
        train: labelled texts.
        validation: held-out texts.
        unlabelled: texts that the teacher labels.
        train_network: trains a model's network in place on examples, with changes of the settings.
        n_jobs: processes that predict.

    Returns:
        None if it was interrupted in the first epoch.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    model = replace(teacher.model, network=_network_like(teacher.model, first_weights))
    examples = pseudo_labelled(teacher.classifier(), train, unlabelled, n_jobs=n_jobs)
    # The teacher's probabilities are as smooth as it is in doubt.
    state = train_network(model, examples, label_smoothing=0.0, **steps_of(settings, examples))
    if state.epoch == 0:
        return None
    ngrams = teacher.ngrams
    ensemble = fit_ensemble(model, settings, ngrams, train, validation)
    if ngrams is None or state.interrupted:
        return Student(ensemble, state, train, characters=True)
    # With the new network beside them the n-grams are the better teacher of themselves.
    examples = pseudo_labelled(ensemble.classifier(), train, unlabelled, n_jobs=n_jobs)
    labelled = most_probable(examples)
    characters = labelled.texts.n_tokens <= MUCH_TEXT
    ngrams = refitted(ngrams, labelled, characters=characters)
    ensemble = fit_ensemble(model, settings, ngrams, train, validation)
    return Student(ensemble, state, labelled, characters)


def is_kept(student: Student, teacher: Ensemble) -> bool:
    """Whether a student takes its teacher's place.

    It does unless it is worse on the held-out texts by more than luck, two standard errors of
    the difference. A little less is no reason to keep the teacher: held-out texts that resemble the
    training texts, as reviews of the same films, flatter the one who knows only those. A student
    that did not come to its end must do as well; without such texts it is not kept.
    """
    if student.ensemble.right is None or teacher.right is None:
        return student.state.finished and not student.state.is_cut_short
    losses, weights = teacher.right - student.ensemble.right, mean_one(teacher.text_weights)
    loss = float(np.average(losses, weights=weights))
    if student.state.is_cut_short:  # half trained
        return loss <= 0.0
    spread = math.sqrt(float(np.average((losses - loss) ** 2, weights=weights)))
    return loss <= 2.0 * spread / math.sqrt(len(losses))


def without(texts: EncodedTexts, held_out: EncodedTexts) -> EncodedTexts:
    """The texts that are not, word for word, among some that nobody may learn from."""
    keys = encoded.concatenated([texts, held_out]).contents()
    barred = set(keys[len(texts) :])
    return texts.take(np.array([key not in barred for key in keys[: len(texts)]], dtype=bool))


def pseudo_labelled(
    teacher: TextModel, labelled: Examples, unlabelled: EncodedTexts, *, n_jobs: int = 1
) -> Examples:
    """Labelled texts with their labels and, behind them, others with a teacher's probabilities.

    Args:
        teacher: predicts the labels that are not there.
        labelled: texts of the teacher's classes.
        unlabelled: the others.
        n_jobs: processes that predict.

    Returns:
        Texts with the probability of each class as targets, (n, C).
    """
    told = predict_many(teacher, unlabelled, n_jobs).astype(teacher.dtype)
    soft = Targets.multilabel if labelled.targets.is_multilabel else Targets.soft
    known = soft(labelled.targets.probabilities(teacher.dtype))
    return concatenated([replace(labelled, targets=known), Examples(unlabelled, soft(told))])


def most_probable(examples: Examples) -> Examples:
    """Pseudo-labels for models that need one answer: the most probable, weighted by their margin.

    The weight of a text is the difference between its two most probable classes, or of many labels
    the mean of all, each between yes and no; a label that is known weighs 1.
    """
    probabilities = examples.targets.values
    if examples.targets.is_multilabel:
        targets = Targets.multilabel((probabilities >= 0.5).astype(np.int64))
        sure = np.abs(2.0 * probabilities - 1.0).mean(axis=1)
    else:
        targets = Targets.hard(probabilities.argmax(axis=1), examples.targets.n_classes)
        first_two = np.sort(probabilities, axis=1)[:, -2:]
        sure = first_two[:, 1] - first_two[:, 0]
    weights = sure if examples.weights is None else sure * examples.weights
    return Examples(examples.texts, targets, weights)


def steps_of(settings: Settings, texts: Examples) -> dict[str, int]:
    """How long a student learns from pseudo-labels: what changes in the settings' plan.

    There are many texts, and each tells little: two epochs, or more if that makes few steps.
    """
    steps = batch_count(
        len(texts),
        texts.texts.n_tokens,
        batch_size=settings.batch_size,
        batch_tokens=settings.batch_tokens,
    )
    if settings.max_steps is not None:
        return {"max_steps": max(settings.max_steps, EPOCHS * steps)}
    if settings.max_iter is not None:
        return {}
    return {"max_iter": usual_epochs(steps, fewest=EPOCHS)}


def _network_like(model: TextModel, params: Params) -> Network:
    """A network like a model's with other weights, which are copied."""
    copies = {name: value.copy() for name, value in params.items()}
    return Network(model.network.config, copies)

"""Self-training: a finished classifier teaches another on texts that have no labels.

A new network learns the teacher's probabilities there (Hinton et al. 2015), then the n-grams the
answers of both, each weighted by how sure it is: where the teacher is in doubt, little is pressed
on the pupil. The network has seen an order of words, the n-grams many words: each learns what the
other knows. On IMDB's reviews, whole films held out, the n-grams alone gain more than a point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text import encoded
from textrnn.text.encoded import EncodedTexts
from textrnn.training.batching import batch_count
from textrnn.training.ensemble import MUCH_TEXT, Weighed, refitted, weigh
from textrnn.training.examples import Examples, concatenated
from textrnn.training.settings import Settings, usual_epochs
from textrnn.training.state import TrainingState
from textrnn.typing import Params

EPOCHS = 2
"""A third over IMDB's 75,000 reviews brought nothing."""


@dataclass(frozen=True)
class Taught:
    """What a teacher leaves.

    Attributes:
        weighed: the new network, and n-gram models that were taught, too.
        state: of the network's run.
        texts: what the n-gram models learned from, with labels.
        characters: whether those of characters did, too.
    """

    weighed: Weighed
    state: TrainingState
    texts: Examples
    characters: bool


def teach(
    teacher: Weighed,
    first_weights: Params,
    settings: Settings,
    train: Examples,
    validation: Examples | None,
    unlabelled: EncodedTexts,
    train_network: Callable[..., TrainingState],
    *,
    n_jobs: int = 1,
) -> Taught | None:
    """Let a classifier teach a new network and its own n-gram models.

    Args:
        teacher: the classifier's parts.
        first_weights: those that the new network begins with.
        settings: how the teacher was trained.
        train: labelled texts.
        validation: held-out texts.
        unlabelled: texts that the teacher labels.
        train_network: trains a model's network in place on texts, with changes of the settings.
        n_jobs: processes that predict.

    Returns:
        None if it was interrupted in the first epoch.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    model = replace(teacher.model, network=pupil(teacher.model, first_weights))
    texts = lesson(teacher.classifier(), train, unlabelled, n_jobs=n_jobs)
    # The teacher's probabilities are as smooth as it is in doubt.
    state = train_network(model, texts, label_smoothing=0.0, **steps_of(settings, texts))
    if state.epoch == 0:
        return None
    chosen = teacher.chosen
    weighed = weigh(model, settings, chosen, train, validation)
    if chosen is None or state.interrupted:
        return Taught(weighed, state, train, characters=True)
    # With the new network beside them the n-grams are the better teacher of themselves.
    texts = lesson(weighed.classifier(), train, unlabelled, n_jobs=n_jobs)
    told = answers(texts)
    characters = told.texts.n_tokens <= MUCH_TEXT
    chosen = refitted(chosen, told, characters=characters)
    return Taught(weigh(model, settings, chosen, train, validation), state, told, characters)


def without(texts: EncodedTexts, held_out: EncodedTexts) -> EncodedTexts:
    """The texts that are not, word for word, among some that nobody may learn from."""
    keys = encoded.concatenated([texts, held_out]).contents()
    barred = set(keys[len(texts) :])
    return texts.take(np.array([key not in barred for key in keys[: len(texts)]], dtype=bool))


def lesson(
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


def answers(lesson: Examples) -> Examples:
    """A lesson for models that need labels: the most probable ones, weighted by how sure they are.

    The weight of a text is the difference between its two most probable classes, or of many labels
    the mean of all, each between yes and no; a label that is known weighs 1.
    """
    probabilities = lesson.targets.values
    if lesson.targets.is_multilabel:
        targets = Targets.multilabel((probabilities >= 0.5).astype(np.int64))
        sure = np.abs(2.0 * probabilities - 1.0).mean(axis=1)
    else:
        targets = Targets.hard(probabilities.argmax(axis=1), lesson.targets.n_classes)
        first_two = np.sort(probabilities, axis=1)[:, -2:]
        sure = first_two[:, 1] - first_two[:, 0]
    weights = sure if lesson.weights is None else sure * lesson.weights
    return Examples(lesson.texts, targets, weights)


def steps_of(settings: Settings, texts: Examples) -> dict[str, int]:
    """How long a network learns from a lesson: what changes in the settings' plan.

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


def pupil(model: TextModel, params: Params) -> Network:
    """A network like a model's with other weights, which are copied."""
    copies = {name: value.copy() for name, value in params.items()}
    return Network(model.network.config, copies)

"""Whether a network learned anything: its held-out loss against that of the prior baseline.

N-grams beside a network can carry a classifier whose network has exploded: its accuracy looks
well, and only this tells.
"""

from __future__ import annotations

import math

import numpy as np

from textrnn.nn.losses import NUMBERS, mean_one, output_of
from textrnn.nn.targets import REAL
from textrnn.training.examples import Examples
from textrnn.training.state import TrainingState
from textrnn.typing import Floats
from textrnn.wording.messages import Advice, Message, Parameter

MARGIN = 1.5
"""Times the loss of the prior baseline from which a loss is worse by far: a network that has
learned too little, or was too sure of what it learned, stays below it."""

LEAST = float(np.finfo(np.float64).eps)
"""Frequency that stands for 0, whose logit is infinite."""


def nothing_learned(state: TrainingState, validation: Examples | None, n_classes: int) -> str:
    """What to tell of a network that is worse than the prior baseline; empty of one that is not.

    Before its first step a network gives all classes about the same probability. One that is not
    much worse than that has not come far; one that is has gone astray, as its steps were too large.

    Args:
        state: of the finished run.
        validation: the held-out texts by which its best epoch was chosen. None tells nothing, and
            neither do texts of one class alone, which the prior baseline has all right.
        n_classes: of the training texts, also those of which no text is held out.
    """
    if validation is None or state.best_params is None:
        return ""
    accuracy, loss = state.best_score[0], -state.best_score[1]
    prior_loss, prior_accuracy = prior_baseline(validation)
    if prior_accuracy == 1.0:
        return ""
    # What the prior baseline might have right by luck: two standard errors, at most.
    luck = 1.0 / math.sqrt(len(validation))
    if loss <= MARGIN * prior_loss or accuracy > prior_accuracy + luck:
        return ""
    found = (
        f"the network learned nothing (loss {loss:.3f} on the held-out texts against "
        f"{prior_loss:.3f} of the prior baseline)"
    )
    if loss > MARGIN * untrained(n_classes, multilabel=validation.targets.is_multilabel):
        return Message(found, Advice("; lower ", Parameter("learning_rate_init")))
    steps = "1 step was" if state.steps == 1 else f"{state.steps:,} steps were"
    return Message(found, f": {steps} too few; ", *_more_steps(state))


def _more_steps(state: TrainingState) -> tuple[object, ...]:
    """How a run comes to more steps; more texts always are a way."""
    if state.out_of_time:
        return Advice("raise ", Parameter("max_seconds"), " or "), "bring more texts"
    more = Advice("raise ", Parameter("max_iter"), " (or ", Parameter("max_steps"), ") or ")
    return more, "bring more texts"


def untrained(n_classes: int, *, multilabel: bool) -> float:
    """Loss in nats of giving each class the same probability, or each label that of a coin.

    Of no classes, 0, the squared error of saying nothing, which in standard units is 1.
    """
    if n_classes == 0:
        return 1.0
    return n_classes * math.log(2.0) if multilabel else math.log(n_classes)


def prior_baseline(texts: Examples) -> tuple[float, float]:
    """Loss and accuracy of always saying how frequent each class is in these texts.

    Of numbers: of always saying their mean.
    """
    if texts.targets.kind == REAL:
        numbers, weights = texts.targets.values, mean_one(texts.weights)
        mean = np.full((len(numbers), 1), np.average(numbers, weights=weights))
        loss, _ = NUMBERS.loss(mean, numbers, weights)
        return loss, float(np.average(NUMBERS.right(mean, numbers), weights=weights))
    targets, multilabel = texts.targets, texts.targets.is_multilabel
    output, weights = output_of(multilabel=multilabel), mean_one(texts.weights)
    frequencies = np.average(targets.probabilities(np.float64), axis=0, weights=weights)
    logits = np.tile(_logits(frequencies, multilabel=multilabel), (len(texts), 1))
    loss, _ = output.loss(logits, targets.values, weights)
    return loss, float(np.average(output.right(logits, targets.values), weights=weights))


def _logits(frequencies: Floats, *, multilabel: bool) -> Floats:
    """Logits of classes, or labels, that are so frequent (C,); finite where one never is."""
    p = np.clip(frequencies, LEAST, 1.0 - LEAST)
    logits: Floats = np.log(p) - np.log1p(-p) if multilabel else np.log(p)
    return logits

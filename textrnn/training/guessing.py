"""Whether a network learned anything: its held-out loss against that of guessing by frequency.

N-grams beside a network can carry a classifier whose network has exploded: its accuracy looks
well, and only this tells.
"""

from __future__ import annotations

import math

import numpy as np

from textrnn.nn.losses import mean_one, output_of
from textrnn.training.fit import TokenisedTexts
from textrnn.training.loop import TrainingState
from textrnn.typing import Floats

MARGIN = 1.5
"""Times the loss of guessing from which a loss is worse by far: a network that has learned too
little, or was too sure of what it learned, stays below it."""

LEAST = float(np.finfo(np.float64).eps)
"""Frequency that stands for 0, whose logit is infinite."""


def nothing_learned(state: TrainingState, validation: TokenisedTexts | None) -> str:
    """What to tell of a network that is worse than guessing; empty of one that is not.

    Args:
        state: of the finished run.
        validation: the held-out texts by which its best epoch was chosen; None tells nothing.
    """
    if validation is None or state.best_params is None:
        return ""
    accuracy, loss = state.best_score[0], -state.best_score[1]
    guessed_loss, guessed_accuracy = guessing(validation)
    # What guessing might have right by chance: two standard errors, at most.
    chance = 1.0 / math.sqrt(len(validation))
    if loss <= MARGIN * guessed_loss or accuracy > guessed_accuracy + chance:
        return ""
    return (
        f"the network learned nothing (loss {loss:.3f} on the held-out texts against "
        f"{guessed_loss:.3f} of guessing)"
    )


def guessing(texts: TokenisedTexts) -> tuple[float, float]:
    """Loss in nats and accuracy of always saying how frequent each class is in these texts."""
    output = output_of(multilabel=texts.multilabel)
    weights = mean_one(texts.weights)
    said = texts.targets if texts.multilabel else np.eye(texts.targets.max() + 1)[texts.targets]
    frequencies = np.average(said, axis=0, weights=weights)
    logits = np.tile(_logits(frequencies, multilabel=texts.multilabel), (len(texts), 1))
    loss, _ = output.loss(logits, texts.targets, weights)
    return loss, float(np.average(output.right(logits, texts.targets), weights=weights))


def _logits(frequencies: Floats, *, multilabel: bool) -> Floats:
    """Logits of classes, or labels, that are so frequent (C,); finite where one never is."""
    p = np.clip(frequencies, LEAST, 1.0 - LEAST)
    logits: Floats = np.log(p) - np.log1p(-p) if multilabel else np.log(p)
    return logits

"""Self-training: a finished classifier teaches a new network on texts that have no labels.

What the network learns there are the teacher's probabilities, not its answers (Hinton et al.
2015): where the teacher is in doubt, nothing is pressed on the pupil. The teacher has n-grams,
the pupil an order of words; what each sees in texts that neither was trained on is what the pupil
gains, on IMDB's reviews more than two points.
"""

from __future__ import annotations

import numpy as np

from textrnn.model import TextModel
from textrnn.network import Network
from textrnn.predictor import predict_many
from textrnn.text.tokenised import NumberedTexts, as_numbered, join
from textrnn.training.fit import TokenisedTexts
from textrnn.typing import Floats, Params


def lesson(
    teacher: TextModel, labelled: TokenisedTexts, unlabelled: NumberedTexts, *, n_jobs: int = 1
) -> TokenisedTexts:
    """Labelled texts with their labels and, behind them, others with a teacher's probabilities.

    Args:
        teacher: predicts the labels that are not there.
        labelled: texts of the teacher's classes.
        unlabelled: the others.
        n_jobs: processes that predict.

    Returns:
        Texts with the probability of each class as targets, (n, C).
    """
    dtype = teacher.dtype
    told = predict_many(teacher, unlabelled, n_jobs).astype(dtype)
    known: Floats = labelled.targets.astype(dtype)
    if labelled.targets.ndim == 1:
        known = np.eye(len(teacher.classes), dtype=dtype)[labelled.targets]
    weights = None
    if labelled.weights is not None:
        weights = np.concatenate([labelled.weights, np.ones(len(told), labelled.weights.dtype)])
    tokens = join([as_numbered(labelled.tokens), unlabelled])
    return TokenisedTexts(tokens, np.concatenate([known, told]), weights)


def pupil(model: TextModel, params: Params) -> Network:
    """A network like a model's with other weights, which are copied."""
    copies = {name: value.copy() for name, value in params.items()}
    return Network(model.network.config, copies)

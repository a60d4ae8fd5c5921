"""Train a network that predicts a number: the network alone, by squared error.

Numbers are standardised to learn from, so that a learning rate that is right for stars is right
for prices, too. No n-gram model stands beside the network: what there is of them are classifiers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.inference.classifier import TextModel
from textrnn.inference.regression import RegressionModel
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.fit import build_model, make_run
from textrnn.training.loop import loss_and_accuracy
from textrnn.training.pipeline import SAVING_SHARE, Trained
from textrnn.training.settings import Settings
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

OF_CLASSES: dict[str, Any] = {
    "ngrams": "none",
    "class_weight": None,
    "threshold": None,
    "label_smoothing": 0.0,
}
"""Settings that are for classes alone, and what they are where there are none."""


def without_classes(settings: Settings, given: Collection[str] = ()) -> Settings:
    """The settings of a regression.

    Raises:
        UsageError: one that is for classes was among those ``given``.
    """
    for name in OF_CLASSES:
        if name in given:
            raise UsageError(
                Parameter(name), " is for classes, but a regression has none; leave it out."
            )
    return replace(settings, **OF_CLASSES)


class Scaling(NamedTuple):
    """What makes numbers standard units, and of these numbers again."""

    mean: float
    scale: float

    @classmethod
    def of(cls, numbers: Floats, weights: Floats | None = None) -> Self:
        """Mean and standard deviation of numbers (n,); a scale of 1 where all are equal.

        Raises:
            DataError: the numbers are so large that these are none.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(np.average(numbers, weights=weights))
            scale = float(np.sqrt(np.average((numbers - mean) ** 2, weights=weights)))
        if not np.isfinite([mean, scale]).all():
            largest = float(numbers[np.abs(numbers).argmax()])
            raise DataError(
                f"the targets go up to {quoted(largest)}: too large to square; give them in "
                "another unit."
            )
        return cls(mean, scale or 1.0)

    def targets(self, numbers: Floats) -> Targets:
        """The numbers in standard units, to learn from."""
        return Targets.real((numbers - self.mean) / self.scale)


def build_regression(
    settings: Settings, texts: EncodedTexts, scaling: Scaling, *, rng: np.random.Generator
) -> RegressionModel:
    """Make an untrained model for some texts; see ``build_model`` for the errors."""
    model = build_model(settings, texts, (), rng=rng, regression=True)
    return RegressionModel.of(model, mean=scaling.mean, scale=scaling.scale)


def train_regression(
    model: TextModel,
    settings: Settings,
    train: Examples,
    *,
    validation: Examples | None,
    rng: np.random.Generator,
    started: float,
    callbacks: Sequence[Callback] = (),
) -> Trained:
    """Train the network of ``model`` in place.

    The best epoch is that of the least squared error on the held-out texts.

    Args:
        model: a new one, or one to go on with.
        settings: how; of them ``max_seconds`` counts from ``started``.
        train: texts to learn from, their targets in the standard units of the model.
        validation: held-out texts.
        rng: the source of randomness.
        started: when the work began, by ``time.perf_counter``.
        callbacks: called during the run.

    Returns:
        What is left; in the place of an accuracy the share of the variance on the held-out texts,
        in the standard units of the training texts, that is explained: R², about.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    deadline = None
    if settings.max_seconds is not None:
        deadline = Deadline(started + (1.0 - SAVING_SHARE) * settings.max_seconds)

    def explained(logits: Floats) -> float:
        """Of the whole, which is the network."""
        assert validation is not None
        output, targets = model.network.config.output, validation.targets.values
        return loss_and_accuracy(output, logits, targets, validation.weights)[1]

    run = make_run(
        model,
        settings,
        train,
        validation=validation,
        rng=rng,
        callbacks=callbacks,
        deadline=deadline,
        scorer=None if validation is None else explained,
    )
    state = run.run()
    r2 = None if state.best_params is None else state.best_score[0]
    return Trained(model, state, r2, len(train))

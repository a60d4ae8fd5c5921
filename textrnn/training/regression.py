"""Train a network that predicts a number: the network alone, by squared error.

Numbers are standardised to learn from, so that a learning rate that is right for stars is right
for prices, too. No n-gram model stands beside the network: what there is of them are classifiers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.inference.regression import RegressionModel
from textrnn.nn.targets import Targets
from textrnn.training.examples import Examples
from textrnn.training.fit import build_model, make_run
from textrnn.training.pipeline import Fit, Info, Stage
from textrnn.training.settings import Settings
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter

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


LARGEST = 1e15
"""In standard units: its square is a number of single precision, too."""


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
            # By the widest difference first: squares of tiny ones would be zero.
            widest = float(np.abs(numbers - mean).max()) or 1.0
            shares = (numbers - mean) / widest
            scale = widest * float(np.sqrt(np.average(shares**2, weights=weights)))
        if not np.isfinite([mean, scale]).all():
            raise _too_large(numbers)
        return cls(mean, scale or 1.0)

    def standardised(self, examples: Examples) -> Examples:
        """The same examples, their numbers in standard units, to learn from.

        Raises:
            DataError: one is too large to be squared.
        """
        with np.errstate(over="ignore"):
            numbers = (examples.targets.values - self.mean) / self.scale
        if numbers.size and not np.abs(numbers).max() < LARGEST:
            raise _too_large(examples.targets.values)
        return replace(examples, targets=Targets.real(numbers))


def _too_large(numbers: Floats) -> DataError:
    largest = float(numbers[np.abs(numbers).argmax()])
    return DataError(
        f"the targets go up to {largest:g}, too large to square; give them in another unit."
    )


def regression_stages(scaling: Scaling) -> tuple[Stage, ...]:
    """The stages of a fit whose targets are in the standard units of this scaling."""
    return (
        Stage("network", partial(make_network, scaling=scaling)),
        Stage("training", train_network),
    )


def make_network(fit: Fit, scaling: Scaling) -> Info:
    """A network with one output and its first weights, or one to go on from."""
    told: list[str] = []
    if fit.go_on_from is not None:
        fit.model = fit.go_on_from
    else:
        model = build_model(
            fit.settings, fit.train.texts, (), rng=fit.rng, regression=True, tell=told.append
        )
        fit.model = RegressionModel.of(model, mean=scaling.mean, scale=scaling.scale)
    return {"n_parameters": fit.model.network.n_parameters, "notes": told}


def train_network(fit: Fit) -> Info:
    """The network's run; the best epoch is that of the least squared error on the held-out texts.

    In the place of an accuracy there is R², of the held-out texts; the network is the whole.
    """
    output, validation = fit.model.network.config.output, fit.validation

    def of_the_whole(logits: Floats) -> float:
        assert validation is not None
        return output.score(logits, validation.targets.values, validation.weights)

    run = make_run(
        fit.model,
        fit.settings,
        fit.train,
        validation=validation,
        rng=fit.rng,
        callbacks=fit.callbacks,
        deadline=fit.deadline,
        scorer=None if validation is None else of_the_whole,
    )
    fit.state = run.run()
    fit.accuracy = None if fit.state.best_params is None else fit.state.best_score[0]
    return {"epochs": fit.state.epoch, "steps": fit.state.steps, "stopped": fit.state.stopped}

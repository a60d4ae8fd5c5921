"""A trained regression without its training: text in, a number out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Contents
from textrnn.typing import Floats


@dataclass(frozen=True)
class RegressionModel(TextModel):
    """A model without classes, whose network has one output: a number in standard units.

    Attributes:
        mean: of the numbers that were learned from.
        scale: their standard deviation; a prediction is ``scale * output + mean``.
    """

    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, model: TextModel, *, mean: float, scale: float) -> Self:
        """A model with one output, whose numbers have this mean and scale."""
        own = {field.name: getattr(model, field.name) for field in fields(TextModel)}
        return cls(**own, mean=mean, scale=scale)

    def answer(self, found: Floats) -> Floats:
        """The number predicted, of the network's, in float64.

        It has the place of the probabilities of a classifier, so that all that predicts many
        texts, in several processes or word by word, too, serves both.
        """
        return found.astype(np.float64) * self.scale + self.mean

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Classifier``."""
        target = {"target": {"mean": self.mean, "scale": self.scale}}
        super().save(lambda found: write(found._replace(config={**found.config, **target})))

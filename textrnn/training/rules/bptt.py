"""Backpropagation through time: each document is unrolled whole, then the weights change once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from textrnn.nn.gradients import Gradients, copied, values_of
from textrnn.nn.network import Network
from textrnn.training.config import TrainingConfig
from textrnn.training.lesson import ONCE, Lesson, make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.adversarial import perturbation
from textrnn.training.step import Batch, Told
from textrnn.typing import Floats


@dataclass(frozen=True)
class BPTT:
    """The exact gradient of a batch's loss, but for what a ``gradient_floor`` cuts off.

    Attributes:
        regularisation: dropout and the like.
        gradient_floor: see ``nn.recurrent.backward``.
        frozen: names of parameters that get no gradient.
        loss: which answers are corrected, see ``lesson``.
    """

    regularisation: Regularisation = field(default_factory=Regularisation)
    gradient_floor: float = 0.0
    frozen: tuple[str, ...] = ()
    loss: str = ONCE
    is_online: ClassVar[bool] = False

    @classmethod
    def configured(
        cls, config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
    ) -> Self:
        """The rule of a training; see ``rules.RULES``."""
        return cls(regularisation, config.floor(dtype), config.frozen, config.loss)

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """Once, forward and backward over the examples of a batch; see ``LearningRule``."""
        lesson = make_lesson(network, batch, self.regularisation, self.loss)
        lesson = lesson.sampled(self.regularisation.negatives, batch.rng)
        passed = self._pass(lesson, batch, None)
        gradients = passed.gradients
        if self.regularisation.adversarial > 0.0:
            gradients = self._adversarial(lesson, batch, passed)
        for name in self.frozen:
            gradients.pop(name, None)
        yield lesson.sums(passed.loss, passed.logits, passed.unrolled), gradients

    def _pass(self, lesson: Lesson, batch: Batch, perturbed: Floats | None) -> _Passed:
        """Forward and backward once, with dropout of its own.

        ``perturbed`` is added to the vectors of the distinct words.
        """
        dropout = self.regularisation.dropout(batch.rng)
        logits, cache = lesson.network.forward(
            lesson.packed, dropout=dropout, perturbation=perturbed, workspace=batch.workspace
        )
        loss, d_logits = lesson.loss(logits, label_smoothing=self.regularisation.label_smoothing)
        found = lesson.network.backward(d_logits, cache, gradient_floor=self.gradient_floor)
        return _Passed(loss, logits, found.params, found.d_inputs, found.unrolled[0])

    def _adversarial(self, lesson: Lesson, batch: Batch, passed: _Passed) -> Gradients:
        """The mean of a gradient and of that with perturbed word vectors."""
        gradients = {name: copied(gradient) for name, gradient in passed.gradients.items()}
        size = self.regularisation.adversarial
        perturbed = perturbation(lesson.network, lesson.packed, passed.d_inputs, size)
        again = self._pass(lesson, batch, perturbed)
        for name, gradient in again.gradients.items():
            mean = values_of(gradients[name])
            mean += values_of(gradient)
            mean *= 0.5
        return gradients


@dataclass(frozen=True)
class _Passed:
    """What one pass found."""

    loss: float
    logits: Floats
    gradients: Gradients
    d_inputs: Floats
    unrolled: int

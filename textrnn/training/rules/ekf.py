"""The extended Kalman filter: each answer is an observation of all weights (``nn/kalman.py``).

The outputs are the probabilities of the classes or labels, or numbers; their Jacobian is made by
backpropagation of unit vectors, one for each output of each answer, through whole texts or over the
last k2 words after every k1 (``parts``). An answer that weighs w in the loss has a noise of 1 / w
times that of others: with an answer at every word those of a text count as one together.

An update costs O(n² o) for n weights and o outputs, and n² numbers are kept, so it is for small
networks. It takes far fewer passes over the texts than gradient descent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from textrnn.nn.kalman import KalmanFilter, Observation, packed_gradients
from textrnn.nn.network import Network
from textrnn.nn.packed import pack_spans
from textrnn.nn.workspace import Workspace
from textrnn.training.config import TrainingConfig
from textrnn.training.lesson import ONCE, Lesson, make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.parts import Part, Reading
from textrnn.training.step import Batch, BatchSums, Told
from textrnn.typing import Floats, Params

NOISE = 1.0
"""Variance of the noise of an answer of weight 1."""


@dataclass(frozen=True)
class ExtendedKalman:
    """What the answers of a batch, or those in every k1 words, tell of all weights.

    Attributes:
        k1: words between two updates; None is whole texts.
        k2: words that derivatives go back over at most.
        regularisation: dropout and the like.
        frozen: names of parameters that are not among the weights.
        loss: which answers are observed, see ``lesson``.
        noise: of an answer of weight 1.
    """

    k1: int | None = None
    k2: int | None = None
    regularisation: Regularisation = field(default_factory=Regularisation)
    frozen: tuple[str, ...] = ()
    loss: str = ONCE
    noise: float = NOISE
    is_online: ClassVar[bool] = True

    @classmethod
    def configured(
        cls, config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
    ) -> Self:
        """The rule of a training; see ``rules.RULES``."""
        del dtype
        k1 = config.k1 or config.k2
        k2 = config.k2 or (None if k1 is None else 2 * k1)
        return cls(k1, k2, regularisation, config.frozen, config.loss)

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """One after every k1 words in which there is an answer; see ``LearningRule``.

        An observation is no gradient that could be added to that of another process.
        """
        lesson = make_lesson(network, batch, self.regularisation, self.loss)
        longest = int(lesson.packed.lengths[0])
        k1, k2 = self.k1 or longest, self.k2 or longest
        # Each text by itself: a gradient of several would be their sum.
        readings = [
            Reading(
                _alone(lesson, document),
                k1,
                k2,
                regularisation=self.regularisation,
                rng=batch.rng,
                workspace=Workspace(),
            )
            for document in range(lesson.packed.n_sequences)
        ]
        weights = {name: v for name, v in network.params.items() if name not in self.frozen}
        for start in range(0, max(reading.starts.stop for reading in readings), k1):
            found = [r.part(start) for r in readings if start in r.starts]
            parts = [part for part in found if part is not None]
            if parts:
                yield self._observed(parts, weights)

    def _observed(self, parts: list[Part], weights: Params) -> Told:
        told = [self._of_part(part, weights) for part in parts]
        jacobian, errors, noise = (np.concatenate([one[i] for one in told]) for i in range(3))
        sums = BatchSums(*map(sum, zip(*(one[3] for one in told), strict=True)))
        return sums, Observation(jacobian, errors, noise, weights)

    def _of_part(self, part: Part, weights: Params) -> tuple[Floats, Floats, Floats, BatchSums]:
        """Jacobian, errors, noise and sums of one text's answers that weigh anything."""
        lesson, logits = part.lesson, part.logits
        output, smoothing = lesson.network.config.output, self.regularisation.label_smoothing
        answers, C = logits.shape
        given = np.ones(answers) if lesson.weights is None else lesson.weights
        asked = np.flatnonzero(given > 0.0)
        slopes = output.slopes(logits)
        errors = output.wanted(lesson.targets, C, smoothing) - output.probabilities(logits)
        n_weights = sum(value.size for value in weights.values())
        jacobian = np.zeros((len(asked) * C, n_weights))
        d_logits = np.zeros((len(asked), C, *logits.shape), logits.dtype)
        for d, answer in zip(d_logits, asked, strict=True):
            d[:, answer] = slopes[answer]
        found = part.backward_each(d_logits.reshape(-1, *logits.shape))
        for row, gradients in zip(jacobian, found, strict=True):
            packed_gradients(gradients, weights, row)
        loss, _ = lesson.loss(logits, label_smoothing=smoothing)
        sums = lesson.sums(loss, logits, len(part.rows))._replace(tokens=part.n_words)
        noise = (self.noise / given[asked]).astype(np.float64).repeat(C)
        return jacobian, errors[asked].astype(np.float64).reshape(-1), noise, sums


def kalman_filter(config: TrainingConfig, params: Params) -> KalmanFilter:
    """The filter of all parameters that may change."""
    return KalmanFilter({n: value for n, value in params.items() if n not in config.frozen})


def _alone(lesson: Lesson, document: int) -> Lesson:
    """One text of a lesson."""
    one = np.array([document])
    packed, rows = pack_spans(lesson.packed, one, np.array([0]), lesson.packed.lengths[one])
    answers = rows if lesson.at_tokens else one
    return replace(
        lesson,
        packed=packed,
        targets=lesson.targets[answers],
        weights=None if lesson.weights is None else lesson.weights[answers],
        shares=None if lesson.shares is None else lesson.shares[answers],
    )

"""Truncated backpropagation through time (Williams and Peng 1990, their BPTT(k2; k1)).

A text is read k1 words at a time, its state carried on. After each k1 words in which there is an
answer the gradient goes back over at most k2 words, and the weights change; see ``parts`` and, of
answers at every token, ``windows``. A step costs what k2 words cost, however long the text; but
where every word is answered for and the readout pools, it pools from the text's first word again,
O(T² / k1) in all of T words. What is further apart than k2 is not learnt, though it may be
remembered: where a text is answered for once, only its last k2 words teach.

With k1 no shorter than the texts this is backpropagation through time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from textrnn.nn.network import Network
from textrnn.training.config import TrainingConfig
from textrnn.training.lesson import ONCE, make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.parts import Part, Reading
from textrnn.training.rules.windows import windows
from textrnn.training.step import NOTHING, Batch, Told

K1 = 20
"""Words between two updates, and half of those that the gradient goes back over, by default."""


@dataclass(frozen=True)
class TruncatedBPTT:
    """The gradient of each k1 words' loss, over the last k2 words.

    Attributes:
        k1: words between two updates.
        k2: words that the gradient goes back over at most.
        regularisation: dropout and the like, drawn anew for each update.
        gradient_floor: see ``nn.recurrent.backward``.
        frozen: names of parameters that get no gradient.
        loss: which answers are corrected, see ``lesson``.
    """

    k1: int
    k2: int
    regularisation: Regularisation = field(default_factory=Regularisation)
    gradient_floor: float = 0.0
    frozen: tuple[str, ...] = ()
    loss: str = ONCE
    is_online: ClassVar[bool] = True

    @classmethod
    def configured(
        cls, config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
    ) -> Self:
        """The rule of a training; see ``rules.RULES``."""
        k1 = config.k1 or min(K1, config.k2 or K1)
        k2 = config.k2 or 2 * k1
        return cls(k1, k2, regularisation, config.floor(dtype), config.frozen, config.loss)

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """One after every k1 words; see ``LearningRule``."""
        smoothing = self.regularisation.label_smoothing
        for part in self._parts(network, batch):
            if part is None:
                yield NOTHING
                continue
            loss, d_logits = part.lesson.loss(part.logits, label_smoothing=smoothing)
            gradients, unrolled = part.backward(d_logits, gradient_floor=self.gradient_floor)
            for name in self.frozen:
                gradients.pop(name, None)
            sums = part.lesson.sums(loss, part.logits, unrolled)
            yield sums._replace(tokens=part.n_words), gradients

    def _parts(self, network: Network, batch: Batch) -> Iterator[Part | None]:
        """The parts of a batch, None for one in which nothing is asked."""
        told = self.regularisation
        if not network.head.answers_texts:
            yield from windows(
                network, batch, self.k1, self.k2, regularisation=told, loss=self.loss
            )
            return
        lesson = make_lesson(network, batch, told, self.loss)
        reading = Reading(
            lesson,
            self.k1,
            self.k2,
            regularisation=told,
            rng=batch.rng,
            workspace=batch.workspace,
        )
        for start in reading.starts:
            yield reading.part(start)

"""Wrong answers, drawn at random: what stands for all other words in a sampled softmax.

A softmax over a large vocabulary costs far more than the recurrent layers below it. In training the
right words of a step are told from some others instead (Bengio and Senecal 2008; Jean et al. 2015).
The words in question are all right words of the step and n words drawn, the same for all its
answers, and the logit of each is lowered by the logarithm of how probably it is one of them. For a
word is then nearly as probably right, given which ones are in question, as the network says without
the sampling: what it learns hardly depends on the draw, only how fast.

Nearly, as words are in question independently of each other only in so far as there are many: of a
few answers the gradients are a little off on average, of the hundreds of a usual step hardly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from textrnn.typing import Floats, Ints

POWER = 0.75
"""Of a word's frequency, by which it is drawn (Mikolov et al. 2013): rare words come oftener."""


@dataclass(frozen=True)
class Negatives:
    """How wrong answers are drawn.

    Attributes:
        n: draws a step, of which some may be of the same word.
        frequencies: the share of each word among the right answers, float64 of shape (C,), none 0.
        drawn: the probability of each to be drawn, (C,).
    """

    n: int
    frequencies: Floats
    drawn: Floats

    @classmethod
    def of(cls, targets: Ints, n_classes: int, n: int) -> Negatives:
        """Those for right answers (N,) among C words; of words that never are as if they once were.

        Args:
            targets: all that is to be answered in training.
            n_classes: C.
            n: draws a step.
        """
        counts = np.maximum(np.bincount(targets, minlength=n_classes), 1).astype(np.float64)
        drawn = counts**POWER
        return cls(n, counts / counts.sum(), drawn / drawn.sum())

    @cached_property
    def _bounds(self) -> Floats:
        """Between the numbers from 0 to 1 that stand for a word and for the next one, (C - 1,)."""
        bounds: Floats = np.cumsum(self.drawn)[:-1]
        return bounds

    def among(self, targets: Ints, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """The words in question where some are right, ascending, and what is added to their logits.

        Args:
            targets: the right words, (N,).
            rng: the source of randomness.

        Returns:
            Their ids, (words,), and the negative logarithms of how probably each is among them.
        """
        C = len(self.drawn)
        if self.n >= C:
            return np.arange(C), np.zeros(C)
        places = np.searchsorted(self._bounds, rng.random(self.n))
        words = np.union1d(places, targets)
        missed = self.n * np.log1p(-self.drawn[words])
        missed += len(targets) * np.log1p(-self.frequencies[words])
        return words, -np.log(-np.expm1(missed))

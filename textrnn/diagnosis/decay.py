"""How fast a gradient fades from word to word, and how far it reaches.

A gradient that is multiplied with about the same factor at every word falls, or grows,
exponentially (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013): the factor is
the slope of the logarithm of its norm, and says after how many words how much is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from textrnn.typing import Array, Bools, Counts, Floats

FADED = 1e-4
"""Share of a gradient below which its further way is of no interest to what learns from it."""
LARGEST = 709.0
"""A logarithm of about the largest number; a share of a gradient that explodes may have more."""
LEFT = 0.1
"""Share of a gradient that is left at the end of the memory."""


@dataclass
class Slopes:
    """The sums that a straight line through the logarithms of many texts is fitted by.

    Each text has an intercept of its own, as one text's loss is a thousand times another's: what is
    fitted is the common slope, by least squares. So it does not matter that the texts that tell of
    long distances are others than those that tell of short ones.

    Attributes:
        first: the distance that the line begins with.
        products: the sum over texts of the products of deviations of distance and logarithm.
        squares: the same of the squared deviations of the distance.
        n_dead: texts that have a second point, but nothing there: their gradient is zero at once.
    """

    first: int = 0
    products: float = 0.0
    squares: float = 0.0
    n_dead: int = 0

    def add(self, norms: Floats) -> None:
        """Take in norms (T, B) by distance, NaN beyond the end of a text.

        A text tells of its distances up to where its gradient has ``FADED``.
        """
        norms = norms[self.first :]
        if len(norms) < 2:
            return
        self.n_dead += int(((norms[0] > 0.0) & (norms[1] == 0.0)).sum())
        there = (norms > 0.0) & (norms >= FADED * norms[0]) & np.isfinite(norms)
        there = np.logical_and.accumulate(there, axis=0)
        n = there.sum(axis=0)
        distances = np.arange(len(norms))[:, np.newaxis]
        logarithms = np.log(np.where(there, norms, 1.0))
        mean_distance = np.where(there, distances, 0).sum(axis=0) / np.maximum(n, 1)
        deviations = np.where(there, distances - mean_distance, 0.0)
        self.products += float((deviations * logarithms).sum())
        self.squares += float((deviations * deviations).sum())

    @property
    def decay(self) -> float | None:
        """The factor from one word to the one before it; None where no text tells of two."""
        if self.squares > 0.0:
            return math.exp(self.products / self.squares)
        return 0.0 if self.n_dead else None


def memory_length(decay: float | None) -> float | None:
    """Words after which a tenth of a gradient is left; None where it does not fade, or is unknown.

    The tenth is ``LEFT``. A gradient that is gone at once reaches no further than 0 words.
    """
    if decay is None or decay >= 1.0:
        return None
    return 0.0 if decay == 0.0 else math.log(LEFT) / math.log(decay)


class ByDistance:
    """Geometric means by distance, over the texts that are that long.

    A mean of what falls by a factor is geometric: an arithmetic one would be that of the few texts
    whose gradient is largest. Texts of which nothing is left have no logarithm; they are counted.
    """

    def __init__(self) -> None:
        self._logarithms, self._shares = _Means(), _Means()
        self._n: Counts = np.zeros(0, dtype=np.int64)

    def add(self, norms: Floats) -> None:
        """Take in norms (T, B) by distance, NaN beyond the end of a text."""
        there = np.isfinite(norms) & (norms > 0.0)
        logarithms = np.log(np.where(there, norms, 1.0))
        self._logarithms.add(logarithms, there)
        self._shares.add(logarithms - logarithms[:1], there & there[:1])
        self._n = _longer(self._n, len(norms))
        self._n[: len(norms)] += (~np.isnan(norms)).sum(axis=1)

    @property
    def means(self) -> Floats:
        """By distance; 0 where nothing is left in any text."""
        return self._logarithms.exponentials

    @property
    def left(self) -> Floats:
        """The same of each text's share of its own norm at distance 0.

        At long distances the means are those of the few long texts, whose losses are others; of
        the shares that is no matter.
        """
        return self._shares.exponentials

    @property
    def texts(self) -> Counts:
        """The number of texts that are that long."""
        return self._n

    @property
    def gone(self) -> Counts:
        """Those of them of whose gradient nothing is left, not even a number."""
        gone: Counts = self._n - self._logarithms.n
        return gone


class _Means:
    """Running means of logarithms by distance."""

    def __init__(self) -> None:
        self._sums: Floats = np.zeros(0)
        self.n: Counts = np.zeros(0, dtype=np.int64)

    def add(self, logarithms: Floats, there: Bools) -> None:
        T = len(logarithms)
        self._sums, self.n = _longer(self._sums, T), _longer(self.n, T)
        self._sums[:T] += np.where(there, logarithms, 0.0).sum(axis=1)
        self.n[:T] += there.sum(axis=1)

    @property
    def exponentials(self) -> Floats:
        means = np.minimum(self._sums / np.maximum(self.n, 1), LARGEST)
        found: Floats = np.where(self.n > 0, np.exp(means), 0.0)
        return found


def _longer(values: Array, length: int) -> Array:
    """Values with zeros behind them, up to a length."""
    return np.pad(values, (0, max(length - len(values), 0)))

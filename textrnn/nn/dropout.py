"""Inverted dropout (Srivastava et al. 2014): what is kept is scaled up in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.typing import Floats


@dataclass(frozen=True)
class Dropout:
    """Dropout of one training step: the rates and where randomness comes from.

    Attributes:
        input: rate on the inputs of every recurrent layer. In the first it falls on
            the batch's distinct words, so a word is masked alike wherever it stands
            (Gal and Ghahramani 2016); of one-hot inputs it drops whole words.
        readout: rate on the vector that reaches the linear layer.
        rng: the source of randomness.
        recurrent: rate on the recurrent weights, ``Cell.recurrent_names`` (DropConnect, Wan et
            al. 2013), one mask for all steps and documents, as in AWD-LSTM (Merity et al. 2018).
        embedding: rate on whole words: the vector of a distinct word of the batch is
            zero wherever the word stands, or scaled up (AWD-LSTM).
    """

    input: float
    readout: float
    rng: np.random.Generator
    recurrent: float = 0.0
    embedding: float = 0.0

    def of_input(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats | None:
        """A mask for a layer's input; None where nothing is dropped."""
        return dropout_mask(self.rng, shape, self.input, dtype) if self.input > 0.0 else None

    def of_readout(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats | None:
        """A mask for the readout; None where nothing is dropped."""
        return dropout_mask(self.rng, shape, self.readout, dtype) if self.readout > 0.0 else None

    def of_recurrent(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats | None:
        """A mask for recurrent weights; None where nothing is dropped."""
        rate = self.recurrent
        return dropout_mask(self.rng, shape, rate, dtype) if rate > 0.0 else None

    def of_words(self, n_words: int, dtype: np.dtype[Any]) -> Floats | None:
        """A mask for the distinct words, (U, 1); None where nothing is dropped."""
        rate = self.embedding
        return dropout_mask(self.rng, (n_words, 1), rate, dtype) if rate > 0.0 else None


def dropout_mask(
    rng: np.random.Generator, shape: tuple[int, ...], rate: float, dtype: np.dtype[Any]
) -> Floats:
    """Draw a mask of ``1 / (1 - rate)`` with probability ``1 - rate``, else 0.

    The rate is rounded to a 256th: one random byte a unit instead of a float.
    """
    threshold = min(round(rate * 256), 255)
    kept = rng.integers(0, 256, size=shape, dtype=np.uint8) >= threshold
    mask: Floats = kept.astype(dtype)
    mask *= 256 / (256 - threshold)
    return mask

"""What randomness does to a text in training, whatever the learning rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.nn.dropout import Dropout
from textrnn.training.negatives import Negatives
from textrnn.typing import Floats


@dataclass(frozen=True)
class Regularisation:
    """What keeps a network from learning its training texts by heart.

    Attributes:
        dropout_input: rate, see ``Dropout``.
        dropout_readout: rate, see ``Dropout``.
        unknown_probabilities: probability of each word to become the unknown word, (V,), or None.
        dropout_recurrent: rate, see ``Dropout``.
        dropout_embedding: rate, see ``Dropout``.
        label_smoothing: see ``nn.losses``.
        adversarial: size of the perturbation of the word vectors, see
            ``rules.adversarial.perturbation``.
        negatives: of a softmax over some words in each step; None is over all.
    """

    dropout_input: float = 0.0
    dropout_readout: float = 0.0
    unknown_probabilities: Floats | None = None
    dropout_recurrent: float = 0.0
    dropout_embedding: float = 0.0
    label_smoothing: float = 0.0
    adversarial: float = 0.0
    negatives: Negatives | None = None

    def dropout(self, rng: np.random.Generator) -> Dropout:
        """The dropout of one pass."""
        return Dropout(
            input=self.dropout_input,
            readout=self.dropout_readout,
            recurrent=self.dropout_recurrent,
            embedding=self.dropout_embedding,
            rng=rng,
        )

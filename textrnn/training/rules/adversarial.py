"""The perturbation of word vectors that makes a loss grow fastest (Miyato et al. 2017)."""

from __future__ import annotations

import numpy as np

from textrnn.nn.gradients import Gradients, values_of
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats


def perturbation(
    network: Network, batch: PackedBatch, gradients: Gradients, size: float
) -> Floats | None:
    """How a batch's word vectors are to change so that the loss grows fastest.

    In the paper each place of a text is perturbed by itself, and vectors are normalised so that the
    network cannot escape by making them longer. Here a word is perturbed as a whole, which costs
    nothing more where its product is shared by all its places, and by a share of the vectors' own
    length.

    Args:
        network: the network.
        batch: some documents.
        gradients: of the loss on them.
        size: length of the whole perturbation over that of all vectors together.

    Returns:
        What is added to the rows of the distinct words, or None where the gradient is zero.
    """
    (table,) = network.config.tables()
    direction = values_of(gradients[table])
    length = float(np.linalg.norm(direction))
    if not 0.0 < length < np.inf:
        return None
    vectors = network.params[table][batch.distinct]
    scale = size * float(np.linalg.norm(vectors)) / length
    perturbed: Floats = direction * direction.dtype.type(scale)
    return perturbed

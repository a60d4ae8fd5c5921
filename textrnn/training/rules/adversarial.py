"""The perturbation of word vectors that makes a loss grow fastest (Miyato et al. 2017)."""

from __future__ import annotations

import numpy as np

from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats


def perturbation(
    network: Network, batch: PackedBatch, d_inputs: Floats, size: float
) -> Floats | None:
    """How a batch's word vectors are to change so that the loss grows fastest.

    In the paper each place of a text is perturbed by itself, and vectors are normalised so that the
    network cannot escape by making them longer. Here a word is perturbed as a whole, which costs
    nothing more where its product is shared by all its places, and by a share of the vectors' own
    length.

    Args:
        network: the network.
        batch: some documents.
        d_inputs: gradient of the loss on them, see ``Backpropagated.d_inputs``.
        size: length of the whole perturbation over that of all vectors together.

    Returns:
        What is added to the vectors or rows that are read, or None where the gradient is zero.
    """
    length = float(np.linalg.norm(d_inputs))
    if not 0.0 < length < np.inf:
        return None
    vectors = network.body.input.read(network.params, batch)
    scale = size * float(np.linalg.norm(vectors)) / length
    perturbed: Floats = d_inputs * d_inputs.dtype.type(scale)
    return perturbed

"""Numeric derivatives, and the small random batches and networks that the proofs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import numpy as np

from textrnn.nn.cells import CELLS
from textrnn.nn.check import STEP, numeric_gradient
from textrnn.nn.config import NetworkConfig
from textrnn.nn.dropout import Dropout
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Cache, Network
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import POOLINGS
from textrnn.typing import Floats, Ids, Ints, Params

CELL_NAMES, READOUT_NAMES = tuple(CELLS), tuple(POOLINGS)


def assert_gradient(actual: Floats, f: Callable[[], float], x: Floats, name: str = "") -> None:
    """Fail unless ``actual`` is the gradient of ``f()`` with respect to ``x``."""
    expected = numeric_gradient(f, x)
    np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-9, err_msg=name)


def dense(gradients: Gradients) -> Params:
    """All gradients with the shapes of their parameters."""
    return {
        name: g.to_dense() if isinstance(g, RowGradient) else g for name, g in gradients.items()
    }


def random_documents(
    rng: np.random.Generator, lengths: Sequence[int], vocabulary_size: int
) -> list[Ids]:
    """Documents of given lengths; words repeat where the vocabulary is small."""
    return [rng.integers(0, vocabulary_size, n).astype(np.int32) for n in lengths]


def rows_of(batch: PackedBatch, place: int) -> Ints:
    """Rows of one document, given by its place in the batch, first word first."""
    return np.flatnonzero(batch.documents == place)[::-1]


def last_rows(batch: PackedBatch) -> Ints:
    """The row of each document's last word, found one document at a time."""
    return np.array([rows_of(batch, place)[-1] for place in range(batch.n_sequences)])


def mirror(batch: PackedBatch) -> Ints:
    """For each row that of its word's mirror image, found one document at a time."""
    rows = np.empty(batch.n_tokens, dtype=np.int64)
    for place in range(batch.n_sequences):
        own = rows_of(batch, place)
        rows[own] = own[::-1]
    return rows


def random_network(config: NetworkConfig, rng: np.random.Generator, std: float = 0.6) -> Network:
    """A network with every parameter random, biases too: a zero would hide a mistake."""
    dtype = np.dtype(config.dtype)
    params = {
        name: rng.normal(0.0, std, shape).astype(dtype) for name, shape in config.shapes().items()
    }
    if config.cell == "rnn_linear":  # nothing else keeps its states from growing without bound
        for layer in range(config.num_layers):
            W_h = params[f"recurrent.{layer}.W_h"]
            W_h *= 0.7 / np.linalg.norm(W_h, ord=2, axis=(-2, -1), keepdims=True)
            params[f"recurrent.{layer}.W_x"] *= 0.5
    return Network(config, params)


def away_from_kinks(network: Network, cache: Cache) -> bool:
    """Whether no rectifier stands so near to zero that a small step crosses it."""
    if network.config.cell != "rnn_relu":
        return True
    return min(float(np.abs(layer.trace.gates).min()) for layer in cache.body.layers) > 100 * STEP


def smooth_network(
    config: NetworkConfig, batch: PackedBatch, dropout: Callable[[], Dropout | None]
) -> Network:
    """The first random network that is away from kinks on a batch."""
    for seed in count():
        network = random_network(config, np.random.default_rng(seed))
        _, cache = network.forward(batch, dropout=dropout())
        if away_from_kinks(network, cache):
            return network
    raise AssertionError("count() does not end")


def loss_and_gradients(
    network: Network,
    documents: Sequence[Ids],
    targets: Ints,
    weights: Floats | None = None,
    *,
    dropout: Dropout | None = None,
    gradient_floor: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[float, Params]:
    """One forward and backward pass over documents in the caller's order."""
    batch = network.pack(documents)
    logits, cache = network.forward(batch, dropout=dropout)
    ordered = None if weights is None else weights[batch.order]
    loss, d_logits = cross_entropy(
        logits, targets[batch.order], ordered, label_smoothing=label_smoothing
    )
    gradients = network.backward(d_logits, cache, gradient_floor=gradient_floor).params
    return loss, dense(gradients)

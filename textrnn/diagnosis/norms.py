"""The gradient of a loss by the states of a network: its norm after every word of a batch.

Two gradients are followed:

- *whole*: ∂L/∂h_t of the loss that the model has. A readout over all states, as ``max``, hands some
  of it to every step, so that it does not tell what the recurrence carries.
- *carried*: the same of the loss as if the readout looked at the last state alone, whatever it
  looks at otherwise. All that reaches an earlier state has come through the states in between.
  With the readout ``last`` it is the whole one.

The last state of a direction is the one after the last word that it reads, and of a text that is
read in segments there is one a segment. Where a network reads in two directions, each is followed
by itself, from its own last state.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.network import Cache, Network
from textrnn.nn.packed import PackedBatch, pack_spans
from textrnn.nn.targets import Targets
from textrnn.typing import Floats, Ints, Params


def whole_norms(
    network: Network, batch: PackedBatch, logits: Floats, cache: Cache, targets: Targets
) -> list[Params]:
    """Norms of the gradient of each text's own loss, (S, N) by state, of every layer.

    Args:
        network: the network.
        batch: the texts.
        logits: what its forward pass found.
        cache: of the forward pass.
        targets: of the texts, in the caller's order.
    """
    wanted = targets.take(batch.order).values
    _, d_logits = network.config.output.loss(logits, wanted, batch_size=1)
    watched = _Watched(network, batch)
    network.backward(d_logits, cache, watch=watched)
    return watched.norms


def carried_norms(
    network: Network, batch: PackedBatch, cache: Cache, targets: Targets
) -> list[Params]:
    """Norms of the gradient that the recurrence carries, (S, N) by state, of every layer.

    The arguments are those of ``whole_norms``.
    """
    d_last = _of_last_states(network, batch, cache, targets)
    found = []
    for s in range(network.config.n_directions):
        of_direction = np.zeros_like(d_last)
        of_direction[s] = d_last[s]
        watched = _Watched(network, batch)
        network.body.backward(cache.body, d_outputs=None, d_last=of_direction, watch=watched)
        found.append(watched.norms)
    return [
        {name: np.stack([of[layer][name][s] for s, of in enumerate(found)]) for name in norms}
        for layer, norms in enumerate(found[0])
    ]


def by_distance(norms: Floats, batch: PackedBatch) -> Floats:
    """Norms of rows (N,) by their distance from the end, (T, B); NaN where a text is shorter."""
    found: Floats = np.full((len(batch.batch_sizes), batch.n_sequences), np.nan)
    for t, (start, size) in enumerate(batch.steps):
        found[t, :size] = norms[start : start + size]
    return found


def _of_last_states(network: Network, batch: PackedBatch, cache: Cache, targets: Targets) -> Floats:
    """Gradient of the last states, (S, B, H), of a readout that sees nothing else."""
    B = batch.n_sequences
    last, _ = pack_spans(batch, np.arange(B), batch.lengths - 1, batch.lengths)
    h = cache.body.outputs[:, :B]  # texts are aligned at their ends
    logits, of_head = network.head.forward(h, last, network.params, None)
    _, d_logits = network.config.output.loss(
        logits, targets.take(_texts(batch)).values, batch_size=1
    )
    of_outputs, of_final, _ = network.head.backward(d_logits, of_head, last, network.params)
    d_last = np.zeros_like(h)
    for d in (of_outputs, of_final):
        if d is not None:
            d_last += d
    return d_last


def _texts(batch: PackedBatch) -> Ints:
    """The place in the caller's list of the text of each document, or segment, of a batch."""
    return batch.order if batch.owners is None else batch.owners


class _Watched:
    """Keeps the norms that a backward pass goes by, see ``nn.recurrent.Watch``."""

    def __init__(self, network: Network, batch: PackedBatch) -> None:
        shape = (network.config.n_directions, batch.n_tokens)
        self.norms: list[Params] = [
            {name: np.zeros(shape) for name in network.cell.carried_names}
            for _ in range(network.config.num_layers)
        ]

    def __call__(self, layer: int, rows: slice, d_states: Params) -> None:
        for name, d in d_states.items():
            self.norms[layer][name][:, rows] = norm(d)


def norm(vectors: Floats) -> Floats:
    """Euclidean norms along the last axis, of numbers whose squares may be too small to be."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scale = np.where(largest > 0.0, largest, 1.0)
    found: Floats = np.sqrt(np.square(vectors / scale).sum(axis=-1)) * largest[..., 0]
    return found

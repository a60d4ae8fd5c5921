"""A network as a language model: how probable texts are, and what comes next in some.

Neither needs the logits of all words at once. Of texts that are there, rows of logits are made a
few at a time, and only what they say of the words that came is kept. Long texts are read in pieces
(``Network.features``), so that memory does not grow with them. Texts that are still to be written
are read a word at a time, all side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textrnn.nn.losses import log_softmax
from textrnn.nn.network import Network
from textrnn.nn.packed import pack_rows
from textrnn.nn.workspace import Workspace
from textrnn.typing import Bools, Counts, Floats, Ids, Ints, Params

LOGITS_AT_ONCE = 1 << 20
"""Numbers: few enough to stay in the cache while they are worked on."""


class Told(NamedTuple):
    """What a network says of words that came."""

    log_probabilities: Floats
    """Natural, of each of N words, float64 of shape (N,)."""
    right: Bools
    """Whether it was the most probable one, (N,)."""


def tell(
    network: Network,
    ids: Ids,
    starts: Counts,
    targets: Ints,
    rows: Ints | None = None,
    *,
    workspace: Workspace | None = None,
) -> Told:
    """What a network says of the words that come next in some texts.

    A text's numbers do not depend on its neighbours, nor, but for rounding, on the pieces in which
    it is read.

    Args:
        network: its head tells the next word.
        ids: what is read of all texts, one after the other.
        starts: where each text begins among them and the last one ends, (texts + 1,).
        targets: the word that comes next after each of them, of the same shape.
        rows: the texts that are read, side by side; None reads all.
        workspace: buffers to use again.

    Returns:
        For each word of these texts, one text after the other.
    """
    rows = np.arange(len(starts) - 1) if rows is None else rows
    rows = rows[starts[rows + 1] > starts[rows]]
    lengths = starts[rows + 1] - starts[rows]
    told = Told(np.empty(lengths.sum()), np.empty(lengths.sum(), bool))
    if not len(rows):
        return told
    first = starts[rows] - (np.cumsum(lengths) - lengths)
    wanted = targets[np.repeat(first, lengths) + np.arange(lengths.sum())]
    batch = network.pack_rows(ids, starts, rows)
    at_once = max(1, LOGITS_AT_ONCE // network.head.n_classes)
    for answers, features in network.features(batch, workspace=workspace):
        places = batch.places[answers]
        for start in range(0, len(features), at_once):
            here = places[start : start + at_once]
            logits = network.head.logits(features[start : start + at_once], network.params)
            for values, found in zip(told, _compare(logits, wanted[here]), strict=True):
                values[here] = found
    return told


class States(NamedTuple):
    """Of n texts that are read side by side."""

    layers: Sequence[Params]
    """Of each layer by name, (S, n, ...)."""
    features: Floats
    """Of the newest words, (n, F), of which the logits of the next ones are made."""

    def take(self, rows: Ints) -> States:
        """Those of some of the texts, which may come more than once."""
        return States(_some(self.layers, rows), self.features[rows])


def push(network: Network, states: States | None, ids: Ints) -> States:
    """The states after one more word of each text, or after the first; the given ones stay.

    Args:
        network: its head tells the next word.
        states: of n texts; None has read nothing.
        ids: of the word that comes to each, (n,).
    """
    if len(ids) == 0:  # there is no such batch
        none = push(network, None, np.zeros(1, np.int32))
        return none.take(np.zeros(0, np.int64))
    batch = pack_rows(np.asarray(ids, np.int32), np.arange(len(ids) + 1))
    features = network.head.running(batch, network.dtype, network.params)
    body = network.body.forward(
        batch, initial=None if states is None else states.layers, take_in=features.add
    )
    return States(body.final, features.value(batch))


def next_words(network: Network, states: States) -> Floats:
    """The logarithm of the probability of each word to come next, (n, C)."""
    return log_softmax(network.head.logits(states.features, network.params))


def _some(layers: Sequence[Params], rows: Ints) -> list[Params]:
    return [{name: value[:, rows] for name, value in layer.items()} for layer in layers]


def _compare(logits: Floats, targets: Ints) -> Told:
    """What logits (n, C), which are used up, say of targets (n,)."""
    rows, best = np.arange(len(logits)), logits.argmax(axis=1)
    of_targets, top = logits[rows, targets].astype(np.float64), logits[rows, best]
    logits -= top[:, np.newaxis]
    total = np.exp(logits, out=logits).sum(axis=1)
    return Told(of_targets - top - np.log(total.astype(np.float64)), best == targets)

"""A network as a language model: how probable texts are, and what comes next in some.

Neither needs the logits of all words at once. Of texts that are there, rows of logits are made a
few at a time, and only what they say of the words that came is kept. Long texts are read in pieces,
the states carried on, so that memory does not grow with them. Texts that are still to be written
are read a word at a time, all side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textrnn.nn.heads.next_word import NextWordHead
from textrnn.nn.losses import log_softmax
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack_rows
from textrnn.nn.workspace import Workspace
from textrnn.typing import Bools, Counts, Floats, Ids, Ints, Params

PIECE = 512
"""Words that are read of each text before the state is carried on."""
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
    piece: int = PIECE,
    workspace: Workspace | None = None,
) -> Told:
    """What a network says of the words that come next in some texts.

    A text's numbers do not depend on its neighbours, nor, but for rounding, on the pieces.

    Args:
        network: its head tells the next word.
        ids: what is read of all texts, one after the other.
        starts: where each text begins among them and the last one ends, (texts + 1,).
        targets: the word that comes next after each of them, of the same shape.
        rows: the texts that are read, side by side; None reads all.
        piece: words of each text that are read at once.
        workspace: buffers to use again.

    Returns:
        For each word of these texts, one text after the other.
    """
    space = workspace or Workspace()
    rows = np.arange(len(starts) - 1) if rows is None else rows
    lengths = starts[rows + 1] - starts[rows]
    places = np.cumsum(lengths) - lengths
    told = Told(np.empty(lengths.sum()), np.empty(lengths.sum(), bool))
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    state: Sequence[Params] | None = None
    for begin in range(0, int(lengths.max(initial=0)), piece):
        order = order[lengths[order] > begin]
        sizes = np.minimum(lengths[order] - begin, piece)
        pieces = np.concatenate([[0], np.cumsum(sizes)])
        shift = np.repeat(begin - pieces[:-1], sizes) + np.arange(pieces[-1])
        read = np.repeat(starts[rows[order]], sizes) + shift
        batch = pack_rows(ids[read], pieces)
        if state is not None:
            state = _some(state, np.arange(len(order)))
        state, found = _read(network, batch, targets[read[batch.places]], state, space)
        here = (np.repeat(places[order], sizes) + shift)[batch.places]
        for values, of_batch in zip(told, found, strict=True):
            values[here] = of_batch
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


def _read(
    network: Network,
    batch: PackedBatch,
    targets: Ints,
    initial: Sequence[Params] | None,
    workspace: Workspace,
) -> tuple[list[Params], Told]:
    """The final states of a batch, and what is said of its targets, in the order of its rows."""
    told = _Running(network, targets, batch.n_sequences)
    body = network.body.forward(batch, initial=initial, take_in=told.add, workspace=workspace)
    told.flush()
    return body.final, told.value


class _Running:
    """Compares outputs with targets as they come, from the last row up, some rows at a time."""

    def __init__(self, network: Network, targets: Ints, n_sequences: int) -> None:
        assert isinstance(network.head, NextWordHead)
        self._head, self._params, self._targets = network.head, network.params, targets
        self._room = max(LOGITS_AT_ONCE // network.head.n_classes, 1)
        shape = (self._room + n_sequences, network.body.width)
        self._h: Floats = np.empty(shape, network.dtype)
        self._first = len(self._h)
        self._missing = len(targets)
        self.value = Told(np.empty(len(targets)), np.empty(len(targets), bool))

    def add(self, h: Floats) -> None:
        """Take the outputs (1, n, H) of a step."""
        self._first -= h.shape[1]
        self._h[self._first : self._first + h.shape[1]] = h[0]
        if len(self._h) - self._first >= self._room:
            self.flush()

    def flush(self) -> None:
        """Compare what was taken."""
        n = len(self._h) - self._first
        rows = slice(self._missing - n, self._missing)
        for start in range(0, n, self._room):
            some = slice(rows.start + start, min(rows.start + start + self._room, rows.stop))
            h = self._h[self._first + start : self._first + start + self._room]
            found = _compare(self._head, self._params, h, self._targets[some])
            for values, new in zip(self.value, found, strict=True):
                values[some] = new
        self._first, self._missing = len(self._h), rows.start


def _compare(head: NextWordHead, params: Params, h: Floats, targets: Ints) -> Told:
    """What outputs (n, H) say of targets (n,)."""
    logits = head.logits(head.projected(h, params), params)
    rows, best = np.arange(len(logits)), logits.argmax(axis=1)
    of_targets = logits[rows, targets].astype(np.float64)
    top = logits[rows, best]
    logits -= top[:, np.newaxis]
    total = np.exp(logits, out=logits).sum(axis=1, dtype=logits.dtype)
    return Told(of_targets - top - np.log(total.astype(np.float64)), best == targets)

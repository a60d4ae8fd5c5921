"""Sums of loss and of what is right over the answers of a network, keeping none of them.

A network that answers at every word has more answers than there is memory for: those of a language
model are as wide as its vocabulary. Here some words are read at a time (``Network.features``), and
of these so many rows of logits are made at once as fit a small room.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.training.examples import Examples
from textrnn.training.step import Judged

ROOM = 2**21
"""Numbers of logits that are made at once: wide enough for fast products, small for a cache."""


def judge_answers(network: Network, examples: Examples, workspace: Workspace) -> Judged:
    """Sums over the answers of some texts, each counted by its weight; see ``step.Judge``.

    Where each token has a target, answers without weights count as one each, however long a text.
    """
    head, output = network.head, network.config.output
    texts = examples.texts
    packed = network.pack_rows(texts.ids, texts.starts, None, texts.forms)
    places = head.places(packed)
    at_once = max(1, ROOM // head.n_classes)
    loss = right = answers = 0.0
    for rows, features in network.features(packed, workspace=workspace):
        for start in range(0, len(features), at_once):
            some = slice(start, start + at_once)
            own = places[rows][some]
            logits, targets = (
                head.logits(features[some], network.params),
                examples.targets.take(own),
            )
            weights = None if examples.weights is None else examples.weights[own]
            loss += output.loss(logits, targets.values, weights, batch_size=1)[0]
            found = output.right(logits, targets.values)
            right += float(found.sum() if weights is None else found @ weights)
            answers += float(len(own) if weights is None else weights.sum(dtype=np.float64))
    return Judged(loss, right, answers)

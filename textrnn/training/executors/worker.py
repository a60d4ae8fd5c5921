"""The share of one process in a step, whichever process it is, and how shares are dealt out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.nn.gradients import Gradients
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.training.step import BatchSums, LabelledDocuments, LearningRule
from textrnn.typing import Floats, Ids, Ints

Seed = Sequence[int]


class Worker:
    """What works in a process.

    Args:
        network: its parameters are read only.
        documents: what is predicted.
        data: what is trained on, or None.
        rule: how, if there is anything to train on.
    """

    def __init__(
        self,
        network: Network,
        documents: Sequence[Ids],
        data: LabelledDocuments | None,
        rule: LearningRule | None,
    ) -> None:
        self.network, self.documents, self.data, self.rule = network, documents, data, rule
        self._workspace = Workspace()

    def gradient(self, rows: Ints, seed: Seed, size: int) -> tuple[BatchSums, Gradients]:
        """This worker's part of a step of so many documents, valid until its next one."""
        assert self.data is not None
        assert self.rule is not None
        rng = np.random.default_rng(seed)
        batch = self.data.batch(rows, size=size, rng=rng, workspace=self._workspace)
        return self.rule.step(self.network, batch)

    def predict(self, batches: Sequence[Ints], out: Floats) -> None:
        """Write the logits of the documents of some batches into rows of ``out``."""
        for rows in batches:
            packed = self.network.pack([self.documents[i] for i in rows.tolist()])
            out[rows] = self.network.predict_logits(packed, self._workspace)


def deal(rows: Ints, documents: Sequence[Ids], n: int) -> list[Ints]:
    """Deal documents out like cards, by length: each process gets about as many words."""
    lengths = np.array([len(documents[i]) for i in rows.tolist()])
    by_length = rows[np.argsort(-lengths, kind="stable")]
    return [by_length[i::n] for i in range(n)]


def seeds(rng: np.random.Generator, n: int) -> list[Seed]:
    """For each of n workers one of its own, and others in each step."""
    return [[int(rng.integers(2**63)), i] for i in range(n)]

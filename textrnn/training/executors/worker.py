"""The share of one process in a step, whichever process it is, and how shares are dealt out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from textrnn.inference.batches import check_answers_texts
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.step import Batch, OnlineRule, Rule, Told
from textrnn.typing import Counts, Floats, Ints

Seed = Sequence[int]


class Worker:
    """What works in a process.

    Args:
        network: its parameters are read only.
        texts: what is predicted.
        examples: what is trained on, or None.
        rule: how, if there is anything to train on.

    Raises:
        UsageError: the network's head does not answer once a text.
    """

    def __init__(
        self,
        network: Network,
        texts: EncodedTexts,
        examples: Examples | None,
        rule: Rule | None,
    ) -> None:
        check_answers_texts(network)
        self.network, self.texts, self.examples, self.rule = network, texts, examples, rule
        self._workspace = Workspace()

    def gradient(self, rows: Ints, seed: Seed, size: int) -> Told:
        """This worker's part of a step of so many examples, valid until its next one."""
        assert self.rule is not None
        assert not isinstance(self.rule, OnlineRule)
        return self.rule.step(self.network, self._batch(rows, seed, size))

    def steps(self, rows: Ints, seed: Seed, size: int) -> Iterator[Told]:
        """The same of a rule whose caller changes weights between two."""
        assert isinstance(self.rule, OnlineRule)
        return self.rule.steps(self.network, self._batch(rows, seed, size))

    def _batch(self, rows: Ints, seed: Seed, size: int) -> Batch:
        assert self.examples is not None
        rng = np.random.default_rng(seed)
        return Batch(self.examples.take(rows), size, rng, self._workspace)

    def predict(self, batches: Sequence[Ints], out: Floats) -> None:
        """Write the logits of the texts of some batches into rows of ``out``."""
        for rows in batches:
            packed = self.network.pack_rows(
                self.texts.ids, self.texts.starts, rows, self.texts.forms
            )
            out[rows] = self.network.predict_logits(packed, self._workspace)


def deal(rows: Ints, lengths: Counts, n: int) -> list[Ints]:
    """Deal texts out like cards, by length: each process gets about as many words.

    Args:
        rows: of the texts that are dealt out.
        lengths: words of all texts, (texts,).
        n: processes.
    """
    by_length = rows[np.argsort(-lengths[rows], kind="stable")]
    return [by_length[i::n] for i in range(n)]


def seeds(rng: np.random.Generator, n: int) -> list[Seed]:
    """For each of n workers one of its own, and others in each step."""
    return [[int(rng.integers(2**63)), i] for i in range(n)]

"""The share of one process in a step, whichever process it is, and how shares are dealt out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textrnn.inference.batches import MAX_TOKENS, length_batches
from textrnn.nn.workspace import Workspace
from textrnn.training.step import BatchOf, Judge, Judged, LearningRule, Told
from textrnn.training.trainable import Material, Trainable
from textrnn.typing import Counts, Floats, Ints

Seed = Sequence[int]
JUDGED_AT_ONCE = 32_768
"""Words of the examples that are judged together, of a text that is read whole the most."""


@dataclass(frozen=True)
class Task:
    """What is done in a process, and with what.

    Attributes:
        network: its parameters are read only.
        train: what is trained on, or None.
        rule: how, if there is anything to train on.
        held_out: what is predicted or judged, or None.
        judge: how sums over it are found; None where logits are predicted.
    """

    network: Trainable
    train: Material | None = None
    rule: LearningRule | None = None
    held_out: Material | None = None
    judge: Judge | None = None


@dataclass
class Worker:
    """What works on a task in a process."""

    task: Task
    _workspace: Workspace = field(default_factory=Workspace)

    def steps(self, rows: Ints, seed: Seed, size: int) -> Iterator[Told]:
        """What the rule tells of this worker's part of a step of so many examples.

        Each time it is valid until the next.
        """
        task = self.task
        assert task.rule is not None
        assert task.train is not None
        if len(rows) == 0:
            return iter(())
        rng = np.random.default_rng(seed)
        batch = BatchOf(task.train.take(rows), size, rng, self._workspace)
        return task.rule.steps(task.network, batch)

    def predict(self, batches: Sequence[Ints], out: Floats) -> None:
        """Write the logits of the texts of some batches into rows of ``out``."""
        network: Any = self.task.network
        held_out: Any = self.task.held_out
        texts = held_out.texts
        for rows in batches:
            packed = network.pack_rows(texts.ids, texts.starts, rows, texts.forms)
            out[rows] = network.predict_logits(packed, self._workspace)

    def judge(self, batches: Sequence[Ints]) -> Judged:
        """The sums over the examples of some batches."""
        task = self.task
        assert task.judge is not None
        assert task.held_out is not None
        total = Judged(0.0, 0.0, 0.0)
        for rows in batches:
            total = added(
                total, task.judge(task.network, task.held_out.take(rows), self._workspace)
            )
        return total


def added(first: Judged, second: Judged) -> Judged:
    """The sums over two parts of the examples."""
    return Judged(*(a + b for a, b in zip(first, second, strict=True)))


def logits_of(task: Task) -> Floats:
    """Room for the logits of texts that are predicted, (n, C); none where they are judged."""
    if task.held_out is None or task.judge is not None:
        return np.empty((0, 0))
    network: Any = task.network
    return np.empty((len(task.held_out), network.config.n_classes), network.dtype)


def held_out_batches(task: Task, rows: Ints | None, max_tokens: int = MAX_TOKENS) -> list[Ints]:
    """Held-out examples that are read together: those at some rows, or all."""
    assert task.held_out is not None
    rows = np.arange(len(task.held_out)) if rows is None else rows
    batches = length_batches(task.held_out.lengths[rows], max_tokens=max_tokens)
    return [rows[batch] for batch in batches]


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

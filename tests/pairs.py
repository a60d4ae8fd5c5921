"""A small model of pairs of texts, and how it learns: it is no network over texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tests.examples import texts_of
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.losses import cross_entropy
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.config import TrainingConfig
from textrnn.training.measure import OfSums
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import Kind
from textrnn.training.step import BatchOf, BatchSums, Judged, Told
from textrnn.typing import Counts, Floats, Ints, Params

V, D = 9, 5


@dataclass(frozen=True)
class ToyShapes:
    """Those of a table of vectors and of a matrix between the vectors of two texts."""

    dtype: str = "float64"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"vectors": (V, D), "between": (D, V)}

    def tables(self) -> tuple[str, ...]:
        return ("vectors",)


class Toy:
    """The words of a target by the sum of the vectors of its source."""

    def __init__(self, config: ToyShapes, params: Params) -> None:
        self.config, self.params, self.dtype = config, params, np.dtype(config.dtype)

    def logits(self, pairs: Pairs) -> tuple[Floats, Floats]:
        """One row for each word of the targets, and what they are made of."""
        ids, starts = pairs.sources.ids, pairs.sources.starts
        sums = np.add.reduceat(self.params["vectors"][ids], starts[:-1])
        repeated = np.repeat(sums, pairs.targets.lengths, axis=0)
        return repeated @ self.params["between"], repeated


@dataclass(frozen=True)
class Pairs:
    """Sources and targets."""

    sources: EncodedTexts
    targets: EncodedTexts

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> Counts:
        return self.sources.lengths + self.targets.lengths

    @property
    def n_tokens(self) -> int:
        return self.sources.n_tokens + self.targets.n_tokens

    def take(self, rows: Ints) -> Pairs:
        return Pairs(self.sources.take(rows), self.targets.take(rows))

    def bare(self) -> Pairs:
        return self


@dataclass(frozen=True)
class ToyRule:
    """Gradients of pairs; some of the words of a source are dropped at random."""

    rate: float = 0.0
    frozen: tuple[str, ...] = ()
    is_online: ClassVar[bool] = False

    @classmethod
    def configured(
        cls, config: TrainingConfig, regularisation: Regularisation, dtype: Any
    ) -> ToyRule:
        del dtype
        return cls(regularisation.dropout_input, config.frozen)

    def steps(self, network: Toy, batch: BatchOf[Pairs]) -> Iterator[Told]:
        pairs = batch.examples
        logits, repeated = network.logits(pairs)
        mask = (batch.rng.random(repeated.shape) >= self.rate) / (1.0 - self.rate)
        logits = (repeated * mask) @ network.params["between"]
        loss, d_logits = cross_entropy(logits, pairs.targets.ids, batch_size=batch.size)
        d_sums = (d_logits @ network.params["between"].T) * mask
        starts = pairs.targets.starts[:-1]
        d_words = np.repeat(np.add.reduceat(d_sums, starts), pairs.sources.lengths, axis=0)
        rows, places = np.unique(pairs.sources.ids, return_inverse=True)
        values = np.zeros((len(rows), D))
        np.add.at(values, places, d_words)
        gradients: Gradients = {
            "between": (repeated * mask).T @ d_logits,
            "vectors": RowGradient(rows, values, V),
        }
        right = np.add.reduceat(logits.argmax(axis=1) == pairs.targets.ids, starts, dtype=float)
        correct = float((right / pairs.targets.lengths).sum())
        yield BatchSums(loss * batch.size, correct, pairs.n_tokens, 0), gradients


def judge_pairs(network: Toy, pairs: Pairs, workspace: Workspace) -> Judged:
    """Nats of the words, and pairs that are right as a whole."""
    del workspace
    logits, _ = network.logits(pairs)
    loss, _ = cross_entropy(logits, pairs.targets.ids, batch_size=1)
    right = np.logical_and.reduceat(
        logits.argmax(axis=1) == pairs.targets.ids, pairs.targets.starts[:-1]
    )
    return Judged(loss, float(right.sum()), float(len(pairs)))


def draw(n: int, seed: int) -> Pairs:
    """The target says the last word of the source once or more; the others are of no use."""
    rng = np.random.default_rng(seed)
    last = rng.integers(1, V, n)
    sources = [np.append(np.zeros(rng.integers(0, 3)), word).astype(np.int32) for word in last]
    targets = [np.full(rng.integers(1, 4), word, np.int32) for word in last]
    return Pairs(texts_of(sources), texts_of(targets))


TRAIN, HELD_OUT = draw(90, 1), draw(30, 2)
PLAIN = {"learning_rate_init": 0.05, "batch_size": 8, "max_iter": 8, "n_iter_no_change": 8}
EXACT = OfSums(judge_pairs, "exact")
KIND = Kind(ToyRule.configured, is_one_way=False)


def new_toy(seed: int = 0) -> Toy:
    rng = np.random.default_rng(seed)
    shapes = ToyShapes().shapes()
    return Toy(ToyShapes(), {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()})

"""Training and prediction in this process alone."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from textrnn.inference.batches import length_batches
from textrnn.nn.network import Network
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.executors.worker import Worker, deal, seeds
from textrnn.training.step import OnlineRule, Rule, Told
from textrnn.typing import Floats, Ints


class SingleProcess:
    """An executor that starts nothing; see ``step.Executor``.

    Args:
        network: what is trained.
        texts: what is predicted, or trained on if there are ``examples``.
        examples: what to train on, with targets and weights: the first of the texts.
        rule: how it is trained.
    """

    n_jobs = 1

    def __init__(
        self,
        network: Network,
        texts: EncodedTexts,
        *,
        examples: Examples | None = None,
        rule: Rule | None = None,
    ) -> None:
        self.lengths, self._rule = texts.lengths, rule
        self._worker = Worker(network, texts, examples, rule)
        self._logits: Floats = np.empty((len(texts), network.config.n_classes), network.dtype)

    def gradient(self, rows: Ints, rng: np.random.Generator) -> Told:
        """Sums and gradient over the examples at ``rows``."""
        (seed,), (part,) = seeds(rng, 1), deal(rows, self.lengths, 1)
        return self._worker.gradient(part, seed, len(rows))

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """One after the other, of a rule that changes weights on the way; else once."""
        if not isinstance(self._rule, OnlineRule):
            yield self.gradient(rows, rng)
            return
        (seed,), (part,) = seeds(rng, 1), deal(rows, self.lengths, 1)
        yield from self._worker.steps(part, seed, len(rows))

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the texts at ``rows``, or of all, in that order."""
        rows = np.arange(len(self.lengths)) if rows is None else rows
        batches = [rows[batch] for batch in length_batches(self.lengths[rows])]
        self._worker.predict(batches, self._logits)
        return self._logits[rows]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """There is nothing to end."""

"""Training and prediction in this process alone."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from textrnn.training.executors.worker import (
    JUDGED_AT_ONCE,
    Task,
    Worker,
    deal,
    held_out_batches,
    logits_of,
    seeds,
)
from textrnn.training.step import Judged, Told
from textrnn.typing import Floats, Ints


class SingleProcess:
    """An executor that starts nothing; see ``step.Executor``.

    Args:
        task: what is to be done.
    """

    n_jobs = 1

    def __init__(self, task: Task) -> None:
        self._task, self._worker = task, Worker(task)
        self._logits = logits_of(task)

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """Sums and gradient over the training examples at ``rows``."""
        assert self._task.train is not None
        (seed,), (part,) = seeds(rng, 1), deal(rows, self._task.train.lengths, 1)
        for sums, gradients in self._worker.steps(part, seed, len(rows)):
            if gradients:
                yield sums, gradients

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the held-out texts at ``rows``, or of all, in that order."""
        self._worker.predict(held_out_batches(self._task, rows), self._logits)
        return self._logits[slice(None) if rows is None else rows].copy()

    def judge(self, rows: Ints | None = None) -> Judged:
        """Sums over the held-out examples at ``rows``, or over all."""
        return self._worker.judge(held_out_batches(self._task, rows, JUDGED_AT_ONCE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """There is nothing to end."""

"""Training and prediction in this process alone."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from textrnn.inference.batches import length_batches
from textrnn.nn.gradients import Gradients
from textrnn.nn.network import Network
from textrnn.training.executors.worker import Worker, deal, seeds
from textrnn.training.step import BatchSums, LabelledDocuments, LearningRule
from textrnn.typing import Floats, Ids, Ints


class SingleProcess:
    """An executor that starts nothing; see ``step.Executor``.

    Args:
        network: what is trained.
        documents: what is predicted, or trained on if ``data`` is given.
        data: what to train on, with classes and weights: the first of the documents.
        rule: how it is trained.
    """

    n_jobs = 1

    def __init__(
        self,
        network: Network,
        documents: Sequence[Ids],
        *,
        data: LabelledDocuments | None = None,
        rule: LearningRule | None = None,
    ) -> None:
        self.documents = documents
        self._worker = Worker(network, documents, data, rule)
        self._logits: Floats = np.empty((len(documents), network.config.n_classes), network.dtype)

    def gradient(self, rows: Ints, rng: np.random.Generator) -> tuple[BatchSums, Gradients]:
        """Sums and gradient over the documents at ``rows``."""
        (seed,), (part,) = seeds(rng, 1), deal(rows, self.documents, 1)
        return self._worker.gradient(part, seed, len(rows))

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the documents at ``rows``, or of all, in that order."""
        rows = np.arange(len(self.documents)) if rows is None else rows
        lengths = np.array([len(self.documents[i]) for i in rows.tolist()], dtype=np.int64)
        batches = [rows[batch] for batch in length_batches(lengths)]
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

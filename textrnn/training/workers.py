"""Training and prediction in several processes: synchronous data parallelism.

Every batch is dealt out over the processes; each computes the gradient of its part, and
the parts are added in a fixed order, so the same seed and number of processes give the
same bits. The calling process is the first worker.

Parameters, documents and gradients live in shared memory (``textrnn.shared_arrays``);
what is sent to a process and back is only which documents, and how many rows
(``textrnn.processes``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from textrnn.errors import TrainingError, WorkerError
from textrnn.inference import length_batches
from textrnn.network import Network, NetworkConfig
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.workspace import Workspace
from textrnn.processes import Answer, Processes
from textrnn.shared_arrays import SharedArray, SharedDocuments
from textrnn.training.gradient import (
    BatchSums,
    LabelledDocuments,
    Regularisation,
    batch_gradient,
)
from textrnn.typing import Floats, Ids, Ints, Params


class SharedGradients:
    """Room for one process's gradients: dense ones whole, of tables the rows that took part."""

    def __init__(self, config: NetworkConfig, frozen: tuple[str, ...], capacity: int) -> None:
        self._values: dict[str, SharedArray] = {}
        self._rows: dict[str, SharedArray] = {}
        tables = config.tables()
        for name, shape in config.shapes().items():
            if name in frozen:
                continue
            if name in tables:
                n_rows = min(shape[0], capacity)
                self._rows[name] = SharedArray((n_rows,), np.int64)
                shape = (n_rows, *shape[1:])
            self._values[name] = SharedArray(shape, config.dtype)

    def write(self, gradients: Gradients) -> dict[str, tuple[int, int]]:
        """Copy gradients here; return the rows in use, and of how many, of each table."""
        used: dict[str, tuple[int, int]] = {}
        for name, gradient in gradients.items():
            if isinstance(gradient, RowGradient):
                n = len(gradient.rows)
                self._rows[name].array[:n] = gradient.rows
                self._values[name].array[:n] = gradient.values
                used[name] = (n, gradient.n_rows)
            else:
                self._values[name].array[...] = gradient
        return used

    def read(self, used: dict[str, tuple[int, int]]) -> Gradients:
        """The gradients, as views."""
        gradients: Gradients = {}
        for name, shared in self._values.items():
            if name in self._rows:
                n, n_rows = used[name]
                rows, values = self._rows[name].array[:n], shared.array[:n]
                gradients[name] = RowGradient(rows, values, n_rows)
            else:
                gradients[name] = shared.array
        return gradients


@dataclass(frozen=True)
class Job:
    """All that a new process needs."""

    config: NetworkConfig
    params: dict[str, SharedArray]
    documents: SharedDocuments
    targets: SharedArray | None = None
    weights: SharedArray | None = None
    regularisation: Regularisation | None = None
    gradients: SharedGradients | None = None
    logits: SharedArray | None = None


class Workers:
    """Processes that share a network and documents; a context manager.

    Args:
        network: its parameters move to shared memory for the time of the context.
        documents: what is predicted, or trained on if ``data`` is given.
        n_jobs: processes, this one included.
        data: what to train on, with classes and weights: the first of the documents.
        regularisation: of the training.
    """

    def __init__(
        self,
        network: Network,
        documents: Sequence[Ids],
        n_jobs: int,
        *,
        data: LabelledDocuments | None = None,
        regularisation: Regularisation | None = None,
    ) -> None:
        self.network = network
        self.documents = documents
        self.n_jobs = n_jobs
        self.data = data
        self.regularisation = regularisation or Regularisation()
        self._workspace = Workspace()
        self._others: Processes | None = None
        self._gradients: list[SharedGradients] = []
        self._logits: Floats = np.empty((0, 0))

    def __enter__(self) -> Self:
        shape = (len(self.documents), self.network.config.n_classes)
        if self.n_jobs > 1:
            try:
                self._start(shape)
            except (OSError, WorkerError) as error:
                why = getattr(error, "strerror", None) or error
                raise TrainingError(
                    f"cannot start {self.n_jobs} processes with shared memory ({why}); "
                    "use --jobs 1."
                ) from error
        else:
            self._logits = np.empty(shape, self.network.dtype)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._others is not None:
            self._others.close()
            self._others = None
        if self.n_jobs > 1:
            # The network outlives the shared memory.
            params = self.network.params
            params.update({name: value.copy() for name, value in params.items()})

    def _start(self, shape: tuple[int, int]) -> None:
        config, frozen = self.network.config, self.regularisation.frozen
        params = {name: SharedArray.of(value) for name, value in self.network.params.items()}
        self.network.params.update({name: shared.array for name, shared in params.items()})
        documents = SharedDocuments.of(self.documents)
        data = self.data
        logits = SharedArray(shape, config.dtype)
        self._logits = logits.array
        capacity = int(documents.starts.array[-1]) + 1
        targets = None if data is None else SharedArray.of(data.targets)
        weighted = data is not None and data.weights is not None
        weights = SharedArray.of(data.weights) if data is not None and weighted else None
        job = Job(
            config=config,
            params=params,
            documents=documents,
            targets=targets,
            weights=weights,
            regularisation=self.regularisation,
            logits=logits,
        )
        jobs = [job] * (self.n_jobs - 1)
        if data is not None:
            self._gradients = [SharedGradients(config, frozen, capacity) for _ in jobs]
            jobs = [replace(job, gradients=gradients) for gradients in self._gradients]
        self._others = Processes(prepare, jobs)

    # ------------------------------------------------------------------- training

    def gradient(self, rows: Ints, rng: np.random.Generator) -> tuple[BatchSums, Gradients]:
        """Sums and gradient over the documents at ``rows``, all processes together.

        Raises:
            TrainingError: a worker died.
        """
        assert self.data is not None
        seeds = [[int(rng.integers(2**63)), i] for i in range(self.n_jobs)]
        parts = self._deal(rows)
        self._send([("gradient", *task, len(rows)) for task in zip(parts, seeds, strict=True)])
        sums, gradients = batch_gradient(
            self.network,
            self.data,
            parts[0],
            self.regularisation,
            batch_size=len(rows),
            rng=np.random.default_rng(seeds[0]),
            workspace=self._workspace,
        )
        for i, (theirs, used) in enumerate(self._receive()):
            if theirs is None:
                continue
            sums = BatchSums(*(a + b for a, b in zip(sums, theirs, strict=True)))
            gradients = add_gradients(gradients, self._gradients[i].read(used))
        return sums, gradients

    def _deal(self, rows: Ints) -> list[Ints]:
        """Deal documents out like cards, by length: each process gets about as many words."""
        lengths = np.array([len(self.documents[i]) for i in rows.tolist()])
        by_length = rows[np.argsort(-lengths, kind="stable")]
        return [by_length[i :: self.n_jobs] for i in range(self.n_jobs)]

    # ----------------------------------------------------------------- prediction

    def predict_proba(self, rows: Ints | None = None) -> Floats:
        """Class probabilities of the documents at ``rows``, or of all, in that order."""
        return self.network.config.output.probabilities(self.predict_logits(rows))

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the documents at ``rows``, or of all, in that order."""
        rows = np.arange(len(self.documents)) if rows is None else rows
        lengths = np.array([len(self.documents[i]) for i in rows.tolist()], dtype=np.int64)
        batches = [rows[batch] for batch in length_batches(lengths)]
        # To and fro, as each batch has shorter documents than the one before.
        turns = [*range(self.n_jobs), *reversed(range(self.n_jobs))]
        parts: list[list[Ints]] = [[] for _ in range(self.n_jobs)]
        for batch, turn in zip(batches, itertools.cycle(turns), strict=False):
            parts[turn].append(batch)
        self._send([("predict", part) for part in parts])
        out = self._logits
        _predict(self.network, self.documents, parts[0], out, self._workspace)
        for _ in self._receive():
            pass
        return out[rows]

    # ------------------------------------------------------------------ messages

    def _send(self, messages: Sequence[Any]) -> None:
        """Send each other process its message; the first one is this process's own."""
        if self._others is not None:
            with _told_of_checkpoint():
                for i, message in enumerate(messages[1:]):
                    self._others.send(i, message)

    def _receive(self) -> Iterator[Any]:
        """The answers of the other processes, in a fixed order."""
        if self._others is not None:
            with _told_of_checkpoint():
                for i in range(self.n_jobs - 1):
                    yield self._others.receive(i)


@contextmanager
def _told_of_checkpoint() -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        raise TrainingError(
            f"{error} What was trained up to the last whole epoch is in the checkpoint: use "
            "--resume, or fewer --jobs."
        ) from error


def prepare(job: Job) -> Answer:
    """What answers a message in another process."""
    params: Params = {name: shared.array for name, shared in job.params.items()}
    network = Network(job.config, params)
    return partial(_answer, job, network, job.documents.views(), Workspace())


def _answer(
    job: Job, network: Network, documents: list[Ids], workspace: Workspace, message: Any
) -> Any:
    kind, *arguments = message
    if kind == "predict":
        assert job.logits is not None
        _predict(network, documents, arguments[0], job.logits.array, workspace)
        return None
    rows, seed, batch_size = arguments
    if len(rows) == 0:
        return None, {}
    assert job.targets is not None
    assert job.gradients is not None
    assert job.regularisation is not None
    weights = None if job.weights is None else job.weights.array
    sums, gradients = batch_gradient(
        network,
        LabelledDocuments(documents, job.targets.array, weights),
        rows,
        job.regularisation,
        batch_size=batch_size,
        rng=np.random.default_rng(seed),
        workspace=workspace,
    )
    return sums, job.gradients.write(gradients)


def _predict(
    network: Network,
    documents: Sequence[Ids],
    batches: list[Ints],
    out: Floats,
    workspace: Workspace,
) -> None:
    for rows in batches:
        packed = network.pack([documents[i] for i in rows.tolist()])
        out[rows] = network.predict_logits(packed, workspace)


def add_gradients(first: Gradients, second: Gradients) -> Gradients:
    """The sum of two gradients of the same parameters; ``first`` is used up."""
    total: Gradients = {}
    for name, a in first.items():
        b = second[name]
        if isinstance(a, RowGradient) and isinstance(b, RowGradient):
            total[name] = _add_rows(a, b)
        else:
            assert not isinstance(a, RowGradient)
            assert not isinstance(b, RowGradient)
            a += b
            total[name] = a
    return total


def _add_rows(a: RowGradient, b: RowGradient) -> RowGradient:
    rows = np.union1d(a.rows, b.rows)
    values = np.zeros((len(rows), *a.values.shape[1:]), dtype=a.values.dtype)
    values[np.searchsorted(rows, a.rows)] = a.values
    values[np.searchsorted(rows, b.rows)] += b.values
    return RowGradient(rows, values, a.n_rows)

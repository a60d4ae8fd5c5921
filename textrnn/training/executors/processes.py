"""Training and prediction in several processes: synchronous data parallelism.

Every batch is dealt out over the processes; each computes the gradient of its part, and
the parts are added in a fixed order, so the same seed and number of processes give the
same bits. The calling process is the first worker.

Parameters, documents and gradients live in shared memory (``textrnn.system.shared_memory``);
what is sent to a process and back is only which documents, and how many rows
(``textrnn.system.processes``).

Processes that cannot start are done without, which is known before the first step: from then
on their number stays, and one that dies is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from textrnn.errors import TrainingError, WorkerError
from textrnn.inference.batches import length_batches
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.network import Network, NetworkConfig
from textrnn.nn.workspace import Workspace
from textrnn.system.processes import Answer, Processes, tell_fewer
from textrnn.system.shared_memory import Shared
from textrnn.training.rules.bptt import (
    BatchSums,
    LabelledDocuments,
    Regularisation,
    batch_gradient,
)
from textrnn.typing import Floats, Ids, Ints
from textrnn.wording.messages import Advice, Parameter


class GradientRoom:
    """Room for one process's gradients: dense ones whole, of tables the rows that took part."""

    def __init__(self, config: NetworkConfig, frozen: tuple[str, ...], capacity: int) -> None:
        self._values: dict[str, Floats] = {}
        self._rows: dict[str, Ints] = {}
        tables = config.tables()
        for name, shape in config.shapes().items():
            if name in frozen:
                continue
            if name in tables:
                n_rows = min(shape[0], capacity)
                self._rows[name] = np.zeros(n_rows, np.int64)
                shape = (n_rows, *shape[1:])
            self._values[name] = np.zeros(shape, config.dtype)

    def write(self, gradients: Gradients) -> dict[str, tuple[int, int]]:
        """Copy gradients here; return the rows in use, and of how many, of each table."""
        used: dict[str, tuple[int, int]] = {}
        for name, gradient in gradients.items():
            if isinstance(gradient, RowGradient):
                n = len(gradient.rows)
                self._rows[name][:n] = gradient.rows
                self._values[name][:n] = gradient.values
                used[name] = (n, gradient.n_rows)
            else:
                self._values[name][...] = gradient
        return used

    def read(self, used: dict[str, tuple[int, int]]) -> Gradients:
        """The gradients, as views."""
        gradients: Gradients = {}
        for name, values in self._values.items():
            if name in self._rows:
                n, n_rows = used[name]
                gradients[name] = RowGradient(self._rows[name][:n], values[:n], n_rows)
            else:
                gradients[name] = values
        return gradients


@dataclass(frozen=True)
class Job:
    """What processes share; documents are one after the other, so that arrays are few."""

    network: Network
    ids: Ids
    starts: Ints
    logits: Floats
    """Of all documents, (n, C)."""
    targets: Any
    weights: Floats | None
    regularisation: Regularisation
    gradients: list[GradientRoom]
    """One for each other process; empty if nothing is trained."""

    def documents(self) -> list[Ids]:
        """Each document as a view."""
        return [self.ids[a:b] for a, b in itertools.pairwise(self.starts.tolist())]


class Workers:
    """Processes that share a network and documents; a context manager.

    Args:
        network: its parameters move to shared memory for the time of the context.
        documents: what is predicted, or trained on if ``data`` is given.
        n_jobs: processes, this one included. In the context it is the number of those that could
            be started, and the caller has been warned if there are fewer.
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
        self._started: list[int] = []
        self._gradients: list[GradientRoom] = []
        self._logits: Floats = np.empty((0, 0))

    def __enter__(self) -> Self:
        shape = (len(self.documents), self.network.config.n_classes)
        self._logits = np.empty(shape, self.network.dtype)
        if self.n_jobs > 1:
            try:
                self._start()
            except WorkerError as error:
                self.n_jobs = 1
                tell_fewer(1, error)
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
            # The network takes its own memory along.
            params = self.network.params
            params.update({name: value.copy() for name, value in params.items()})

    def _start(self) -> None:
        """Start the other processes, and wait until it is known how many there are.

        Raises:
            WorkerError: there can be none.
        """
        shared = Shared(self._job())
        others = Processes(prepare, [(shared, i) for i in range(self.n_jobs - 1)])
        try:
            self._started = others.started()
        except BaseException:
            others.close()
            raise
        others.tell_lost()
        self._others, self.n_jobs = others, 1 + len(self._started)
        job = shared.open()
        self._logits, self._gradients = job.logits, job.gradients
        self.network.params.update(job.network.params)

    def _job(self) -> Job:
        config, data = self.network.config, self.data
        params = {name: np.ascontiguousarray(p) for name, p in self.network.params.items()}
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in self.documents])])
        capacity = int(starts[-1]) + 1
        rooms = range(0 if data is None else self.n_jobs - 1)
        return Job(
            network=Network(config, params),
            ids=np.concatenate(self.documents) if self.documents else np.zeros(0, np.int32),
            starts=starts.astype(np.int64),
            logits=self._logits,
            targets=None if data is None else data.targets,
            weights=None if data is None else data.weights,
            regularisation=self.regularisation,
            gradients=[GradientRoom(config, self.regularisation.frozen, capacity) for _ in rooms],
        )

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
        for i, (theirs, used) in zip(self._started, self._receive(), strict=True):
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
            with _told_of_death():
                for i, message in zip(self._started, messages[1:], strict=True):
                    self._others.send(i, message)

    def _receive(self) -> Iterator[Any]:
        """The answers of the other processes, in a fixed order."""
        if self._others is not None:
            with _told_of_death():
                for i in self._started:
                    yield self._others.receive(i)


@contextmanager
def _told_of_death() -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        raise TrainingError(
            *error.args,
            Advice(" Try fewer processes (", Parameter("n_jobs"), ")."),
        ) from error


def prepare(task: tuple[Shared[Job], int]) -> Answer:
    """What answers a message in another process, of so many the one of this number."""
    shared, number = task
    job = shared.open()
    room = job.gradients[number] if job.gradients else None
    data = LabelledDocuments(job.documents(), job.targets, job.weights)
    return partial(_answer, job, data, room, Workspace())


def _answer(
    job: Job,
    data: LabelledDocuments,
    room: GradientRoom | None,
    workspace: Workspace,
    message: Any,
) -> Any:
    kind, *arguments = message
    if kind == "predict":
        _predict(job.network, data.documents, arguments[0], job.logits, workspace)
        return None
    rows, seed, batch_size = arguments
    if len(rows) == 0:
        return None, {}
    assert room is not None
    sums, gradients = batch_gradient(
        job.network,
        data,
        rows,
        job.regularisation,
        batch_size=batch_size,
        rng=np.random.default_rng(seed),
        workspace=workspace,
    )
    return sums, room.write(gradients)


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

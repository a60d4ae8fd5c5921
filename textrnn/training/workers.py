"""Training and prediction in several processes: synchronous data parallelism.

Every batch is dealt out over the processes; each computes the gradient of its part, and
the parts are added in a fixed order, so the same seed and number of processes give the
same bits. The calling process is the first worker.

Parameters, documents and gradients live in shared memory that has no name: it goes with
the last process that maps it, however that ends. A worker ends when its pipe closes, so
none outlives its parent. Each process has one BLAS thread.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

import numpy as np

from textrnn.errors import TrainingError
from textrnn.inference import length_batches
from textrnn.network import Network, NetworkConfig
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.packed import pack
from textrnn.nn.workspace import Workspace
from textrnn.threads import one_blas_thread
from textrnn.training.gradient import (
    BatchSums,
    LabelledDocuments,
    Regularisation,
    batch_gradient,
)
from textrnn.typing import Floats, Ids, Ints, Params


class SharedArray:
    """An array in anonymous shared memory that can be handed to a new process."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        size = max(int(np.prod(shape)) * self.dtype.itemsize, 1)
        self._memory = multiprocessing.get_context("spawn").RawArray("B", size)

    @classmethod
    def of(cls, array: Any) -> SharedArray:
        """A shared copy of an array."""
        shared = cls(array.shape, array.dtype)
        shared.array[...] = array
        return shared

    @property
    def array(self) -> Any:
        """The memory as an array."""
        count = int(np.prod(self.shape))
        return np.frombuffer(self._memory, self.dtype, count).reshape(self.shape)


@dataclass(frozen=True)
class SharedDocuments:
    """Documents one after the other in one shared array."""

    ids: SharedArray
    starts: SharedArray

    @classmethod
    def of(cls, documents: Sequence[Ids]) -> SharedDocuments:
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in documents])])
        ids = np.concatenate(documents) if len(documents) else np.zeros(0, np.int32)
        return cls(SharedArray.of(ids), SharedArray.of(starts.astype(np.int64)))

    def views(self) -> list[Ids]:
        """Each document as a view of the shared array."""
        ids, starts = self.ids.array, self.starts.array.tolist()
        return [ids[a:b] for a, b in itertools.pairwise(starts)]


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
    probabilities: SharedArray | None = None


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
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._gradients: list[SharedGradients] = []
        self._probabilities: Floats = np.empty((0, 0))

    def __enter__(self) -> Self:
        shape = (len(self.documents), self.network.config.n_classes)
        if self.n_jobs > 1:
            try:
                self._start(shape)
            except OSError as error:
                raise TrainingError(
                    f"cannot start {self.n_jobs} processes with shared memory "
                    f"({error.strerror or error}); use --jobs 1."
                ) from error
        else:
            self._probabilities = np.empty(shape, self.network.dtype)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=1.0)
            if process.is_alive():
                process.kill()
                process.join()
        if self.n_jobs > 1:
            # The network outlives the shared memory.
            params = self.network.params
            params.update({name: value.copy() for name, value in params.items()})
        self._pipes, self._processes = [], []

    def _start(self, shape: tuple[int, int]) -> None:
        config, frozen = self.network.config, self.regularisation.frozen
        params = {name: SharedArray.of(value) for name, value in self.network.params.items()}
        self.network.params.update({name: shared.array for name, shared in params.items()})
        documents = SharedDocuments.of(self.documents)
        data = self.data
        probabilities = SharedArray(shape, config.dtype)
        self._probabilities = probabilities.array
        capacity = int(documents.starts.array[-1]) + 1
        targets = None if data is None else SharedArray.of(data.targets)
        weighted = data is not None and data.weights is not None
        weights = SharedArray.of(data.weights) if data is not None and weighted else None
        context = multiprocessing.get_context("spawn")
        for _ in range(self.n_jobs - 1):
            gradients = None if data is None else SharedGradients(config, frozen, capacity)
            job = Job(
                config=config,
                params=params,
                documents=documents,
                targets=targets,
                weights=weights,
                regularisation=self.regularisation,
                gradients=gradients,
                probabilities=probabilities,
            )
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, job), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
            if gradients is not None:
                self._gradients.append(gradients)

    # ------------------------------------------------------------------- training

    def gradient(self, rows: Ints, rng: np.random.Generator) -> tuple[BatchSums, Gradients]:
        """Sums and gradient over the documents at ``rows``, all processes together.

        Raises:
            TrainingError: a worker died.
        """
        assert self.data is not None
        seeds = [[int(rng.integers(2**63)), i] for i in range(self.n_jobs)]
        parts = self._deal(rows)
        for pipe, part, seed in zip(self._pipes, parts[1:], seeds[1:], strict=True):
            self._send(pipe, ("gradient", part, seed, len(rows)))
        sums, gradients = batch_gradient(
            self.network,
            self.data,
            parts[0],
            self.regularisation,
            batch_size=len(rows),
            rng=np.random.default_rng(seeds[0]),
            workspace=self._workspace,
        )
        for i in range(len(self._pipes)):
            theirs, used = self._receive(i)
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
        rows = np.arange(len(self.documents)) if rows is None else rows
        lengths = np.array([len(self.documents[i]) for i in rows.tolist()], dtype=np.int64)
        batches = [rows[batch] for batch in length_batches(lengths)]
        for i, pipe in enumerate(self._pipes, start=1):
            self._send(pipe, ("predict", batches[i :: self.n_jobs]))
        out = self._probabilities
        _predict(self.network, self.documents, batches[:: self.n_jobs], out, self._workspace)
        for i in range(len(self._pipes)):
            self._receive(i)
        return out[rows]

    # --------------------------------------------------------------------- pipes

    def _send(self, pipe: Connection, message: tuple[Any, ...]) -> None:
        try:
            pipe.send(message)
        except OSError as error:
            raise TrainingError(self._explain_death()) from error

    def _receive(self, i: int) -> Any:
        try:
            answer = self._pipes[i].recv()
        except (EOFError, OSError) as error:
            raise TrainingError(self._explain_death()) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _explain_death(self) -> str:
        for process in self._processes:
            process.join(timeout=0.2)
        codes = [process.exitcode for process in self._processes if process.exitcode is not None]
        how = f"exit code {codes[0]}" if codes else "its pipe closed"
        return (
            f"a worker process died ({how}), perhaps for want of memory. What was trained up to "
            "the last whole epoch is in the checkpoint: use --resume, or fewer --jobs."
        )


def serve(pipe: Connection, job: Job) -> None:
    """The life of a worker process: answer until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        params: Params = {name: shared.array for name, shared in job.params.items()}
        network, workspace = Network(job.config, params), Workspace()
        documents = job.documents.views()
        while True:
            try:
                kind, *arguments = pipe.recv()
                pipe.send(_answer(kind, arguments, job, network, documents, workspace))
            except (EOFError, OSError):
                return
            except Exception as error:
                pipe.send(error)


def _answer(
    kind: str,
    arguments: list[Any],
    job: Job,
    network: Network,
    documents: list[Ids],
    workspace: Workspace,
) -> Any:
    if kind == "predict":
        assert job.probabilities is not None
        _predict(network, documents, arguments[0], job.probabilities.array, workspace)
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
        packed = pack([documents[i] for i in rows.tolist()])
        out[rows] = network.predict_proba(packed, workspace)


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

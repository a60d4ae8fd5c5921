"""Training and prediction in several processes: synchronous data parallelism.

Every batch is dealt out over the processes; each computes the gradient of its part and hands it
over in a ``GradientRoom``, and the parts are added in a fixed order, so the same seed and number of
processes give the same bits. The calling process is the first worker. Under a rule that changes
weights on the way through a batch all go on together: each tells of the same part of its texts,
the first one changes the weights, which all share, and then they go on. One whose texts have ended
tells nothing more.

Parameters, texts and gradients live in shared memory (``textrnn.system.shared_memory``);
what is sent to a process and back is only which texts, and how many rows
(``textrnn.system.processes``).

Processes that cannot start are done without, which is known before the first step: from then
on their number stays, and one that dies is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np

from textrnn.errors import TrainingError, WorkerError
from textrnn.nn.gradients import Gradients, RowGradient, add_gradients
from textrnn.system.processes import Answer, Processes
from textrnn.system.shared_memory import Shared
from textrnn.training.executors.worker import (
    JUDGED_AT_ONCE,
    Task,
    Worker,
    added,
    deal,
    held_out_batches,
    logits_of,
    seeds,
)
from textrnn.training.step import BatchSums, Judged, Told
from textrnn.training.trainable import Shapes
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Advice, Parameter

HandedOver: TypeAlias = dict[str, tuple[int, int] | RowGradient | None]
"""What travels to the first process by itself; see ``GradientRoom.hand_over``."""


class GradientRoom:
    """Room for one process's gradients: dense ones whole, of tables the rows that took part."""

    def __init__(self, config: Shapes, frozen: tuple[str, ...]) -> None:
        self._values: dict[str, Floats] = {}
        self._rows: dict[str, Ints] = {}
        tables = config.tables()
        for name, shape in config.shapes().items():
            if name in frozen:
                continue
            if name in tables:
                self._rows[name] = np.zeros(shape[0], np.int64)
            self._values[name] = np.zeros(shape, config.dtype)

    def hand_over(self, gradients: Gradients) -> HandedOver:
        """Copy gradients here, in the worker; return what the first process needs beside.

        Of each table the number of rows in use, and that of all rows; nothing of a dense gradient,
        which is here; and whole, at the price of a copy more, rows of a parameter that is no table.
        """
        used: HandedOver = {}
        for name, gradient in gradients.items():
            room = self._values[name]
            if not isinstance(gradient, RowGradient):
                room[...] = gradient
                used[name] = None
            elif name in self._rows:
                n = len(gradient.rows)
                self._rows[name][:n] = gradient.rows
                room[:n] = gradient.values
                used[name] = (n, gradient.n_rows)
            else:
                used[name] = gradient
        return used

    def take_over(self, used: HandedOver) -> Gradients:
        """The gradients as views, in the first process, from what ``hand_over`` returned."""
        gradients: Gradients = {}
        for name, found in used.items():
            if isinstance(found, tuple):
                n, n_rows = found
                rows, values = self._rows[name][:n], self._values[name][:n]
                gradients[name] = RowGradient(rows, values, n_rows)
            else:
                gradients[name] = self._values[name] if found is None else found
        return gradients


@dataclass(frozen=True)
class Job:
    """What processes share.

    Attributes:
        task: whose materials are bare.
        logits: of what is predicted, see ``logits_of``.
        gradients: one for each other process; empty if nothing is trained.
    """

    task: Task
    logits: Floats
    gradients: list[GradientRoom]


class SeveralProcesses:
    """An executor whose processes share a task; see ``step.Executor``.

    Args:
        task: the parameters of its network move to shared memory until the context ends.
        n_jobs: processes, this one included: two at least.

    Attributes:
        n_jobs: how many there are; if fewer, the caller has been warned.

    Raises:
        WorkerError: there can be no other process.
    """

    def __init__(self, task: Task, n_jobs: int) -> None:
        self._task, self._worker = task, Worker(task)
        shared = Shared(_job(task, n_jobs))
        self._others = Processes(prepare, [(shared, i) for i in range(n_jobs - 1)])
        try:
            self._started = self._others.started()
        except BaseException:
            self._others.close()
            raise
        self._others.tell_lost()
        self.n_jobs = 1 + len(self._started)
        job = shared.open()
        self._logits, self._gradients = job.logits, job.gradients
        task.network.params.update(job.task.network.params)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._others.close()
        # The network takes its own memory along.
        params = self._task.network.params
        params.update({name: value.copy() for name, value in params.items()})

    # ------------------------------------------------------------------- training

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """Sums and gradient over the training examples at ``rows``, all processes together.

        Raises:
            TrainingError: a worker died.
        """
        assert self._task.rule is not None
        assert self._task.train is not None
        given = seeds(rng, self.n_jobs)
        parts = deal(rows, self._task.train.lengths, self.n_jobs)
        tasks = [(*task, len(rows)) for task in zip(parts, given, strict=True)]
        messages: dict[int, Any] = {
            i: ("begin", *task) for i, task in zip(self._started, tasks[1:], strict=True)
        }
        own = self._worker.steps(*tasks[0])
        while True:
            self._send(messages)
            total = next(own, None)
            for i, answer in self._receive(messages):
                theirs = None if answer is None else self._taken_over(i, *answer)
                if theirs is None:
                    del messages[i]
                else:
                    total = theirs if total is None else _sum(total, theirs)
            if total is None:
                return
            if total[1]:
                yield total
            if not self._task.rule.is_online:
                return
            messages = dict.fromkeys(messages, ("go on",))

    def _taken_over(self, i: int, sums: BatchSums, used: HandedOver) -> Told:
        return sums, self._gradients[i].take_over(used)

    # ----------------------------------------------------------------- prediction

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the held-out texts at ``rows``, or of all, in that order."""
        parts = self._dealt_out(held_out_batches(self._task, rows))
        messages = {i: ("predict", part) for i, part in zip(self._started, parts[1:], strict=True)}
        self._send(messages)
        self._worker.predict(parts[0], self._logits)
        for _ in self._receive(messages):
            pass
        return self._logits[slice(None) if rows is None else rows].copy()

    def judge(self, rows: Ints | None = None) -> Judged:
        """Sums over the held-out examples at ``rows``, or over all."""
        parts = self._dealt_out(held_out_batches(self._task, rows, JUDGED_AT_ONCE))
        messages = {i: ("judge", part) for i, part in zip(self._started, parts[1:], strict=True)}
        self._send(messages)
        total = self._worker.judge(parts[0])
        for _, theirs in self._receive(messages):
            total = added(total, theirs)
        return total

    def _dealt_out(self, batches: list[Ints]) -> list[list[Ints]]:
        """The batches of each process."""
        # To and fro, as each batch has shorter documents than the one before.
        turns = [*range(self.n_jobs), *reversed(range(self.n_jobs))]
        parts: list[list[Ints]] = [[] for _ in range(self.n_jobs)]
        for batch, turn in zip(batches, itertools.cycle(turns), strict=False):
            parts[turn].append(batch)
        return parts

    # ------------------------------------------------------------------ messages

    def _send(self, messages: Mapping[int, Any]) -> None:
        """Send other processes a message each."""
        with _told_of_death():
            for i, message in messages.items():
                self._others.send(i, message)

    def _receive(self, asked: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """The answers of the processes that were asked, in a fixed order."""
        with _told_of_death():
            for i in [*asked]:
                yield i, self._others.receive(i)


def _job(task: Task, n_jobs: int) -> Job:
    network, train, held_out = task.network, task.train, task.held_out
    params = {name: np.ascontiguousarray(p) for name, p in network.params.items()}
    rooms = range(0 if train is None else n_jobs - 1)
    frozen = () if task.rule is None else task.rule.frozen
    return Job(
        task=replace(
            task,
            network=type(network)(network.config, params),
            train=None if train is None else train.bare(),
            held_out=None if held_out is None else held_out.bare(),
        ),
        logits=logits_of(task),
        gradients=[GradientRoom(network.config, frozen) for _ in rooms],
    )


@contextmanager
def _told_of_death() -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        raise TrainingError(
            *error.args,
            Advice(" Try fewer processes (", Parameter("n_jobs"), ")."),
        ) from error


def prepare(given: tuple[Shared[Job], int]) -> Answer:
    """What answers a message in another process, of so many the one of this number."""
    shared, number = given
    return _Answering(shared.open(), number)


class _Answering:
    """Answers messages in another process."""

    def __init__(self, job: Job, number: int) -> None:
        self._job, self._number, self._worker = job, number, Worker(job.task)
        self._steps: Iterator[Told] = iter(())

    def __call__(self, message: Any) -> Any:
        kind, *arguments = message
        if kind == "predict":
            self._worker.predict(arguments[0], self._job.logits)
            return None
        if kind == "judge":
            return self._worker.judge(*arguments)
        if kind == "begin":
            self._steps = self._worker.steps(*arguments)
        told = next(self._steps, None)
        if told is None:
            return None
        sums, gradients = told
        return sums, self._job.gradients[self._number].hand_over(gradients)


def _sum(first: Told, second: Told) -> Told:
    """What two parts of a batch tell together; the first one's gradients are used up."""
    sums: list[Any] = [a + b for a, b in zip(first[0], second[0], strict=True)]
    return BatchSums(*sums), add_gradients(first[1], second[1])

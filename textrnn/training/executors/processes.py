"""Training and prediction in several processes: synchronous data parallelism.

Every batch is dealt out over the processes; each computes the gradient of its part and hands it
over in a ``GradientRoom``, and the parts are added in a fixed order, so the same seed and number of
processes give the same bits. The calling process is the first worker.

Parameters, texts and gradients live in shared memory (``textrnn.system.shared_memory``);
what is sent to a process and back is only which texts, and how many rows
(``textrnn.system.processes``).

Processes that cannot start are done without, which is known before the first step: from then
on their number stays, and one that dies is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np

from textrnn.errors import TrainingError, WorkerError
from textrnn.inference.batches import length_batches
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import Gradient, Gradients, RowGradient, add_gradients
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.system.processes import Answer, Processes
from textrnn.system.shared_memory import Shared
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.executors.worker import Worker, deal, seeds
from textrnn.training.step import BatchSums, LearningRule, Told
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Advice, Parameter

HandedOver: TypeAlias = dict[str, tuple[int, int] | Gradient]
"""What travels to the first process by itself; see ``GradientRoom.hand_over``."""


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

    def hand_over(self, gradients: Gradients) -> HandedOver:
        """Copy gradients here, in the worker; return what the first process needs beside.

        Of each table the number of rows in use, and that of all rows; and whole, at the price of
        a copy more, a gradient of another form than there is room for: a dense one of a table,
        or rows of another parameter.
        """
        used: HandedOver = {}
        for name, gradient in gradients.items():
            if isinstance(gradient, RowGradient) != (name in self._rows):
                used[name] = gradient
            elif isinstance(gradient, RowGradient):
                n = len(gradient.rows)
                self._rows[name][:n] = gradient.rows
                self._values[name][:n] = gradient.values
                used[name] = (n, gradient.n_rows)
            else:
                self._values[name][...] = gradient
        return used

    def take_over(self, used: HandedOver) -> Gradients:
        """The gradients as views, in the first process, from what ``hand_over`` returned."""
        gradients: Gradients = {}
        for name, values in self._values.items():
            found = used.get(name)
            if isinstance(found, tuple):
                n, n_rows = found
                gradients[name] = RowGradient(self._rows[name][:n], values[:n], n_rows)
            else:
                gradients[name] = values if found is None else found
        return gradients


@dataclass(frozen=True)
class Job:
    """What processes share."""

    network: Network
    texts: EncodedTexts
    """Without their words, which no network reads."""
    targets: Targets | None
    """Of the first of the texts, if anything is trained."""
    weights: Floats | None
    logits: Floats
    """Of all texts, (n, C)."""
    rule: LearningRule | None
    gradients: list[GradientRoom]
    """One for each other process; empty if nothing is trained."""

    def worker(self) -> Worker:
        """What works on it."""
        examples = None
        if self.targets is not None:
            examples = Examples(self.texts, self.targets, self.weights)
        return Worker(self.network, self.texts, examples, self.rule)


class SeveralProcesses:
    """An executor whose processes share a network and texts; see ``step.Executor``.

    Args:
        network: its parameters move to shared memory until the context ends.
        texts: what is predicted, or trained on if there are ``examples``.
        n_jobs: processes, this one included: two at least.
        examples: what to train on, with targets and weights: the first of the texts.
        rule: how it is trained.

    Attributes:
        n_jobs: how many there are; if fewer, the caller has been warned.

    Raises:
        WorkerError: there can be no other process.
    """

    def __init__(
        self,
        network: Network,
        texts: EncodedTexts,
        n_jobs: int,
        *,
        examples: Examples | None = None,
        rule: LearningRule | None = None,
    ) -> None:
        self.network, self.lengths = network, texts.lengths
        self._worker = Worker(network, texts, examples, rule)
        shared = Shared(_job(network, texts, n_jobs, examples, rule))
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
        network.params.update(job.network.params)

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
        params = self.network.params
        params.update({name: value.copy() for name, value in params.items()})

    # ------------------------------------------------------------------- training

    def gradient(self, rows: Ints, rng: np.random.Generator) -> Told:
        """Sums and gradient over the examples at ``rows``, all processes together.

        Raises:
            TrainingError: a worker died.
        """
        given, parts = seeds(rng, self.n_jobs), deal(rows, self.lengths, self.n_jobs)
        self._send([("gradient", *task, len(rows)) for task in zip(parts, given, strict=True)])
        sums, gradients = self._worker.gradient(parts[0], given[0], len(rows))
        for i, (theirs, used) in zip(self._started, self._receive(), strict=True):
            if theirs is None:
                continue
            sums = BatchSums(*(a + b for a, b in zip(sums, theirs, strict=True)))
            gradients = add_gradients(gradients, self._gradients[i].take_over(used))
        return sums, gradients

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """Once: processes that share a batch do not change weights on the way."""
        yield self.gradient(rows, rng)

    # ----------------------------------------------------------------- prediction

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits of the texts at ``rows``, or of all, in that order."""
        rows = np.arange(len(self.lengths)) if rows is None else rows
        batches = [rows[batch] for batch in length_batches(self.lengths[rows])]
        # To and fro, as each batch has shorter documents than the one before.
        turns = [*range(self.n_jobs), *reversed(range(self.n_jobs))]
        parts: list[list[Ints]] = [[] for _ in range(self.n_jobs)]
        for batch, turn in zip(batches, itertools.cycle(turns), strict=False):
            parts[turn].append(batch)
        self._send([("predict", part) for part in parts])
        self._worker.predict(parts[0], self._logits)
        for _ in self._receive():
            pass
        return self._logits[rows]

    # ------------------------------------------------------------------ messages

    def _send(self, messages: Sequence[Any]) -> None:
        """Send each other process its message; the first one is this process's own."""
        with _told_of_death():
            for i, message in zip(self._started, messages[1:], strict=True):
                self._others.send(i, message)

    def _receive(self) -> Iterator[Any]:
        """The answers of the other processes, in a fixed order."""
        with _told_of_death():
            for i in self._started:
                yield self._others.receive(i)


def _job(
    network: Network,
    texts: EncodedTexts,
    n_jobs: int,
    examples: Examples | None,
    rule: LearningRule | None,
) -> Job:
    config = network.config
    params = {name: np.ascontiguousarray(p) for name, p in network.params.items()}
    # Rows of a table: of words, or of what there is of each of them.
    capacity = (texts.n_tokens + 1) * (1 if texts.forms is None else texts.forms.shape[1])
    frozen = () if rule is None else rule.frozen
    rooms = range(0 if examples is None else n_jobs - 1)
    return Job(
        network=Network(config, params),
        texts=replace(texts, words=()),
        targets=None if examples is None else examples.targets,
        weights=None if examples is None else examples.weights,
        logits=np.empty((len(texts), config.n_classes), network.dtype),
        rule=rule,
        gradients=[GradientRoom(config, frozen, capacity) for _ in rooms],
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


def prepare(task: tuple[Shared[Job], int]) -> Answer:
    """What answers a message in another process, of so many the one of this number."""
    shared, number = task
    job = shared.open()
    return partial(_answer, job.worker(), job, number)


def _answer(worker: Worker, job: Job, number: int, message: Any) -> Any:
    kind, *arguments = message
    if kind == "predict":
        worker.predict(arguments[0], job.logits)
        return None
    rows, seed, size = arguments
    if len(rows) == 0:
        return None, {}
    sums, gradients = worker.gradient(rows, seed, size)
    return sums, job.gradients[number].hand_over(gradients)

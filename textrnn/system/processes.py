"""Processes that answer messages: how they start, talk and end, whatever they compute.

They are spawned, which is safe everywhere. One ends when its pipe closes, so none outlives
its parent; Ctrl-C is the parent's to handle; one that dies is an error and never a hang, and one
that cannot start is done without. Each has one BLAS thread.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from textrnn.errors import UsageError, WorkerError, reason
from textrnn.system.blas import one_blas_thread
from textrnn.system.spawning import standard_streams_taken, without_main
from textrnn.system.telling import warn
from textrnn.wording.messages import ForScripts, Parameter

if TYPE_CHECKING:  # imported where processes start: a short prediction does without
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

MOST_A_CORE = 4
"""Processes for each core at most: more would take longer to start than they help."""
READY = "ready"
"""The first thing that a process sends."""
TIME_TO_END = 1.0
"""Seconds that processes have to end by themselves."""
Answer = Callable[[Any], Any]
"""Message to answer."""


def available_cores() -> int:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def process_count(n_jobs: int | None) -> int:
    """Processes that ``n_jobs`` means, as in scikit-learn: None is 1, -1 as many as cores.

    Raises:
        UsageError: it is 0.
    """
    if n_jobs == 0:
        raise UsageError(
            Parameter("n_jobs"),
            " is 0, but must be a whole number from 1, -1 for all cores",
            ForScripts(", or None"),
            ".",
        )
    if n_jobs is None:
        return 1
    return n_jobs if n_jobs > 0 else max(1, available_cores() + 1 + n_jobs)


class Processes:
    """Some processes and a pipe to each.

    Args:
        prepare: called in the new process with its job; returns what answers a message. A
            function of a module, as the process imports it.
        jobs: one for each process; where not all can be started, the first ones are done.
        read_ahead: a process takes messages from its pipe while it works, so that the next
            one is there when it is done, and sending to it never waits for it.

    Attributes:
        pipes: one to each process.
        lost: why those of some jobs could not start, as far as it is known.

    Raises:
        WorkerError: not one process can be started.
    """

    def __init__(
        self, prepare: Callable[[Any], Answer], jobs: Sequence[Any], *, read_ahead: bool = False
    ) -> None:
        self.pipes: list[Connection] = []
        self.lost: dict[int, Exception] = {}
        self._n_jobs = len(jobs)
        self._is_told = False
        self._processes: list[BaseProcess] = []
        self._is_ready: list[bool] = []
        try:
            for job in jobs:
                self._start(prepare, job, read_ahead)
        except Exception as error:  # of the system, or multiprocessing forbids it
            if not self.pipes:
                raise WorkerError(reason(error)) from error
            self.lost = dict.fromkeys(range(len(self.pipes), len(jobs)), error)
        except BaseException:
            self.close()
            raise

    def _start(self, prepare: Callable[[Any], Answer], job: Any, read_ahead: bool) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")
        with standard_streams_taken():
            ours, theirs = context.Pipe()
        try:
            with theirs, _interrupts_held_back(), without_main():
                arguments = (theirs, prepare, job, read_ahead)
                process = context.Process(target=_serve, args=arguments, daemon=True)
                process.start()
        except BaseException:
            ours.close()  # what did start ends
            raise
        self.pipes.append(ours)
        self._processes.append(process)
        self._is_ready.append(False)

    def started(self) -> list[int]:
        """Wait until each process has started, or died instead; which have."""
        for i, is_ready in enumerate(self._is_ready):
            if not is_ready:
                with suppress(WorkerError):
                    self._await_start(i)
        return [i for i, is_ready in enumerate(self._is_ready) if is_ready]

    def tell_lost(self) -> None:
        """Warn the caller of the package of those that could not start, once."""
        if self.lost and not self._is_told:
            self._is_told = True
            tell_fewer(1 + self._n_jobs - len(self.lost), next(iter(self.lost.values())))

    def is_ready(self, i: int) -> bool:
        """Whether a process has said that it has started; never waits.

        Raises:
            WorkerError: it died instead.
        """
        if i in self.lost:
            raise self.lost[i]
        if not self._is_ready[i] and self.pipes[i].poll():
            self._await_start(i)
        return self._is_ready[i]

    def send(self, i: int, message: Any) -> None:
        """Send a message to a process.

        Raises:
            WorkerError: it died.
        """
        try:
            self.pipes[i].send(message)
        except OSError as error:
            raise WorkerError(self._explain_death(i)) from error

    def receive(self, i: int) -> Any:
        """The next answer of a process, waited for.

        Raises:
            WorkerError: it died, or raised what cannot be sent, which then is a note.
            Exception: what it raised itself.
        """
        if not self._is_ready[i]:
            self._await_start(i)
        answer = self._next(i)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """End all processes; one that does not end by itself is killed."""
        for pipe in self.pipes:
            pipe.close()
        deadline = time.monotonic() + TIME_TO_END
        for process, is_ready in zip(self._processes, self._is_ready, strict=True):
            # One that is still starting looks at its pipe only when it has.
            process.join(timeout=max(deadline - time.monotonic(), 0.0) if is_ready else 0.0)
            if process.is_alive():
                process.kill()
                process.join()
        self.pipes, self._processes, self._is_ready = [], [], []

    def _await_start(self, i: int) -> None:
        try:
            answer = self._next(i)
            if isinstance(answer, Exception):
                raise WorkerError(reason(answer)) from answer
        except WorkerError as error:
            self.lost[i] = error
            raise
        assert answer == READY
        self._is_ready[i] = True

    def _next(self, i: int) -> Any:
        try:
            return self.pipes[i].recv()
        except (EOFError, OSError) as error:
            raise WorkerError(self._explain_death(i)) from error

    def _explain_death(self, i: int) -> str:
        process = self._processes[i]
        process.join(timeout=0.5)
        how = "its pipe closed" if process.exitcode is None else f"exit code {process.exitcode}"
        if self._is_ready[i]:
            return f"a worker process died ({how}), perhaps for want of memory."
        return f"a worker process died as it started ({how})."


def tell_fewer(n_jobs: int, why: Exception) -> None:
    """Warn the caller of the package that so many processes work, this one included."""
    works = "1 process works" if n_jobs == 1 else f"{n_jobs} processes work"
    warn(f"{works}, as others cannot be started: {reason(why)}")


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start a process so that Ctrl-C does not reach it: it inherits the mask of signals.

    A Ctrl-C that comes meanwhile is not lost, but raised at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its own start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, prepare: Callable[[Any], Answer], job: Any, read_ahead: bool) -> None:
    """The life of a process: answer until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    messages = _messages(pipe)
    with (
        one_blas_thread(),
        np.errstate(over="ignore", invalid="ignore"),
        suppress(OSError),  # the parent is gone
    ):
        try:
            answer = prepare(job)
            messages = _read_ahead(messages) if read_ahead else messages
        except Exception as error:  # it is done without
            pipe.send(_that_travels(error))
            return
        pipe.send(READY)
        for message in messages:
            pipe.send(_answer_or_error(answer, message))


def _answer_or_error(answer: Answer, message: Any) -> Any:
    try:
        return answer(message)
    except Exception as error:
        return _that_travels(error)


def _that_travels(error: Exception) -> Exception:
    """An error, or a WorkerError that tells of it if it does not survive being pickled."""
    try:
        if isinstance(pickle.loads(pickle.dumps(error)), type(error)):
            return error
    except Exception:  # its own code may raise anything
        pass
    told = WorkerError(f"a worker process failed: {type(error).__qualname__}: {error}")
    told.add_note("".join(traceback.format_exception(error)))
    return told


def _messages(pipe: Connection) -> Iterator[Any]:
    """What comes out of a pipe until it closes."""
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return
        yield message


def _read_ahead(messages: Iterator[Any]) -> Iterator[Any]:
    """The same, taken by a thread as they come.

    Raises:
        RuntimeError: there can be no thread.
    """
    from queue import SimpleQueue
    from threading import Thread

    waiting: SimpleQueue[Any] = SimpleQueue()
    end = object()

    def read() -> None:
        for message in messages:
            waiting.put(message)
        waiting.put(end)

    Thread(target=read, daemon=True).start()

    def taken() -> Iterator[Any]:
        while (message := waiting.get()) is not end:
            yield message

    return taken()

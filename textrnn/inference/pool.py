"""Probabilities of many texts, chunk by chunk, in several processes where that pays.

Each chunk is tokenised, encoded and read by one process, in the same batches whichever it
is: any number of processes gives the same probabilities. Memory holds some chunks, however
many there are.

The calling process begins alone. What has taken it ``PATIENCE`` seconds will likely take
longer: only then it starts the others, and it goes on until they are there. So at worst a
little time is lost, whatever the network and the texts, and a short prediction does not
even import what processes need.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import numpy as np

from textrnn.errors import WorkerError
from textrnn.inference.protocol import Classifier
from textrnn.nn.workspace import Workspace
from textrnn.system.spawning import is_known_elsewhere
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, check_is_no_text
from textrnn.text.tokenizers import tokenizer_name
from textrnn.typing import Floats, Ints

if TYPE_CHECKING:
    from textrnn.system.processes import Answer, Processes
    from textrnn.system.shared_memory import Shared

PATIENCE = 0.25
"""Seconds of work before other processes start: about what it takes one until it is ready, of
which 0.1 s are work and 0.02 s are lost here."""
TEXTS = 1_024
"""Texts of a chunk: enough for batches of like length."""
CHARACTERS = 2**21
"""A chunk takes no further text once it has so many characters: memory is bounded, however
long the texts."""
WAITING = 2
"""Chunks that a process has, the one it works on included: it never waits for the next."""

T = TypeVar("T", str, Sequence[str], Text)


def predict_many(
    model: Classifier, texts: Sequence[Text], n_jobs: int = 1, *, logits: bool = False
) -> Floats:
    """Class probabilities of texts or their tokens, shape (n, C), by some processes.

    With ``logits`` these, of which the probabilities are made.

    Raises:
        UsageError: the texts are a bare string.
        WorkerError: a process died.
    """
    # A regression has no classes, and one answer.
    out = np.empty((len(texts), len(model.classes) or 1), model.dtype if logits else np.float64)
    check_is_no_text(texts)
    lengths = _lengths(texts)
    # Texts of like length together, as the batches will be; the longest first, so that the
    # last chunks, when a process may have to wait for another, are quickly read.
    order = np.argsort(-lengths, kind="stable")
    start = 0
    with Predictor(model, n_jobs, logits=logits) as predictor:
        source = (_some(texts, order[piece]) for piece in _pieces(lengths[order]))
        for chunk, found in predictor.stream(source):
            out[order[start : start + len(chunk)]] = found
            start += len(chunk)
    return out


class GrowingChunk(Generic[T]):
    """Texts to be read together, their characters counted as they come."""

    def __init__(self) -> None:
        self.texts: list[T] = []
        self._characters = 0

    def add(self, text: T) -> None:
        """Take a further text."""
        self.texts.append(text)
        self._characters += len(text)

    @property
    def is_full(self) -> bool:
        """Whether it should take no further text."""
        return len(self.texts) >= TEXTS or self._characters >= CHARACTERS


def chunks(texts: Iterable[T]) -> Iterator[list[T]]:
    """Texts in the chunks that are read together."""
    growing: GrowingChunk[T] = GrowingChunk()
    for text in texts:
        growing.add(text)
        if growing.is_full:
            yield growing.texts
            growing = GrowingChunk()
    if growing.texts:
        yield growing.texts


def _pieces(lengths: Ints) -> Iterator[slice]:
    """Where the chunks of texts begin and end that have such lengths (n,); see `chunks`."""
    reach = np.cumsum(lengths)
    start, before = 0, 0
    while start < len(reach):
        full = int(np.searchsorted(reach, before + CHARACTERS)) + 1
        stop = min(start + TEXTS, full, len(reach))
        yield slice(start, stop)
        start, before = stop, int(reach[stop - 1])


def _lengths(texts: Sequence[Text]) -> Ints:
    """The number of characters, or of tokens, of each text, int64 of shape (n,)."""
    if isinstance(texts, EncodedTexts):
        return texts.lengths
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _some(texts: Sequence[Text], rows: Ints) -> Sequence[Text]:
    """The texts at some positions, without the words of the others."""
    if isinstance(texts, EncodedTexts):
        return texts.take(rows).compact()
    return [texts[i] for i in rows.tolist()]


@dataclass
class _Task(Generic[T]):
    """A chunk, and its probabilities once they are known."""

    chunk: Sequence[T]
    found: Floats | None = None


class Predictor:
    """A model that reads chunks of texts, with processes that help; a context manager.

    Args:
        model: what all processes read with; it must not change meanwhile.
        n_jobs: processes, this one included.
        patience: seconds of work before the others are started.
        logits: answer with logits instead of probabilities.
    """

    def __init__(
        self,
        model: Classifier,
        n_jobs: int = 1,
        *,
        patience: float = PATIENCE,
        logits: bool = False,
    ) -> None:
        self.model = model
        self.logits = logits
        self.n_jobs = n_jobs
        self.patience = patience
        self._workspace = Workspace()
        self._worked = 0.0
        self._others: Processes | None = None
        self._alive: set[int] = set()
        self._given: list[deque[_Task[Any]]] = []

    def __enter__(self) -> Self:
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

    def stream(self, source: Iterable[Sequence[T]]) -> Iterator[tuple[Sequence[T], Floats]]:
        """Each chunk and its class probabilities (n, C), in the order of the source.

        An empty chunk says that the next one may be long in coming: all before it are
        answered first, and there is no answer to it.

        Raises:
            WorkerError: a process died at its work. One that cannot start is done without.
        """
        pending: deque[_Task[T]] = deque()
        for chunk, more in _with_outlook(source):
            task = _Task(chunk)
            pending.append(task)
            # While others read the last chunk that is there, this process would only wait.
            if not (more and self._hand_over(task)):
                task.found = self._read(chunk)
            self._take_answers()
            while pending:
                found = pending[0].found
                if found is not None:
                    yield pending.popleft().chunk, found
                elif more and len(pending) <= 2 * WAITING * self.n_jobs:
                    break
                else:  # what is to be answered now, or more would wait than memory should hold
                    self._take_answers(wait=True)

    def _read(self, chunk: Sequence[Text]) -> Floats:
        """Probabilities of a chunk, by this process."""
        start = time.perf_counter()
        found = _answer(self.model, chunk, self._workspace, logits=self.logits)
        self._worked += time.perf_counter() - start
        return found

    # ------------------------------------------------------------- other processes

    def _hand_over(self, task: _Task[Any]) -> bool:
        """Give a chunk to the process that has least to do; False if none has room."""
        if self._others is None:
            if self.n_jobs > 1 and self._worked >= self.patience:
                self._start()
            return False  # they are not there yet
        if _lengths(task.chunk).sum() > 2 * CHARACTERS:
            return False  # a huge text need not be copied
        if not _is_known(task.chunk):
            return False
        least = min(self._ready(self._others), key=lambda i: len(self._given[i]), default=None)
        if least is None or len(self._given[least]) >= WAITING:
            return False
        self._others.send(
            least, task.chunk if _is_named(self.model) else self.model.tokens(task.chunk)
        )
        self._given[least].append(task)
        return True

    def _ready(self, others: Processes) -> list[int]:
        """The processes that have started; what died instead is done without."""
        ready = []
        for i in sorted(self._alive):
            try:
                if others.is_ready(i):
                    ready.append(i)
            except WorkerError:
                self._alive.remove(i)
                self.n_jobs -= 1
                others.tell_lost()
        return ready

    def _start(self) -> None:
        from textrnn.system.processes import (
            MOST_A_CORE,
            Processes,
            available_cores,
            tell_fewer,
        )
        from textrnn.system.shared_memory import Shared

        most = MOST_A_CORE * available_cores()
        n, self.n_jobs = min(self.n_jobs, most) - 1, 1
        model = self.model
        if not _is_named(model):
            model = replace(cast(Any, model), tokenizer=None)
        try:
            job = Shared(model), self.logits
            self._others = Processes(_prepare, [job] * n, read_ahead=True)
        except WorkerError as error:  # the system has no room for them: it goes on alone
            tell_fewer(1, error)
            return
        n = len(self._others.pipes)
        self.n_jobs += n
        self._alive = set(range(n))
        self._given = [deque() for _ in range(n)]
        self._others.tell_lost()

    def _take_answers(self, *, wait: bool = False) -> None:
        """Take the answers that are there; wait for one if there is none."""
        if self._others is None:
            return
        from multiprocessing.connection import wait as wait_for

        busy = [i for i, given in enumerate(self._given) if given]
        pipes = [self._others.pipes[i] for i in busy]
        there = wait_for(pipes, timeout=None if wait else 0.0)
        for i, pipe in zip(busy, pipes, strict=True):
            if pipe in there:
                self._given[i].popleft().found = self._others.receive(i)


def _with_outlook(source: Iterable[Sequence[T]]) -> Iterator[tuple[Sequence[T], bool]]:
    """Each chunk that is not empty, and whether another one is there at once."""
    before: Sequence[T] = ()
    for chunk in _and_an_end(source):
        if len(before):
            yield before, len(chunk) > 0
        before = chunk


def _and_an_end(source: Iterable[Sequence[T]]) -> Iterator[Sequence[T]]:
    """The same, and an empty chunk after them: also before an error, as answers go first."""
    try:
        yield from source
    except Exception:
        yield ()
        raise
    yield ()


def _is_named(model: Classifier) -> bool:
    """Whether another process knows the tokenizer; one of the user's own it may not."""
    return tokenizer_name(model.tokenizer) is not None


def _is_known(chunk: Sequence[Text]) -> bool:
    """Whether another process knows the classes of texts and tokens."""
    if isinstance(chunk, EncodedTexts):
        return is_known_elsewhere(chunk.words)
    tokens = chain.from_iterable(text for text in chunk if isinstance(text, list | tuple))
    return is_known_elsewhere(chunk) and is_known_elsewhere(tokens)


def _prepare(job: tuple[Shared[Classifier], bool]) -> Answer:
    """What answers a chunk in another process."""
    shared, logits = job
    model, workspace = shared.open(), Workspace()
    return lambda chunk: _answer(model, chunk, workspace, logits=logits)


def _answer(
    model: Classifier, chunk: Sequence[Text], workspace: Workspace, *, logits: bool
) -> Floats:
    predict = model.predict_logits if logits else model.predict_proba
    return predict(chunk, workspace=workspace)

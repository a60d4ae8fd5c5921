"""The border between what a network learns from a step and where that is computed.

A learning rule turns some examples into gradients; an executor decides which process does so with
which examples. Each knows the other by what stands here alone, so that any rule runs on any
executor. A rule that changes weights on the way through a batch tells part after part: processes
that share the batch wait for each other after each, and the weights change once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from textrnn.nn.gradients import Gradients
from textrnn.nn.workspace import Workspace
from textrnn.training.examples import Examples
from textrnn.training.trainable import Material
from textrnn.typing import Floats, Ints

M = TypeVar("M", bound=Material)


@dataclass(frozen=True)
class BatchOf(Generic[M]):
    """The examples of a step, or one worker's part of them.

    Attributes:
        examples: with ids of the network's vocabulary.
        size: examples of the whole step; a gradient is that of these examples' share of its mean
            loss.
        rng: the source of randomness.
        workspace: buffers; a gradient is valid until the next pass there.
    """

    examples: M
    size: int
    rng: np.random.Generator
    workspace: Workspace


Batch: TypeAlias = BatchOf[Examples]
"""Of texts."""


class BatchSums(NamedTuple):
    """Sums over the examples of a step, or of a worker's part of it."""

    loss: float
    correct: float
    """Documents, or of many labels a document their shares, that are right."""
    tokens: int
    unrolled: int
    """Tokens through which the gradient was followed, in the top layer."""


Told: TypeAlias = tuple[BatchSums, Gradients]
"""What a rule tells before each change of the weights."""
NOTHING: Told = (BatchSums(0.0, 0.0, 0, 0), {})
"""Of a part of a batch in which nothing is asked: there is nothing to change by it."""


class LearningRule(Protocol):
    """How a network learns from examples, on any executor, if it keeps to this.

    It travels to other processes, so it can be pickled. It keeps nothing from one batch to the
    next: a process sees only its own examples, and of a small batch maybe none. Its sums and
    gradients add up over examples: those of a batch are the sums of those of its parts. It
    returns a gradient of every parameter that is not frozen, of no other: dense, or as a
    ``RowGradient`` the rows that took part.
    """

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that get no gradient."""

    @property
    def is_online(self) -> bool:
        """Whether it tells several times of a batch, the weights changing in between; else once."""

    def steps(self, network: Any, batch: Any) -> Iterator[Told]:
        """What some examples tell, and the gradient of their loss, of all but frozen parameters.

        Once or, where it is online, part by part: the sums of the parts are those of the batch.
        Between two of them the caller changes the network's parameters, which are read only here.
        Which part is which does not depend on what else the batch has, so that processes tell of
        the same one at a time: one in which these examples ask nothing is told of as ``NOTHING``.

        Args:
            network: a ``Trainable`` of the kind that the rule is for.
            batch: a ``BatchOf`` the examples that it learns from.
        """


class Judged(NamedTuple):
    """Sums over examples that were judged by."""

    loss: float
    """In nats."""
    right: float
    answers: float
    """How many, or their weights together."""


Judge: TypeAlias = Callable[[Any, Any, Workspace], Judged]
"""Finds the sums over a few examples by a forward pass of a network; it can be pickled."""


class Executor(Protocol):
    """Where steps are computed: a context manager over a network, and examples.

    The same seed and number of processes give the same bits.
    """

    n_jobs: int
    """Processes that work."""

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """Sums and gradient over the training examples at ``rows``, valid until the next ones.

        Once, or of a rule that is online before each change of the weights.

        Raises:
            TrainingError: a process died.
        """

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits (n, C) of the held-out texts at ``rows``, or of all, in that order."""

    def judge(self, rows: Ints | None = None) -> Judged:
        """Sums over the held-out examples at ``rows``, or over all."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

"""The border between what a network learns from a step and where that is computed.

A learning rule turns some examples into gradients; an executor decides which process does so with
which examples. Each knows the other by what stands here alone, so that any rule runs on any
executor. A rule that changes weights on the way through a batch goes step by step with whoever
changes them, so it runs in one process: its gradients are asked for one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np

from textrnn.nn.gradients import Gradients
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.training.examples import Examples
from textrnn.typing import Floats, Ints


@dataclass(frozen=True)
class Batch:
    """The examples of a step, or one worker's part of them.

    Attributes:
        examples: with ids of the network's vocabulary.
        size: examples of the whole step; a gradient is that of these examples' share of its mean
            loss.
        rng: the source of randomness.
        workspace: buffers; a gradient is valid until the next pass there.
    """

    examples: Examples
    size: int
    rng: np.random.Generator
    workspace: Workspace


class BatchSums(NamedTuple):
    """Sums over the examples of a step, or of a worker's part of it."""

    loss: float
    correct: float
    """Documents, or of many labels a document their shares, that are right."""
    tokens: int
    unrolled: int
    """Tokens through which the gradient was followed, in the top layer."""


class LearningRule(Protocol):
    """How a network learns from examples, on any executor, if it keeps to this.

    It travels to other processes, so it can be pickled. It keeps nothing from one step to the
    next: a process sees only its own examples, and of a small batch maybe none. Its sums and
    gradients add up over examples: those of a batch are the sums of those of its parts. It
    returns a gradient of every parameter that is not frozen, of no other: dense, or as a
    ``RowGradient`` the rows that took part.
    """

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that get no gradient."""

    def step(self, network: Network, batch: Batch) -> tuple[BatchSums, Gradients]:
        """What some examples tell, and the gradient of their loss, of all but frozen parameters.

        The network's parameters are read only.
        """


Told: TypeAlias = tuple[BatchSums, Gradients]
"""What a rule tells before each change of the weights."""


@runtime_checkable
class OnlineRule(Protocol):
    """A rule that changes weights several times in a batch: the texts it has begun go on.

    It keeps nothing from one batch to the next, either.
    """

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that get no gradient."""

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """What the batch tells, part by part: the sums of the parts are those of the batch.

        Between two of them the caller changes the network's parameters, which are read only here.
        """


Rule: TypeAlias = LearningRule | OnlineRule


class Executor(Protocol):
    """Where steps are computed: a context manager over one network and some texts.

    The same seed and number of processes give the same bits.
    """

    n_jobs: int
    """Processes that work."""

    def gradient(self, rows: Ints, rng: np.random.Generator) -> Told:
        """Sums and gradient over the examples at ``rows``, valid until the next call.

        Raises:
            TrainingError: a process died.
        """

    def steps(self, rows: Ints, rng: np.random.Generator) -> Iterator[Told]:
        """The same one after the other, of a rule that changes weights on the way; else once."""

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits (n, C) of the texts at ``rows``, or of all, in that order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

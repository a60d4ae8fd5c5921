"""The border between what a network learns from a step and where that is computed.

A learning rule turns some examples into gradients; an executor decides which process does so with
which examples. Each knows the other by what stands here alone, so that any rule runs on any
executor.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

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


class Executor(Protocol):
    """Where steps are computed: a context manager over one network and some texts.

    The same seed and number of processes give the same bits.
    """

    n_jobs: int
    """Processes that work."""

    def gradient(self, rows: Ints, rng: np.random.Generator) -> tuple[BatchSums, Gradients]:
        """Sums and gradient over the examples at ``rows``, valid until the next call.

        Raises:
            TrainingError: a process died.
        """

    def predict_logits(self, rows: Ints | None = None) -> Floats:
        """Logits (n, C) of the texts at ``rows``, or of all, in that order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

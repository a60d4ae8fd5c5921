"""What a run is between two steps: all that changes, and all that callbacks can read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textrnn.errors import UsageError
from textrnn.training.averaging import WeightAverage
from textrnn.training.batching import batch_count, epoch_batches
from textrnn.training.config import TrainingConfig
from textrnn.training.measure import Measure, measure_of
from textrnn.training.rules import RULES, Kind, check_training
from textrnn.typing import Floats, Ints, Params
from textrnn.wording.quoting import quoted

OUT_OF_TIME = "the time is over"
"""Why the clock stops a run."""


@dataclass
class TrainingState:
    """All that changes between epochs, beside the network's parameters.

    Attributes:
        planned_steps: steps after which the learning rate has come to its end, and the run.
        steps: steps done.
        epoch: epochs done; the last one may be a part.
        history: a record of plain numbers for each epoch.
        best_score: the highest rank of an epoch, see ``Measure.rank``: of a classifier the
            validation accuracy of the network alone, and the loss that went with it, negative.
        best_epoch: the epoch that reached it.
        best_params: a copy of the weights, or of their average, after that epoch.
        stale: epochs since the score last rose.
        finished: no epoch will follow.
        interrupted: stopped by the user, with Ctrl-C.
        stopped: why the run was stopped before the planned steps were done, as told to
            ``Run.stop``; empty if it was not.
    """

    planned_steps: int = 0
    steps: int = 0
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_score: tuple[float, float] = (-math.inf, -math.inf)
    best_epoch: int = 0
    best_params: Params | None = None
    stale: int = 0
    finished: bool = False
    interrupted: bool = False
    stopped: str = ""

    @property
    def out_of_time(self) -> bool:
        """Whether the clock stopped the run."""
        return self.stopped == OUT_OF_TIME

    @property
    def is_cut_short(self) -> bool:
        """Whether something from outside ended the run, and not what it found."""
        return self.interrupted or bool(self.stopped)


@dataclass
class EpochProgress:
    """Running sums of the epoch under way."""

    n_documents: int
    n_tokens: int
    started: float
    documents: int = 0
    tokens: int = 0
    unrolled: int = 0
    loss: float = 0.0
    correct: float = 0.0
    norm: float = 0.0
    batches: int = 0
    updates: int = 0
    learning_rate: float = 0.0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def mean_loss(self) -> float:
        return self.loss / max(self.documents, 1)

    @property
    def accuracy(self) -> float:
        return self.correct / max(self.documents, 1)

    @property
    def words_per_second(self) -> float:
        return self.tokens / max(self.seconds, 1e-9)


class Run:
    """One training of one network, as callbacks see it.

    Args:
        network: trained in place, a ``Trainable``.
        config: how.
        train: the examples to learn from, with ids of the network's vocabulary.
        validation: those to choose the best epoch by; without them all epochs run
            and the last weights stay.
        rng: the source of randomness of the whole run.
        n_jobs: processes that share the work; from the first step on those that could be started.
        scorer: the accuracy of a classifier that the network is a part of, from its logits of
            the validation documents, (n, C). Then that is each epoch's
            ``validation_accuracy``, and the network's own is ``network_validation_accuracy``.
            The best epoch is the network's own either way.
        kind: the rule and what goes with it; None is that of the name in ``config``.
        measure: how held-out examples are judged; None is that of a network over texts.

    Attributes:
        state: what changes between epochs.
        progress: what changes within one.
        optimizer: of the parameters that may change.
        average: of the weights, if it is kept.
        validation_seconds: what a validation takes, as far as the clock matters.
        n_jobs_before: processes of the run that this one goes on with, if it does.
    """

    def __init__(
        self,
        network: Any,
        config: TrainingConfig,
        train: Any,
        *,
        validation: Any,
        rng: np.random.Generator,
        n_jobs: int,
        scorer: Callable[[Floats], float] | None,
        kind: Kind | None,
        measure: Measure[Any] | None,
    ) -> None:
        self.kind = RULES[config.rule] if kind is None else kind
        self.measure = measure_of(network, scorer) if measure is None else measure
        self.network = network
        self.config = config
        self.train = train
        self.validation = validation
        self.rng = rng
        self.n_jobs = 1 if self.kind.is_alone else n_jobs
        self.scorer = scorer
        check_training(self.kind, config, network, train)
        self.optimizer = self.kind.optimizer(config, network.params)
        self.average: WeightAverage | None = None
        if config.ema_decay > 0.0:
            self.average = WeightAverage(network.params, config.ema_decay, network.config.tables())
        self._lengths = train.lengths
        self.n_words = train.n_tokens
        self.progress = self.new_progress()
        self.steps_an_epoch = batch_count(
            len(train),
            self.n_words,
            batch_size=config.batch_size,
            batch_tokens=config.batch_tokens,
        )
        steps = self.steps_an_epoch * config.max_iter
        self.state = TrainingState(planned_steps=min(steps, config.max_steps or steps))
        self.validation_seconds = 0.0
        self.n_jobs_before: int | None = None

    def stop(self, reason: str) -> None:
        """End the run after the step under way, at least one, and keep what was learned.

        As much of the epoch as was done is validated and enters the history. ``state.stopped``
        and the report tell the reason, of several the first.

        Args:
            reason: why, not empty.

        Raises:
            UsageError: the reason is none.
        """
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(
                f"the reason to stop is {quoted(reason)}, but must be a text that says why."
            )
        self.state.stopped = self.state.stopped or reason

    @property
    def n_epochs(self) -> int:
        """Epochs of the planned steps, the last part of one included."""
        epochs = math.ceil(self.state.planned_steps / max(self.steps_an_epoch, 1))
        return min(epochs, self.config.max_iter)

    @property
    def patience(self) -> int:
        """Epochs to wait for a better accuracy."""
        return self.config.n_iter_no_change or max(2, math.ceil(self.n_epochs / 3))

    def new_progress(self) -> EpochProgress:
        """That of an epoch that begins now."""
        return EpochProgress(len(self.train), self.n_words, time.perf_counter())

    def batches(self, rng: np.random.Generator) -> list[Ints]:
        """The positions of the examples of each step of an epoch."""
        return epoch_batches(
            self._lengths,
            batch_size=self.config.batch_size,
            batch_tokens=self.config.batch_tokens,
            shuffle=self.config.shuffle,
            rng=rng,
        )

    def set_params(self, params: Params) -> None:
        """Give the network other weights, in place."""
        for name, value in params.items():
            self.network.params[name][...] = value

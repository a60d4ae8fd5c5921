"""A training that must end in time: how many steps fit, and when the time is over.

The number of steps is fixed before the first one, so that the learning rate ends its decay
where the run ends. It follows from a rehearsal: a few steps on copies of the weights, with
chance of their own. So the run itself is that of ``max_steps``, bit for bit, unless it becomes
slower than its rehearsal and is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from textrnn.nn.gradients import global_norm
from textrnn.nn.optimizers import Optimizer
from textrnn.training.averaging import WeightAverage
from textrnn.typing import Params

if TYPE_CHECKING:
    from textrnn.training.executors.processes import Workers
    from textrnn.training.loop import TrainingRun

REHEARSAL_SHARE, REHEARSAL_SECONDS = 0.02, 5.0
"""A rehearsal takes this share of the time left, and never longer than this."""
REHEARSED_TEXTS = 1_000
"""Held-out texts whose prediction is timed."""
MARGIN = 0.05
"""Of the time left that is kept for steps which take longer than those rehearsed."""


@dataclass(frozen=True)
class Deadline:
    """A moment of a clock.

    Attributes:
        end: when the time is over.
        clock: seconds since some moment; never goes back.
    """

    end: float
    clock: Callable[[], float] = time.perf_counter

    def left(self) -> float:
        """Seconds to go; negative once the time is over."""
        return self.end - self.clock()

    def sooner(self, seconds: float) -> Deadline:
        """The same, less time for what is to be done afterwards."""
        return replace(self, end=self.end - seconds)


@dataclass(frozen=True)
class Pace:
    """Seconds of one step, and of one validation with what callbacks do after it."""

    step: float
    validation: float


def steps_that_fit(seconds: float, pace: Pace, steps_an_epoch: int) -> int:
    """Steps for which there is time if each epoch, also the last part of one, is validated.

    At least one.
    """
    epoch = steps_an_epoch * pace.step + pace.validation
    epochs, rest = divmod(max(seconds, 0.0), max(epoch, 1e-9))
    part = (rest - pace.validation) / max(pace.step, 1e-9)
    return max(int(epochs) * steps_an_epoch + max(int(part), 0), 1)


def rehearse(
    run: TrainingRun, workers: Workers, params: Params, optimizer: Optimizer, deadline: Deadline
) -> Pace:
    """Time some steps of a run without a trace in it: ``params`` are copies.

    The first batch is not counted, as it takes memory from the system that others use again.
    """
    rng = np.random.default_rng(0)
    decay, tables = run.config.ema_decay, run.network.config.tables()
    average = WeightAverage(params, decay, tables) if decay > 0.0 else None
    within = min(REHEARSAL_SHARE * deadline.left(), REHEARSAL_SECONDS)
    seconds, words = 0.0, 0
    batches = run.batches(rng)
    for number, rows in enumerate(batches):
        started = deadline.clock()
        sums, gradients = workers.gradient(rows, rng)
        global_norm(gradients)
        if average is not None:
            average.before_update(params, gradients)
        optimizer.update(params, gradients, run.config.learning_rate_init)
        if number > 0 or len(batches) == 1:
            seconds += deadline.clock() - started
            words += sums.tokens
        if number > 0 and seconds >= within:
            break
    step = seconds * run.n_words / max(words, 1) / run.steps_an_epoch
    started = deadline.clock()
    for callback in run.callbacks:
        callback.on_rehearsal(run)
    after_epoch = deadline.clock() - started
    return Pace(step, _validation_seconds(run, workers, deadline) + after_epoch)


def _validation_seconds(run: TrainingRun, workers: Workers, deadline: Deadline) -> float:
    """Seconds to predict and judge all held-out texts, predicting some of them."""
    n = 0 if run.validation is None else len(run.validation)
    if n == 0:
        return 0.0
    rows = np.random.default_rng(0).permutation(n)[:REHEARSED_TEXTS] + len(run.train)
    started = deadline.clock()
    workers.predict_proba(rows)
    seconds = (deadline.clock() - started) * n / len(rows)
    if run.judge is not None:
        started = deadline.clock()
        run.judge(np.zeros((n, run.network.config.n_classes), run.network.dtype))
        seconds += deadline.clock() - started
    return seconds

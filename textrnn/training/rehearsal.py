"""How fast a run will be: a few steps on copies of its weights, with randomness of their own.

So the run itself is that of ``max_steps``, bit for bit, unless it becomes slower than its rehearsal
and is stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.nn.gradients import global_norm
from textrnn.training.averaging import WeightAverage
from textrnn.training.budget import Deadline, Pace
from textrnn.training.callbacks import Callback
from textrnn.training.state import Run
from textrnn.training.step import Executor

REHEARSAL_SHARE, REHEARSAL_SECONDS = 0.02, 5.0
"""A rehearsal takes this share of the time left, and never longer than this."""
REHEARSED_TEXTS = 1_000
"""Held-out texts whose prediction is timed."""


def rehearse(
    run: Run, executor: Executor, deadline: Deadline, callbacks: Sequence[Callback] = ()
) -> Pace:
    """Time some steps of a run, and what ``callbacks`` do after an epoch, without a trace in it.

    The first batch is not counted, as it takes memory from the system that others use again.
    """
    params = {name: value.copy() for name, value in run.network.params.items()}
    optimizer = run.kind.optimizer(run.config, params)
    rng = np.random.default_rng(0)
    decay, tables = run.config.ema_decay, run.network.config.tables()
    average = WeightAverage(params, decay, tables) if decay > 0.0 else None
    within = min(REHEARSAL_SHARE * deadline.left(), REHEARSAL_SECONDS)
    seconds, words = 0.0, 0
    batches = run.batches(rng)
    for number, rows in enumerate(batches):
        started = deadline.clock()
        n_words = 0
        for sums, gradients in executor.steps(rows, rng):
            global_norm(gradients)
            if average is not None:
                average.before_update(params, gradients)
            optimizer.update(params, gradients, run.config.learning_rate_init)
            n_words += sums.tokens
        if number > 0 or len(batches) == 1:
            seconds += deadline.clock() - started
            words += n_words
        if number > 0 and seconds >= within:
            break
    step = seconds * run.n_words / max(words, 1) / run.steps_an_epoch
    started = deadline.clock()
    for callback in callbacks:
        callback.on_rehearsal(run)
    after_epoch = deadline.clock() - started
    return Pace(step, _validation_seconds(run, executor, deadline) + after_epoch)


def _validation_seconds(run: Run, executor: Executor, deadline: Deadline) -> float:
    """Seconds to predict and score all held-out texts, predicting some of them."""
    n = 0 if run.validation is None else len(run.validation)
    if n == 0:
        return 0.0
    rows = np.random.default_rng(0).permutation(n)[:REHEARSED_TEXTS]
    started = deadline.clock()
    run.measure.read(executor, rows)
    seconds = (deadline.clock() - started) * n / len(rows)
    if run.scorer is not None:
        started = deadline.clock()
        run.scorer(np.zeros((n, run.network.config.n_classes), run.network.dtype))
        seconds += deadline.clock() - started
    return seconds

"""The training loop: step after step, epoch after epoch, with early stopping.

The state of a run between two epochs is a ``TrainingState``; a run that starts from
a saved one ends with the same weights, bit for bit, as one that was never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from textrnn.errors import TrainingError
from textrnn.nn.gradients import Gradients, global_norm, scale
from textrnn.nn.schedules import learning_rate_at
from textrnn.system.blas import one_blas_thread
from textrnn.system.telling import warn
from textrnn.training.budget import MARGIN, Deadline, steps_that_fit
from textrnn.training.callbacks import Callback
from textrnn.training.config import TrainingConfig
from textrnn.training.executors import make_executor
from textrnn.training.measure import Found, Measure
from textrnn.training.negatives import Negatives
from textrnn.training.regularisation import Regularisation
from textrnn.training.rehearsal import rehearse
from textrnn.training.rules import Kind
from textrnn.training.state import OUT_OF_TIME, Run, TrainingState
from textrnn.training.step import BatchSums, Executor
from textrnn.training.trainable import Material, Trainable
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Advice, Message, Parameter, Value

T = TypeVar("T", bound=Trainable)
M = TypeVar("M", bound=Material)

TELLS_OF = {"gradient_norm": "max_grad_norm", "learning_rate": "learning_rate_init"}
"""What an epoch's record tells that means nothing where a setting does nothing."""


class TrainingRun(Run):
    """A run that can be started.

    Args:
        network: see ``Run``.
        config: see ``Run``.
        train: see ``Run``.
        validation: see ``Run``.
        unknown_probabilities: probability of each word to be replaced by the unknown word, (V,).
        negatives: of a network that is to tell words from some others alone.
        rng: see ``Run``.
        callbacks: called in this order.
        n_jobs: see ``Run``.
        deadline: when the run must be over; as many steps are planned as fit.
        scorer: see ``Run``.
        kind: see ``Run``.
        measure: see ``Run``.
    """

    def __init__(
        self,
        network: T,
        config: TrainingConfig,
        train: M,
        *,
        validation: M | None = None,
        unknown_probabilities: Floats | None = None,
        negatives: Negatives | None = None,
        rng: np.random.Generator,
        callbacks: Sequence[Callback] = (),
        n_jobs: int = 1,
        deadline: Deadline | None = None,
        scorer: Callable[[Floats], float] | None = None,
        kind: Kind | None = None,
        measure: Measure[Any] | None = None,
    ) -> None:
        super().__init__(
            network,
            config,
            train,
            validation=validation,
            rng=rng,
            n_jobs=n_jobs,
            scorer=scorer,
            kind=kind,
            measure=measure,
        )
        self.callbacks = callbacks
        self.deadline = deadline
        regularisation = Regularisation(
            config.dropout_input,
            config.dropout_readout,
            unknown_probabilities,
            dropout_recurrent=config.dropout_recurrent,
            dropout_embedding=config.dropout_embedding,
            label_smoothing=config.label_smoothing,
            adversarial=config.adversarial,
            negatives=negatives,
        )
        self.rule = self.kind.configured(config, regularisation, network.dtype)

    def run(self) -> TrainingState:
        """Train to the end, an early stop, ``stop`` or Ctrl-C; the best weights are then in place.

        Raises:
            TrainingError: the loss or the gradient is no longer a finite number.
        """
        try:
            for callback in self.callbacks:
                callback.on_start(self)  # may replace the state by a saved one
            # What overflows is found by its result, in one message instead of many warnings.
            quiet = np.errstate(over="ignore", invalid="ignore")
            with quiet, one_blas_thread(), self._executor() as executor:
                self._count_processes(executor.n_jobs)
                self._fit_into_time(executor)
                self._run_epochs(executor)
        except KeyboardInterrupt:
            self.state.interrupted = True
        finally:
            state = self.state
            if state.best_params is not None:
                self.set_params(state.best_params)
            elif self.average is not None:
                self.set_params(self.average.of(self.network.params))
            for callback in self.callbacks:
                callback.on_end(self)
        return state

    def _executor(self) -> Executor:
        return make_executor(
            self.network,
            self.n_jobs,
            train=self.train,
            rule=self.rule,
            held_out=self.validation,
            judge=self.measure.judge,
        )

    def _count_processes(self, n_jobs: int) -> None:
        """Take note of how many processes there are, on which the bits of the result depend."""
        before, self.n_jobs = self.n_jobs_before, n_jobs
        if before is not None and before != n_jobs:
            warn(
                f"the training began with {before} and goes on with {n_jobs} of the processes: "
                "the model will differ a little from one trained without interruption"
            )

    def _fit_into_time(self, executor: Executor) -> None:
        """Plan no more steps than there is time for; a resumed run keeps its plan and pace."""
        state, deadline = self.state, self.deadline
        if deadline is None:
            return
        if state.steps > 0:
            self.deadline = deadline.sooner(self.n_jobs * self.validation_seconds)
            return
        if deadline.left() <= 0.0:
            state.planned_steps = 1
            return
        pace = rehearse(self, executor, deadline, self.callbacks)
        # Once more they are predicted afterwards, by one process, to calibrate the classifier.
        self.deadline = deadline = deadline.sooner(self.n_jobs * pace.validation)
        fit = steps_that_fit((1.0 - MARGIN) * deadline.left(), pace, self.steps_an_epoch)
        state.planned_steps = min(state.planned_steps, fit)
        self.validation_seconds = pace.validation

    def _run_epochs(self, executor: Executor) -> None:
        state = self.state
        while not state.finished and state.epoch < self.config.max_iter:
            self._run_epoch(executor)
            state.finished = self._is_finished()
            for callback in self.callbacks:
                callback.on_epoch(self)
            state.finished = state.finished or bool(state.stopped)

    def _run_epoch(self, executor: Executor) -> None:
        state = self.state
        batches = self.batches(self.rng)
        self.progress = self.new_progress()
        for rows in batches:
            self._run_batch(executor, rows)
            for callback in self.callbacks:
                callback.on_batch(self)
            if self._is_out_of_time():
                self.stop(OUT_OF_TIME)
            if state.stopped or state.steps >= state.planned_steps:
                break
        progress = self.progress
        record: dict[str, float] = {
            "epoch": state.epoch + 1,
            "steps": state.steps,
            "loss": progress.mean_loss,
            "accuracy": progress.accuracy,
            "gradient_norm": progress.norm / progress.updates,
            "backward_share": progress.unrolled / progress.tokens,
            "learning_rate": progress.learning_rate,
            "seconds": progress.seconds,
            "words_per_second": progress.words_per_second,
        }
        idle = self.kind.idle
        for name, setting in TELLS_OF.items():
            if setting in idle:  # as to a filter, which follows no gradient
                del record[name]
        with self._averaged():
            if self.validation is not None:
                found = self._validate(executor)
                record |= found.figures
            # From here nothing fails: an epoch is counted whole or not at all.
            state.epoch += 1
            state.history.append(record)
            if self.validation is not None:
                self._remember_best(self.measure.rank(found))

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network with its average weights, if they are kept; then as it was."""
        if self.average is None:
            yield
            return
        as_trained = {name: value.copy() for name, value in self.network.params.items()}
        self.set_params(self.average.of(as_trained))
        try:
            yield
        finally:
            self.set_params(as_trained)

    def _validate(self, executor: Executor) -> Found:
        """What is found of the held-out examples."""
        found = self.measure.found(self.measure.read(executor), self.validation)
        if not math.isfinite(found.loss):
            raise TrainingError(
                self._explain_not_finite(f"the loss is {found.loss} on the held-out texts")
            )
        return found

    def _run_batch(self, executor: Executor, rows: Ints) -> None:
        for sums, gradients in executor.steps(rows, self.rng):
            self._update(sums, gradients, len(rows))
        self.state.steps += 1
        self.progress.documents += len(rows)
        self.progress.batches += 1

    def _update(self, sums: BatchSums, gradients: Gradients, size: int) -> None:
        """Change the weights once, by what a rule tells of a batch of so many texts."""
        config, progress = self.config, self.progress
        norm = global_norm(gradients)
        loss = sums.loss / size
        if not (math.isfinite(loss) and math.isfinite(norm)):
            found = f"batch {progress.batches + 1}: the loss is {loss}, the gradient norm {norm}"
            raise TrainingError(self._explain_not_finite(found))
        if config.max_grad_norm is not None and norm > config.max_grad_norm:
            scale(gradients, config.max_grad_norm / norm)
        progress.learning_rate = learning_rate_at(
            self.state.steps,
            base=config.learning_rate_init,
            schedule=config.learning_rate,
            warmup_updates=round(config.warmup_fraction * self.state.planned_steps),
            total_updates=self.state.planned_steps,
        )
        if self.average is not None:
            self.average.before_update(self.network.params, gradients)
        self.optimizer.update(self.network.params, gradients, progress.learning_rate)
        progress.tokens += sums.tokens
        progress.unrolled += sums.unrolled
        progress.loss += sums.loss
        progress.correct += sums.correct
        progress.norm += norm
        progress.updates += 1

    def _explain_not_finite(self, found: str) -> Message:
        rate, norm = self.config.learning_rate_init, self.config.max_grad_norm
        told = f"training diverged in epoch {self.state.epoch + 1}, {found}."
        if "learning_rate_init" in self.kind.idle:
            return Message(told, Advice(" Choose another ", Parameter("rule"), "."))
        return Message(
            told,
            Advice(
                " Lower ",
                Parameter("learning_rate_init"),
                f" (the rate was {rate:g}) or clip the gradient harder (",
                Parameter("max_grad_norm"),
                " is ",
                Value("max_grad_norm", norm),
                ").",
            ),
        )

    def _remember_best(self, score: tuple[float, float]) -> None:
        state, best = self.state, self.state.best_score
        tol, measure = self.config.tol, self.measure
        is_nearer = (
            measure.waits_for_loss
            and score[0] == best[0] < measure.highest
            and score[1] > best[1] + tol
        )
        if score[0] > best[0] + tol or is_nearer:
            state.stale = 0
        else:
            state.stale += 1
        if score > state.best_score:
            state.best_score, state.best_epoch = score, state.epoch
            state.best_params = {k: v.copy() for k, v in self.network.params.items()}

    def _is_out_of_time(self) -> bool:
        """Whether the clock leaves time for no more than a validation, with steps to do."""
        if self.deadline is None or self.state.steps >= self.state.planned_steps:
            return False
        return self.deadline.left() <= self.validation_seconds

    def _is_finished(self) -> bool:
        state = self.state
        patience_over = self.validation is not None and state.stale >= self.patience
        all_done = state.steps >= state.planned_steps or state.epoch >= self.config.max_iter
        return patience_over or all_done or bool(state.stopped)

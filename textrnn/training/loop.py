"""The training loop: BPTT over a corpus, epoch after epoch, with early stopping.

The state of a run between two epochs is a ``TrainingState``; a run that starts from
a saved one ends with the same weights, bit for bit, as one that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from textrnn.errors import TrainingError
from textrnn.evaluation.held_out_scores import NETWORK, WHOLE
from textrnn.nn.gradients import global_norm, scale
from textrnn.nn.losses import Output, mean_one
from textrnn.nn.network import Network
from textrnn.nn.optimizers import SGD, Adam, Optimizer
from textrnn.nn.schedules import learning_rate_at
from textrnn.system.blas import one_blas_thread
from textrnn.system.telling import warn
from textrnn.training.averaging import WeightAverage
from textrnn.training.batching import batch_count, epoch_batches
from textrnn.training.budget import MARGIN, Deadline, rehearse, steps_that_fit
from textrnn.training.callbacks import Callback
from textrnn.training.executors.processes import Workers
from textrnn.training.rules.bptt import LabelledDocuments, Regularisation
from textrnn.typing import Floats, Ints, Params
from textrnn.wording.messages import Advice, Message, Parameter, Value

SOLVERS = ("adam", "sgd")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; the names are those of ``TextRNNClassifier``."""

    solver: str = "adam"
    learning_rate_init: float = 1e-3
    momentum: float = 0.9
    learning_rate: str = "linear"
    warmup_fraction: float = 0.05
    alpha: float = 0.0
    max_grad_norm: float | None = 1.0
    batch_size: int = 32
    batch_tokens: int | None = None
    max_iter: int = 10
    max_steps: int | None = None
    """Steps after which the run ends, within an epoch too; None takes all epochs."""
    shuffle: bool = True
    dropout_input: float = 0.0
    dropout_readout: float = 0.0
    dropout_recurrent: float = 0.0
    dropout_embedding: float = 0.0
    label_smoothing: float = 0.0
    adversarial: float = 0.0
    ema_decay: float = 0.0
    """Of the average of the weights that is validated and kept; 0 keeps the weights themselves."""
    n_iter_no_change: int | None = 3
    """None waits for a third of all epochs, at least 2."""
    tol: float = 0.0
    gradient_floor: float = 1e-7
    frozen: tuple[str, ...] = ()
    """Names of parameters that keep their first values."""


@dataclass
class TrainingState:
    """All that changes between epochs, beside the network's parameters.

    Attributes:
        planned_steps: steps after which the learning rate has come to its end, and the run.
        steps: steps done.
        epoch: epochs done; the last one may be a part.
        history: a record of plain numbers for each epoch.
        best_score: highest validation accuracy of the network alone, and the loss that went
            with it.
        best_epoch: the epoch that reached it.
        best_params: a copy of the weights, or of their average, after that epoch.
        stale: epochs since the score last rose.
        finished: no epoch will follow.
        interrupted: stopped by the user.
        out_of_time: stopped by the clock, before the planned steps were done.
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
    out_of_time: bool = False


@dataclass
class EpochProgress:
    """Running sums of the epoch under way."""

    n_documents: int
    n_tokens: int
    started: float
    documents: int = 0
    tokens: int = 0
    walked: int = 0
    loss: float = 0.0
    correct: float = 0.0
    norm: float = 0.0
    batches: int = 0
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


class TrainingRun:
    """One training of one network.

    Args:
        network: trained in place.
        config: how.
        train: the documents to learn from.
        validation: documents to choose the best epoch by; without them all epochs run
            and the last weights stay.
        unknown_probabilities: chance of each word to be replaced by the unknown word, (V,).
        rng: the source of chance of the whole run.
        callbacks: called in this order.
        n_jobs: processes that share the work; from the first step on those that could be started.
        deadline: when the run must be over; as many steps are planned as fit.
        judge: the accuracy of a classifier that the network is a part of, from its logits of
            the validation documents, (n, C). Then that is each epoch's
            ``validation_accuracy``, and the network's own is ``network_validation_accuracy``.
            The best epoch is the network's own either way.
    """

    def __init__(
        self,
        network: Network,
        config: TrainingConfig,
        train: LabelledDocuments,
        *,
        validation: LabelledDocuments | None = None,
        unknown_probabilities: Floats | None = None,
        rng: np.random.Generator,
        callbacks: Sequence[Callback] = (),
        n_jobs: int = 1,
        deadline: Deadline | None = None,
        judge: Callable[[Floats], float] | None = None,
    ) -> None:
        self.network = network
        self.config = config
        self.train = train
        self.validation = validation
        self.n_jobs = n_jobs
        self.deadline = deadline
        self.judge = judge
        self.regularisation = Regularisation(
            config.dropout_input,
            config.dropout_readout,
            unknown_probabilities,
            # float64 is for proof: nothing is cut off there.
            config.gradient_floor if network.dtype == np.float32 else 0.0,
            config.frozen,
            dropout_recurrent=config.dropout_recurrent,
            dropout_embedding=config.dropout_embedding,
            label_smoothing=config.label_smoothing,
            adversarial=config.adversarial,
        )
        self.rng = rng
        self.callbacks = callbacks
        self.optimizer = make_optimizer(config, network.params)
        self.average: WeightAverage | None = None
        if config.ema_decay > 0.0:
            self.average = WeightAverage(network.params, config.ema_decay, network.config.tables())
        self._lengths = np.fromiter((len(d) for d in train.documents), np.int64, len(train))
        self.n_words = int(self._lengths.sum())
        self.progress = self._new_progress()
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

    @property
    def n_epochs(self) -> int:
        """Epochs of the planned steps, the last part of one included."""
        epochs = math.ceil(self.state.planned_steps / max(self.steps_an_epoch, 1))
        return min(epochs, self.config.max_iter)

    @property
    def patience(self) -> int:
        """Epochs to wait for a better accuracy."""
        return self.config.n_iter_no_change or max(2, math.ceil(self.n_epochs / 3))

    def run(self) -> TrainingState:
        """Train to the end, an early stop or Ctrl-C; the best weights are then in place.

        Raises:
            TrainingError: the loss or the gradient is no longer a finite number.
        """
        try:
            for callback in self.callbacks:
                callback.on_start(self)  # may replace the state by a saved one
            # What overflows is found by its result, in one message instead of many warnings.
            quiet = np.errstate(over="ignore", invalid="ignore")
            with quiet, one_blas_thread(), self._workers() as workers:
                self._count_processes(workers.n_jobs)
                self._fit_into_time(workers)
                self._run_epochs(workers)
        except KeyboardInterrupt:
            self.state.interrupted = True
        finally:
            state = self.state
            if state.best_params is not None:
                self._set_params(state.best_params)
            elif self.average is not None:
                self._set_params(self.average.of(self.network.params))
            for callback in self.callbacks:
                callback.on_end(self)
        return state

    def _workers(self) -> Workers:
        documents = [*self.train.documents, *(self.validation.documents if self.validation else ())]
        return Workers(
            self.network,
            documents,
            self.n_jobs,
            data=self.train,
            regularisation=self.regularisation,
        )

    def _count_processes(self, n_jobs: int) -> None:
        """Take note of how many processes there are, on which the bits of the result depend."""
        before, self.n_jobs = self.n_jobs_before, n_jobs
        if before is not None and before != n_jobs:
            warn(
                f"the training began with {before} and goes on with {n_jobs} of the processes: "
                "the model will differ a little from one trained without interruption"
            )

    def _fit_into_time(self, workers: Workers) -> None:
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
        params = {name: value.copy() for name, value in self.network.params.items()}
        pace = rehearse(self, workers, params, make_optimizer(self.config, params), deadline)
        # Once more they are predicted afterwards, by one process, to calibrate the classifier.
        self.deadline = deadline = deadline.sooner(self.n_jobs * pace.validation)
        fit = steps_that_fit((1.0 - MARGIN) * deadline.left(), pace, self.steps_an_epoch)
        state.planned_steps = min(state.planned_steps, fit)
        self.validation_seconds = pace.validation

    def _run_epochs(self, workers: Workers) -> None:
        state = self.state
        while not state.finished and state.epoch < self.config.max_iter:
            self._run_epoch(workers)
            state.finished = self._is_finished()
            for callback in self.callbacks:
                callback.on_epoch(self)

    def _new_progress(self) -> EpochProgress:
        return EpochProgress(len(self.train), self.n_words, time.perf_counter())

    def batches(self, rng: np.random.Generator) -> list[Ints]:
        """The documents of each step of an epoch."""
        return epoch_batches(
            self._lengths,
            batch_size=self.config.batch_size,
            batch_tokens=self.config.batch_tokens,
            shuffle=self.config.shuffle,
            rng=rng,
        )

    def _run_epoch(self, workers: Workers) -> None:
        state = self.state
        batches = self.batches(self.rng)
        self.progress = self._new_progress()
        for rows in batches:
            self._run_batch(workers, rows)
            for callback in self.callbacks:
                callback.on_batch(self)
            state.out_of_time = self._is_out_of_time()
            if state.out_of_time or state.steps >= state.planned_steps:
                break
        progress = self.progress
        record: dict[str, float] = {
            "epoch": state.epoch + 1,
            "steps": state.steps,
            "loss": progress.mean_loss,
            "accuracy": progress.accuracy,
            "gradient_norm": progress.norm / progress.batches,
            "backward_share": progress.walked / progress.tokens,
            "learning_rate": progress.learning_rate,
            "seconds": progress.seconds,
            "words_per_second": progress.words_per_second,
        }
        with self._averaged():
            if self.validation is not None:
                loss, accuracy, of_whole = self._validate(workers, self.validation)
                record |= {"validation_loss": loss, WHOLE: accuracy}
                if of_whole is not None:
                    record |= {WHOLE: of_whole, NETWORK: accuracy}
            # From here nothing fails: an epoch is counted whole or not at all.
            state.epoch += 1
            state.history.append(record)
            if self.validation is not None:
                self._remember_best(accuracy, loss)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network with its average weights, if they are kept; then as it was."""
        if self.average is None:
            yield
            return
        as_trained = {name: value.copy() for name, value in self.network.params.items()}
        self._set_params(self.average.of(as_trained))
        try:
            yield
        finally:
            self._set_params(as_trained)

    def _set_params(self, params: Params) -> None:
        for name, value in params.items():
            self.network.params[name][...] = value

    def _validate(
        self, workers: Workers, validation: LabelledDocuments
    ) -> tuple[float, float, float | None]:
        """Loss and accuracy on the documents that stand behind the training ones.

        And the accuracy of the whole that the network is a part of, if there is a judge.
        """
        held_out = np.arange(len(validation)) + len(self.train)
        logits = workers.predict_logits(held_out)
        loss, accuracy = loss_and_accuracy(
            self.network.config.output, logits, validation.targets, validation.weights
        )
        if not math.isfinite(loss):
            raise TrainingError(
                self._explain_not_finite(f"the loss is {loss} on the held-out texts")
            )
        return loss, accuracy, None if self.judge is None else self.judge(logits)

    def _run_batch(self, workers: Workers, rows: Ints) -> None:
        config, progress = self.config, self.progress
        sums, gradients = workers.gradient(rows, self.rng)
        norm = global_norm(gradients)
        loss = sums.loss / len(rows)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            found = f"batch {progress.batches + 1}: the loss is {loss}, the gradient norm {norm}"
            raise TrainingError(self._explain_not_finite(found))
        if config.max_grad_norm is not None and norm > config.max_grad_norm:
            scale(gradients, config.max_grad_norm / norm)
        progress.learning_rate = learning_rate_at(
            self.optimizer.n_updates,
            base=config.learning_rate_init,
            schedule=config.learning_rate,
            warmup_updates=round(config.warmup_fraction * self.state.planned_steps),
            total_updates=self.state.planned_steps,
        )
        if self.average is not None:
            self.average.before_update(self.network.params, gradients)
        self.optimizer.update(self.network.params, gradients, progress.learning_rate)

        self.state.steps += 1
        progress.documents += len(rows)
        progress.tokens += sums.tokens
        progress.walked += sums.walked
        progress.loss += sums.loss
        progress.correct += sums.correct
        progress.norm += norm
        progress.batches += 1

    def _explain_not_finite(self, found: str) -> Message:
        rate, norm = self.config.learning_rate_init, self.config.max_grad_norm
        return Message(
            f"training diverged in epoch {self.state.epoch + 1}, {found}.",
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

    def _remember_best(self, accuracy: float, loss: float) -> None:
        state = self.state
        # Of equal accuracies the one with the smaller loss is the better model.
        score = (accuracy, -loss)
        if accuracy > state.best_score[0] + self.config.tol:
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
        return patience_over or all_done or state.out_of_time


def loss_and_accuracy(
    output: Output, logits: Floats, targets: Ints, weights: Floats | None = None
) -> tuple[float, float]:
    """Mean loss in nats, and share that is right, of logits (n, C) and targets.

    With weights (n,) both are means over the weighted documents.
    """
    weights = mean_one(weights)
    loss, _ = output.loss(logits, targets, weights)
    return loss, float(np.average(output.right(logits, targets), weights=weights))


def make_optimizer(config: TrainingConfig, params: Params) -> Optimizer:
    """The optimiser a configuration asks for, for all parameters that may change."""
    moving = {name: value for name, value in params.items() if name not in config.frozen}
    if config.solver == "sgd":
        return SGD(moving, momentum=config.momentum, alpha=config.alpha)
    return Adam(moving, alpha=config.alpha)

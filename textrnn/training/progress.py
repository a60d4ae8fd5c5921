"""A training's progress on stderr: loss, accuracy, words per second and time to go.

On a terminal a bar that moves, elsewhere a line an epoch.
"""

from __future__ import annotations

import time
from typing import Any

from textrnn.evaluation.held_out_scores import NETWORK
from textrnn.training.callbacks import Callback
from textrnn.training.measure import R_SQUARED
from textrnn.training.state import Run, TrainingState


class Progress(Callback):
    """Shows a run on stderr through rich.

    Args:
        console: a rich console; one on stderr if None.
    """

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console

        self.console = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar: Any = None
        self._task: Any = None
        self._started = 0.0
        self._steps_before = 0

    def on_start(self, run: Run) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._started = time.perf_counter()
        self._steps_before = run.state.steps
        if run.state.epoch:
            self.console.print(f"resuming after epoch {run.state.epoch}", style="dim")
        if not self.console.is_terminal:
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, figures="")
        self._bar.start()

    def on_student(self, n_texts: int) -> None:
        line = f"a student learns from the classifier on {n_texts:,} unlabelled texts"
        self.console.print(line, soft_wrap=True)

    def on_batch(self, run: Run) -> None:
        if self._bar is None:
            return
        now = run.progress
        self._bar.update(
            self._task,
            completed=now.tokens / now.n_tokens,
            description=f"epoch {run.state.epoch + 1}/{run.n_epochs}",
            figures=(
                f"loss {now.mean_loss:.3f}  {_training_score(run, now.mean_loss, now.accuracy)}  "
                f"{now.words_per_second:,.0f} words/s  ETA {self._time_to_go(run)}"
            ),
        )

    def _time_to_go(self, run: Run) -> str:
        """Time left if all steps are done, as early stopping cannot be foreseen."""
        done = max(run.state.steps - self._steps_before, 1)
        left = run.state.planned_steps - run.state.steps
        return clock((time.perf_counter() - self._started) / done * left)

    def on_epoch(self, run: Run) -> None:
        record = run.state.history[-1]
        line = (
            f"epoch {record['epoch']:>2}/{run.n_epochs}  "
            f"loss {record['loss']:.3f} "
            f"{_training_score(run, record['loss'], record['accuracy'])}"
        )
        if "validation_loss" in record:
            best = " *" if run.state.best_epoch == run.state.epoch else ""
            line += f"  held out {_held_out(record, run)}{best or '  '}"
        line += f"  {record['words_per_second'] / 1000:,.0f}k words/s {clock(record['seconds'])}"
        self.console.print(line, soft_wrap=True)

    def on_end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if run.state.interrupted:
            self.console.print(_interruption(run.state), style="yellow", soft_wrap=True)
        elif run.state.stopped:
            self.console.print(_stopped(run.state), style="yellow", soft_wrap=True)
        elif run.state.finished and run.state.steps < run.state.planned_steps:
            self.console.print(_early_stop(run), style="dim", soft_wrap=True)


def _training_score(run: Run, loss: float, right: float) -> str:
    """The score of what is learned from, by its name."""
    name, score = run.measure.of_training(loss, right)
    return f"{name} {score:.3f}"


def _held_out(record: dict[str, float], run: Run) -> str:
    """The score of the whole classifier, if it is known; loss and score of the network."""
    loss, score = record["validation_loss"], record[run.measure.key]
    if NETWORK not in record or run.measure.name == R_SQUARED:  # which has nothing beside it
        return f"{loss:.3f} {score:.3f}"
    return f"{score:.3f}, network {loss:.3f} {record[NETWORK]:.3f}"


def _interruption(state: TrainingState) -> str:
    if state.epoch == 0:
        return "interrupted in the first epoch"
    kept = f" of epoch {state.best_epoch}" if state.best_params else ", the last ones"
    return f"interrupted in epoch {state.epoch + 1}: keeping the weights{kept}"


def _stopped(state: TrainingState) -> str:
    kept = f"those of epoch {state.best_epoch}" if state.best_params else "the last ones"
    why = state.stopped if state.out_of_time else f"stopped ({state.stopped})"
    return (
        f"{why} after {state.steps:,} of {state.planned_steps:,} planned steps; the weights are "
        f"{kept}"
    )


def _early_stop(run: Run) -> str:
    """Patience counts epochs without a better score, but the loss decides between equals."""
    by = f" by more than {run.config.tol:g}" if run.config.tol else ""
    found = f"{run.measure.name} held out has not risen{by}"
    best = "the most accurate and, of equals, the one of least loss"
    if run.measure.by_loss:
        found, best = f"loss held out has not fallen{by}", "the one of least loss"
    return (
        f"stopped early: the network's {found} for {run.state.stale} epochs; the weights are "
        f"those of epoch {run.state.best_epoch}, {best}"
    )


def clock(seconds: float) -> str:
    """Minutes and seconds, hours when there are any."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"

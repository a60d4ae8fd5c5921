"""Time, steps, progress and averages of runs whose answers are not one a text: tokens and pairs."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tests import pairs
from tests.at_tokens import config_of, network_of, previous_words
from textrnn.nn.workspace import Workspace
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.loop import TrainingRun
from textrnn.training.measure import Perplexity, measure_of
from textrnn.training.progress import Progress
from textrnn.training.settings import Settings
from textrnn.training.state import Run

TRAIN, HELD_OUT = previous_words(48, seed=1), previous_words(20, seed=2)


def of_tokens(**given: Any) -> TrainingRun:
    """Tags."""
    return _of_network(network_of(), **given)


def of_words(**given: Any) -> TrainingRun:
    """A language model, by truncated backpropagation."""
    changes = {"rule": "tbptt", "k1": 4, "k2": 4, **given.pop("changes", {})}
    return _of_network(network_of(head="next_word", tied=True), changes=changes, **given)


def _of_network(network: Any, *, changes: Any = (), **given: Any) -> TrainingRun:
    told = {"validation": HELD_OUT, "rng": np.random.default_rng(3), **given}
    return TrainingRun(network, config_of(**dict(changes)), TRAIN, **told)


def of_pairs(*, changes: Any = (), **given: Any) -> TrainingRun:
    """Sources and targets."""
    settings = Settings(**{**pairs.PLAIN, "dropout_input": 0.0, "ema_decay": 0.0, **dict(changes)})
    config = settings.training_config(len(pairs.TRAIN), pairs.TRAIN.n_tokens)
    told = {"validation": pairs.HELD_OUT, "rng": np.random.default_rng(3), **given}
    return TrainingRun(
        pairs.new_toy(), config, pairs.TRAIN, kind=pairs.KIND, measure=pairs.EXACT, **told
    )


RUNS: dict[str, Callable[..., TrainingRun]] = {
    "accuracy": of_tokens,
    "perplexity": of_words,
    "exact": of_pairs,
}
"""By the name of their scores."""
each = pytest.mark.parametrize("name", RUNS)


class Clock:
    """Goes on by a second for each word that is learned from, and for each example judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        for executor in (SingleProcess, SeveralProcesses):
            self._slow_down(monkeypatch, executor)

    def __call__(self) -> float:
        return self.now

    def _slow_down(self, monkeypatch: pytest.MonkeyPatch, executor: Any) -> None:
        steps, judge = executor.steps, executor.judge

        def slow_steps(executor: Any, *given: Any) -> Any:
            for sums, gradients in steps(executor, *given):
                self.now += sums.tokens
                yield sums, gradients

        def slow_judge(executor: Any, rows: Any = None) -> Any:
            self.now += 20 if rows is None else len(rows)
            return judge(executor, rows)

        monkeypatch.setattr(executor, "steps", slow_steps)
        monkeypatch.setattr(executor, "judge", slow_judge)


@each
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_run_ends_with_the_time(
    name: str, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many steps are planned as fit, by a rehearsal that leaves no trace, and all are done."""
    clock = Clock(monkeypatch)
    changes = {"max_iter": 100, "n_iter_no_change": 100, "shuffle": False}
    words = RUNS[name]().n_words
    end = 4.5 * (words + 20)
    run = RUNS[name](changes=changes, deadline=Deadline(end, clock), n_jobs=n_jobs)
    state = run.run()
    assert 0.75 * end < clock.now <= end
    assert not state.stopped
    assert run.validation_seconds > 0.0
    again = RUNS[name](changes={**changes, "max_steps": state.steps}, n_jobs=n_jobs)
    assert [r["validation_loss"] for r in again.run().history] == [
        r["validation_loss"] for r in state.history
    ]


@each
def test_steps_are_counted(name: str) -> None:
    """Also within an epoch, and those of a rule that changes weights on the way by batches."""
    run = RUNS[name](changes={"max_steps": 8})
    state = run.run()
    assert (state.steps, state.planned_steps, state.epoch) == (8, 8, -(-8 // run.steps_an_epoch))


class Count(Callback):
    """Counts what it is called for, and what progress tells."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.words = 0

    def on_start(self, run: Run) -> None:
        del run
        self.told.append("start")

    def on_batch(self, run: Run) -> None:
        self.told.append("batch")
        assert 0 < run.progress.tokens <= run.progress.n_tokens
        self.words = run.progress.tokens

    def on_epoch(self, run: Run) -> None:
        self.told.append("epoch")
        assert self.words == run.n_words
        assert np.isfinite(run.progress.mean_loss)
        assert 0.0 <= run.progress.accuracy <= 1.0

    def on_end(self, run: Run) -> None:
        del run
        self.told.append("end")


@each
def test_callbacks_are_called(name: str) -> None:
    count = Count()
    run = RUNS[name](callbacks=[count], changes={"max_iter": 2})
    run.run()
    epoch = ["batch"] * run.steps_an_epoch + ["epoch"]
    assert count.told == ["start", *epoch, *epoch, "end"]


@each
@pytest.mark.parametrize("is_terminal", [False, True])
def test_progress_says_what_the_score_is(name: str, is_terminal: bool) -> None:
    screen = StringIO()
    console = Console(
        file=screen, width=200, force_terminal=is_terminal, highlight=False, color_system=None
    )
    run = RUNS[name](callbacks=[Progress(console)], changes={"max_iter": 2})
    (first, second) = run.run().history
    told = screen.getvalue()
    for record in (first, second):
        held_out = f"held out {record['validation_loss']:.3f} {record['validation_' + name]:.3f}"
        assert held_out in told
    shown = f"accuracy {first['accuracy']:.3f}"
    if name == "perplexity":
        shown = f"perplexity {np.exp(first['loss']):.3f}"
    assert f"epoch  1/2  loss {first['loss']:.3f} {shown}" in told
    assert ("ETA" in told) == is_terminal


def test_a_perplexity_among_words_drawn_is_called_so() -> None:
    screen = StringIO()
    measure = Perplexity(is_sampled=True)
    run = RUNS["perplexity"](callbacks=[Progress(Console(file=screen, width=200))], measure=measure)
    first, *_ = run.run().history
    assert f"loss {first['loss']:.3f} perplexity (sampled) " in screen.getvalue()
    assert f"{first['validation_perplexity']:.3f}" in screen.getvalue()


@each
def test_an_early_stop_is_told(name: str) -> None:
    screen = StringIO()
    changes = {"n_iter_no_change": 2, "learning_rate_init": 1e-12, "tol": 0.5}
    run = RUNS[name](callbacks=[Progress(Console(file=screen, width=300))], changes=changes)
    state = run.run()
    assert state.epoch == 3
    fell = {"perplexity": "loss held out has not fallen"}
    assert fell.get(name, f"{name} held out has not risen") in screen.getvalue()


@each
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_average_is_judged_and_kept(name: str, n_jobs: int) -> None:
    run = RUNS[name](changes={"ema_decay": 0.95, "max_iter": 3}, n_jobs=n_jobs)
    state = run.run()
    assert run.average is not None
    judge, held_out = run.measure.judge, run.validation
    assert judge is not None
    found = run.measure.found(judge(run.network, held_out, Workspace()), held_out)
    kept = state.history[state.best_epoch - 1]["validation_loss"]
    assert found.loss == pytest.approx(kept, rel=1e-9)
    plain = RUNS[name](changes={"ema_decay": 0.0, "max_iter": 3}, n_jobs=n_jobs)
    assert plain.run().history[-1]["validation_loss"] != pytest.approx(kept, rel=1e-6)


@each
def test_a_loss_that_falls_is_progress_while_no_score_rises(name: str) -> None:
    """As of an encoder-decoder that has no text whole yet; a score that falls never is."""
    run = RUNS[name]()
    for rank, stale in [((0.0, -2.0), 0), ((0.0, -1.5), 0), ((0.0, -1.6), 1), ((-1.0, -1.0), 2)]:
        run._remember_best(rank)
        assert run.state.stale == stale
    run._remember_best((0.5, -9.0))
    assert (run.state.stale, run.state.best_score) == (0, (0.5, -9.0))


def test_of_texts_the_score_alone_counts() -> None:
    assert not measure_of(network_of(head="text"), None).waits_for_loss


@pytest.mark.parametrize("name", ["accuracy", "exact"])
def test_who_has_all_right_is_waited_for_no_longer_than_others(name: str) -> None:
    run = RUNS[name](changes={"n_iter_no_change": 3, "max_iter": 50, "max_steps": 999})
    run._remember_best((1.0, -2.0))
    for loss in (-1.5, -1.4, -1.3):
        assert not run._is_finished()
        run._remember_best((1.0, loss))
    assert run._is_finished()
    assert run.state.best_score == (1.0, -1.3)

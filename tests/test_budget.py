"""Trainings with a limit of time or steps: they end in time, and can be done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.test_loop import (
    CONFIG,
    TRAIN,
    VALIDATION,
    AfterBatch,
    KeepEpochs,
    copy,
    new_network,
    new_run,
    same_bits,
)
from textrnn.estimator.classifier import TextRNNClassifier
from textrnn.nn.gradients import global_norm
from textrnn.storage.checkpoint_file import save_arrays
from textrnn.text.encoded import encode_lists
from textrnn.training import checkpoint, in_time, loop, rehearsal
from textrnn.training.averaging import WeightAverage
from textrnn.training.budget import Deadline, Pace, steps_that_fit
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint
from textrnn.training.examples import Examples
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.ngrams import choose_ngrams
from textrnn.training.settings import Settings
from textrnn.training.state import Run

EPOCH = 13  # 200 documents in batches of 16


class Clock:
    """Stands still but for the work it is told of."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.a_word = 0.01
        self.a_prediction = 0.01

    def __call__(self) -> float:
        return self.now


def slow_down(monkeypatch: pytest.MonkeyPatch, clock: Clock, executor: Any) -> None:
    """Let the clock go on as an executor works."""
    steps, predict = executor.steps, executor.predict_logits

    def slow_steps(self: Any, *args: Any) -> Any:
        for sums, gradients in steps(self, *args):
            clock.now += clock.a_word * sums.tokens
            yield sums, gradients

    def slow_predict(self: Any, rows: Any) -> Any:
        clock.now += clock.a_prediction * (len(VALIDATION) if rows is None else len(rows))
        return predict(self, rows)

    monkeypatch.setattr(executor, "steps", slow_steps)
    monkeypatch.setattr(executor, "predict_logits", slow_predict)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that goes on as words are trained on and documents predicted."""
    clock = Clock()
    for executor in (SingleProcess, SeveralProcesses):
        slow_down(monkeypatch, clock, executor)
    return clock


N_WORDS = TRAIN.texts.n_tokens
EPOCH_SECONDS = 0.01 * N_WORDS + 0.01 * len(VALIDATION)


def seconds_of(steps: int, pace: Pace, an_epoch: int) -> float:
    return steps * pace.step + -(-steps // an_epoch) * pace.validation


@given(st.floats(0, 1e4), st.floats(1e-3, 10), st.floats(0, 100), st.integers(1, 500))
def test_as_many_steps_as_fit(
    seconds: float, step: float, validation: float, an_epoch: int
) -> None:
    pace = Pace(step, validation)
    steps = steps_that_fit(seconds, pace, an_epoch)
    assert steps >= 1
    assert steps == 1 or seconds_of(steps, pace, an_epoch) <= seconds * (1 + 1e-9)
    assert seconds_of(steps + 1, pace, an_epoch) > seconds * (1 - 1e-9)


@pytest.mark.parametrize("epochs", [0.9, 2.5, 6.0])
def test_the_schedule_ends_with_the_time(clock: Clock, epochs: float) -> None:
    end = clock.now + epochs * EPOCH_SECONDS
    rates: list[float] = []
    note = AfterBatch(lambda run: rates.append(run.progress.learning_rate))
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50)
    run = new_run(new_network("rnn"), config, callbacks=[note], deadline=Deadline(end, clock))
    state = run.run()
    assert end - 0.35 * epochs * EPOCH_SECONDS < clock.now <= end
    assert state.steps == state.planned_steps == len(rates)
    assert state.epoch == len(state.history) == run.n_epochs == -(-state.steps // EPOCH)
    assert not state.out_of_time
    assert state.finished
    assert rates[-1] <= 0.02 / (0.9 * len(rates))
    assert max(rates) > 0.9 * 0.02


class SlowWriter(Callback):
    """Takes some seconds after each epoch, as one that writes to a slow disk."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_rehearsal(self, run: Run) -> None:
        self.on_epoch(run)

    def on_epoch(self, run: Run) -> None:
        del run
        self.clock.now += 0.5 * EPOCH_SECONDS


def test_time_for_what_follows_an_epoch(clock: Clock) -> None:
    end = clock.now + 8 * EPOCH_SECONDS
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50)
    writer, deadline = SlowWriter(clock), Deadline(end, clock)
    state = new_run(new_network("rnn"), config, callbacks=[writer], deadline=deadline).run()
    assert end - 2.5 * EPOCH_SECONDS < clock.now <= end
    assert state.steps == state.planned_steps
    assert not state.out_of_time


@pytest.mark.parametrize("part", ["average", "norm"])
def test_time_for_all_of_a_step(clock: Clock, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50, ema_decay=0.9)

    def planned() -> int:
        deadline = Deadline(clock.now + 8 * EPOCH_SECONDS, clock)
        return new_run(new_network("rnn"), config, deadline=deadline).run().planned_steps

    usual = planned()

    def slowed(work: Any) -> Any:
        def slow(*arguments: Any) -> Any:
            clock.now += EPOCH_SECONDS / EPOCH
            return work(*arguments)

        return slow

    if part == "average":
        before = slowed(WeightAverage.before_update)
        monkeypatch.setattr(WeightAverage, "before_update", before)
    else:
        for module in (loop, rehearsal):
            monkeypatch.setattr(module, "global_norm", slowed(global_norm))
    assert planned() < 0.7 * usual


def test_the_rehearsal_of_a_checkpoint_leaves_no_file(clock: Clock, tmp_path: Path) -> None:
    saved: list[set[str]] = []
    keep = Checkpoint(tmp_path / "run", {})

    def save(path: Path, arrays: Any, values: Any) -> None:
        saved.append(set(arrays))
        save_arrays(path, arrays, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save_arrays", save)
        deadline = Deadline(clock.now + 2.4 * EPOCH_SECONDS, clock)
        state = new_run(new_network("rnn"), callbacks=[keep], deadline=deadline).run()
    assert len(saved) == 1 + state.epoch
    assert saved[0] == saved[1]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_steps_planned_by_the_clock_can_be_done_again(clock: Clock) -> None:
    """The rehearsal leaves no trace: weights and chance are those of a run without a clock."""
    config = replace(CONFIG, max_iter=50, n_iter_no_change=None, ema_decay=0.9)
    by_clock, by_steps = new_network(), new_network()
    deadline = Deadline(clock.now + 3.3 * EPOCH_SECONDS, clock)
    first = new_run(by_clock, config, deadline=deadline).run()
    assert first.steps % EPOCH, "no part of an epoch is tried"
    again = new_run(by_steps, replace(config, max_steps=first.planned_steps)).run()
    assert same_bits(by_clock.params, by_steps.params)
    assert first.planned_steps == again.planned_steps == again.steps
    assert [r["loss"] for r in first.history] == [r["loss"] for r in again.history]


def test_a_slow_start_says_nothing_of_later_steps(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step takes the system's memory, which the others use again."""
    steps, begun = SingleProcess.steps, [0]

    def slow_at_first(self: SingleProcess, *args: Any) -> Any:
        begun[0] += 1
        clock.now += 100.0 * (begun[0] == 1)
        return steps(self, *args)

    monkeypatch.setattr(SingleProcess, "steps", slow_at_first)
    config = replace(CONFIG, max_iter=1_000)
    run = new_run(
        new_network("rnn"), config, deadline=Deadline(clock.now + 100.0 + 9 * EPOCH_SECONDS, clock)
    )
    assert run.run().planned_steps == pytest.approx(8.5 * EPOCH, abs=0.7 * EPOCH)


def test_all_held_out_texts_are_reckoned_with_where_some_are_timed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "REHEARSED_TEXTS", 10)
    clock.a_prediction = 0.5
    run = new_run(
        new_network("rnn"), replace(CONFIG, max_iter=3), deadline=Deadline(clock.now + 1e4, clock)
    )
    run.run()
    assert run.validation_seconds == pytest.approx(0.5 * len(VALIDATION))


def test_a_run_that_becomes_slower_is_stopped_in_time(clock: Clock, tmp_path: Path) -> None:
    """And is known for such when its checkpoint is taken up."""
    end = clock.now + 4 * EPOCH_SECONDS

    def slow_down(run: Run) -> None:
        if run.state.steps == EPOCH + 5:
            clock.a_word *= 5

    keep, network = KeepEpochs(), new_network()
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50)
    checkpoint = Checkpoint(tmp_path / "run", {})
    run = new_run(
        network,
        config,
        callbacks=[AfterBatch(slow_down), keep, checkpoint],
        deadline=Deadline(end, clock),
    )
    state = run.run()
    longest = 16 * TRAIN.texts.lengths.max()
    assert state.out_of_time
    assert state.finished
    assert not state.interrupted
    assert state.steps < state.planned_steps
    assert end - clock.a_word * longest <= clock.now <= end + clock.a_word * longest
    assert same_bits(network.params, keep.params[state.best_epoch - 1])
    again = new_run(
        new_network(), config, callbacks=[Checkpoint(tmp_path / "run", {}, resume=True)]
    ).run()
    assert (again.out_of_time, again.finished, again.steps) == (True, True, state.steps)


def test_without_validation_the_average_is_kept_when_the_time_is_over(clock: Clock) -> None:
    config = replace(CONFIG, max_iter=50, ema_decay=0.9)
    network = new_network()
    before: list[Any] = []

    def slow_down(run: Run) -> None:
        clock.a_word = 1.0
        before[:] = [copy(run.network.params)]

    run = new_run(
        network,
        config,
        validation=None,
        callbacks=[AfterBatch(slow_down)],
        deadline=Deadline(clock.now + 3 * EPOCH_SECONDS, clock),
    )
    state = run.run()
    assert state.out_of_time
    assert run.average is not None
    assert same_bits(network.params, run.average.of(network.params))
    assert not same_bits(network.params, before[0])


def test_one_step_is_done_even_if_the_time_is_over(clock: Clock) -> None:
    network = new_network()
    before = copy(network.params)
    state = new_run(network, deadline=Deadline(clock.now - 1.0, clock)).run()
    assert (state.steps, state.planned_steps, state.epoch) == (1, 1, 1)
    assert not same_bits(network.params, before)


def test_with_time_enough_the_epochs_are_the_limit(clock: Clock) -> None:
    deadline = Deadline(clock.now + 1e6, clock)
    state = new_run(new_network("rnn"), replace(CONFIG, max_iter=2), deadline=deadline).run()
    assert state.planned_steps == state.steps == 2 * EPOCH


def test_a_resumed_run_keeps_its_plan(clock: Clock, tmp_path: Path) -> None:
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50)

    def run(name: str, *, resume: bool = False, stop_at: int = 0) -> tuple[Any, Any]:
        def stop(run: Run) -> None:
            if run.state.steps == stop_at:
                raise KeyboardInterrupt

        network = new_network()
        state = new_run(
            network,
            config,
            callbacks=[Checkpoint(tmp_path / name, {}, resume=resume), AfterBatch(stop)],
            deadline=Deadline(clock.now + 4.4 * EPOCH_SECONDS, clock),
        ).run()
        return state, network.params

    whole, params = run("whole")
    stopped, _ = run("cut", stop_at=2 * EPOCH + 3)
    assert stopped.interrupted
    clock.a_word *= 0.5  # would plan twice as many, if it planned
    resumed, again = run("cut", resume=True)
    assert resumed.planned_steps == whole.planned_steps == resumed.steps == whole.steps
    assert same_bits(params, again)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_resumed_run_leaves_time_for_its_validation(
    clock: Clock, tmp_path: Path, n_jobs: int
) -> None:
    """It knows from the checkpoint how long that takes; in the end one process does it alone."""
    config = replace(CONFIG, max_iter=50, n_iter_no_change=50)
    clock.a_prediction = 10.0

    def run(left: float, stop: int, *, resume: bool) -> Any:
        def interrupt(run: Run) -> None:
            if run.state.steps == stop:
                raise KeyboardInterrupt

        callbacks = [Checkpoint(tmp_path / "run", {}, resume=resume), AfterBatch(interrupt)]
        deadline = Deadline(clock.now + left, clock)
        options: dict[str, Any] = {"n_jobs": n_jobs, "deadline": deadline}
        found = new_run(new_network("rnn"), config, callbacks=callbacks, **options)
        found.run()
        return found

    a_validation = 10.0 * len(VALIDATION)
    run(20 * a_validation, EPOCH + 1, resume=False)
    left = (2.5 + n_jobs) * a_validation
    end = clock.now + left
    resumed = run(left, 0, resume=True)
    assert resumed.state.out_of_time
    assert resumed.deadline.end == end - n_jobs * a_validation
    assert clock.now <= end


# --------------------------------------------------------------------------- steps


@pytest.mark.parametrize("steps", [1, EPOCH - 1, EPOCH, EPOCH + 1, 3 * EPOCH + 4])
@pytest.mark.parametrize("options", [{}, {"batch_size": 1, "batch_tokens": 60}])
def test_so_many_steps(steps: int, options: dict[str, Any]) -> None:
    rates: list[float] = []
    note = AfterBatch(lambda run: rates.append(run.progress.learning_rate))
    config = replace(CONFIG, max_iter=steps, max_steps=steps, n_iter_no_change=99, **options)
    state = new_run(new_network("rnn"), config, callbacks=[note]).run()
    assert len(rates) == state.steps == steps == state.history[-1]["steps"]
    assert state.finished
    assert state.epoch == len(state.history)
    assert all("validation_loss" in record for record in state.history)
    assert rates[-1] <= 0.02 / max(0.9 * steps, 1)


def test_epochs_bound_the_steps() -> None:
    config = replace(CONFIG, max_iter=2, max_steps=1_000)
    state = new_run(new_network("rnn"), config).run()
    assert state.steps == state.planned_steps == 2 * EPOCH
    assert state.history[-1]["learning_rate"] < 0.02 / EPOCH  # it ends where they do


def test_patience_is_a_third_of_the_planned_epochs() -> None:
    config = replace(CONFIG, n_iter_no_change=None, max_iter=1_000)
    waits = [
        new_run(new_network("rnn"), replace(config, max_steps=steps)).patience
        for steps in (1, 6 * EPOCH, 6 * EPOCH + 1, 30 * EPOCH)
    ]
    assert waits == [2, 2, 3, 10]


# ----------------------------------------------------------------- the n-gram model


def labelled(reviews: tuple[list[str], list[str]]) -> Examples:
    texts, labels = reviews
    targets = np.array([label == "good" for label in labels], dtype=np.int64)
    return examples(encode_lists([text.split() for text in texts]), targets)


@pytest.mark.parametrize(("left", "kinds"), [(1e6, 2), (-1.0, 1), (0.0, 1)])
def test_one_kind_of_ngrams_is_fitted_whatever_the_time(
    reviews: tuple[list[str], list[str]], left: float, kinds: int
) -> None:
    ticking = Clock()

    def clock() -> float:
        ticking.now += 1.0
        return ticking.now

    data = labelled(reviews)
    deadline = Deadline(clock() + left, clock)
    chosen = choose_ngrams(Settings(), data, data, deadline)
    assert len({part.model.kind for part in chosen.parts}) == kinds
    assert chosen.accuracy is not None


@pytest.mark.parametrize(
    ("n_copies", "left", "wanted"),
    [
        (100, -5.0, 48 * 100),  # too few to try
        (400, 1e9, 48 * 400),
        (400, -5.0, in_time.TRIED_TEXTS),
        # One second to try 2,000 texts: 38.4 seconds for all, of which there are 24 / 2.
        (400, 25.0, 48 * 400 * 12 // 38.4),
    ],
)
def test_texts_are_left_out_where_their_ngrams_take_too_long(
    reviews: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    n_copies: int,
    left: float,
    wanted: int,
) -> None:
    clock = Clock()

    def choose(settings: Settings, train: Examples, *_: Any) -> None:
        assert settings.ngrams == "words"
        assert len(train) == in_time.TRIED_TEXTS
        clock.now += 1.0

    monkeypatch.setattr(in_time, "choose_ngrams", choose)
    texts, labels = reviews
    data = labelled((texts * n_copies, labels * n_copies))
    deadline = Deadline(clock() + left, clock)
    n = in_time.texts_that_fit(Settings(), data, deadline)
    assert n == wanted
    found = in_time.drawn(data, n)
    assert len(found) == wanted
    assert set(found.targets.values.tolist()) == {0, 1}


@pytest.mark.parametrize(("left", "wanted"), [(51.0, True), (49.0, False), (-1.0, False)])
def test_the_ngrams_are_fitted_again_only_if_that_can_end(left: float, wanted: bool) -> None:
    clock = Clock()
    assert in_time.is_time_to_refit(Deadline(clock() + left, clock), 100.0) is wanted
    assert in_time.is_time_to_refit(None, 100.0)


# -------------------------------------------------------------------- the estimator


def test_the_estimator_has_both_limits(reviews: tuple[list[str], list[str]]) -> None:
    options: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "random_state": 0}
    by_steps = TextRNNClassifier(**options, batch_size=8, max_steps=7).fit(*reviews)
    assert by_steps.history_[-1]["steps"] == 7
    assert by_steps.n_iter_ == 2
    at_once = TextRNNClassifier(**options, max_seconds=1e-3).fit(*reviews)
    assert at_once.history_[-1]["steps"] == 1
    assert at_once.predict(reviews[0]).shape == (48,)


def test_partial_fit_takes_its_epoch_whatever_the_steps(
    reviews: tuple[list[str], list[str]],
) -> None:
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, batch_size=8, max_steps=1)
    for _ in range(2):
        model.partial_fit(*reviews, classes=["bad", "good"])
    assert [record["steps"] for record in model.history_] == [6, 6]

"""Training: it learns, repeats itself bit for bit, stops when it should, keeps the best."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from tests.networks import network_config
from textrnn.errors import TrainingError, UsageError
from textrnn.inference.batches import predict_logits, predict_proba
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.network import Network
from textrnn.nn.optimizers import SGD, Adam
from textrnn.nn.schedules import SCHEDULES, learning_rate_at
from textrnn.nn.targets import Targets
from textrnn.training import measure
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint, restore, snapshot
from textrnn.training.config import TrainingConfig, make_optimizer
from textrnn.training.examples import Examples
from textrnn.training.loop import TrainingRun
from textrnn.training.measure import loss_and_accuracy
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.settings import Settings
from textrnn.training.state import Run, TrainingState
from textrnn.typing import Params

V, CLASSES = 10, 3
PLAIN = Settings(
    learning_rate_init=0.02,
    batch_size=16,
    max_iter=12,
    dropout_input=0.1,
    dropout_readout=0.1,
    label_smoothing=0.0,
    ema_decay=0.0,
    n_iter_no_change=3,
)
CONFIG = PLAIN.training_config(200, 1_000)


def evaluate_documents(network: Network, documents: Examples) -> tuple[float, float]:
    logits = predict_logits(network, documents.texts)
    return loss_and_accuracy(network.config.output, logits, documents.targets.values)


def first_word_task(n: int, seed: int) -> Examples:
    """The first word names the class, all others are noise: it has to be remembered."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, CLASSES, n)
    documents = []
    for target in targets:
        noise = rng.integers(CLASSES + 1, V, rng.integers(0, 7))
        documents.append(np.concatenate([[target + 1], noise]).astype(np.int32))
    return examples(documents, targets)


TRAIN, VALIDATION = first_word_task(200, seed=1), first_word_task(60, seed=2)


def new_network(cell: str = "lstm", **options: Any) -> Network:
    config = network_config(
        CLASSES, V, cell=cell, **{"embedding_dim": 6, "hidden_size": 10} | options
    )
    return Network.initialise(config, np.random.default_rng(0))


def new_run(network: Network, config: TrainingConfig = CONFIG, **options: Any) -> TrainingRun:
    settings: dict[str, Any] = {"validation": VALIDATION, "rng": np.random.default_rng(3)}
    return TrainingRun(network, config, TRAIN, **settings | options)


def copy(params: Params) -> Params:
    return {name: value.copy() for name, value in params.items()}


def same_bits(a: Params, b: Params) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


class AfterBatch(Callback):
    """Calls a function after each batch."""

    def __init__(self, act: Callable[[Run], None]) -> None:
        self.act = act

    def on_batch(self, run: Run) -> None:
        self.act(run)


class KeepEpochs(Callback):
    """Copies the weights after each epoch."""

    def __init__(self) -> None:
        self.params: list[Params] = []

    def on_epoch(self, run: Run) -> None:
        self.params.append(copy(run.network.params))


@pytest.mark.parametrize("embedding_dim", [6, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("readout", ["last", "max"])
@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "lstm_forget", "gru"])
def test_learns_what_can_be_learnt(cell: str, readout: str, embedding_dim: int | None) -> None:
    network = new_network(cell, readout=readout, embedding_dim=embedding_dim)
    # No dropout: of one-hot words it would take away the very word that tells.
    config = replace(CONFIG, max_iter=25, n_iter_no_change=25, dropout_input=0.0)
    state = new_run(network, config).run()
    losses = [record["loss"] for record in state.history]
    assert losses[-1] < losses[0] / 5
    assert evaluate_documents(network, first_word_task(100, seed=4))[1] >= 0.98


def test_sgd_learns_too() -> None:
    network = new_network("rnn")
    config = replace(CONFIG, solver="sgd", learning_rate_init=0.2, max_iter=15)
    new_run(network, replace(config, n_iter_no_change=15)).run()
    assert evaluate_documents(network, first_word_task(100, seed=4))[1] >= 0.98


@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_seed_one_result(bidirectional: bool) -> None:
    """The same bits, with dropout, replaced words, clipping and an early stop."""
    rates = np.full(V, 0.1)

    def train(seed: int) -> tuple[Params, list[float]]:
        network = new_network(bidirectional=bidirectional, num_layers=2)
        config = replace(CONFIG, max_iter=3)
        rng = np.random.default_rng(seed)
        state = new_run(network, config, rng=rng, unknown_probabilities=rates).run()
        return network.params, [record["loss"] for record in state.history]

    params, losses = train(5)
    again, losses_again = train(5)
    assert losses == losses_again
    assert same_bits(params, again)
    other, _ = train(6)
    assert not same_bits(params, other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_has_an_order_of_its_own(shuffle: bool) -> None:
    """Told by the losses of its batches where nothing is learned nor dropped."""

    def losses(seed: int) -> list[float]:
        seen: list[float] = []
        note = AfterBatch(lambda run: seen.append(run.progress.loss))
        config = replace(
            CONFIG, learning_rate_init=1e-12, max_iter=3, dropout_input=0.0, dropout_readout=0.0,
            batch_size=100, shuffle=shuffle,
        )  # fmt: skip
        rng = np.random.default_rng(seed)
        new_run(new_network(), config, validation=None, rng=rng, callbacks=[note]).run()
        assert seen[1::2] == pytest.approx([seen[1]] * 3)  # the sums over an epoch
        return seen[::2]

    firsts = [round(loss, 3) for loss in [*losses(0), *losses(1)]]
    assert len(set(firsts)) == (6 if shuffle else 1)


def test_every_step_has_dropout_of_its_own() -> None:
    config = replace(
        CONFIG, learning_rate_init=1e-12, max_iter=4, dropout_input=0.0, dropout_readout=0.5,
        batch_size=len(TRAIN), shuffle=False,
    )  # fmt: skip
    state = new_run(new_network(), config, validation=None).run()
    assert len({round(record["loss"], 6) for record in state.history}) == 4


def test_early_stopping_restores_the_best_weights() -> None:
    """Validation classes are drawn by chance, so that learning cannot help for long."""
    rng = np.random.default_rng(7)
    noisy = examples(VALIDATION.texts, rng.integers(0, CLASSES, len(VALIDATION)))
    keep, network = KeepEpochs(), new_network()
    config = replace(CONFIG, max_iter=50, n_iter_no_change=3)
    state = new_run(network, config, validation=noisy, callbacks=[keep]).run()

    accuracies = [record["validation_accuracy"] for record in state.history]
    losses = [record["validation_loss"] for record in state.history]
    scores = [(a, -b) for a, b in zip(accuracies, losses, strict=True)]
    assert state.finished
    assert not state.interrupted
    assert state.epoch == len(state.history) < config.max_iter
    assert state.best_score == max(scores)
    assert state.best_epoch == scores.index(max(scores)) + 1 < state.epoch
    assert max(accuracies[-3:]) <= max(accuracies[:-3])
    assert same_bits(network.params, keep.params[state.best_epoch - 1])
    assert not same_bits(network.params, keep.params[-1])
    assert evaluate_documents(network, noisy) == (losses[state.best_epoch - 1], max(accuracies))


def test_without_validation_the_last_weights_stay() -> None:
    keep, network = KeepEpochs(), new_network()
    state = new_run(network, replace(CONFIG, max_iter=4), validation=None, callbacks=[keep]).run()
    assert state.epoch == 4
    assert state.best_params is None
    assert same_bits(network.params, keep.params[-1])
    assert "validation_loss" not in state.history[0]


@pytest.mark.parametrize(
    ("scores", "tol", "best", "stopped"),
    [
        ([(0.5, 1.0), (0.4, 1.0), (0.6, 1.0), (0.5, 1.0), (0.4, 1.0)], 0.0, 3, 5),
        # Of equal accuracies the smaller loss is the better, yet patience runs on.
        ([(0.7, 0.9), (0.7, 0.8), (0.7, 0.85)], 0.0, 2, 3),
        ([(0.7, 0.9), (0.7, 0.8), (0.8, 0.9), (0.1, 0.1), (0.1, 0.1)], 0.0, 3, 5),
        # Of equals the first is the best.
        ([(0.7, 0.8), (0.7, 0.8), (0.7, 0.8)], 0.0, 1, 3),
        # A rise of no more than the tolerance is kept, yet does not renew patience.
        ([(0.5, 1.0), (0.55, 1.0), (0.6, 1.0)], 0.1, 3, 3),
        ([(0.5, 1.0), (0.7, 1.0), (0.5, 1.0), (0.5, 1.0)], 0.1, 2, 4),
    ],
)
def test_patience(
    monkeypatch: pytest.MonkeyPatch,
    scores: list[tuple[float, float]],
    tol: float,
    best: int,
    stopped: int,
) -> None:
    """Two epochs without a rise end the run; scores are (accuracy, loss) of each epoch."""
    told = iter([(loss, accuracy) for accuracy, loss in scores])
    monkeypatch.setattr(measure, "loss_and_accuracy", lambda *_: next(told))
    config = replace(CONFIG, max_iter=9, n_iter_no_change=2, tol=tol)
    state = new_run(new_network("rnn"), config).run()
    assert (state.best_epoch, state.epoch) == (best, stopped)


SCORES = [(0.5, 1.0), (0.7, 0.9), (0.7, 0.8), (0.6, 0.7), (0.65, 0.6), (0.9, 0.1), (0.9, 0.1)]
"""Accuracy and loss of each epoch: the third is the best and, with a patience of 3, the fifth
the last one; whoever forgets what was before stops later and keeps another."""


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, solver: str, stop_after: int
) -> None:
    """After every epoch on the way to an early stop: weights, what was best, history, moments."""
    config = replace(
        CONFIG, solver=solver, max_iter=9, n_iter_no_change=3, ema_decay=0.9, alpha=0.01
    )

    def run(epochs_done: int, *, seed: int, stop_in: int = 99) -> TrainingRun:
        told = iter([(loss, accuracy) for accuracy, loss in SCORES[epochs_done:]])
        monkeypatch.setattr(measure, "loss_and_accuracy", lambda *_: next(told))

        def stop(run: Run) -> None:
            if run.state.epoch == stop_in and run.progress.batches == 4:
                raise KeyboardInterrupt

        checkpoint = Checkpoint(tmp_path / "run", {}, resume=epochs_done > 0)
        found = new_run(
            new_network(),
            config,
            rng=np.random.default_rng(seed),
            callbacks=[checkpoint, AfterBatch(stop)],
            unknown_probabilities=np.full(V, 0.1),
        )
        found.run()
        return found

    whole = run(0, seed=3)
    assert (whole.state.best_epoch, whole.state.stale, whole.state.epoch) == (3, 3, 5)
    assert run(0, seed=3, stop_in=stop_after).state.interrupted
    resumed = run(stop_after, seed=4)  # which is of no account

    assert same_bits(resumed.network.params, whole.network.params)
    assert same_bits(resumed.optimizer.moments, whole.optimizer.moments)
    assert resumed.rng.bit_generator.state == whole.rng.bit_generator.state
    assert_same_state(resumed.state, whole.state)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"seed": 1}, {"seed": 2}, "seed was 1 and is 2"),
        ({"seed": 1, "corpus": "x"}, {"seed": 1}, "the corpus has changed"),
        ({"seed": 1}, {"seed": 1, "corpus": "x"}, "the corpus has changed"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, before: dict[str, Any], now: dict[str, Any], told: str
) -> None:
    """Also of one that had something more, or less."""
    kept = Checkpoint(tmp_path / "run", before)
    run = new_run(new_network(), replace(CONFIG, max_iter=1), callbacks=[kept])
    run.run()
    assert Checkpoint(tmp_path / "run", before, resume=True).read(run) is not None
    with pytest.raises(UsageError, match=told):
        Checkpoint(tmp_path / "run", now, resume=True).read(run)


def assert_same_state(a: TrainingState, b: TrainingState) -> None:
    for field in fields(TrainingState):
        ours, theirs = getattr(a, field.name), getattr(b, field.name)
        if field.name == "best_params":
            assert same_bits(ours, theirs)
        elif field.name == "history":
            assert [untimed(record) for record in ours] == [untimed(record) for record in theirs]
        else:
            assert ours == theirs, field.name


def untimed(record: dict[str, float]) -> dict[str, float]:
    """What of an epoch's record does not depend on the clock."""
    return {name: x for name, x in record.items() if name not in ("seconds", "words_per_second")}


def test_what_is_restored_is_what_was_kept() -> None:
    """Key by key, after an epoch, into a run of another seed."""
    config = replace(CONFIG, max_iter=3, n_iter_no_change=3, ema_decay=0.9, max_steps=20)
    kept: list[tuple[Params, dict[str, Any], TrainingState]] = []

    class Keep(Callback):
        def on_epoch(self, run: Run) -> None:
            run.validation_seconds = 0.25 * run.state.epoch
            if run.state.epoch == 2:
                run.stop("enough")
            arrays, values = snapshot(run)
            kept.append((copy(arrays), deepcopy(values), deepcopy(run.state)))

    new_run(new_network(), config, callbacks=[Keep()]).run()
    assert len(kept) == 2
    for arrays, values, state in kept:
        other = replace(config, max_steps=None)
        run = new_run(new_network(), other, rng=np.random.default_rng(9))
        restore(run, copy(arrays), deepcopy(values))
        again, values_again = snapshot(run)
        assert same_bits(again, arrays)
        assert values_again == values
        assert_same_state(run.state, state)


def stop_after(steps: int, reason: str) -> Callback:
    def stop(run: Run) -> None:
        if run.state.steps == steps:
            run.stop(reason)

    return AfterBatch(stop)


@pytest.mark.parametrize("steps", [1, 13, 20])
def test_a_run_is_stopped_with_a_reason_and_nothing_is_lost(steps: int) -> None:
    """Within an epoch and at its end; what was done of it is validated and in the history."""
    keep, network = KeepEpochs(), new_network()
    state = new_run(network, callbacks=[stop_after(steps, "enough"), keep]).run()
    assert (state.steps, state.stopped, state.finished) == (steps, "enough", True)
    assert not state.interrupted
    assert not state.out_of_time
    assert state.epoch == len(state.history) == math.ceil(steps / 13)
    assert state.history[-1]["steps"] == steps
    assert "validation_accuracy" in state.history[-1]
    assert same_bits(network.params, keep.params[state.best_epoch - 1])


@pytest.mark.parametrize("reason", ["", " ", None, 5])
def test_a_stop_has_a_reason_in_words(reason: Any) -> None:
    def stop(run: Run) -> None:
        with pytest.raises(UsageError, match="reason"):
            run.stop(reason)

    assert new_run(new_network(), callbacks=[AfterBatch(stop)]).run().stopped == ""


def test_a_stop_after_an_epoch_or_before_the_first_step() -> None:
    class Stop(Callback):
        def on_epoch(self, run: Run) -> None:
            run.stop("the epoch")
            run.stop("later")

    state = new_run(new_network(), callbacks=[Stop()]).run()
    assert (state.steps, state.epoch, state.stopped, state.finished) == (13, 1, "the epoch", True)

    class StopAtOnce(Callback):
        def on_start(self, run: Run) -> None:
            run.stop("at once")

    state = new_run(new_network(), callbacks=[StopAtOnce()]).run()
    assert (state.steps, state.epoch, state.stopped) == (1, 1, "at once")  # there is something


def test_a_checkpoint_knows_why_its_run_was_stopped(tmp_path: Path) -> None:
    callbacks = [Checkpoint(tmp_path / "run", {}), stop_after(20, "enough")]
    first = new_run(new_network(), callbacks=callbacks).run()
    again = new_run(new_network(), callbacks=[Checkpoint(tmp_path / "run", {}, resume=True)])
    assert again.run().stopped == "enough"
    assert again.state.steps == first.steps == 20


@pytest.mark.parametrize("share", [0.01, 0.95, 1.05])
def test_a_longer_gradient_is_cut_to_the_length_asked_for(share: float) -> None:
    """One step of plain descent at a rate of 1 moves the weights by the gradient itself."""
    config = replace(
        CONFIG, solver="sgd", momentum=0.0, learning_rate="constant", warmup_fraction=0.0,
        learning_rate_init=1.0, max_steps=1,
    )  # fmt: skip

    def step(bound: float | None) -> tuple[Params, float]:
        network = new_network(dtype="float64")
        before = copy(network.params)
        run = new_run(network, replace(config, max_grad_norm=bound), validation=None)
        norm = run.run().history[0]["gradient_norm"]
        return {name: before[name] - value for name, value in network.params.items()}, norm

    whole, norm = step(None)
    assert np.sqrt(sum((v**2).sum() for v in whole.values())) == pytest.approx(norm)
    cut, same_norm = step(share * norm)
    assert same_norm == norm  # the record is of the gradient as it was
    for name, value in whole.items():
        np.testing.assert_allclose(cut[name], min(share, 1.0) * value, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("multilabel", [False, True])
def test_weights_in_validation_count_as_copies_in_loss_and_accuracy(multilabel: bool) -> None:
    rng = np.random.default_rng(5)
    n = len(VALIDATION)
    targets = rng.integers(0, 2, (n, CLASSES)) if multilabel else VALIDATION.targets.values
    times = rng.integers(1, 5, n)
    weighted = examples(VALIDATION.texts, targets, 0.3 * times)
    repeated = examples(
        VALIDATION.texts.take(np.repeat(np.arange(n), times)),
        np.repeat(targets, times, axis=0),
    )
    train = replace(
        TRAIN, targets=Targets.multilabel(np.eye(CLASSES, dtype=int)[TRAIN.targets.values])
    )
    config = replace(CONFIG, max_iter=2)

    def records(validation: Examples) -> list[dict[str, float]]:
        run = TrainingRun(
            new_network(multilabel=multilabel),
            config,
            train if multilabel else TRAIN,
            validation=validation,
            rng=np.random.default_rng(3),
        )
        return run.run().history

    found, expected = records(weighted), records(repeated)
    unweighted = records(replace(weighted, weights=None))
    for name in ("validation_loss", "validation_accuracy"):
        for a, b, c in zip(found, expected, unweighted, strict=True):
            assert a[name] == pytest.approx(b[name], rel=1e-5)
            assert a[name] != pytest.approx(c[name], rel=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_an_error(value: float) -> None:
    def spoil(run: Run) -> None:
        if run.state.epoch == 1 and run.progress.batches == 2:
            run.network.params["linear.bias"][0] = value

    network = new_network()
    run = new_run(network, callbacks=[AfterBatch(spoil)])
    with np.errstate(invalid="ignore"), pytest.raises(TrainingError) as caught:
        run.run()
    message = str(caught.value)
    assert "epoch 2, batch 3" in message
    assert "learning_rate_init (the rate was 0.02)" in message
    assert "\n" not in message


def run_spoilt_at_the_end_of_epoch_2(value: float) -> tuple[TrainingRun, str]:
    """The last update of an epoch spoils the weights: no batch of training sees it."""

    def spoil(run: Run) -> None:
        if run.state.epoch == 1 and run.progress.batches == 13:
            run.network.params["linear.bias"][0] = value

    run = new_run(new_network(), callbacks=[AfterBatch(spoil)])
    with np.errstate(invalid="ignore"), pytest.raises(TrainingError) as caught:
        run.run()
    return run, str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_validation_loss_that_is_no_number_is_an_error(value: float) -> None:
    run, message = run_spoilt_at_the_end_of_epoch_2(value)
    assert "the loss is nan" in message
    assert "learning_rate_init (the rate was 0.02)" in message
    assert "\n" not in message
    assert len(run.state.history) == 1
    assert all(np.isfinite(value).all() for value in run.network.params.values())


def test_an_error_in_validation_names_the_epoch_it_happened_in() -> None:
    """Which has 13 batches, and no fourteenth."""
    _, message = run_spoilt_at_the_end_of_epoch_2(np.nan)
    assert "epoch 2" in message
    assert "batch 14" not in message


def test_an_infinite_gradient_is_an_error_before_it_spoils_the_weights() -> None:
    """Huge features that no class looks at: the loss is ln 3, the gradient's norm infinite."""

    def spoil(run: Run) -> None:
        run.network.params[EMBEDDING][:] = 1e30
        run.network.params["linear.weight"][:] = 0.0
        run.network.params["linear.bias"][:] = 0.0

    network = new_network("rnn_relu")
    run = new_run(network, callbacks=[AfterBatch(spoil)])
    with (
        np.errstate(all="ignore"),
        pytest.raises(TrainingError, match=r"batch 2: .* is 1\.098") as e,
    ):
        run.run()
    assert "gradient norm inf" in str(e.value)
    assert not network.params["linear.weight"].any()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_learning_rates_follow_the_schedule(schedule: str) -> None:
    seen: list[float] = []
    note = AfterBatch(lambda run: seen.append(run.progress.learning_rate))
    config = replace(CONFIG, max_iter=4, learning_rate=schedule, warmup_fraction=0.25)
    state = new_run(new_network("rnn"), config, validation=None, callbacks=[note]).run()
    total = 4 * 13  # 200 documents in batches of 16
    expected = [
        learning_rate_at(
            update, base=0.02, schedule=schedule, warmup_updates=13, total_updates=total
        )
        for update in range(total)
    ]
    assert seen == expected
    assert [record["learning_rate"] for record in state.history] == expected[12::13]


@pytest.mark.parametrize(
    ("planned", "fraction", "rising"),
    [
        (20, 0.08, [0.5, 1.0]),  # of 1.6 updates
        (20, 0.07, [1.0]),  # 1.4
        (20, 0.02, []),  # 0.4
        (7, 0.5, [0.25, 0.5, 0.75, 1.0]),  # 3.5, to the even one
        (39, 0.05, [0.5, 1.0]),  # all three epochs
    ],
)
def test_the_rates_of_a_run_by_hand(planned: int, fraction: float, rising: list[float]) -> None:
    """Up in equal steps, a share of the run rounded to whole updates; then down in equal steps."""
    seen: list[float] = []
    note = AfterBatch(lambda run: seen.append(run.progress.learning_rate))
    config = replace(CONFIG, max_iter=3, max_steps=planned, warmup_fraction=fraction)
    state = new_run(new_network("rnn"), config, validation=None, callbacks=[note]).run()
    falling = planned - len(rising)
    expected = [*rising, *(1.0 - i / falling for i in range(falling))]
    assert seen == pytest.approx([0.02 * share for share in expected])
    assert state.steps == planned


class KeepUpdates(Callback):
    """Copies the weights after each update."""

    def __init__(self) -> None:
        self.params: list[Params] = []

    def on_batch(self, run: Run) -> None:
        self.params.append(copy(run.network.params))


def average_of(snapshots: list[Params], decay: float) -> Params:
    """Of weights after each update, the later the heavier."""
    shares = decay ** np.arange(len(snapshots))[::-1]
    shares = shares / shares.sum()
    return {
        name: sum(share * params[name] for share, params in zip(shares, snapshots, strict=True))
        for name in snapshots[0]
    }


@pytest.mark.parametrize("embedding_dim", [6, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_average_weights_are_the_model(embedding_dim: int | None, n_jobs: int) -> None:
    """And the weights that are trained do not know of it."""
    keep = KeepUpdates()
    network = new_network(dtype="float64", embedding_dim=embedding_dim)
    config = replace(CONFIG, max_iter=2, ema_decay=0.9)
    options: dict[str, Any] = {"validation": None, "n_jobs": n_jobs}
    averaged = new_run(network, config, callbacks=[keep], **options).run()
    for name, value in average_of(keep.params, 0.9).items():
        np.testing.assert_allclose(network.params[name], value, rtol=1e-10, atol=1e-13)

    alone = new_network(dtype="float64", embedding_dim=embedding_dim)
    plain = new_run(alone, replace(config, ema_decay=0.0), **options).run()
    assert same_bits(alone.params, keep.params[-1])
    for a, b in zip(averaged.history, plain.history, strict=True):
        assert a["loss"] == b["loss"]


def test_the_average_weights_are_validated_and_the_best_kept() -> None:
    keep, network = KeepUpdates(), new_network()
    config = replace(CONFIG, max_iter=6, n_iter_no_change=6, ema_decay=0.95)
    state = new_run(network, config, callbacks=[keep]).run()
    for record in state.history:
        epoch = int(record["epoch"])
        so_far = average_of(keep.params[: 13 * epoch], 0.95)
        of_average = Network(network.config, so_far)
        loss, accuracy = evaluate_documents(of_average, VALIDATION)
        assert loss == pytest.approx(record["validation_loss"], rel=1e-4)
        assert accuracy == record["validation_accuracy"]
    best = average_of(keep.params[: 13 * state.best_epoch], 0.95)
    for name, value in best.items():
        np.testing.assert_allclose(network.params[name], value, atol=1e-5)


@pytest.mark.parametrize("validation", [VALIDATION, None], ids=["validated", "to-the-end"])
def test_an_averaged_run_that_was_stopped_ends_with_the_same_bits(
    validation: Examples | None, tmp_path: Path
) -> None:
    config = replace(CONFIG, max_iter=5, n_iter_no_change=5, ema_decay=0.97)

    def run(name: str, *, resume: bool = False, stop_in: int = 99) -> Params:
        def stop(run: Run) -> None:
            if run.state.epoch == stop_in and run.progress.batches == 4:
                raise KeyboardInterrupt

        network = new_network()
        checkpoint = Checkpoint(tmp_path / name, {}, resume=resume)
        callbacks = [checkpoint, AfterBatch(stop)]
        new_run(network, config, validation=validation, callbacks=callbacks).run()
        return network.params

    whole = run("whole")
    stopped = run("cut", stop_in=3)
    assert not same_bits(whole, stopped) or validation is not None
    assert same_bits(run("cut", resume=True), whole)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_by_words(shuffle: bool) -> None:
    sizes: list[int] = []
    note = AfterBatch(lambda run: sizes.append(run.progress.documents))
    config = replace(CONFIG, max_iter=1, batch_size=1, batch_tokens=50, shuffle=shuffle)
    run = new_run(new_network("rnn"), config, validation=None, callbacks=[note])
    state = run.run()
    n_words = TRAIN.texts.n_tokens
    assert len(sizes) == -(-n_words // 50) == run.optimizer.n_updates
    assert sizes[-1] == len(TRAIN)
    # The schedule ends with the run.
    assert state.history[-1]["learning_rate"] < 2 * 0.02 / len(sizes)


def test_smoothed_labels_are_the_loss_of_training_alone() -> None:
    """What is validated is how probable the labels are as they stand."""
    config = replace(
        CONFIG, learning_rate_init=1e-12, max_iter=1, dropout_input=0.0, dropout_readout=0.0
    )
    network = new_network()
    network.params["linear.bias"][:] = [5.0, 0.0, 0.0]
    losses = {}
    for share in (0.0, 0.3):
        state = new_run(network, replace(config, label_smoothing=share)).run()
        losses[share] = state.history[0]["loss"], state.history[0]["validation_loss"]
    assert losses[0.0][1] == pytest.approx(losses[0.3][1], rel=1e-5)
    assert abs(losses[0.0][0] - losses[0.3][0]) > 0.01


@pytest.mark.parametrize("hook", ["on_batch", "on_epoch"])
def test_interruption_keeps_the_best_weights_so_far(hook: str) -> None:
    class Interrupt(Callback):
        ended = False

        def on_end(self, run: Run) -> None:
            self.ended = run.state.interrupted

    def stop(run: Run) -> None:
        if run.state.epoch == 3 and (hook == "on_epoch" or run.progress.batches == 2):
            raise KeyboardInterrupt

    keep, interrupt, network = KeepEpochs(), Interrupt(), new_network()
    setattr(interrupt, hook, stop)
    state = new_run(network, callbacks=[keep, interrupt]).run()
    assert state.interrupted
    assert not state.finished
    assert state.epoch == 3
    assert interrupt.ended
    assert same_bits(network.params, keep.params[state.best_epoch - 1])


def test_interruption_before_the_first_epoch_is_over() -> None:
    def stop(run: Run) -> None:
        if run.progress.batches == 1:
            raise KeyboardInterrupt

    network = new_network()
    before = copy(network.params)
    state = new_run(network, callbacks=[AfterBatch(stop)]).run()
    assert (state.interrupted, state.epoch, state.history) == (True, 0, [])
    assert not same_bits(before, network.params)


def test_frozen_parameters_keep_their_bits() -> None:
    frozen = (EMBEDDING, "recurrent.0.b")
    network = new_network()
    before = copy(network.params)
    assert set(frozen) < set(before)
    config = replace(CONFIG, max_iter=2, frozen=frozen, alpha=0.1)
    new_run(network, config).run()
    for name, value in before.items():
        assert np.array_equal(network.params[name], value) == (name in frozen)
    moments = make_optimizer(config, network.params).moments
    assert not any(name.endswith(frozen) for name in moments)


def test_weights_of_zero_leave_a_class_unlearnt() -> None:
    weights = (TRAIN.targets.values != 0).astype(np.float32)
    network = new_network()
    weighted = replace(TRAIN, weights=weights)
    run = TrainingRun(network, CONFIG, weighted, rng=np.random.default_rng(0))
    run.run()
    predicted = predict_proba(network, VALIDATION.texts).argmax(axis=1)
    others = VALIDATION.targets.values != 0
    assert (predicted[others] == VALIDATION.targets.values[others]).mean() >= 0.95
    assert not (predicted == 0).any()


def test_hooks_and_records() -> None:
    class Note(Callback):
        def __init__(self) -> None:
            self.calls: list[str] = []

        def on_start(self, run: Run) -> None:
            assert run.state.epoch == 0
            self.calls.append("start")

        def on_batch(self, run: Run) -> None:
            self.calls.append("batch")
            assert run.progress.batches == 1 + (self.calls.count("batch") - 1) % 13

        def on_epoch(self, run: Run) -> None:
            self.calls.append("epoch")
            assert run.progress.documents == len(TRAIN)
            assert run.progress.tokens == TRAIN.texts.n_tokens
            assert run.state.history[-1]["epoch"] == run.state.epoch

        def on_end(self, run: Run) -> None:
            assert run.state.finished
            self.calls.append("end")

    note = Note()
    state = new_run(new_network(), replace(CONFIG, max_iter=2), callbacks=[note]).run()
    epoch = ["batch"] * 13 + ["epoch"]  # 200 documents in batches of 16
    assert note.calls == ["start", *epoch, *epoch, "end"]
    for record in state.history:
        assert set(record) == {
            "epoch",
            "steps",
            "loss",
            "accuracy",
            "gradient_norm",
            "backward_share",
            "learning_rate",
            "seconds",
            "words_per_second",
            "validation_loss",
            "validation_accuracy",
        }
        assert all(isinstance(value, float | int) for value in record.values())


def test_the_record_is_the_mean_over_documents() -> None:
    """With a rate of nearly nothing the epoch's loss and accuracy are the network's own."""
    network = new_network()
    config = replace(
        CONFIG, learning_rate_init=1e-12, max_iter=1, dropout_input=0.0, dropout_readout=0.0
    )
    state = new_run(network, config).run()
    loss, accuracy = evaluate_documents(network, TRAIN)
    assert state.history[0]["loss"] == pytest.approx(loss, rel=1e-5)
    assert state.history[0]["accuracy"] == pytest.approx(accuracy)


def test_evaluation_of_certain_mistakes_is_finite() -> None:
    network = new_network()
    network.params["linear.bias"][:] = [1e6, 0.0, 0.0]
    wrong = examples(TRAIN.texts[:2], np.array([1, 2]))
    loss, accuracy = evaluate_documents(network, wrong)
    assert np.isfinite(loss)
    assert accuracy == 0.0


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_sure_mistake_costs_how_sure_it_was(multilabel: bool) -> None:
    network = new_network(multilabel=multilabel)
    network.params["linear.weight"][:] = 0.0
    network.params["linear.bias"][:] = [12.0, 0.0, 0.0]
    wrong = np.array([[0, 0, 0]] if multilabel else [1])
    loss, _ = evaluate_documents(network, examples(TRAIN.texts[:1], wrong))
    others = 2 * np.log(2.0) if multilabel else 0.0
    assert loss == pytest.approx(12.0 + others, rel=0.01)


def test_the_optimizer_is_the_one_asked_for() -> None:
    params = new_network().params
    config = replace(CONFIG, alpha=0.2, momentum=0.3)
    adam, sgd = (
        make_optimizer(config, params),
        make_optimizer(replace(config, solver="sgd"), params),
    )
    assert isinstance(adam, Adam)
    assert isinstance(sgd, SGD)
    assert (adam.alpha, sgd.alpha, sgd.momentum) == (0.2, 0.2, 0.3)


def test_the_regularisation_is_the_one_asked_for() -> None:
    """Each rate by its own name, from the configuration to the masks that are drawn."""
    shared = {f.name for f in fields(Regularisation)} & {f.name for f in fields(TrainingConfig)}
    rates = {name: 0.1 + 0.05 * i for i, name in enumerate(sorted(shared))}
    assert len(rates) >= 6
    config = replace(CONFIG, **{**rates, "frozen": (EMBEDDING,)})  # type: ignore[arg-type]
    unknown = np.full(V, 0.2)
    run = new_run(new_network(), config, unknown_probabilities=unknown)
    assert run.rule.frozen == (EMBEDDING,)
    assert isinstance(run.rule, BPTT)
    found = run.rule.regularisation
    for name in shared:
        assert getattr(found, name) == getattr(config, name), name
    assert found.unknown_probabilities is unknown
    dropout = found.dropout(np.random.default_rng(0))
    for name in ("input", "readout", "recurrent", "embedding"):
        assert getattr(dropout, name) == rates[f"dropout_{name}"]


def test_the_gradient_floor_is_the_one_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    floors: set[float] = set()
    backward = Network.backward

    def noted(self: Network, *args: Any, gradient_floor: float) -> Any:
        floors.add(gradient_floor)
        return backward(self, *args, gradient_floor=gradient_floor)

    monkeypatch.setattr(Network, "backward", noted)
    config = replace(CONFIG, max_iter=1, gradient_floor=1e-5)
    new_run(new_network(), config).run()
    assert floors == {1e-5}
    floors.clear()
    new_run(new_network(dtype="float64"), config).run()
    assert floors == {0.0}  # float64 is for proof


@pytest.mark.parametrize(
    ("options", "floor", "stops"),
    [
        ({}, 0.1, True),
        ({}, 0.0, False),
        ({"dtype": "float64"}, 0.1, False),
        ({"readout": "max"}, 0.1, False),
        ({"num_layers": 2}, 0.1, True),  # the share is that of the top layer
    ],
)
def test_the_record_tells_the_share_of_words_walked_back(
    options: dict[str, Any], floor: float, stops: bool
) -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, V, n).astype(np.int32) for n in (200, 150, 200, 5)]
    data = examples(documents, np.array([0, 1, 2, 0]))
    config = replace(CONFIG, max_iter=2, gradient_floor=floor)
    run = TrainingRun(new_network(**options), config, data, rng=rng)
    shares = [record["backward_share"] for record in run.run().history]
    assert len(shares) == 2
    assert all(0.0 < share < 0.5 for share in shares) if stops else shares == [1.0, 1.0]

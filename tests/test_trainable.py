"""What is no network over texts is trained by the same loop: a small model of pairs of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pairs import EXACT, HELD_OUT, KIND, PLAIN, TRAIN, Toy, judge_pairs, new_toy
from textrnn.nn.workspace import Workspace
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint
from textrnn.training.loop import TrainingRun
from textrnn.training.settings import Settings
from textrnn.training.state import Run, TrainingState


def trained(toy: Toy, n_jobs: int = 1, **told: Any) -> TrainingState:
    changes = {name: told.pop(name) for name in {*told} - {"callbacks", "deadline"}}
    config = Settings(**{**PLAIN, "dropout_input": 0.1, "ema_decay": 0.9, **changes})
    run = TrainingRun(
        toy,
        config.training_config(len(TRAIN), TRAIN.n_tokens),
        TRAIN,
        validation=HELD_OUT,
        rng=np.random.default_rng(3),
        n_jobs=n_jobs,
        kind=KIND,
        measure=EXACT,
        **told,
    )
    return run.run()


class Stop(Callback):
    """Raises KeyboardInterrupt in an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch(self, run: Run) -> None:
        if run.state.epoch == self.epoch and run.progress.batches == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_learns_and_tells(n_jobs: int) -> None:
    toy = new_toy()
    state = trained(toy, n_jobs, max_iter=30, n_iter_no_change=30)
    record = state.history[state.best_epoch - 1]
    assert record["validation_exact"] > 0.9
    loss, right, pairs = judge_pairs(toy, HELD_OUT, Workspace())
    assert record["validation_exact"] == right / pairs
    assert record["validation_loss"] == pytest.approx(loss / pairs, rel=1e-9)
    assert 0.0 <= record["accuracy"] <= 1.0


def test_two_processes_learn_what_one_does() -> None:
    found = []
    for n_jobs in (1, 2):
        toy = new_toy()
        trained(toy, n_jobs, shuffle=False, dropout_input=0.0)
        found.append(toy.params)
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_resumed_to_the_same_bits(tmp_path: Path, n_jobs: int) -> None:
    whole, path = new_toy(), tmp_path / "run"
    state = trained(whole, n_jobs)
    stopped = trained(new_toy(), n_jobs, callbacks=[Checkpoint(path, {}), Stop(2)])
    assert (stopped.interrupted, stopped.epoch) == (True, 2)
    toy = new_toy(7)
    again = trained(toy, n_jobs, callbacks=[Checkpoint(path, {}, resume=True)])
    assert again.best_epoch == state.best_epoch
    for name, value in whole.params.items():
        assert toy.params[name].tobytes() == value.tobytes()

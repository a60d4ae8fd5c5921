"""Several processes: the same gradient as one, the same bits each time, nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples import examples, texts_of
from tests.gradcheck import CELL_NAMES, dense
from tests.networks import network_config
from textrnn.errors import TrainingError, UsageError
from textrnn.inference.batches import predict_proba
from textrnn.nn import recurrent
from textrnn.nn.gradients import RowGradient, add_gradients
from textrnn.nn.network import Network
from textrnn.training.executors import make_executor
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.executors.worker import deal
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Batch, BatchSums, Executor, LearningRule, Told
from textrnn.typing import Floats

RNG = np.random.default_rng(5)
DOCUMENTS = [RNG.integers(0, 30, n).astype(np.int32) for n in (3, 9, 1, 5, 14, 2, 7, 7, 20, 4)]
TEXTS = texts_of(DOCUMENTS)
DATA = examples(DOCUMENTS, RNG.integers(0, 3, 10), RNG.uniform(0.5, 2.0, 10))


def make_network(**changes: Any) -> Network:
    shapes = {"hidden_size": 5, "embedding_dim": 4, "bidirectional": True, "dtype": "float64"}
    config = network_config(3, 30, **{**shapes, **changes})
    return Network.initialise(config, np.random.default_rng(1))


def told(executor: Executor, rows: Any, rng: np.random.Generator) -> Any:
    """What is told once of some documents: sums and gradient."""
    return next(executor.steps(np.asarray(rows), rng))


def gradient(
    network: Network,
    n_jobs: int,
    rows: Any,
    *,
    gradient_floor: float = 0.0,
    frozen: tuple[str, ...] = (),
    **regularisation: Any,
) -> Any:
    """The sums and the dense gradient of some documents, by some processes."""
    rule = BPTT(Regularisation(**regularisation), gradient_floor, frozen)
    with make_executor(network, n_jobs, train=DATA, rule=rule) as workers:
        sums, found = told(workers, np.asarray(rows), np.random.default_rng(0))
        return sums, {name: value.copy() for name, value in dense(found).items()}


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("embedding_dim", [None, 4])
def test_two_processes_compute_the_gradient_of_one(cell: str, embedding_dim: int | None) -> None:
    network = make_network(cell=cell, embedding_dim=embedding_dim)
    alone, one = gradient(network, 1, range(10))
    together, two = gradient(network, 2, range(10))
    assert together.tokens == alone.tokens
    assert together.correct == alone.correct
    assert together.unrolled == alone.unrolled == alone.tokens  # there is no floor
    assert together.loss == pytest.approx(alone.loss, rel=1e-12)
    assert one.keys() == two.keys() == network.params.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_words_walked_back_are_summed_over_processes(n_jobs: int) -> None:
    """With a floor of all there is, each one stops at its first look."""
    sums, _ = gradient(make_network(), n_jobs, range(10), gradient_floor=1.0)
    assert sums.tokens == sum(map(len, DOCUMENTS))
    assert sums.unrolled == sum(min(len(ids), recurrent.CHECK_EVERY) for ids in DOCUMENTS)


def test_more_processes_than_documents() -> None:
    """Also if the next batch has enough for all of them."""
    network = make_network()
    expected = [gradient(network, 1, rows)[1] for rows in ([4], range(10))]
    rng = np.random.default_rng(0)
    with make_executor(network, 3, train=DATA, rule=BPTT()) as workers:
        for rows, one in zip(([4], range(10)), expected, strict=True):
            three = dense(told(workers, np.asarray(rows), rng)[1])
            for name, value in one.items():
                np.testing.assert_allclose(three[name], value, rtol=1e-10, atol=1e-14)


def test_each_process_gets_about_as_many_words() -> None:
    lengths = np.array([20, 1] * 6)
    parts = deal(np.arange(12), lengths, 2)
    assert sorted(np.concatenate(parts).tolist()) == list(range(12))
    words = [lengths[part].sum() for part in parts]
    assert words == [63, 63]


@dataclass(frozen=True)
class LastLayerAlone:
    """A rule of somebody else's: the biases of the last layer alone learn, by luck."""

    frozen: tuple[str, ...] = tuple({*make_network().params} - {"linear.bias"})
    is_online: bool = False

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """The share of each class among the targets, and noise."""
        targets, texts = batch.examples.targets, batch.examples.texts
        gradient = -np.bincount(targets.values, minlength=network.config.n_classes) / batch.size
        gradient = gradient + batch.rng.normal(size=3)
        sums = BatchSums(1.0 * len(texts), 0.5 * len(texts), texts.n_tokens, 0)
        yield sums, {"linear.bias": gradient}


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_any_rule_runs_on_any_executor(n_jobs: int) -> None:
    rows = np.arange(10)
    rule: LearningRule = LastLayerAlone()
    with make_executor(make_network(), n_jobs, train=DATA, rule=rule) as executor:
        assert isinstance(executor, SingleProcess if n_jobs == 1 else SeveralProcesses)
        assert executor.n_jobs == n_jobs
        sums, found = told(executor, rows, np.random.default_rng(0))
        again = dense(told(executor, rows, np.random.default_rng(0))[1])
    assert sums == (10.0, 5.0, sum(map(len, DOCUMENTS)), 0)
    assert found.keys() == {"linear.bias"}
    noise, seeds = np.zeros(3), np.random.default_rng(0)
    for number in range(n_jobs):
        noise += np.random.default_rng([int(seeds.integers(2**63)), number]).normal(size=3)
    expected = noise - np.bincount(DATA.targets.values) / 10
    np.testing.assert_allclose(again["linear.bias"], expected, rtol=1e-12)


@dataclass(frozen=True)
class OtherForms:
    """BPTT, but rows of a dense parameter, and a dense gradient of the table, of some texts."""

    frozen: tuple[str, ...] = ()
    is_online: bool = False

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """The same numbers."""
        sums, found = next(BPTT().steps(network, batch))
        bias = found["linear.bias"]
        assert not isinstance(bias, RowGradient)
        found["linear.bias"] = RowGradient(np.arange(3), bias, 3)
        if len(batch.examples) != 3:
            found["embedding.weight"] = dense(found)["embedding.weight"]
        yield sums, found


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_a_gradient_has_whichever_form(n_jobs: int) -> None:
    """Of ten texts over three processes, two have three each: dense and rows are added."""
    rule, rng = OtherForms(), np.random.default_rng(0)
    with make_executor(make_network(), n_jobs, train=DATA, rule=rule) as executor:
        found = dense(told(executor, np.arange(10), rng)[1])
    _, expected = gradient(make_network(), 1, range(10))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_answers_at_tokens_are_no_logits_of_texts(n_jobs: int) -> None:
    network = make_network(head="token")
    with pytest.raises(UsageError, match="answers at every token"):
        make_executor(network, n_jobs, held_out=DATA)
    with pytest.raises(UsageError, match="answers at every token"):
        predict_proba(network, TEXTS)


def test_frozen_parameters_have_no_gradient() -> None:
    _, found = gradient(make_network(), 2, range(6), frozen=("embedding.weight",))
    assert "embedding.weight" not in found
    assert "recurrent.0.W_h" in found


def test_the_same_seed_gives_the_same_bits() -> None:
    chance: dict[str, Any] = {
        "dropout_input": 0.3,
        "dropout_readout": 0.5,
        "dropout_recurrent": 0.3,
        "dropout_embedding": 0.2,
        "label_smoothing": 0.1,
        "unknown_probabilities": np.full(30, 0.2, np.float32),
    }
    _, one = gradient(make_network(), 2, range(10), **chance)
    _, two = gradient(make_network(), 2, range(10), **chance)
    for name, value in one.items():
        assert value.tobytes() == two[name].tobytes()


def test_each_process_and_each_batch_has_dropout_of_its_own() -> None:
    """A unit has no gradient where all of three equal documents drop it, one a process: an
    eighth of the units with masks of their own, half with a shared one."""
    network = make_network(hidden_size=800, bidirectional=False, readout="mean")
    data = examples([DOCUMENTS[1]] * 3, np.zeros(3, dtype=np.int64))
    half = BPTT(Regularisation(dropout_readout=0.5))
    rng = np.random.default_rng(0)
    with make_executor(network, 3, train=data, rule=half) as workers:
        dropped = [
            (dense(told(workers, np.arange(3), rng)[1])["linear.weight"] == 0.0).all(axis=1)
            for _ in range(2)
        ]
    assert [is_zero.mean() for is_zero in dropped] == pytest.approx([1 / 8, 1 / 8], abs=0.05)
    assert (dropped[0] & dropped[1]).mean() == pytest.approx(1 / 64, abs=0.02)


def probabilities(workers: Executor, network: Network, rows: Any = None) -> Floats:
    return network.config.output.probabilities(workers.predict_logits(rows))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_prediction(n_jobs: int) -> None:
    network = make_network()
    expected = predict_proba(network, TEXTS)
    with make_executor(network, n_jobs, held_out=DATA) as workers:
        np.testing.assert_allclose(probabilities(workers, network), expected, atol=1e-12)
        rows = np.array([7, 2, 9])
        np.testing.assert_allclose(
            probabilities(workers, network, rows), expected[rows], atol=1e-12
        )


def test_workers_see_changed_parameters_and_hand_them_back() -> None:
    network = make_network()
    before = predict_proba(network, TEXTS)
    with make_executor(network, 2, held_out=DATA) as workers:
        network.params["linear.bias"] += [0.0, 3.0, 0.0]
        during = probabilities(workers, network)
    assert not np.allclose(during, before)
    np.testing.assert_allclose(predict_proba(network, TEXTS), during, atol=1e-12)
    assert all(value.flags.owndata for value in network.params.values())


def test_a_dead_worker_ends_the_run_with_an_explanation() -> None:
    with make_executor(make_network(), 2, train=DATA, rule=BPTT()) as workers:
        told(workers, np.arange(10), np.random.default_rng(0))
        (child,) = multiprocessing.active_children()
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        with pytest.raises(TrainingError, match=r"worker process died \(exit code -9\)"):
            told(workers, np.arange(10), np.random.default_rng(0))
    assert not multiprocessing.active_children()


def test_an_error_in_a_worker_comes_back() -> None:
    with (
        make_executor(make_network(), 2, train=DATA, rule=BPTT()) as workers,
        pytest.raises(IndexError),
    ):
        told(workers, np.array([0, 99]), np.random.default_rng(0))
    assert not multiprocessing.active_children()


def test_adding_row_gradients() -> None:
    a = RowGradient(np.array([1, 4]), np.array([[1.0], [2.0]]), 6)
    b = RowGradient(np.array([0, 4, 5]), np.array([[8.0], [16.0], [32.0]]), 6)
    total = add_gradients({"t": a}, {"t": b})
    assert isinstance(total["t"], RowGradient)
    assert dense(total)["t"].ravel().tolist() == [8.0, 1.0, 0.0, 0.0, 18.0, 32.0]


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_no_process_and_no_memory_is_left_behind(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-m", "textrnn", "train", "cars", "--no-baselines", "--jobs", "2"]
    before = set(os.listdir("/dev/shm")) if Path("/dev/shm").is_dir() else set()
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "m")],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    checkpoint = tmp_path / "m.checkpoint"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert checkpoint.exists()
    process.send_signal(getattr(signal, how))
    process.wait(timeout=30)
    while group_is_alive(process.pid) and time.monotonic() < deadline + 30:
        time.sleep(0.05)
    assert not group_is_alive(process.pid)
    if before:
        assert set(os.listdir("/dev/shm")) <= before


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

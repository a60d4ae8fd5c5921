"""A training with an answer at every token: in one process and in several, judged by sums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.at_tokens import V, config_of, network_of, previous_words
from tests.gradcheck import dense
from tests.networks import network_config
from textrnn.errors import DataError
from textrnn.nn.losses import log_softmax
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.training import judging, measure
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint
from textrnn.training.examples import Examples, concatenated
from textrnn.training.executors import make_executor
from textrnn.training.judging import judge_answers
from textrnn.training.loop import TrainingRun
from textrnn.training.measure import OfSums, Perplexity, measure_of
from textrnn.training.rules.bptt import BPTT
from textrnn.training.state import Run, TrainingState
from textrnn.training.step import Judged
from textrnn.typing import Params

TRAIN, HELD_OUT = previous_words(48, seed=1, weights=True), previous_words(20, seed=2, weights=True)


def trained(
    network: Network, n_jobs: int = 1, *, callbacks: Any = (), measure: Any = None, **changes: Any
) -> TrainingState:
    run = TrainingRun(
        network,
        config_of(**changes),
        TRAIN,
        validation=HELD_OUT,
        rng=np.random.default_rng(3),
        n_jobs=n_jobs,
        callbacks=callbacks,
        measure=measure,
    )
    return run.run()


def of_each_text(network: Network, examples: Examples) -> tuple[float, float, float]:
    """Sums of loss, of what is right and of weights, of logits of one text after the other."""
    loss = right = answers = 0.0
    for row in range(len(examples)):
        one = examples.take(np.array([row]))
        logits = network.predict_logits(network.pack([one.texts.ids]))
        wanted = one.targets.values
        weights = np.ones(len(logits)) if one.weights is None else one.weights
        loss -= float(log_softmax(logits)[np.arange(len(wanted)), wanted] @ weights)
        right += float((logits.argmax(axis=1) == wanted) @ weights)
        answers += float(weights.sum())
    return loss, right, answers


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_learns_and_tells(n_jobs: int) -> None:
    network = network_of()
    state = trained(network, n_jobs, max_iter=40, n_iter_no_change=40)
    record = state.history[state.best_epoch - 1]
    assert record["validation_accuracy"] > 0.8
    loss, right, answers = of_each_text(network, HELD_OUT)
    assert record["validation_loss"] == pytest.approx(loss / answers, rel=1e-9)
    assert record["validation_accuracy"] == pytest.approx(right / answers, rel=1e-9)
    assert state.history[0]["loss"] > state.history[-1]["loss"]


def test_two_processes_learn_what_one_does() -> None:
    """And the same bits each time."""
    found: list[Params] = []
    for n_jobs in (1, 2, 2):
        network = network_of()
        trained(network, n_jobs, shuffle=False)
        found.append(network.params)
    one, two, again = found
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, rtol=1e-6, atol=1e-8)
        assert two[name].tobytes() == again[name].tobytes()


@pytest.mark.parametrize("weights", [None, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_layers": 2, "cell": "lstm"},
        {"cell": "clockwork", "hidden_size": 8},
        {"bidirectional": True},
        {"segment_length": 3},
        {"body": "cnn", "cell": None, "hidden_size": 3},
        {"head": "next_word", "tied": True},
        {"head": "next_word", "n_classes": V - 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("at_once", [1, 5, 10**6])
def test_sums_are_those_of_all_logits(
    changes: dict[str, Any], at_once: int, weights: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few words are read at once, and rows of logits made; the rest is carried on."""
    monkeypatch.setattr("textrnn.nn.network.WORDS_AT_ONCE", at_once)
    monkeypatch.setattr(judging, "ROOM", 3 * at_once)
    examples = previous_words(9, seed=4, weights=weights)
    n_classes = changes.get("n_classes", V)
    shapes = {"embedding_dim": 6, "hidden_size": 12, "head": "token", "dtype": "float64"}
    config = network_config(
        vocabulary_size=V, **{"n_classes": n_classes, "cell": "gru", **shapes, **changes}
    )
    network = Network.initialise(config, np.random.default_rng(1))
    examples = replace(
        examples, targets=replace(examples.targets, values=examples.targets.values % n_classes)
    )
    found = judge_answers(network, examples, Workspace())
    np.testing.assert_allclose(found, of_each_text(network, examples), rtol=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_rows_are_judged_by_any_number_of_processes(
    n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textrnn.inference.batches.MAX_DOCUMENTS", 3)
    network, rows = network_of(), np.array([3, 19, 0, 7, 8, 1, 2])
    with make_executor(network, n_jobs, held_out=HELD_OUT, judge=judge_answers) as executor:
        found, of_all = executor.judge(rows), executor.judge()
        again = executor.judge(rows)
    np.testing.assert_allclose(found, of_each_text(network, HELD_OUT.take(rows)), rtol=1e-9)
    np.testing.assert_allclose(of_all, of_each_text(network, HELD_OUT), rtol=1e-9)
    assert found == again


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_targets_of_texts_are_refused(n_jobs: int) -> None:
    examples = Examples(TRAIN.texts, TRAIN.targets.take(slice(len(TRAIN))))
    with (
        make_executor(network_of(), n_jobs, train=examples, rule=BPTT()) as executor,
        pytest.raises(DataError, match="the token head answers for each token"),
    ):
        next(executor.steps(np.arange(len(TRAIN)), np.random.default_rng(0)))


def test_examples_are_put_together_by_tokens() -> None:
    """None is a mean over the tokens of a text, also where others say what they weigh."""
    plain = previous_words(5, seed=5)
    both = concatenated([plain, HELD_OUT])
    assert both.at_tokens
    assert len(both.targets) == both.n_tokens
    of_both = both.take(np.arange(5))
    together, alone = (dense(next(_told(network_of(), one))[1]) for one in (of_both, plain))
    for name, value in alone.items():
        np.testing.assert_allclose(together[name], value, rtol=1e-9, atol=1e-12)
    with pytest.raises(DataError, match="do not belong together"):
        concatenated([plain, replace(plain, at_tokens=False)])


def _told(network: Network, examples: Examples) -> Any:
    with make_executor(network, 1, train=examples, rule=BPTT()) as executor:
        yield from executor.steps(np.arange(len(examples)), np.random.default_rng(0))


# ------------------------------------------------------------------- which epoch is best


def test_the_least_perplexity_is_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a language model, whatever share of the words is right; of tags it is the other way."""
    told = [(0.9, 0.5), (0.4, 0.3), (0.6, 0.9), (0.5, 0.8)]  # loss, share that is right
    for by, best in ((Perplexity(), 2), (OfSums(), 3)):
        answers = iter([Judged(loss, right, 1.0) for loss, right in told])
        monkeypatch.setattr(type(by), "read", lambda *_, answers=answers: next(answers))
        state = trained(network_of(), measure=by, max_iter=4)
        assert state.best_epoch == best
        key = "validation_perplexity" if best == 2 else "validation_accuracy"
        expected = [np.exp(loss) if best == 2 else right for loss, right in told]
        assert [record[key] for record in state.history] == pytest.approx(expected)
        assert [record["validation_loss"] for record in state.history] == [0.9, 0.4, 0.6, 0.5]


def test_a_loss_that_no_longer_falls_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([0.9, 0.4, 0.6, 0.5, 0.3])
    monkeypatch.setattr(Perplexity, "read", lambda *_: Judged(next(losses), 0.0, 1.0))
    state = trained(network_of(), measure=Perplexity(), n_iter_no_change=2)
    assert (state.best_epoch, state.epoch) == (2, 4)


def test_a_network_says_how_it_is_judged() -> None:
    assert measure_of(network_of(), None) == OfSums()
    assert measure_of(network_of(head="next_word"), None) == Perplexity()
    assert measure_of(network_of(head="text"), None).name == "accuracy"
    assert measure.perplexity(1e9) < np.inf


# --------------------------------------------------------------------- a run goes on


class Stop(Callback):
    """Raises KeyboardInterrupt in an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch(self, run: Run) -> None:
        if run.state.epoch == self.epoch and run.progress.batches == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("rule", ["bptt", "tbptt"])
def test_resumed_to_the_same_bits(tmp_path: Path, n_jobs: int, rule: str) -> None:
    changes: dict[str, Any] = {"rule": rule, "ema_decay": 0.9, "dropout_input": 0.2, "max_iter": 4}
    if rule == "tbptt":
        changes |= {"k1": 3, "k2": 5}
    whole = network_of(head="next_word", tied=True)
    state = trained(whole, n_jobs, **changes)
    path = tmp_path / "run"
    network = network_of(head="next_word", tied=True)
    stopped = trained(network, n_jobs, callbacks=[Checkpoint(path, {}), Stop(2)], **changes)
    assert stopped.interrupted
    assert stopped.epoch == 2
    network = network_of(seed=9, head="next_word", tied=True)
    again = trained(network, n_jobs, callbacks=[Checkpoint(path, {}, resume=True)], **changes)
    assert again.best_epoch == state.best_epoch
    assert [r["validation_loss"] for r in again.history] == [
        r["validation_loss"] for r in state.history
    ]
    for name, value in whole.params.items():
        assert network.params[name].tobytes() == value.tobytes()

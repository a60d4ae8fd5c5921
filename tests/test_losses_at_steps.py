"""``once``, ``every`` and ``growing``: what is minimised, and whole trainings by it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.examples import examples
from tests.gradcheck import READOUT_NAMES, assert_gradient, dense, random_documents, random_network
from tests.networks import network_config
from textrnn import TextRNNClassifier, TextRNNRegressor
from textrnn.cli.app import app
from textrnn.corpora import Corpus, Split
from textrnn.errors import UsageError
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.executors import make_executor
from textrnn.training.lesson import LOSSES
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.settings import Settings
from textrnn.training.state import Run
from textrnn.training.step import Batch, BatchSums
from textrnn.typing import Floats, Params

LENGTHS = (2, 4, 1, 4)
V, C, SIZE = 6, 3, 5
DOCUMENTS = random_documents(np.random.default_rng(0), LENGTHS, V)
KINDS: dict[str, dict[str, Any]] = {
    "hard": {"n_classes": C},
    "soft": {"n_classes": C},
    "multilabel": {"n_classes": C, "multilabel": True},
    "real": {"n_classes": 1, "regression": True},
}
EARLY = ("every", "growing")
early = pytest.mark.parametrize("loss", EARLY)
kinds = pytest.mark.parametrize("kind", KINDS)


def data_of(kind: str, *, weighted: bool) -> Examples:
    rng, n = np.random.default_rng(3), len(LENGTHS)
    targets = {
        "hard": Targets.hard(rng.integers(0, C, n), C),
        "soft": Targets.soft(rng.dirichlet(np.ones(C), n)),
        "multilabel": Targets.multilabel(rng.integers(0, 2, (n, C))),
        "real": Targets.real(rng.standard_normal(n)),
    }[kind]
    return examples(DOCUMENTS, targets, rng.uniform(0.5, 2.0, n) if weighted else None)


def network_of(kind: str, readout: str = "mean", **changes: Any) -> Network:
    named = {"vocabulary_size": V, "embedding_dim": 2, "cell": "gru", "hidden_size": 2}
    config = network_config(
        **{**KINDS[kind], **named, "readout": readout, "dtype": "float64", **changes}
    )
    return random_network(config, np.random.default_rng(1))


def step(network: Network, data: Examples, loss: str, **chance: Any) -> tuple[BatchSums, Params]:
    batch = Batch(data, SIZE, np.random.default_rng(0), Workspace())
    sums, found = next(BPTT(Regularisation(**chance), loss=loss).steps(network, batch))
    return sums, dense(found)


def weights_of(loss: str, T: int) -> Floats:
    """As the sources write them."""
    if loss == "once":
        return np.eye(T)[-1]
    return np.full(T, 1 / T) if loss == "every" else 2 * np.arange(1, T + 1) / (T * (T + 1))


def by_hand(network: Network, data: Examples, loss: str, smoothing: float) -> tuple[float, float]:
    """One text after the other, and of each one word more after the other."""
    output, total, correct = network.config.output, 0.0, 0.0
    for row, ids in enumerate(DOCUMENTS):
        target = data.targets.values[row : row + 1]
        own = 1.0 if data.weights is None else data.weights[row]
        for n, weight in enumerate(weights_of(loss, len(ids)), start=1):
            logits = network.predict_logits(network.pack([ids[:n]]))
            total += own * weight * output.loss(logits, target, label_smoothing=smoothing)[0]
        correct += float(output.right(logits, target)[0])
    return total, correct


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@kinds
def test_the_loss_is_that_of_the_sources(kind: str, loss: str, weighted: bool) -> None:
    """And its gradient that of all parameters; what is right is so at the end."""
    data, network = data_of(kind, weighted=weighted), network_of(kind)
    smoothing = 0.0 if kind == "real" else 0.1
    sums, gradients = step(network, data, loss, label_smoothing=smoothing)
    assert sums[:3] == pytest.approx((*by_hand(network, data, loss, smoothing), sum(LENGTHS)))

    def objective() -> float:
        return step(network, data, loss, label_smoothing=smoothing)[0].loss / SIZE

    for name, value in network.params.items():
        assert_gradient(gradients[name], objective, value, name)


@early
@pytest.mark.parametrize("readout", READOUT_NAMES)
def test_with_every_readout(readout: str, loss: str) -> None:
    data = data_of("hard", weighted=True)
    network = network_of("hard", readout, num_layers=2)
    sums, gradients = step(network, data, loss)
    assert sums[:2] == pytest.approx(by_hand(network, data, loss, 0.0))
    for name, value in network.params.items():
        assert_gradient(gradients[name], lambda: step(network, data, loss)[0].loss / SIZE, value)


@early
def test_texts_of_one_word_are_answered_once(loss: str) -> None:
    documents = [ids[:1] for ids in DOCUMENTS]
    data, network = examples(documents, np.array([0, 1, 2, 1])), network_of("hard", "attention")
    sums, found = step(network, data, loss)
    expected, of_once = step(network, data, "once")
    assert sums == pytest.approx(expected)
    for name, value in found.items():
        np.testing.assert_allclose(value, of_once[name], rtol=1e-12, atol=1e-15)


@early
def test_the_first_words_are_corrected_however_small_the_gradient(loss: str) -> None:
    """With the readout last the way back ends where no gradient is left: here there is always."""
    data, network = data_of("hard", weighted=False), network_of("hard", "last")
    batch = Batch(data, SIZE, np.random.default_rng(0), Workspace())
    sums, _ = next(BPTT(gradient_floor=0.9, loss=loss).steps(network, batch))
    assert sums.unrolled == sum(LENGTHS)


@early
def test_an_adversarial_step_is_the_mean_of_both(loss: str) -> None:
    data, network = data_of("hard", weighted=True), network_of("hard", "max")
    (sums, plain), (moved, found) = (step(network, data, loss, adversarial=a) for a in (0.0, 0.3))
    assert moved == sums
    assert any(not np.allclose(found[name], plain[name]) for name in plain)


@early
@pytest.mark.parametrize("n_jobs", [2, 3])
def test_processes_add_up(n_jobs: int, loss: str) -> None:
    data, network = data_of("hard", weighted=True), network_of("hard", "attention")
    rows, found = np.arange(len(data)), []
    for n in (1, n_jobs):
        with make_executor(network, n, train=data, rule=BPTT(loss=loss)) as workers:
            sums, gradients = next(workers.steps(rows, np.random.default_rng(0)))
            found.append((sums, {name: value.copy() for name, value in dense(gradients).items()}))
    (one, of_one), (several, of_several) = found
    assert several == pytest.approx(one)
    for name, value in of_one.items():
        np.testing.assert_allclose(of_several[name], value, rtol=1e-9, atol=1e-13)


# ------------------------------------------------------------------------- a training

WORDS = [f"w{i}" for i in range(12)]


def told_twice(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts whose third word tells the label of most, and whose last word that of all."""
    rng = np.random.default_rng(seed)
    labels = [("good", "bad")[i % 2] for i in range(n)]
    texts = []
    for i, label in enumerate(labels):
        words = rng.choice(WORDS, 9).tolist()
        is_right = rng.random() < 0.85
        words[2] = "hopeful" if (i % 2 == 0) == is_right else "doubtful"
        words[8] = {"good": "fine", "bad": "poor"}[label]
        texts.append(" ".join(words))
    return texts, labels


def small(loss: str, **changes: Any) -> TextRNNClassifier:
    settings: dict[str, Any] = {
        "bidirectional": False, "readout": "last", "ngrams": "none", "hidden_size": 8,
        "embedding_dim": 8, "max_iter": 12, "learning_rate_init": 0.02, "random_state": 0,
        "ema_decay": 0.0,
    }  # fmt: skip
    return TextRNNClassifier(**{**settings, "loss": loss, **changes})


def loss_after(model: TextRNNClassifier, n_words: int) -> float:
    """Mean negative logarithm of the right label's streamed probability."""
    texts, labels = told_twice(100, 1)
    stream, total = model.stream(), 0.0
    for text, label in zip(texts, labels, strict=True):
        stream.reset()
        for word in text.split()[:n_words]:
            probabilities = stream.feed(word)
        total -= float(np.log(probabilities[list(model.classes_).index(label)]))
    return total / len(texts)


def test_a_stream_answers_early() -> None:
    """By the fourth word there is much to tell, which who is corrected at the end need not know."""
    changes: dict[str, Any] = {"readout": "max", "label_smoothing": 0.0, "max_iter": 8}
    found = {loss: small(loss, **changes).fit(*told_twice(300, 0)) for loss in LOSSES}
    after = {loss: [loss_after(model, n) for n in (4, 9)] for loss, model in found.items()}
    for loss in EARLY:
        assert after[loss][0] < 0.8 * after["once"][0]
        assert after[loss][1] < 0.4
    assert after["once"][1] < after["growing"][1] < after["every"][1]


@early
@pytest.mark.parametrize(
    "changes",
    [
        {"class_weight": "balanced"},
        {"adversarial": 0.3, "readout": "max_mean_last"},
        {"dropout_recurrent": 0.2, "dropout_embedding": 0.2, "embedding": "onehot"},
        {"n_jobs": 2, "readout": "attention", "num_layers": 2},
        {"ngrams": "words", "threshold": "f1", "ema_decay": 0.9, "cell": "gru"},
        {"max_seconds": 60.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_it_goes_with_other_settings(loss: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """Twice the same bits; what is saved is a network like any other."""
    texts, labels = told_twice(60, 0)
    first, again = (small(loss, **{"max_iter": 2, **changes}).fit(texts, labels) for _ in range(2))
    if "max_seconds" not in changes:
        np.testing.assert_array_equal(first.predict_proba(texts), again.predict_proba(texts))
    once = small("once", **{"max_iter": 2, **changes}).fit(texts, labels)
    assert not np.allclose(once.predict_proba(texts), first.predict_proba(texts), atol=1e-7)
    first.save(tmp_path / "model")
    loaded = TextRNNClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(texts), first.predict_proba(texts))
    assert loaded.get_params()["loss"] == loss
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert not {"loss", "every", "growing"} & set(map(str, config["network"].values()))


@early
def test_of_numbers_and_of_many_labels(loss: str) -> None:
    texts, labels = told_twice(200, 0)
    good = np.array([label == "good" for label in labels])
    named: dict[str, Any] = {
        "bidirectional": False, "readout": "last", "hidden_size": 8, "embedding_dim": 8,
        "max_iter": 12, "learning_rate_init": 0.02, "ema_decay": 0.0, "random_state": 0,
    }  # fmt: skip
    numbers = TextRNNRegressor(loss=loss, **named).fit(texts, 3.0 * good + 1.0)
    assert numbers.score(texts, 3.0 * good + 1.0) > 0.5
    tags = np.stack([good, ~good, np.ones(len(good), bool)], axis=1).astype(int)
    tagger = TextRNNClassifier(loss=loss, ngrams="none", **named).fit(texts, tags)
    assert tagger.score(texts, tags) > 0.9


CORPUS = Corpus("rooms", Split(*told_twice(60, 0)), test=Split(*told_twice(20, 1)), source="here")
SMALL = Settings(
    bidirectional=False, ngrams="none", hidden_size=4, embedding_dim=4, max_iter=3,
    n_iter_no_change=9, batch_size=8,
)  # fmt: skip


class Stop(Callback):
    """Interrupts a run after an epoch."""

    def on_epoch(self, run: Run) -> None:
        if run.state.epoch == 1:
            raise KeyboardInterrupt


@early
def test_a_run_that_was_stopped_ends_as_one_that_was_not(loss: str, tmp_path: Path) -> None:
    """To the same bits; and it goes on with the same loss alone, which the report tells."""
    settings = replace(SMALL, loss=loss)
    quiet: Any = {"seed": 0, "cache": False, "say": lambda _: None}
    whole = run_experiment(Experiment(CORPUS, settings, **quiet, out=tmp_path / "whole"))
    assert whole["settings"]["loss"] == loss
    stopped = Experiment(CORPUS, settings, **quiet, out=tmp_path / "model", callbacks=(Stop(),))
    run_experiment(stopped)
    with pytest.raises(UsageError, match=f"loss was '{loss}' and is 'once' now"):
        run_experiment(Experiment(CORPUS, SMALL, **quiet, out=tmp_path / "model", resume=True))
    run_experiment(Experiment(CORPUS, settings, **quiet, out=tmp_path / "model", resume=True))
    weights = [(tmp_path / n / "weights.safetensors").read_bytes() for n in ("whole", "model")]
    assert weights[0] == weights[1]


@early
def test_a_student_learns_from_probabilities_at_every_word(loss: str) -> None:
    unlabelled = told_twice(60, 2)[0]
    found: list[str] = []

    class Watch(Callback):
        def on_start(self, run: Run) -> None:
            found.append(run.train.targets.kind)

    run_experiment(
        Experiment(
            CORPUS,
            replace(SMALL, loss=loss, ngrams="words"),
            seed=0,
            cache=False,
            unlabelled=unlabelled,
            callbacks=(Watch(),),
            say=lambda _: None,
        )
    )
    assert found == ["hard", "soft"]


# -------------------------------------------------------------------- the command line


@early
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--loss {} corrects an answer after every word, .* both ends .* --one-way"),
        (["--one-way", "--segment-length", "9"], "--loss {} .* segments .* --segment-length 0"),
    ],
)
def test_what_has_no_answer_before_the_end_is_refused(
    loss: str, options: list[str], told: str, tmp_path: Path
) -> None:
    arguments = ["train", "cars", "--loss", loss, *options, "--out", str(tmp_path / "model")]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 2
    assert re.search(told.format(loss), " ".join(found.output.split()))
    assert not (tmp_path / "model").exists()


def test_another_word_is_refused() -> None:
    found = CliRunner().invoke(app, ["train", "cars", "--loss", "evry"])
    assert found.exit_code == 2

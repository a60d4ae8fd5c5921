"""Held-out figures are those of the classifier that answers, on texts it was not fitted to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.evaluation.calibration import combined, fit_ensemble_weights
from textrnn.evaluation.held_out_scores import as_named_now
from textrnn.evaluation.thresholds import decide
from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
from textrnn.nn.losses import SIGMOID, SOFTMAX
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.storage.loading import load_model
from textrnn.storage.reading import read_metrics
from textrnn.storage.writing import save_model
from textrnn.training.callbacks import Callback
from textrnn.training.ensemble import fit_ensemble
from textrnn.training.examples import Examples
from textrnn.training.fit import build_model
from textrnn.training.held_out import FOLDS, HeldOut, folds_of, held_out
from textrnn.training.ngrams import Part, choose_ngrams, together
from textrnn.training.settings import Settings
from textrnn.training.state import Run
from textrnn.typing import Floats

RUNS = 40
WORDS = [f"w{i}" for i in range(300)]
EARLIER = Path(__file__).parent / "reference" / "models_0_1_0"
SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "embedding_dim": 4,
    "max_iter": 4,
    "batch_size": 16,
    "learning_rate_init": 0.02,
    "n_iter_no_change": 10,
    "random_state": 0,
}


def noise(n: int, seed: int, n_classes: int = 2) -> Examples:
    """Texts that say nothing of their classes, which are as frequent as each other."""
    rng = np.random.default_rng(seed)
    texts = [[WORDS[i] for i in rng.integers(0, len(WORDS), 6)] for _ in range(n)]
    return examples(texts, rng.permutation(np.arange(n) % n_classes))


def noisy(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of which a word tells the class in three of four, and two words' order in others."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    told = np.where(rng.random(n) < 0.75, labels, 1 - labels)
    order = np.where(rng.random(n) < 0.8, labels, 1 - labels)
    texts = [
        " ".join([("no", "yes")[a], *rng.choice(WORDS[:60], 4), *(("x", "y"), ("y", "x"))[b]])
        for a, b in zip(told.tolist(), order.tolist(), strict=True)
    ]
    return texts, [("bad", "good")[label] for label in labels.tolist()]


# ------------------------------------------------------- not on what was fitted to them


class Oracle:
    """An n-gram model that knows nothing: its logits are drawn anew for each text."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def logits(self, texts: Any) -> Floats:
        return self.rng.normal(size=(len(texts), 2))

    def keep_known(self, texts: Any, corrected: Any) -> Any:
        del corrected
        return texts


def test_useless_parts_are_told_to_guess() -> None:
    """What is fitted to the same texts looks better than guessing; the figures told do not."""
    settings = Settings(hidden_size=2, embedding_dim=2)
    train, n = noise(80, 0), 60
    model = build_model(settings, train.texts, [0, 1], rng=np.random.default_rng(0))
    ngrams, together_ = list[float](), list[float]()
    for seed in range(RUNS):
        validation = noise(n, 1_000 + seed)
        parts = [Part(cast(Any, Oracle(10 * seed + i)), 1.0) for i in range(6)]
        chosen = together(parts, validation)
        weighed = fit_ensemble(model, settings, chosen, train, validation)
        assert chosen.accuracy is not None
        assert weighed.accuracy is not None
        ngrams.append(chosen.accuracy)
        together_.append(weighed.accuracy)
    error = (0.25 / (RUNS * n)) ** 0.5
    assert np.mean(ngrams) < 0.5 + 2 * error
    assert np.mean(together_) < 0.5 + 2 * error


def test_random_logits_are_told_to_guess() -> None:
    found, fitted = list[float](), list[float]()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        texts = noise(50, seed)
        parts = [rng.normal(size=(50, 2)) for _ in range(4)]
        scorer = held_out(texts)
        found.append(scorer.accuracy(parts))
        fitted.append(
            SOFTMAX.right(scorer.fit_weights(parts).logits(parts), texts.targets.values).mean()
        )
    error = (0.25 / (50 * 60)) ** 0.5
    assert np.mean(fitted) > 0.5 + 5 * error
    assert np.mean(found) < 0.5 + 2 * error


def test_a_tuned_threshold_is_cross_fitted_too() -> None:
    """Of labels that nothing tells, with a threshold for the highest F1."""
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 3)) < 0.2).astype(np.int64)
    texts = examples([[f"t{i}"] for i in range(400)], targets)
    parts = [rng.normal(size=(400, 3)), rng.normal(size=(400, 3))]
    scorer = held_out(texts, threshold="f1")
    right = scorer.right(parts)
    for fold in range(FOLDS):
        inside = scorer.folds == fold
        fitted_there = scorer.fit_weights(parts, ~inside)
        assert fitted_there.threshold is not None
        answers = SIGMOID.probabilities(fitted_there.logits(parts)) >= fitted_there.threshold
        np.testing.assert_array_equal(right[inside], (answers == targets).mean(axis=1)[inside])


def test_good_parts_lose_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    texts = noise(2_000, 0, 3)
    parts = [rng.normal(size=(2_000, 3)) + 1.5 * np.eye(3)[texts.targets.values] for _ in range(3)]
    scorer = held_out(texts)
    fitted = SOFTMAX.right(scorer.fit_weights(parts).logits(parts), texts.targets.values).mean()
    assert scorer.accuracy(parts) == pytest.approx(fitted, abs=0.004)


def test_folds_hold_equal_texts_together_and_a_share_of_each_class() -> None:
    words = [[WORDS[i % 120]] for i in range(200)]  # 80 of them twice
    targets = np.where(np.arange(200) % 120 < 30, 1, 0)
    texts = examples(words, targets)
    folds = folds_of(texts)
    assert set(folds.tolist()) == set(range(FOLDS))
    of: dict[str, int] = {}
    for word, fold in zip(words, folds.tolist(), strict=True):
        assert of.setdefault(word[0], fold) == fold
    rare = {word[0] for word, target in zip(words, targets, strict=True) if target}
    counts = np.bincount([of[word] for word in rare], minlength=FOLDS)
    assert counts.tolist() == [6] * FOLDS
    np.testing.assert_array_equal(folds, folds_of(texts))


@pytest.mark.parametrize(
    ("classes", "n_folds"),
    [([0, 1], 1), ([0] * 9 + [1], 1), ([0] * 9 + [1] * 3 + [2], 3), ([0] * 20, 1), ([0], 1)],
)
def test_few_texts_are_dealt_into_fewer_folds(classes: list[int], n_folds: int) -> None:
    texts = examples([[f"t{i}"] for i in range(len(classes))], np.array(classes))
    scorer = held_out(texts)
    assert len(set(scorer.folds.tolist())) == n_folds
    parts = [np.eye(3)[np.array(classes)], np.zeros((len(classes), 3))]
    assert scorer.right(parts).shape == (len(classes),)
    if n_folds == 1:  # nothing can be fitted: equal parts, which are right here
        assert scorer.accuracy(parts) == 1.0
    labels = examples(texts.texts, np.eye(3, dtype=np.int64)[np.array(classes)])
    assert held_out(labels, threshold="f1").right(parts).shape == (len(classes),)


def test_equal_texts_do_not_tell_each_other() -> None:
    """A part that has learned by heart one of two equal texts with labels at random."""
    rng = np.random.default_rng(0)
    targets = np.repeat(rng.integers(0, 2, 60), 2)
    texts = examples([[f"t{i // 2}"] for i in range(120)], targets)
    parts = [np.repeat(rng.normal(size=(60, 2)), 2, axis=0) for _ in range(8)]
    error = (0.25 / 60) ** 0.5
    assert held_out(texts).accuracy(parts) < 0.5 + 2 * error


def test_weights_count_in_each_fold() -> None:
    rng = np.random.default_rng(0)
    texts = noise(300, 0)
    weights = rng.random(300) + 0.1
    parts = [rng.normal(size=(300, 2)) + np.eye(2)[texts.targets.values] for _ in range(2)]
    scorer = held_out(examples(texts.texts, texts.targets, weights))
    expected = np.empty(300)
    for fold in range(FOLDS):
        ours, others = scorer.folds == fold, scorer.folds != fold
        believed = fit_ensemble_weights(
            SOFTMAX, [part[others] for part in parts], texts.targets.values[others], weights[others]
        )
        answers = combined(parts, *believed).argmax(axis=1)
        expected[ours] = (answers == texts.targets.values)[ours]
    np.testing.assert_array_equal(scorer.right(parts), expected)
    assert scorer.accuracy(parts) == pytest.approx(np.average(expected, weights=weights))


def test_a_fixed_threshold_decides() -> None:
    texts = noise(100, 0)
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(100, 2)) + np.eye(2)[texts.targets.values]]
    scorer = held_out(texts, threshold=0.9)
    probabilities = SOFTMAX.probabilities(scorer.fit_weights(parts).logits(parts))
    answers = decide(probabilities, 0.9)
    assert (scorer.right(parts) == (answers == texts.targets.values)).mean() > 0.97
    assert scorer.accuracy(parts) < held_out(texts).accuracy(parts)


# ---------------------------------------------------------------- whose scores these are


class KeepNetworks(Callback):
    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []

    def on_epoch(self, run: Run) -> None:
        self.params.append({name: value.copy() for name, value in run.network.params.items()})


@pytest.mark.parametrize("threshold", [None, 0.7, "f1"])
@pytest.mark.parametrize("ngrams", ["auto", "none"])
def test_the_scores_are_those_of_the_classifier_that_predicts(
    ngrams: str, threshold: float | str | None
) -> None:
    """Each epoch's is that of what would be built from its network; the best one's is model_'s."""
    texts, labels = noisy(120, 0)
    held = noisy(80, 1)
    keep = KeepNetworks()
    settings = {**SMALL, "ngrams": ngrams, "threshold": threshold, "ema_decay": 0.0}
    model = TextRNNClassifier(**settings)
    model.fit(texts, labels, validation_data=held, callbacks=[keep])
    train, validation = (
        examples([text.split() for text in X], np.array([label == "good" for label in y]) + 0)
        for X, y in ((texts, labels), held)
    )
    chosen = None if ngrams == "none" else choose_ngrams(model._settings(), train, validation)
    expected = []
    for params in keep.params:
        network = model.model_.network
        again = type(network)(network.config, {name: p.copy() for name, p in params.items()})
        of_epoch = type(model.model_)(
            **{**vars(model.model_), "network": again, "ngrams": None},
        )
        weighed = fit_ensemble(of_epoch, model._settings(), chosen, train, validation)
        expected.append(weighed.accuracy)
    assert model.validation_scores_ == expected
    own, losses = model.network_validation_scores_, [r["validation_loss"] for r in model.history_]
    kept = max(range(len(own)), key=lambda epoch: (own[epoch], -losses[epoch]))
    assert model.best_validation_score_ == expected[kept]
    assert model.best_network_validation_score_ == max(own)
    if ngrams == "auto" or threshold is not None:
        assert model.validation_scores_ != own
    elif threshold is None:
        assert model.validation_scores_ == own
        assert model.best_validation_score_ == model.score(*held)


def test_many_labels_and_weights() -> None:
    rng = np.random.default_rng(0)
    texts, labels = noisy(150, 3)
    Y = np.stack([np.array(labels) == "good", rng.random(150) < 0.3], axis=1).astype(int)
    model = TextRNNClassifier(**SMALL, threshold="f1").fit(texts, Y, sample_weight=rng.random(150))
    assert len(model.validation_scores_) == len(model.network_validation_scores_) == model.n_iter_
    assert model.best_validation_score_ in model.validation_scores_
    assert model.best_network_validation_score_ == max(model.network_validation_scores_)


def test_no_held_out_texts_no_scores() -> None:
    texts, labels = noisy(60, 0)
    alone = TextRNNClassifier(**SMALL, early_stopping=False).fit(texts, labels)
    partial = TextRNNClassifier(**SMALL, ngrams="none")
    partial.partial_fit(texts, labels, classes=["bad", "good"])
    for model in (alone, partial):
        assert model.validation_scores_ == model.network_validation_scores_ == []
        assert model.best_validation_score_ is model.best_network_validation_score_ is None


class Interrupt(Callback):
    def on_epoch(self, run: Run) -> None:
        if run.state.epoch == 2:
            raise KeyboardInterrupt


def test_after_an_interruption_and_a_warm_start() -> None:
    texts, labels = noisy(120, 0)
    model = TextRNNClassifier(**SMALL, warm_start=True)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(texts, labels, callbacks=[Interrupt()])
    assert len(model.validation_scores_) == 2
    assert model.best_validation_score_ in model.validation_scores_
    model.fit(texts, labels)
    assert len(model.validation_scores_) == len(model.network_validation_scores_) == 4
    assert model.best_validation_score_ in model.validation_scores_


def test_where_another_classifier_was_taught_the_scores_are_its_own() -> None:
    texts, labels = noisy(120, 0)
    model = TextRNNClassifier(**SMALL).fit(texts, labels, unlabelled=noisy(100, 5)[0])
    assert len(model.validation_scores_) == len(model.network_validation_scores_) == model.n_iter_
    assert model.best_network_validation_score_ == max(model.network_validation_scores_)
    assert model.best_validation_score_ is not None
    assert 0.5 < model.best_validation_score_ <= 1.0


def test_out_of_time_the_scores_are_of_the_epochs_done() -> None:
    texts, labels = noisy(120, 0)
    model = TextRNNClassifier(**SMALL, max_seconds=1e-3).fit(texts, labels)
    assert len(model.validation_scores_) == model.n_iter_ == 1
    assert model.best_validation_score_ == model.validation_scores_[0]


class Stop(Callback):
    def on_epoch(self, run: Run) -> None:
        if run.state.epoch == 2:
            raise ZeroDivisionError


def test_a_run_of_0_1_0_goes_on_with_the_networks_scores_by_their_name(tmp_path: Path) -> None:
    corpus = Corpus("noise", Split(*noisy(150, 0)), test=Split(*noisy(20, 9)))
    settings = Settings(**{k: v for k, v in SMALL.items() if k != "random_state"})
    experiment = Experiment(corpus, settings, out=tmp_path / "m", baselines=())
    with pytest.raises(ZeroDivisionError):
        run_experiment(replace(experiment, callbacks=(Stop(),)))
    path = checkpoint_path(tmp_path / "m")
    arrays, saved = load_arrays(path)
    for record in saved["history"]:
        record["validation_accuracy"] = record.pop("network_validation_accuracy")
    save_arrays(path, {name: np.array(value) for name, value in arrays.items()}, saved)
    history = run_experiment(replace(experiment, resume=True))["history"]
    assert ["network_validation_accuracy" in record for record in history] == [True] * 4
    assert ["validation_accuracy" in record for record in history] == [False, False, True, True]


def test_the_report_names_both(tmp_path: Path) -> None:
    corpus = Corpus("noise", Split(*noisy(150, 0)), test=Split(*noisy(20, 9)))
    settings = Settings(**{k: v for k, v in SMALL.items() if k != "random_state"})
    report = run_experiment(Experiment(corpus, settings, out=tmp_path / "m", baselines=()))
    best = report["history"][report["best_epoch"] - 1]
    assert report["validation"] == {
        "accuracy": best["validation_accuracy"],
        "whole": best["validation_accuracy"],
        "network_accuracy": best["network_validation_accuracy"],
    }
    back = TextRNNClassifier.load(tmp_path / "m")
    assert back.best_validation_score_ == report["validation"]["accuracy"]
    assert back.best_network_validation_score_ == report["validation"]["network_accuracy"]
    assert len(back.validation_scores_) == len(back.network_validation_scores_) == back.n_iter_


@pytest.mark.parametrize("name", ["plain", "characters"])
def test_of_an_earlier_folder_only_the_networks_scores_are_known(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    metrics = json.loads((EARLIER / name / "metrics.json").read_text())
    own = [0.5 + 0.1 * epoch for epoch in range(len(metrics["history"]))]
    for record, score in zip(metrics["history"], own, strict=True):
        record["validation_accuracy"] = score  # as 0.1.0 wrote it
    metrics["best_validation_score"] = max(own)
    save_model(load_model(EARLIER / name), folder, metrics=metrics)
    model = TextRNNClassifier.load(folder)
    is_alone = model.model_.ngrams is None
    assert is_alone == (name == "plain")
    assert model.network_validation_scores_ == own
    assert model.best_network_validation_score_ == max(own)
    assert model.validation_scores_ == (own if is_alone else [])
    assert model.best_validation_score_ == (max(own) if is_alone else None)
    kept = read_metrics(folder)
    assert kept.get("best_validation_score") == model.best_validation_score_
    assert [r.get("validation_accuracy") for r in kept["history"]] == (
        own if is_alone else [None] * len(own)
    )
    model.save(tmp_path / "again")
    again = TextRNNClassifier.load(tmp_path / "again")
    assert again.history_ == model.history_
    assert again.best_validation_score_ == model.best_validation_score_
    assert again.best_network_validation_score_ == max(own)


def test_a_report_is_renamed_once() -> None:
    old = {
        "validation": {"accuracy": 0.7, "whole": 0.9},
        "history": [{"epoch": 1, "validation_accuracy": 0.7}, {"epoch": 2}],
    }
    now = as_named_now(old, is_alone=False)
    assert now["validation"] == {"network_accuracy": 0.7}
    assert now["history"] == [{"epoch": 1, "network_validation_accuracy": 0.7}, {"epoch": 2}]
    assert as_named_now(now, is_alone=False) == now
    new = {"validation": {"accuracy": 0.8, "whole": 0.8, "network_accuracy": 0.7}}
    assert as_named_now(new, is_alone=False) == new
    assert as_named_now({}, is_alone=True) == {}


def test_without_a_fit_what_is_most_probable_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network alone costs nothing in each epoch."""
    texts = noise(40, 0)
    parts = [np.random.default_rng(0).normal(size=(40, 2))]
    monkeypatch.setattr(HeldOut, "fit_weights", None)
    right = held_out(texts).right(parts)
    np.testing.assert_array_equal(right, parts[0].argmax(axis=1) == texts.targets.values)

"""The threshold of two classes: given, tuned, saved, replaced, and refused for more classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.errors import UsageError
from textrnn.evaluation.metrics import evaluate


def skewed(n: int, seed: int) -> tuple[list[str], list[str]]:
    """One text of ten is spam; its sign is often there, and seldom in others."""
    rng = np.random.default_rng(seed)
    spam = np.arange(n) % 10 == 0
    sign = rng.random(n) < np.where(spam, 0.8, 0.15)
    texts = [f"{'win ' if s else ''}a{rng.integers(0, 5)} w{rng.integers(0, 5)}" for s in sign]
    return texts, ["spam" if s else "ham" for s in spam]


TEXTS, LABELS = skewed(400, 0)
HELD_OUT = skewed(300, 1)


def small(**changes: Any) -> TextRNNClassifier:
    settings = {
        "hidden_size": 4,
        "embedding_dim": 4,
        "max_iter": 10,
        "n_iter_no_change": 10,
        "dropout_input": 0.0,
        "dropout_readout": 0.0,
        "learning_rate_init": 0.02,
        "ngrams": "none",
        "label_smoothing": 0.0,
        "ema_decay": 0.0,
        "random_state": 0,
    }
    return TextRNNClassifier(**{**settings, **changes})


@pytest.mark.parametrize("threshold", [0.0, 0.2, 1.0])
def test_it_is_for_the_second_class(threshold: float) -> None:
    model = small(threshold=threshold).fit(TEXTS, LABELS)
    assert model.classes_.tolist() == ["ham", "spam"]
    assert model.best_threshold_ == threshold
    p = model.predict_proba(TEXTS)[:, 1]
    assert model.predict(TEXTS).tolist() == np.where(p >= threshold, "spam", "ham").tolist()


@pytest.mark.parametrize("ngrams", ["none", "words"])
def test_tuned_on_the_held_out_texts(ngrams: str, tmp_path: Path) -> None:
    plain = small(ngrams=ngrams).fit(TEXTS, LABELS, validation_data=HELD_OUT)
    tuned = small(ngrams=ngrams, threshold="f1").fit(TEXTS, LABELS, validation_data=HELD_OUT)
    np.testing.assert_array_equal(tuned.predict_proba(TEXTS), plain.predict_proba(TEXTS))
    assert plain.best_threshold_ is None
    assert tuned.best_threshold_ is not None
    assert 0.0 < tuned.best_threshold_ < 0.5

    def f1(model: TextRNNClassifier) -> float:
        texts, labels = skewed(600, 2)
        return f1_score(labels, model.predict(texts), pos_label="spam")

    assert f1(tuned) > f1(plain) + 0.1
    if ngrams == "none":  # the n-gram model is fitted once more, to the held-out texts as well
        p = tuned.predict_proba(HELD_OUT[0])[:, 1]
        truth = np.array(HELD_OUT[1]) == "spam"
        found = f1_score(truth, p >= tuned.best_threshold_)
        assert found >= max(f1_score(truth, p >= t) for t in np.linspace(0.01, 0.9, 90))

    tuned.save(tmp_path / "model")
    again = TextRNNClassifier.load(tmp_path / "model")
    assert again.threshold == "f1"
    assert again.best_threshold_ == tuned.best_threshold_
    assert again.predict(TEXTS).tolist() == tuned.predict(TEXTS).tolist()


@pytest.mark.parametrize(
    ("changes", "y", "message"),
    [
        ({"threshold": 0.4}, ["a", "b", "c", "b"] * 100, "threshold=0.4 needs two classes"),
        ({"threshold": "f1"}, ["a", "b", "c", "b"] * 100, "threshold='f1' needs two classes"),
        ({"threshold": "f2"}, LABELS, "threshold is 'f2', but must be a number from 0 to 1"),
        ({"threshold": -0.1}, LABELS, "threshold is -0.1"),
        ({"threshold": True}, LABELS, "threshold is True"),
        ({"threshold": "f1", "early_stopping": False}, LABELS, "no texts are held out"),
    ],
)
def test_mistakes(changes: dict[str, Any], y: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        small(**changes).fit(TEXTS, y)


def test_partial_fit_and_warm_start() -> None:
    with pytest.raises(UsageError, match="no texts are held out"):
        small(threshold="f1").partial_fit(TEXTS, LABELS, classes=["ham", "spam"])
    model = small(threshold=0.2).partial_fit(TEXTS, LABELS, classes=["ham", "spam"])
    assert model.best_threshold_ == 0.2
    model.set_params(warm_start=True, threshold=0.3).fit(TEXTS, LABELS)
    assert model.best_threshold_ == 0.3
    model.set_params(threshold=None).fit(TEXTS, LABELS)
    assert model.best_threshold_ is None


def test_scores_are_those_of_the_answers() -> None:
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
    report = evaluate(["ham", "ham", "spam", "spam"], p, ["ham", "spam"], 0.35)
    assert report.accuracy == 1.0
    assert report.confusion == ((2, 0), (0, 2))
    usual = evaluate(["ham", "ham", "spam", "spam"], p, ["ham", "spam"])
    assert usual.accuracy == 0.75
    assert report.calibration_error == usual.calibration_error
    assert report.log_loss == usual.log_loss


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, texts: list[str], labels: list[str]) -> Path:
    lines = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


OPTIONS = (
    *("--hidden", "4", "--embedding-dim", "4", "--epochs", "3", "--jobs", "1", "--json"),
    *("--ngrams", "none", "--max-features", "20", "--lr", "0.02", "--no-baselines"),
)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # No two texts are the same: equal ones would stay on one side of a split.
    texts = [f"{text} n{i}" for i, text in enumerate(TEXTS)]
    corpus = write(tmp_path / "mail.csv", texts, LABELS)
    trained = run("train", corpus, *OPTIONS, "--tune-threshold", "f1", "-o", "m")
    assert trained.exit_code == 0, trained.stderr
    assert json.loads(trained.stdout)["settings"]["threshold"] == "f1"
    threshold = json.loads((tmp_path / "m/config.json").read_text())["threshold"]
    assert 0.0 < threshold < 0.5

    new = write(tmp_path / "new.csv", *HELD_OUT)
    scores = {
        t: json.loads(run("evaluate", "m", new, "--json", *given).stdout)
        for t, given in {
            "saved": (),
            "same": ("--threshold", repr(threshold)),
            "all": ("--threshold", "0"),
        }.items()
    }
    assert scores["same"] == scores["saved"]
    assert scores["all"]["per_class"][1]["recall"] == 1.0
    assert scores["all"]["accuracy"] == 0.1

    always = run("predict", "w1 n2", "--json", "-m", "m", "--threshold", "0")
    record = json.loads(always.stdout)
    assert record["label"] == "spam"
    assert record["probability"] == record["probabilities"]["spam"] < 0.5
    line = run("predict", "w1 n2", "-m", "m", "--threshold", "0").stdout
    assert line.startswith(f"spam\t{record['probability']:.4f}\t")
    assert run("predict", "w1 n2", "-m", "m", "--threshold", "1").stdout.startswith("ham\t")

    fixed = run("train", corpus, *OPTIONS, "--threshold", "0.25", "-o", "n")
    assert fixed.exit_code == 0, fixed.stderr
    assert json.loads((tmp_path / "n/config.json").read_text())["threshold"] == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tune-threshold", "f2"), "--tune-threshold is 'f2', but must be f1."),
        (("--tune-threshold", "f1", "--threshold", "0.3"), "give one of them"),
        (("--threshold", "2"), "--threshold is 2.0, but must be a number from 0 to 1."),
        (("--threshold", "0.3"), "--threshold 0.3 needs two classes"),
        (("--tune-threshold", "f1"), "--tune-threshold f1 needs two classes"),
    ],
)
def test_mistakes_on_the_command_line(
    options: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = write(tmp_path / "c.csv", TEXTS, ["a", "b", "c", "b"] * 100)
    found = run("train", corpus, *OPTIONS, *options, "-o", "m")
    assert found.exit_code == UsageError.exit_code
    assert message in found.stderr


def test_a_saved_model_of_three_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small(max_iter=1).fit(TEXTS, ["a", "b", "c", "b"] * 100).save("m")
    write(tmp_path / "new.csv", TEXTS, ["a", "b", "c", "b"] * 100)
    for command in (["predict", "w1", "-m", "m"], ["evaluate", "m", "new.csv"]):
        refused = run(*command, "--threshold", "0.3")
        assert refused.exit_code == UsageError.exit_code
        assert "--threshold is for two classes, but the model has 3" in refused.stderr
    wrong = run("evaluate", "m", "new.csv", "--label-separator", "|")
    assert wrong.exit_code == UsageError.exit_code
    assert "--label-separator is for texts with any number" in wrong.stderr


def test_a_smaller_model_is_checked_by_its_threshold(tmp_path: Path) -> None:
    small(threshold=0.0).fit(TEXTS, LABELS).save(tmp_path / "m")  # all is spam
    data = write(tmp_path / "mails.csv", TEXTS, LABELS)
    out = tmp_path / "smaller"
    result = run("shrink", tmp_path / "m", "--out", out, "--check", data, "--json")
    found = json.loads(result.stdout)
    assert found["accuracy"] == found["accuracy_before"] == 0.1

"""All classifiers on a corpus: their report, what Ctrl-C keeps, and the saved winner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from textrnn.corpora import Corpus, Split
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.experiments import contest as module
from textrnn.experiments.contest import Contest, current_name, run_contest
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.storage.reading import load_classifier, read_metrics
from textrnn.training.callbacks import Callback
from textrnn.training.settings import Settings

SMALL = Settings(hidden_size=6, embedding_dim=6, max_iter=3, batch_size=8, ngrams="words")
TWO = ("majority", "nbsvm")


@pytest.fixture
def contest(reviews: tuple[list[str], list[str]]) -> Contest:
    texts, labels = reviews
    corpus = Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]))
    return Contest(corpus, SMALL, baselines=TWO, cache=False)


class Interrupt(Callback):
    """Ctrl-C in the first epoch of a training."""

    def on_batch(self, run: Any) -> None:
        del run
        raise KeyboardInterrupt


def test_scores_and_costs_stand_side_by_side(contest: Contest) -> None:
    lines: list[str] = []
    report = run_contest(replace(contest, say=lines.append))
    assert set(report["baselines"]) == set(TWO)
    assert report["test"]["n"] == 12
    assert set(report["costs"]) == {*TWO, "classifier", "network"}
    for costs in report["costs"].values():
        assert costs["seconds"] > 0 or costs["seconds"] == 0.0
        assert 0 < costs["latency_ms"] < 1_000
        assert costs["size_bytes"] > 500
    assert report["recommended"] in (*TWO, "classifier")
    assert report["paired"]["baseline"] in TWO
    assert set(report["parts"]) == {"network", "ngrams"}
    assert -1 <= report["over_ngrams"]["difference"] <= 1
    assert "ms a text" in report["verdict"]
    assert (report["learning_curve"], report["saved"], report["interrupted"]) == (None, None, False)
    assert any(line.startswith("3 of 3: classifier has ") for line in lines)


def test_parts_are_compared_by_what_is_most_probable(contest: Contest) -> None:
    usual = run_contest(contest)
    settings = replace(SMALL, threshold=1.0)  # all answers are the first class
    never = run_contest(replace(contest, settings=settings))
    assert never["test"]["accuracy"] == 0.5 < usual["test"]["accuracy"]
    for name in ("parts", "over_ngrams"):
        assert never[name] == usual[name]


def test_seconds_to_train_are_without_the_scoring(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    patched: Any = module
    train, score = patched.train_network, patched.network_contender

    def train_in_3_seconds(*arguments: Any) -> Any:
        now[0] += 3.0
        return train(*arguments)

    def score_in_50_seconds(*arguments: Any, **options: Any) -> Any:
        now[0] += 50.0
        return score(*arguments, **options)

    monkeypatch.setattr(module, "train_network", train_in_3_seconds)
    monkeypatch.setattr(module, "network_contender", score_in_50_seconds)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert run_contest(contest)["costs"]["classifier"]["seconds"] == 3.0


def test_without_a_network(contest: Contest) -> None:
    report = run_contest(replace(contest, network=False))
    assert report["test"] is None
    assert report["paired"] is None
    assert report["recommended"] == "nbsvm"


def test_learning_curve(contest: Contest) -> None:
    lines: list[str] = []
    report = run_contest(replace(contest, fractions=(0.01, 0.5, 1.0), say=lines.append))
    points = report["learning_curve"]["points"]
    assert [point["fraction"] for point in points] == [0.5, 1.0]
    assert 10 <= points[0]["n_train"] < points[1]["n_train"]
    assert points[1]["accuracy"]["classifier"] == report["test"]["accuracy"]
    for name in TWO:
        assert points[1]["accuracy"][name] == report["baselines"][name]["accuracy"]
    assert points[1]["p_value"] == report["paired"]["p_value"]
    assert report["learning_curve"]["crossing"]
    assert any("without 1 %: fewer than 10 texts" in line for line in lines)
    assert any("(50 %); about 0:0" in line for line in lines)


@pytest.mark.parametrize("which", ["best", "nbsvm", "classifier", "network"])
def test_the_winner_is_a_model_folder(contest: Contest, tmp_path: Path, which: str) -> None:
    out = tmp_path / "m"
    report = run_contest(replace(contest, out=out, which=which))
    assert report["saved"] == str(out)
    name = report["recommended"] if which == "best" else current_name(which)
    model = load_classifier(out)
    assert isinstance(model, TextModel if name == "classifier" else LinearModel)
    scores = report["test"] if name == "classifier" else report["baselines"][name]
    test = contest.corpus.test
    assert test is not None
    predicted = [model.classes[i] for i in model.predict_proba(test.texts).argmax(axis=1)]
    right = np.mean([a == b for a, b in zip(predicted, test.labels, strict=True)])
    assert right == scores["accuracy"]
    metrics = read_metrics(out)
    assert metrics["test"]["accuracy"] == scores["accuracy"]
    assert metrics["fingerprint"] == contest.corpus.fingerprint()
    assert metrics["settings"]["validation_fraction"] == SMALL.validation_fraction
    assert "inns" in (out / "README.md").read_text(encoding="utf-8")


def test_ctrl_c_keeps_what_was_done(contest: Contest, tmp_path: Path) -> None:
    report = run_contest(
        replace(contest, callbacks=[Interrupt()], out=tmp_path / "m", fractions=(0.5, 1.0))
    )
    assert report["interrupted"]
    assert set(report["baselines"]) == set(TWO)
    assert report["test"] is None
    assert report["saved"] is None  # the best of all is not known
    assert not (tmp_path / "m").exists()
    one = replace(contest, callbacks=[Interrupt()], out=tmp_path / "m", which="nbsvm")
    assert run_contest(one)["saved"] == str(tmp_path / "m")


def test_ctrl_c_keeps_the_points_of_the_curve(contest: Contest) -> None:
    curve: list[str] = []

    def say(line: str) -> None:
        if line.startswith("learning curve: "):
            curve.append(line)
            if len(curve) == 2:
                raise KeyboardInterrupt

    quick = replace(contest, network=False, fractions=(0.4, 0.5, 1.0))
    report = run_contest(replace(quick, say=say))
    assert report["interrupted"]
    assert [p["fraction"] for p in report["learning_curve"]["points"]] == [0.4, 1.0]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"which": "nbsvn"}, UsageError, "Did you mean 'nbsvm'"),
        ({"which": "network", "network": False}, UsageError, "which is 'classifier'"),
        ({"seed": -1}, UsageError, "seed is -1"),
    ],
)
def test_mistakes_are_told_before_the_training(
    contest: Contest, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_contest(replace(contest, **changes))


def test_a_foreign_folder_is_told_before_the_training(contest: Contest, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(ModelError, match=r"mine\.txt"):
        run_contest(replace(contest, out=tmp_path))


def test_without_test_texts_there_is_nothing_to_compare(contest: Contest) -> None:
    with pytest.raises(DataError, match="no test texts"):
        run_contest(replace(contest, corpus=replace(contest.corpus, test=None)))

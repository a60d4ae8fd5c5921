"""Texts that stand in two splits are told, and beside the score where they are most of them."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.corpora import Corpus, Split
from textrnn.corpora.overlap import as_counts, shared_texts, warnings_of
from textrnn.experiments import search
from textrnn.experiments.contest import Contest, run_contest
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.training.settings import Settings

SMALL = Settings(hidden_size=3, embedding_dim=3, max_iter=2, batch_size=8, ngrams="words")
OPTIONS = ("--hidden", "3", "--embedding-dim", "3", "--epochs", "2", "--jobs", "1")
Reviews = tuple[list[str], list[str]]


@pytest.fixture
def corpus(reviews: Reviews) -> Corpus:
    """All 16 validation texts, and 8 of 20 test texts, stand in train; 2 more in validation."""
    texts, labels = reviews
    fresh = [f"{text} again" for text in texts]
    validation = Split([*texts[:14], "one inn", "two inns"], labels[:16])
    test = Split([*texts[:8], "one inn", "two inns", *fresh[:10]], labels[:20])
    return Corpus("inns", Split(texts, labels), validation, test, source="here")


def test_what_splits_share(corpus: Corpus) -> None:
    shared = shared_texts(corpus)
    assert as_counts(shared) == {
        "validation_in_train": 14,
        "test_in_train": 8,
        "test_in_validation": 2,
    }
    assert shared[0].note == "14 of the 16 validation texts also stand in train"
    (told,) = warnings_of(shared)  # 10 of 20 are not most
    assert told.startswith("14 of the 16 validation texts also stand in train: ")
    assert corpus.test is not None
    more = replace(corpus, test=corpus.test.take(range(19)))  # type: ignore[arg-type]
    _, both = warnings_of(shared_texts(more))
    assert both.startswith("10 of the 19 test texts also stand in train or validation: ")
    assert shared_texts(replace(corpus, validation=None, test=None)) == ()


def test_train_tells_them(corpus: Corpus, tmp_path: Path) -> None:
    lines: list[str] = []
    out = tmp_path / "m"
    experiment = Experiment(corpus, SMALL, out=out, baselines=("majority",), say=lines.append)
    report = run_experiment(experiment)
    notes = [line for line in lines if line.startswith("note: ")]
    assert notes[:2] == [
        "note: 14 of the 16 validation texts also stand in train",
        "note: 8 of the 20 test texts also stand in train",
    ]
    assert report["shared"]["validation_in_train"] == 14
    (told,) = report["warnings"]
    assert f"**Warning:** {told}." in (out / "README.md").read_text(encoding="utf-8")
    fresh = Corpus("inns", corpus.train, test=Split(["a new inn", "an old one"], ["good", "bad"]))
    report = run_experiment(Experiment(fresh, SMALL, baselines=()))
    assert report["shared"] == {"test_in_train": 0}
    assert report["warnings"] == []


def test_compare_tells_them(corpus: Corpus) -> None:
    lines: list[str] = []
    report = run_contest(Contest(corpus, SMALL, baselines=("majority",), say=lines.append))
    assert "note: 14 of the 16 validation texts also stand in train" in lines
    assert report["shared"]["test_in_train"] == 8
    assert len(report["warnings"]) == 1


def test_a_validation_set_of_ones_own_is_compared_too(reviews: Reviews) -> None:
    texts, labels = reviews
    model = TextRNNClassifier(hidden_size=3, embedding_dim=3, max_iter=1, ngrams="none")
    mixed = ([texts[0], "a new inn", "an old inn"], labels[:3])
    with pytest.warns(UserWarning, match="1 of the 3 validation texts also stand in train") as few:
        model.fit(texts, labels, validation_data=mixed)
    assert few[0].filename == __file__
    assert "by heart" not in str(few[0].message)
    with pytest.warns(UserWarning, match="48 of the 48 validation .* by heart"):
        model.fit(texts, labels, validation_data=(texts, labels))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(texts, labels, validation_data=(["a new inn", "an old inn"], labels[:2]))


def run(*arguments: str | Path, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.stderr, result.exception)
    return result


def write(folder: Path, **splits: tuple[list[str], list[str]]) -> Path:
    folder.mkdir()
    for name, (texts, labels) in splits.items():
        lines = [json.dumps({"text": t, "label": y}) for t, y in zip(texts, labels, strict=True)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_command_line_warns_beside_the_score(
    reviews: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts, labels = reviews
    folder = write(tmp_path / "inns", train=reviews, test=(texts[:20], labels[:20]))
    told = "20 of the 20 test texts also stand in train: the scores on them"
    trained = run("train", folder, *OPTIONS, "-q", "-o", "m")
    score, _, rest = trained.stdout.partition("Comparison on the test texts")
    assert "accuracy" in score
    assert f"Warning: {told}" in rest
    assert f"Warning: {told}" in run("evaluate", "m", folder).stdout
    found = json.loads(run("evaluate", "m", folder, "--json").stdout)
    assert found["warnings"][0].startswith(told)
    by_heart = json.loads(run("evaluate", "m", folder, "--split", "train", "--json").stdout)
    assert "was trained on these texts" in by_heart["warnings"][0]
    compared = run("compare", folder, "--no-network", "-q")
    assert f"Warning: {told}" in compared.stdout
    of_file = json.loads(run("evaluate", "m", folder / "train.jsonl", "--json").stdout)
    assert "trained on most texts of" in of_file["warnings"][0]
    # Of another corpus nothing is known.
    other = write(tmp_path / "other", train=reviews, test=(texts[:20], labels[:20][::-1]))
    assert json.loads(run("evaluate", "m", other, "--json").stdout)["warnings"] == []


def test_tune_warns_of_the_texts_it_scores_on(
    reviews: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "SPACE", {"hidden_size": (4, 8)})
    texts, labels = reviews
    test = ([f"{text} again" for text in texts[:8]], labels[:8])
    held = (texts[:16], labels[:16])
    folder = write(tmp_path / "inns", train=reviews, validation=held, test=test)
    options = (folder, "--time", "1s", "--jobs", "1")
    result = run("tune", *options)
    told = "16 of the 16 validation texts also stand in train"
    assert f"note: {told}" in result.stderr
    assert f"Warning: {told}" in result.stdout
    found = json.loads(run("tune", *options, "--json", "-q").stdout)
    assert found["warnings"][0].startswith(told)
    assert found["shared"]["validation_in_train"] == 16

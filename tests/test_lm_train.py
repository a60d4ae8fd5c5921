"""``textrnn lm train``: files and columns, chains, a model that is kept, gone on from, and told."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textrnn.cli.app import app
from textrnn.corpora import Lines, Material, load_lines
from textrnn.experiments.kept import checkpoint_path
from textrnn.experiments.language import LanguageExperiment
from textrnn.experiments.structure import run_structure
from textrnn.inference.language import score
from textrnn.inference.markov import MarkovModel
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.storage.reading import load, load_saved
from textrnn.storage.training_lock import training_at
from textrnn.training.callbacks import Callback
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.training.state import Run

QUICK = ["--hidden", "8", "--embedding-dim", "8", "--epochs", "2", "--jobs", "1", "--no-cache"]


def sentences(n: int) -> Iterator[tuple[str, str]]:
    """Different ones, with the number of their subject; every third noun is of no other."""
    for i in range(n):
        noun = ("cat", "dog", f"animal{i % 7}")[i % 3]
        many = i % 2
        middle = " ".join(["very"] * (i % 5)) + f" near house{i % 11}"
        yield f"the {noun}{'s' * many} {middle} sleep{'s' * (1 - many)}", ("one", "many")[many]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to work in, with a text a line and a table."""
    monkeypatch.chdir(tmp_path)
    texts = dict(sentences(300))
    Path("texts.txt").write_text("\n".join(texts) + "\n\n", encoding="utf-8")
    with Path("table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("story", "kind"), *texts.items()])


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["lm", "train", *words])


def trained(*words: str) -> dict[str, Any]:
    """The report of a training that must do."""
    found = run(*words, *QUICK, "--json")
    assert found.exit_code == 0, found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def test_a_text_a_line() -> None:
    report = trained("texts.txt", "--out", "m")
    figures, model = report["figures"], load("m", "language model")
    assert isinstance(model, NetworkLanguageModel)
    material = load_lines("texts.txt")
    assert material.test is not None
    own = score(model, material.test.texts).figures
    assert {name: figures[name] for name in own._asdict()} == own._asdict()
    assert figures["bits_per_token"] == pytest.approx(math.log2(figures["perplexity"]))
    assert figures["markov_order"] in range(1, 6)
    assert figures["markov_perplexity"] > 1.0
    assert (report["n_train"], report["n_test"]) == (
        len(material.train) - report["n_validation"],
        len(material.test),
    )
    assert [list(record)[-1] for record in report["history"]] == ["validation_perplexity"] * 2
    saved = load_saved("m", kinds=("language model",))
    assert saved.report.known_figures == figures
    card = Path("m/README.md").read_text(encoding="utf-8")
    assert f"| perplexity | {figures['perplexity']:.6g} |" in card
    assert not checkpoint_path(Path("m")).exists()


def test_the_texts_of_a_test_file() -> None:
    Path("other.txt").write_text("the cat sleeps\nthe zebra runs\n", encoding="utf-8")
    figures = trained("texts.txt", "--out", "m", "--test", "other.txt")["figures"]
    assert figures["n_tokens"] == 8
    assert figures["unknown"] == pytest.approx(2 / 6)


def test_a_table_with_labels() -> None:
    for condition in ("label", "kind"):
        report = trained(
            "table.csv",
            "--text-column",
            "story",
            "--condition",
            condition,
            "--label-at",
            "each",
            "--out",
            "m",
        )
        assert report["classes"] == ["many", "one"]
        model = load("m")
        assert isinstance(model, NetworkLanguageModel)
        assert (model.labels, model.condition) == (("many", "one"), "each")


def test_a_chain() -> None:
    report = trained_chain("texts.txt", "--markov", "3", "--out", "m")
    model = load("m", "Markov chain")
    assert isinstance(model, MarkovModel)
    assert report["figures"]["order"] == model.order == 3
    material = load_lines("texts.txt")
    assert material.test is not None
    assert score(model, material.test.texts).figures.perplexity == pytest.approx(
        report["figures"]["perplexity"]
    )
    report = trained_chain(
        "table.csv", "--text-column", "story", "--condition", "label", "--markov", "2", "--out", "m"
    )
    assert report["classes"] == ["many", "one"]


def trained_chain(*words: str) -> dict[str, Any]:
    found = run(*words, "--json", "--jobs", "1", "--no-cache")
    assert found.exit_code == 0, found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def test_characters() -> None:
    report = trained("texts.txt", "--unit", "char", "--out", "m", "--epochs", "1")
    material = load_lines("texts.txt")
    assert material.test is not None
    assert report["figures"]["n_tokens"] == sum(len(text) + 1 for text in material.test.texts)
    assert "bits of a character" in report["recommendation"]


def test_what_is_printed() -> None:
    found = run("texts.txt", *QUICK, "--out", "m")
    assert found.exit_code == 0
    assert "perplexity" in found.stdout
    assert "Markov chain of order" in " ".join(found.stdout.split())
    assert "held out" in found.stderr
    assert "perplexity" in found.stderr
    quiet = run("texts.txt", *QUICK, "--out", "m", "--quiet", "--no-baselines")
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    assert "Markov" not in quiet.stdout


def test_where_the_model_goes_if_nobody_says() -> None:
    trained("texts.txt", "--no-baselines")
    assert load("models/texts-lm", "language model")


def test_predict_still_takes_the_newest_classifier() -> None:
    trained("texts.txt", "--no-baselines")
    found = CliRunner().invoke(app, ["predict", "a warm film", "--json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["label"] in ("pos", "neg")
    refused = CliRunner().invoke(app, ["predict", "--model", "texts-lm", "a warm film"])
    assert refused.exit_code == 4
    assert "lm score" in refused.stderr
    shown = CliRunner().invoke(app, ["inspect", "texts-lm"])
    assert "language model" in shown.stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nowhere.txt"], 3, "nowhere.txt"),
        (["empty.txt"], 3, "holds no text"),
        (["few.txt"], 3, "too few"),
        (["texts.txt", "--condition", "label"], 3, "no labels"),
        (["texts.txt", "--markov", "0"], 2, "--markov is 0"),
        (["texts.txt", "--markov", "2", "--hidden", "8"], 2, "--hidden is for networks"),
        (["texts.txt", "--unit", "syllable"], 2, "--unit is 'syllable'"),
        (["texts.txt", "--hidden", "0"], 2, "--hidden is 0"),
        (["texts.txt", "--bidirectional"], 2, "bidirectional"),
        (["texts.txt", "--seed", "-1"], 2, "seed"),
        (["texts.txt", "--min-df", "500"], 2, "--min-df"),
        (["texts.txt", "--out", ".."], 2, "--out"),
        (["texts.txt", "--test", "nowhere.txt"], 3, "nowhere.txt"),
        (["texts.txt", "--validation", "few.txt", "--validation-fraction", "0.1"], 2, "exclude"),
        (["texts.txt", "--embedding", "nowhere.vec"], 3, "nowhere.vec"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(words: list[str], code: int, told: str) -> None:
    Path("empty.txt").write_text("\n\n", encoding="utf-8")
    Path("few.txt").write_text("one text\n", encoding="utf-8")
    found = run(*words, *([] if "--out" in words else ["--out", "m"]), "--jobs", "1")
    assert found.exit_code == code, found.stderr
    assert told in found.stderr
    *before, last = found.stderr.splitlines()
    assert last.startswith("textrnn: ")
    assert not any(line.startswith("textrnn: ") or "Traceback" in line for line in before)
    assert not Path("m").exists()


# ---------------------------------------------------------------------------- going on


class StopAfter(Callback):
    """Ctrl-C after an epoch, or within the first."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, run: Run) -> None:
        if run.state.epoch == self.epoch:
            raise KeyboardInterrupt

    def on_batch(self, run: Run) -> None:
        del run
        if self.epoch == 0:
            raise KeyboardInterrupt


def experiment(out: str, **changes: Any) -> LanguageExperiment:
    texts, labels = zip(*dict(sentences(300)).items(), strict=True)
    lines = Lines(list(texts), list(labels) if changes.pop("labelled", False) else None)
    train, test = lines.parted(0.1, random_state=0)
    settings = {"hidden_size": 8, "embedding_dim": 8, "max_iter": 3, "max_features": 30}
    own = LanguageModelSettings(**{**settings, **changes.pop("settings", {})})
    material = Material("made up", train, test=test)
    return LanguageExperiment(material, own, Path(out), cache=False, baselines=False, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"labelled": True, "settings": {"label_at": "each", "dropout_embedding": 0.1}},
        {"settings": {"unit": "char", "k1": 5, "k2": 8}},
        {"settings": {"rule": "bptt", "n_jobs": 2}},
        {"settings": {"sampled": 9}},
    ],
    ids=["words", "labels", "characters", "two processes", "sampled"],
)
def test_resumed_to_the_same_bits(changes: dict[str, Any]) -> None:
    told: list[str] = []
    run_structure(experiment("whole", **changes))
    cut = run_structure(experiment("cut", callbacks=[StopAfter(2)], **changes))
    assert cut.interrupted
    assert checkpoint_path(Path("cut")).exists()
    assert load_saved("cut", kinds=()).report.epochs == 2  # what was done is kept
    found = run_structure(experiment("cut", resume=True, **changes))
    assert not found.interrupted
    for name in ("weights.safetensors", "vocabulary.txt"):
        assert (Path("whole") / name).read_bytes() == (Path("cut") / name).read_bytes()
    assert not checkpoint_path(Path("cut")).exists()
    again = run_structure(experiment("cut", resume=True, say=told.append, **changes))
    assert any("finished already" in line for line in told)
    assert again.figures == found.figures


def test_ctrl_c_in_the_first_epoch_leaves_nothing() -> None:
    told: list[str] = []
    report = run_structure(experiment("m", callbacks=[StopAfter(0)], say=told.append))
    assert report.interrupted
    assert report.model_dir is None
    assert not Path("m").exists()
    assert any("stopped before the first epoch" in line for line in told)


def test_other_texts_or_settings_are_another_run() -> None:
    run_structure(experiment("m", callbacks=[StopAfter(1)]))
    found = run("texts.txt", "--out", "m", "--resume", *QUICK)
    assert found.exit_code == 2
    assert "of another run" in found.stderr


def test_one_training_a_folder() -> None:
    with training_at(Path("m")):
        found = run("texts.txt", "--out", "m", *QUICK)
    assert found.exit_code == 4
    assert "in use by another training" in found.stderr

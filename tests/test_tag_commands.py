"""``textrnn tag``: train, predict and evaluate, on whatever files there are."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from textrnn import TextRNNTagger
from textrnn.cli.app import app
from textrnn.corpora.structures import load_tagged
from textrnn.experiments.kept import checkpoint_path
from textrnn.experiments.structure import run_structure
from textrnn.experiments.tagging import TaggingExperiment
from textrnn.linear.tag_baselines import LINEAR, USUAL
from textrnn.storage.reading import load, load_saved
from textrnn.training.callbacks import Callback
from textrnn.training.state import Run
from textrnn.training.tagging.settings import TaggingSettings

QUICK = ["--hidden", "8", "--embedding-dim", "8", "--epochs", "3", "--jobs", "1"]


def texts_of(n: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    """Names and places after the words that announce them, each text another."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n):
        name, place = f"Ann{rng.integers(60)}", f"Town{rng.integers(60)}"
        tokens = ["yesterday", name, "Smith", "came", "to", place, f"road{i}"]
        tags = ["O", "B-PER", "I-PER", "O", "O", "B-LOC", "O"]
        keep = rng.integers(4, 8)
        found.append((tokens[:keep], tags[:keep]))
    return found


def written(path: str, texts: list[tuple[list[str], list[str]]]) -> None:
    lines = ("".join(f"{a}\t{b}\n" for a, b in zip(*text, strict=True)) for text in texts)
    Path(path).write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written("train.tsv", texts_of(120))
    written("test.tsv", texts_of(30, 1))


def run(*words: str, stdin: str | bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["tag", *words], input=stdin)


def trained(*words: str) -> dict[str, Any]:
    """The report of a training that must do."""
    found = run("train", *words, *QUICK, "--json")
    assert found.exit_code == 0, found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    return report


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small tagger."""
    tokens, tags = map(list, zip(*texts_of(120), strict=True))
    folder = str(tmp_path_factory.mktemp("models") / "m")
    settings: dict[str, Any] = {"hidden_size": 8, "embedding_dim": 8, "max_iter": 3}
    TextRNNTagger(**settings, early_stopping=False, random_state=0).fit(tokens, tags).save(folder)
    return folder


# --------------------------------------------------------------------------- train


def test_a_tagger_is_trained_compared_and_kept() -> None:
    report = trained("train.tsv", "--test", "test.tsv", "--out", "m")
    figures, saved = report["figures"], load_saved("m", kinds=("tagger",))
    assert saved.report.known_figures == figures
    assert 0.0 < figures["baseline_accuracy"] < 1.0
    assert {"accuracy", "unknown_accuracy", "linear_accuracy", "macro_f1", "exact"} <= {*figures}
    assert report["paired"]["baseline"] in (USUAL, LINEAR)
    low, high = report["paired"]["interval"]
    assert low <= report["paired"]["difference"] <= high
    best = max(figures["baseline_accuracy"], figures["linear_accuracy"])
    assert report["paired"]["difference"] == pytest.approx(figures["accuracy"] - best)
    assert report["recommendation"].startswith("Use ")
    assert report["finished"]
    assert report["n_test"] == 30
    assert report["classes"] == ["B-LOC", "B-PER", "I-PER", "O"]
    assert {line["label"] for line in report["per_tag"]} >= {"B-PER"}
    assert "validation_accuracy" in report["history"][0]
    card = Path("m/README.md").read_text(encoding="utf-8")
    assert all(told in card for told in ("B-LOC", "baseline_accuracy", "Use "))
    assert not checkpoint_path(Path("m")).exists()


def test_a_share_is_held_out_and_the_folder_has_a_name() -> None:
    report = trained("train.tsv", "--no-baselines", "--quiet")
    assert report["n_test"] == 12
    assert report["test_fraction"] == 0.1
    assert "linear_accuracy" not in report["figures"]
    assert Path("models/train-tagger").is_dir()


def test_people_are_told() -> None:
    found = run("train", "train.tsv", "--no-baselines", *QUICK)
    assert found.exit_code == 0, found.stderr
    assert all(
        told in found.stdout for told in ("tags right", "B-LOC", "most frequent tag", "Use ")
    )
    assert "accuracy" in found.stderr
    assert "model saved" in found.stderr
    shown = CliRunner().invoke(app, ["inspect"]).stdout
    assert all(told in shown for told in ("tagger", "char_dim", "baseline_accuracy"))
    assert "tagger (B-LOC" in CliRunner().invoke(app, ["models"]).stdout
    assert run("train", "train.tsv", "--no-baselines", "-q", "--out", "q", *QUICK).stderr == ""


def test_what_train_says_evaluate_says() -> None:
    figures = trained("train.tsv", "--test", "test.tsv", "--out", "m", "--no-baselines")["figures"]
    told = json.loads(run("evaluate", "m", "test.tsv", "--json").stdout)
    for name in ("accuracy", "unknown", "unknown_accuracy", "macro_f1", "exact"):
        assert told[name] == pytest.approx(figures[name])


def test_the_library_and_the_command_line_train_one_model() -> None:
    trained("train.tsv", "--test", "test.tsv", "--out", "m", "--no-baselines", "--seed", "3")
    rows = load_tagged("train.tsv", test="test.tsv").train
    settings: dict[str, Any] = {"hidden_size": 8, "embedding_dim": 8, "max_iter": 3, "n_jobs": 1}
    own = TextRNNTagger(**settings, random_state=3).fit(rows.tokens, rows.tags)
    saved: Any = load("m")
    for name, value in own.model_.network.params.items():
        np.testing.assert_array_equal(saved.network.params[name], value)


class StopAfter(Callback):
    """Ctrl-C after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch(self, run: Run) -> None:
        if run.state.epoch == self.epochs:
            raise KeyboardInterrupt


def test_a_run_that_is_gone_on_with_ends_with_the_same_bits() -> None:
    material = load_tagged("train.tsv", test="test.tsv")
    settings = TaggingSettings(hidden_size=8, embedding_dim=8, max_iter=4, n_jobs=1)
    whole = TaggingExperiment(material, settings, Path("whole"), baselines=False)
    run_structure(whole)
    cut = replace(whole, out=Path("cut"), callbacks=[StopAfter(2)])
    report = run_structure(cut)
    assert report.interrupted
    assert report.figures is None
    assert checkpoint_path(Path("cut")).exists()
    report = run_structure(replace(cut, callbacks=(), resume=True))
    assert report.finished
    assert report.epochs == 4
    one, other = (load(name, "tagger") for name in ("whole", "cut"))
    for name, value in one.network.params.items():  # type: ignore[attr-defined]
        np.testing.assert_array_equal(value, other.network.params[name])  # type: ignore[attr-defined]
    said: list[str] = []
    run_structure(replace(cut, callbacks=(), resume=True, say=said.append))
    assert "finished already" in said[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a\tX\nb\n", "line 2 has no tag"),
        ("a\tX\n\n\nb\tX\n", "one tag|one of the tag|all tokens have the tag 'X'|too few"),
        ("", "empty"),
        ("\n\n", "empty"),
        ("a b c\n", "write a token"),
    ],
)
def test_files_that_cannot_be_learned_from(content: str, told: str) -> None:
    Path("bad.tsv").write_text(content, encoding="utf-8")
    found = run("train", "bad.tsv", *QUICK, "--out", "m")
    assert found.exit_code == 3
    assert any(part in found.stderr for part in told.split("|")), found.stderr
    assert not Path("m").exists()


def test_windows_files_with_marks_and_many_empty_lines_train_the_same() -> None:
    trained("train.tsv", "--test", "test.tsv", "--out", "a", "--no-baselines")
    text = Path("train.tsv").read_text(encoding="utf-8").replace("\n\n", "\n\n\n")
    Path("b").mkdir()
    Path("b/train.tsv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    trained("b/train.tsv", "--test", "test.tsv", "--out", "c", "--no-baselines")
    one, other = (load(name, "tagger") for name in ("a", "c"))
    for name, value in one.network.params.items():  # type: ignore[attr-defined]
        np.testing.assert_array_equal(value, other.network.params[name])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--readout", "max"], 2, "no such option"),
        (["--max-length", "5"], 2, "no such option"),
        (["--char-dim", "-1"], 2, "--char-dim is -1"),
        (["--embedding", "onehot"], 2, "--embedding onehot has no vectors"),
        (["--rule", "rtrl", "--one-way"], 2, "--rule rtrl"),
        (["--validation", "x", "--validation-fraction", "0.2"], 2, "exclude each other"),
        (["--test", "nowhere.tsv"], 3, "nowhere.tsv"),
    ],
)
def test_options_that_cannot_be(words: list[str], code: int, told: str) -> None:
    found = run("train", "train.tsv", *words)
    assert (found.exit_code, told in found.stderr) == (code, True), found.stderr


def test_one_hot_words_without_their_spelling() -> None:
    report = trained("train.tsv", "--embedding", "onehot", "--char-dim", "0", "--out", "m")
    assert report["settings"]["char_dim"] is None
    assert run("predict", "Ann3 came", "-m", "m").exit_code == 0


# ------------------------------------------------------------------------- predict


def predicted(model: str, *words: str, stdin: str | bytes | None = None) -> list[dict[str, Any]]:
    found = run("predict", "--model", model, "--json", *words, stdin=stdin)
    assert found.exit_code == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_what_train_reads_predict_reads(model: str) -> None:
    records = predicted(model, "--file", "test.tsv")
    assert [record["tokens"] for record in records] == [tokens for tokens, _ in texts_of(30, 1)]
    assert all(len(record["tags"]) == len(record["tokens"]) for record in records)
    found = run("predict", "--model", model, "-f", "test.tsv").stdout
    blocks = found.removesuffix("\n\n").split("\n\n")
    lines = [[line.split("\t") for line in block.splitlines()] for block in blocks]
    assert [[line[0] for line in block] for block in lines] == [t for t, _ in texts_of(30, 1)]
    assert [[line[1] for line in block] for block in lines] == [r["tags"] for r in records]
    Path("again.tsv").write_text(found, encoding="utf-8")  # what comes out goes in again
    assert predicted(model, "-f", "again.tsv") == records


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"Ann1 came\n\nto Town2 now\n", [["Ann1", "came"], [], ["to", "Town2", "now"]]),
        (b"Ann1\ncame\n\n\n\nTown2\n", [["Ann1", "came"], ["Town2"]]),
        (b"Ann1\tO\r\ncame\tO\r\n", [["Ann1", "came"]]),
        (b"Ann1 O\ncame B-PER\n\nit O\n", [["Ann1", "came"], ["it"]]),
        (b'{"tokens": ["Ann1"]}\n{"tokens": []}\n', [["Ann1"], []]),
        (b"\xef\xbb\xbfAnn1 came to\n", [["Ann1", "came", "to"]]),
        (b"zzz\n", [["zzz"]]),
        (b"", []),
    ],
)
def test_n_in_n_out(model: str, content: bytes, texts: list[list[str]]) -> None:
    records = predicted(model, "-", stdin=content)
    assert [record["tokens"] for record in records] == texts
    assert [len(record["tags"]) for record in records] == list(map(len, texts))


def test_texts_as_arguments(model: str) -> None:
    assert [r["tokens"] for r in predicted(model, "Ann1 came", "", "zzz")] == [
        *(["Ann1", "came"], [], ["zzz"])
    ]
    long = " ".join(["Ann1"] * 5_000)
    assert len(predicted(model, long)[0]["tags"]) == 5_000
    found = run("predict", "--model", model, "Ann1 came")
    assert found.stdout.count("\n") == 3
    assert found.stdout.startswith("Ann1\t")


def test_the_format_can_be_said(model: str) -> None:
    assert [r["tokens"] for r in predicted(model, "--format", "texts", "-", stdin="a\nb\n")] == [
        *(["a"], ["b"])
    ]
    found = run("predict", "--model", model, "--format", "nonsense", "-", stdin="a\n")
    assert (found.exit_code, "lines, texts, jsonl" in found.stderr) == (2, True)


def test_models_of_other_kinds(model: str) -> None:
    assert "no model under ./models that is a tagger" in run("predict", "a b").stderr
    assert run("predict", "a b").exit_code == 4
    other = CliRunner().invoke(app, ["predict", "a b", "--model", model])
    assert (other.exit_code, "tag predict" in other.stderr) == (4, True)
    found = run("predict", "a b", "--model", "sentiment-en")
    assert (found.exit_code, "is a classifier, not a tagger" in found.stderr) == (4, True)


# ------------------------------------------------------------------------ evaluate


def test_evaluate(model: str) -> None:
    told = json.loads(run("evaluate", model, "test.tsv", "--json").stdout)
    assert told["n_texts"] == 30
    assert told["n_tokens"] == sum(len(tokens) for tokens, _ in texts_of(30, 1))
    assert {"accuracy", "unknown_accuracy", "baseline_accuracy", "per_tag"} <= {*told}
    shown = run("evaluate", model, "test.tsv").stdout
    assert all(words in shown for words in ("tags right", "B-PER", "recall"))
    gate = run("evaluate", model, "test.tsv", "--min-accuracy", "1.0")
    assert gate.exit_code == (1 if told["accuracy"] < 1.0 else 0)
    assert run("evaluate", model, "test.tsv", "--min-accuracy", "2").exit_code == 2
    assert run("evaluate", model, "nowhere.tsv").exit_code == 3


def test_a_tag_that_training_did_not_have_is_never_right(model: str) -> None:
    written("odd.tsv", [(["Ann1", "came"], ["NEW", "NEW"])])
    told = json.loads(run("evaluate", model, "odd.tsv", "--json").stdout)
    assert told["accuracy"] == told["baseline_accuracy"] == 0.0


def test_entities_are_scored_where_seqeval_is(model: str) -> None:
    pytest.importorskip("seqeval", reason="seqeval is not installed")
    told = json.loads(run("evaluate", model, "test.tsv", "--json").stdout)
    assert told["entity_f1"] == told["entities"]["f1"]
    assert [line["label"] for line in told["entities"]["per_type"]] == ["LOC", "PER"]
    assert "entity" in run("evaluate", model, "test.tsv").stdout
    report = trained("train.tsv", "--test", "test.tsv", "--no-baselines", "--entities")
    assert "entity_f1" in report["figures"]
    assert "entity_f1" not in trained("train.tsv", "--no-baselines", "--no-entities")["figures"]
    written("pos.tsv", [(["a", "b"], ["O", "VERB"])])
    found = run("evaluate", model, "pos.tsv", "--entities")
    assert (found.exit_code, "no entities" in found.stderr) == (3, True)


def test_without_seqeval(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seqeval", "seqeval.metrics", "seqeval.metrics.sequence_labeling"):
        monkeypatch.setitem(sys.modules, name, None)
    found = run("evaluate", model, "test.tsv", "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["entity_f1"] is None
    assert "pip install 'textrnn[tagging]'" in found.stderr
    asked = run("evaluate", model, "test.tsv", "--entities")
    assert (asked.exit_code, "pip install" in asked.stderr) == (6, True)
    early = run("train", "train.tsv", "--entities", *QUICK, "--out", "m")
    assert early.exit_code == 6
    assert not Path("m").exists()

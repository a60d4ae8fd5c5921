"""``textrnn transduce``: what each command takes and gives, and how it ends."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from textrnn.cli.app import app
from textrnn.cli.transduce.heat_map import heat_map
from textrnn.storage.reading import load
from textrnn.training.loop import TrainingRun

MODEL = "pairs-transducer"
"""What the model of pairs.tsv is called, if nobody gives it a name."""
TINY = ["--hidden", "8", "--embedding-dim", "6", "--attention-size", "4", "--jobs", "1"]
QUICK = [*TINY, "--epochs", "2", "--quiet"]


def run(*words: str, code: int = 0, stdin: str | None = None) -> Any:
    """The result of a command line that ends with a code."""
    result = CliRunner().invoke(app, [*words], input=stdin)
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result


def told(*words: str, code: int, stdin: str | None = None) -> str:
    """What a command that fails says, in one line."""
    result = run(*words, code=code, stdin=stdin)
    assert result.stderr.count("\n") == 1
    return str(result.stderr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of pairs, another of the same, and a model of the first."""
    folder = tmp_path_factory.mktemp("home")
    rng = random.Random(0)
    lines = []
    for _ in range(80):
        text = "".join(rng.choices("abcd", k=rng.randint(1, 6)))
        lines.append(f"{text}\t{text[::-1]}\n")
    (folder / "pairs.tsv").write_text("".join(lines))
    (folder / "new.tsv").write_text("".join(lines[:10]))
    here = Path.cwd()
    os.chdir(folder)
    try:
        run("transduce", "train", "pairs.tsv", *QUICK)
    finally:
        os.chdir(here)
    return folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


# -------------------------------------------------------------------------- train


def test_train_tells_how_it_did_beside_what_learns_nothing() -> None:
    command = ["transduce", "train", "pairs.tsv", *TINY, "--epochs", "2", "--out", "told/m"]
    result = run(*command, "--json")
    report = json.loads(result.stdout)
    assert set(report["figures"]) == {"exact", "token_accuracy", "error_rate"}
    assert set(report["baseline_figures"]) == {"copy", "nearest", "most frequent symbol"}
    assert (report["epochs"], report["n_test"], report["finished"]) == (2, 8, True)
    assert {"validation_loss", "validation_exact"} <= report["history"][0].keys()
    for line in ("read by char", "epoch  2/2", "model saved in", "set aside"):
        assert line in result.stderr
    shown = run(*command)
    assert "transducer" in shown.stdout
    assert "nearest" in shown.stdout
    assert "replaces the model" in shown.stderr
    again = run(*command, "--resume", "--quiet")
    assert again.stdout == shown.stdout
    assert again.stderr == ""


def test_train_takes_test_pairs_of_their_own() -> None:
    result = run(
        *("transduce", "train", "pairs.tsv", "--test", "new.tsv", *QUICK, "--out", "own/m"),
        *("--no-baselines", "--json"),
    )
    report = json.loads(result.stdout)
    assert (report["n_test"], report["test_fraction"]) == (10, None)
    assert "baseline_figures" not in report


def test_train_interrupted_goes_on_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["transduce", "train", "pairs.tsv", *TINY, "--epochs", "4", "--no-early-stopping"]
    run(*command, "--quiet", "--out", "bits/whole")
    as_it_is = TrainingRun._run_batch

    def stopped(self: Any, *given: Any) -> None:
        if self.state.epoch == 2:
            raise KeyboardInterrupt
        as_it_is(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingRun, "_run_batch", stopped)
        result = run(*command, "--out", "bits/parts", code=130)
    assert "go on with the same command and --resume" in result.stderr
    assert "--hidden" in told(
        *command, "--out", "bits/parts", "--quiet", "--resume", "--hidden", "9", code=2
    )
    run(*command, "--quiet", "--out", "bits/parts", "--resume")
    whole, parts = (
        Path("bits", name, "weights.safetensors").read_bytes() for name in ("whole", "parts")
    )
    assert whole == parts


def test_train_refuses_what_cannot_be() -> None:
    train = ("transduce", "train", "pairs.tsv")
    assert "--hidden is 0" in told(*train, "--hidden", "0", code=2)
    assert "--source-unit" in told(*train, "--source-unit", "syllable", code=2)
    assert "--ngrams" in told(*train, "--ngrams", "none", code=2)
    assert "gone.tsv" in told("transduce", "train", "gone.tsv", code=3)
    Path("bad.tsv").write_text("a\tb\nab\n")
    assert "line 2 has no tab" in told("transduce", "train", "bad.tsv", code=3)
    Path("foreign").mkdir(exist_ok=True)
    Path("foreign/mine.txt").write_text("x")
    assert "mine.txt" in told(*train, *QUICK, "--out", "foreign", code=4)


# ------------------------------------------------------------------------ predict


def test_predict_gives_a_line_for_a_line() -> None:
    sources = ["ab", "", "dcba\tand a target", "zażółć", "a b"]
    result = run("transduce", "predict", "-", "--quiet", stdin="\n".join(sources) + "\n")
    assert result.stdout.count("\n") == len(sources)
    Path("sources.txt").write_text("ab\n\n", encoding="utf-8")
    both = run("transduce", "predict", "--file", "sources.txt", "--model", MODEL)
    assert both.stdout.splitlines() == result.stdout.splitlines()[:2]
    named = run("transduce", "predict", "ab", "")
    assert named.stdout == both.stdout
    assert "model: models" in named.stderr


def test_predict_as_json_says_all() -> None:
    sources = "ab\n\ndcb\n"
    result = run("transduce", "predict", "-", "--json", "--alignment", "--beam", "3", stdin=sources)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["source"] for record in records] == ["ab", "", "dcb"]
    model: Any = load(f"models/{MODEL}")
    for record, found in zip(records, model.write(["ab", "", "dcb"], beam_width=3), strict=True):
        assert record["target"] == found.text == "".join(record["target_symbols"])
        assert record["log_probability"] == pytest.approx(found.log_probability, abs=1e-4)
        np.testing.assert_allclose(record["alignment"], found.alignment, atol=1e-5)
        assert record["source_symbols"] == list(record["source"])
    plain = run("transduce", "predict", "ab", "--json")
    assert set(json.loads(plain.stdout)) - {"cut"} == {"source", "target", "log_probability"}


def test_predict_shows_the_alignment() -> None:
    shown = run("transduce", "predict", "abc", "--alignment").stdout
    answer, header, *rows, blank = shown.split("\n")[:-1]
    assert header.split() == ["a", "b", "c", "∎"]
    assert len(rows) == len(answer) + 1
    assert blank == ""


def test_predict_refuses_what_cannot_be() -> None:
    predict = ("transduce", "predict")
    assert "--beam is 0" in told(*predict, "ab", "--beam", "0", code=2)
    assert "--beam is 101" in told(*predict, "ab", "--beam", "101", code=2)
    assert "with --file" in told(*predict, "ab", "--file", "new.tsv", code=2)
    assert "no model folder 'gone'" in told(*predict, "ab", "--model", "gone", code=4)
    assert "textrnn predict" in told(*predict, "ab", "--model", "sentiment-en", code=4)


def test_other_commands_name_the_one_that_takes_it() -> None:
    for words in (("predict", "ab", "--model", MODEL), ("evaluate", MODEL, "cars")):
        assert "textrnn transduce predict" in told(*words, code=4)
    assert "textrnn transduce" in told("shrink", MODEL, "--out", "small", code=4)
    assert json.loads(run("inspect", MODEL, "--json").stdout)["kind"] == "transducer"
    (entry, *_) = [m for m in json.loads(run("models", "--json").stdout) if m["name"] == MODEL]
    assert set(entry["figures"]) == {"exact", "token_accuracy", "error_rate"}


def test_a_transducer_is_not_taken_for_a_classifier() -> None:
    assert "bundled" in run("predict", "What a film!").stderr


# ----------------------------------------------------------------------- evaluate


def test_evaluate_gives_its_figures() -> None:
    found = json.loads(run("transduce", "evaluate", MODEL, "new.tsv", "--json").stdout)
    assert found["n"] == 10
    assert {"exact", "token_accuracy", "error_rate", "model", "split"} <= found.keys()
    assert found["warnings"] == []
    model: Any = load(f"models/{MODEL}")
    pairs = [line.split("\t") for line in Path("new.tsv").read_text().splitlines()]
    written = [one.text for one in model.write([source for source, _ in pairs])]
    right = sum(text == target for text, (_, target) in zip(written, pairs, strict=True))
    assert found["exact"] == right / 10
    shown = run("transduce", "evaluate", MODEL, "pairs.tsv", "--beam", "2")
    assert "exact" in shown.stdout
    assert "trained on most texts" in shown.stderr


def test_evaluate_refuses_what_cannot_be() -> None:
    evaluate = ("transduce", "evaluate")
    assert "sentiment-en" in told(*evaluate, "sentiment-en", "new.tsv", code=4)
    assert "gone.tsv" in told(*evaluate, MODEL, "gone.tsv", code=3)
    assert "no splits" in told(*evaluate, MODEL, "new.tsv", "--split", "test", code=2)


# ------------------------------------------------------------------------ the map


def test_a_map_has_a_row_for_each_symbol_written() -> None:
    alignment = np.array([[0.0, 1.0, 0.0], [0.5, 0.3, 0.2], [0.0, 0.0, 1.0]])
    assert list(heat_map(["ab", "c"], ["x", "yz"], alignment)) == [
        "    ab c ∎",
        "x      █",
        "yz  ▒▒ ░ ░",
        "∎        █",
    ]
    assert list(heat_map(["a", "c"], ["x", "y"], alignment, ascii_only=True)) == [
        "   a c $",
        "x    #",
        "y  : . .",
        "$      #",
    ]


def test_a_map_keeps_its_columns_whatever_is_read() -> None:
    alignment = np.array([[0.0, 0.0, 0.0, 1.0]])
    header, row = heat_map(["漢", "\t", "a" * 30], [], alignment)
    assert header == "   漢   " + "a" * 10 + " ∎"
    assert row == "∎" + " " * (2 + 2 + 1 + 1 + 1 + 10 + 1) + "█"

"""``textrnn gradients``: what it prints, of which texts and models, and its exit codes."""

from __future__ import annotations

import builtins
import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import LABELS, TEXTS
from textrnn import TextRNNClassifier, TextRNNRegressor
from textrnn.cli.app import app
from textrnn.cli.gradient_tables import verdict
from textrnn.diagnosis import Reading, gradient_flow
from textrnn.storage.loading import load_model

SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "embedding_dim": 4,
    "max_iter": 1,
    "ngrams": "none",
    "random_state": 0,
}
KEYS = {"distance", "norm", "decay", "memory_length", "singular_values", "gates", "clipped"}


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["gradients", *arguments])
    assert result.exit_code == code, (result.stderr, result.exception)
    return result


def found(*arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(*arguments, "--json").stdout, parse_constant=no_constant)
    return told


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def write(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some models, and some texts."""
    folder = tmp_path_factory.mktemp("home")
    models = folder / "models"
    TextRNNClassifier(cell="gru", **SMALL).fit(TEXTS, LABELS).save(models / "stays")
    one_way = {"bidirectional": False, "readout": "last", "max_grad_norm": None, **SMALL}
    TextRNNClassifier(cell="rnn", **one_way).fit(TEXTS, LABELS).save(models / "one")
    sets = [
        [label, "long"] if len(t) > 22 else [label] for t, label in zip(TEXTS, LABELS, strict=True)
    ]
    numbers = [float(label == "good") for label in LABELS]
    options = {name: value for name, value in SMALL.items() if name != "ngrams"}
    TextRNNRegressor(**options).fit(TEXTS, numbers).save(models / "numbers")
    write(
        folder / "stays.csv",
        ["text", "label"],
        [list(row) for row in zip(TEXTS, LABELS, strict=True)],
    )
    write(
        folder / "stars.csv",
        ["text", "label"],
        [list(row) for row in zip(TEXTS, numbers, strict=True)],
    )
    rows = [[text, "|".join(labels)] for text, labels in zip(TEXTS, sets, strict=True)]
    write(folder / "sets.csv", ["text", "label"], rows)
    small = ["--hidden", "4", "--epochs", "1", "--ngrams", "none", "--no-baselines", "-q"]
    train = ["train", str(folder / "sets.csv"), "--label-separator", "|", *small]
    trained = CliRunner().invoke(app, [*train, "-o", str(models / "many")])
    assert trained.exit_code == 0, trained.stderr
    write(folder / "bare.csv", ["text"], [[text] for text in TEXTS])
    write(folder / "more.csv", ["id", "text", "author"], [[1, text, "me"] for text in TEXTS])
    (folder / "lines.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    objects = (json.dumps({"text": text}) for text in TEXTS)
    (folder / "bare.jsonl").write_text("\n".join(objects) + "\n", encoding="utf-8")
    os.utime(models / "one" / "config.json", (2e9, 2e9))  # the newest
    return folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def test_json_is_that_of_the_library() -> None:
    told = found("stays.csv", "-m", "stays")
    assert set(told) >= KEYS
    assert (told.pop("model"), told.pop("corpus")) == ("models/stays", "stays.csv")
    flow = gradient_flow(load_model("models/stays"), TEXTS, LABELS)
    assert told == json.loads(json.dumps(flow.to_dict()))
    assert told["labelled"]
    assert told["clipped"]["max_grad_norm"] == 1.0


@pytest.mark.parametrize("file", ["bare.csv", "more.csv", "lines.txt", "bare.jsonl"])
def test_texts_without_labels_take_the_models_own_answers(file: str) -> None:
    told = run(file, "-m", "stays", "--json")
    assert "note: the loss is that of the model's own answers" in told.stderr
    flow = gradient_flow(load_model("models/stays"), TEXTS)
    record = json.loads(told.stdout)
    assert not record["labelled"]
    assert record["norm"] == flow.to_dict()["norm"]


def test_labels_may_be_left_alone() -> None:
    own = found("stays.csv", "-m", "stays", "--own-answers")
    assert own["norm"] == found("lines.txt", "-m", "stays")["norm"]
    told = run("stays.csv", "--own-answers", "--label-column", "label", code=2).stderr
    assert "--own-answers" in told
    assert "--label-column" in told


def test_foreign_labels(home: Path) -> None:
    write(home / "foreign.csv", ["text", "label"], [["warm and kind", "ham"], ["dark", "spam"]])
    told = run("foreign.csv", "-m", "stays", code=3).stderr
    assert "'ham'" in told
    assert "--own-answers" in told
    assert not found("foreign.csv", "-m", "stays", "--own-answers")["labelled"]


@pytest.mark.parametrize(("model", "file"), [("many", "sets.csv"), ("numbers", "stars.csv")])
def test_other_kinds_of_answers(model: str, file: str) -> None:
    told = found(file, "-m", model)
    assert told["labelled"]
    assert told["norm"][0] > 0.0
    own = found("lines.txt", "-m", model)
    assert own["norm"][0] > 0.0
    assert own["norm"] != told["norm"]


def test_a_corpus_with_splits() -> None:
    told = found("cars", "-m", "stays", "--own-answers", "--limit", "20")
    assert (told["n_texts"], told["of_texts"]) == (20, 1000)
    told = found("cars", "-m", "stays", "--own-answers", "--limit", "20", "--split", "validation")
    assert told["of_texts"] == 400
    assert "has no splits" in run("stays.csv", "--split", "test", code=2).stderr


def test_a_model_in_the_place_of_the_texts_is_refused() -> None:
    told = run("models/stays", code=4).stderr
    assert "'models/stays' is a model folder" in told
    assert "--model" in told


def test_without_a_model_the_newest_recurrent_network_is_taken() -> None:
    told = run("stays.csv", "--json")
    assert "model: models/one" in told.stderr
    record = json.loads(told.stdout)
    assert record["cell"] == "rnn"
    assert record["clipped"] is None


def test_a_bag_of_words_is_refused_and_passed_over(home: Path) -> None:
    from textrnn.inference.fitted_baselines import as_linear_model
    from textrnn.linear.baselines import fit_baselines
    from textrnn.storage.writing import save_model
    from textrnn.text.tokenizers import WordTokenizer

    tokens = [WordTokenizer()(text) for text in TEXTS]
    (fitted,) = fit_baselines(tokens, LABELS, tokens, LABELS, names=["naive_bayes"])
    save_model(as_linear_model(fitted, WordTokenizer()), home / "models" / "bag")
    os.utime(home / "models" / "bag" / "config.json", (3e9, 3e9))
    refused = run("stays.csv", "-m", "bag", code=4).stderr
    assert "bag of words" in refused
    assert "textrnn train" in refused
    assert "model: models/one" in run("stays.csv").stderr


def test_what_people_see() -> None:
    told = run("stays.csv", "-m", "stays").stdout
    assert told.startswith("gru, 48 texts\n")
    assert "Layer 1, forward" in told
    assert "Layer 1, backward" in told
    assert "gradient  it falls by" in told
    assert "singular values by h: the largest" in told
    assert "The readout max may hand a gradient to every state." in told
    assert "Clipping at 1: " in told
    for gate in ("reset", "update", "candidate", "state"):
        assert f"\n{gate}" in told
    one = run("stays.csv", "-m", "one", "--limit", "9").stdout
    assert one.startswith("rnn, 9 texts of 48, drawn by chance\n")
    assert "Layer" not in one
    assert "The readout" not in one
    assert "Clipping: the training clips no gradient" in one


def reading(**changes: Any) -> Reading:
    empty: dict[str, Any] = dict.fromkeys(Reading.__dataclass_fields__)
    return Reading(**{**empty, "distance": list(range(40)), **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"decay": 0.88, "memory_length": 18.01, "tenth_after": 17},
            "it falls by 12 % a word: at that rate a tenth is left after 18 words; measured, "
            "after 17",
        ),
        (
            {"decay": 0.99, "memory_length": 229.1},
            "it falls by 1 % a word: at that rate a tenth would be left after 229 words",
        ),
        (
            {"decay": 0.1, "memory_length": 1.0, "tenth_after": 1},
            "it falls by 90 % a word: at that rate a tenth is left after 1.0 word; measured, after "
            "1",
        ),
        ({"decay": 1.03}, "it grows by 3 % a word: it does not fade"),
        ({"decay": 1.0}, "it stays as it is: it does not fade"),
        (
            {"decay": 0.0, "memory_length": 0.0},
            "it is gone at once: nothing of it reaches the word before the last",
        ),
        ({}, "no text is long enough to tell how it changes from word to word"),
    ],
)
def test_the_verdict(changes: dict[str, Any], told: str) -> None:
    assert verdict(reading(**changes)) == told


def test_one_word_texts(home: Path) -> None:
    (home / "words.txt").write_text("warm\nkind\n\n", encoding="utf-8")
    told = found("words.txt", "-m", "stays")
    assert told["distance"] == [0]
    assert told["texts"] == [3]
    assert told["decay"] is told["memory_length"] is told["singular_values"] is None
    assert "no text is long enough" in run("words.txt", "-m", "stays").stdout


def test_no_texts_at_all(home: Path) -> None:
    (home / "none.txt").write_text("", encoding="utf-8")
    write(home / "none.csv", ["text", "label"], [])
    assert "there are no texts" in run("none.txt", "-m", "stays", code=3).stderr
    assert "empty" in run("none.csv", "-m", "stays", code=3).stderr
    assert "missing.csv" in run("missing.csv", "-m", "stays", code=3).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--limit", "-1"], "--limit is -1"),
        (["--seed", "-1"], "--seed is -1"),
        (["--label-separator", "|"], "--label-separator"),
        (["--plot", "picture.bmp"], ".png, .svg, .pdf"),
        (["--plot", "picture"], ".png, .svg, .pdf"),
    ],
)
def test_mistakes_in_the_options(arguments: list[str], told: str) -> None:
    assert told in run("stays.csv", "-m", "stays", *arguments, code=2).stderr


def test_a_limit_of_0_takes_all_and_the_seed_draws() -> None:
    assert found("lines.txt", "-m", "one", "--limit", "0")["n_texts"] == 48
    one, other = (
        found("lines.txt", "-m", "one", "--limit", "5", "--seed", seed)["norm"] for seed in "01"
    )
    assert one != other


def test_a_picture_needs_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before the model is read."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    told = run("stays.csv", "-m", "missing", "--plot", "a.svg", code=6).stderr
    assert "pip install matplotlib, as textrnn[plot]" in told


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="a picture needs the extra plot")
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    path = tmp_path / f"gradient.{ending}"
    run("stays.csv", "-m", "stays", "--plot", str(path))
    once = path.read_bytes()
    assert once.startswith(starts[ending])
    run("stays.csv", "-m", "stays", "--plot", str(path))
    if ending != "svg":  # whose elements have random names
        assert path.read_bytes() == once
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_picture_has_nowhere_to_go(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.svg"
    told = run("stays.csv", "-m", "stays", "--plot", str(path), code=3).stderr
    assert "there is no folder" in told


@pytest.mark.parametrize(("body", "has"), [("recurrent", True), ("cnn", False), ("mine", False)])
def test_a_folder_with_a_body_that_nobody_registered_is_passed_over(body: str, has: bool) -> None:
    from textrnn.cli.gradients import _has_states

    assert _has_states({"network": {"body": body}}) is has

"""``evaluate`` of language models, taggers, transducers: the texts that training held out."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textrnn.cli.app import app

TINY = ["--hidden", "6", "--embedding-dim", "4", "--epochs", "1", "--jobs", "1", "--json"]
TRAIN = {
    "lm": ["--no-baselines", "--no-cache"],
    "tag": ["--no-baselines"],
    "transduce": ["--no-baselines", "--attention-size", "4"],
}
SCORES = {  # those of a report that evaluate gives, too
    "lm": ("perplexity", "bits_per_token", "n_tokens", "unknown"),
    "tag": ("accuracy", "unknown", "macro_f1"),
    "transduce": ("exact", "token_accuracy", "error_rate"),
}
DRAWN = ["--seed", "3", "--test-fraction", "0.3"]
of_each = pytest.mark.parametrize("structure", TRAIN)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a corpus for each structure, which has texts to learn from alone."""
    monkeypatch.chdir(tmp_path)
    for structure in TRAIN:
        Path(structure).mkdir()
        write(structure, "train")


def lines_of(structure: str, n: int, seed: int = 0) -> str:
    """A file for a structure."""
    rng, found = random.Random(seed), []
    for i in range(n):
        words = [f"w{rng.randrange(9)}" for _ in range(rng.randint(2, 6))]
        if structure == "lm":
            found.append(f"{' '.join(words)} {i}")
        elif structure == "tag":
            found.append("".join(f"{word}\t{'AB'[rng.random() < 0.4]}\n" for word in words))
        else:
            found.append(f"{' '.join(words)} {i}\t{' '.join(reversed(words))}")
    return "\n".join(found) + "\n"


def write(structure: str, split: str, n: int = 90, seed: int = 0) -> str:
    """The path of a file of a corpus that is written."""
    path = Path(structure) / (split + (".txt" if structure == "lm" else ".tsv"))
    path.write_text(lines_of(structure, n, seed), encoding="utf-8")
    return str(path)


def run(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def trained(structure: str, corpus: str, *words: str) -> dict[str, Any]:
    """The figures of a model ``m``."""
    command = [structure, "train", corpus, "--out", "m", *words, *TRAIN[structure], *TINY]
    figures: dict[str, Any] = json.loads(run(*command).stdout)["figures"]
    return figures


def judged(structure: str, corpus: str, *words: str) -> dict[str, Any]:
    """What ``evaluate`` says of it."""
    found: dict[str, Any] = json.loads(
        run(structure, "evaluate", "m", corpus, *words, "--json").stdout
    )
    return found


@of_each
def test_what_train_says_of_the_texts_it_held_out_evaluate_says(structure: str) -> None:
    figures = trained(structure, structure, *DRAWN)
    told = judged(structure, structure)
    for name in SCORES[structure]:
        assert told[name] == pytest.approx(figures[name]), name
    assert (told["split"], told["warnings"]) == ("test", [])
    assert told.get("n_texts", told.get("n")) == 27


@of_each
def test_all_have_one_frame(structure: str) -> None:
    trained(structure, structure)
    told = judged(structure, structure)
    assert list(told)[:3] == ["model", "corpus", "split"]
    assert list(told)[-1] == "warnings"
    assert (told["model"], told["corpus"]) == ("m", structure)


@of_each
def test_texts_that_were_learned_from_are_told(structure: str) -> None:
    trained(structure, structure)
    (told,) = judged(structure, structure, "--split", "train")["warnings"]
    assert "by heart" in told
    (whole,) = judged(structure, str(next(Path(structure).iterdir())))["warnings"]
    assert "trained on most texts" in whole
    shown = run(structure, "evaluate", "m", structure, "--split", "train")
    assert "by heart" in shown.stdout + shown.stderr


@of_each
def test_a_corpus_with_other_splits_is_told(structure: str) -> None:
    trained(structure, structure)
    write(structure, "test", 20, seed=1)
    result = run(structure, "evaluate", "m", structure, "--json")
    (told,) = json.loads(result.stdout)["warnings"]
    assert "is not what the model was trained on" in told
    assert told in result.stderr


@of_each
def test_test_texts_that_are_known_are_told(structure: str) -> None:
    write(structure, "test")
    trained(structure, structure)
    (told,) = judged(structure, structure)["warnings"]
    assert "also stand in train" in told


@of_each
def test_no_command_is_advised_that_does_not_take_the_model(structure: str) -> None:
    file = write(structure, "train")
    trained(structure, file)
    assert "compare" not in run(structure, "evaluate", "m", file).stderr


@of_each
def test_a_gate_ends_with_1(structure: str) -> None:
    trained(structure, structure)
    option, wrong, never = {
        "lm": ("--max-perplexity", "0.5", "1.0"),
        "tag": ("--min-accuracy", "1.5", "1.0"),
        "transduce": ("--min-exact", "nan", "1.0"),
    }[structure]
    evaluate = (structure, "evaluate", "m", structure, option)
    assert option in run(*evaluate, wrong, code=2).stderr
    assert option in run(*evaluate, never, code=1).stderr
    run(*evaluate, "1e9" if structure == "lm" else "0")


def moods(path: str, n: int, seed: int = 0) -> None:
    """A table of texts with labels, one of them rare: each side of a split has a share of it."""
    rng = random.Random(seed)
    rows = (
        f"{rng.choice('abcd')} {rng.choice('efgh')} {i},{'sad' if i % 5 else 'glad'}\n"
        for i in range(n)
    )
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("text,label\n" + "".join(rows), encoding="utf-8")


def test_texts_drawn_by_their_labels_are_judged_without_them() -> None:
    moods("moods/train.csv", 90)
    under_own = trained("lm", "moods", "--condition", "label", *DRAWN)
    told = judged("lm", "moods", "--condition", "label")
    assert told["perplexity"] == pytest.approx(under_own["perplexity"])
    without = judged("lm", "moods")
    assert (told["warnings"], without["warnings"]) == ([], [])
    assert without["n_tokens"] == told["n_tokens"] == under_own["n_tokens"]
    assert without["perplexity"] != told["perplexity"]


def test_a_model_of_texts_without_labels_is_judged_by_those_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    for seed, split in enumerate(("train", "test")):
        moods(f"imdb/{split}.csv", 40, seed)
    Path("imdb/unsup.txt").write_text(lines_of("lm", 90), encoding="utf-8")
    figures = trained("lm", "imdb", *DRAWN)
    told = judged("lm", "imdb")
    assert (told["n_texts"], told["warnings"]) == (27, [])
    assert told["perplexity"] == pytest.approx(figures["perplexity"])
    trained("lm", "lm")
    assert judged("lm", "imdb")["n_texts"] == 40

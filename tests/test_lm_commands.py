"""The commands that ask a language model, of Markov chains: any other model is asked the same."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.test_folder import make_model
from tests.test_markov_model import OF_LABELS, PLAIN
from textrnn.cli.app import app
from textrnn.inference.generation import Sampling, generate, next_words
from textrnn.inference.language import score
from textrnn.storage.writing import save_model

TEXTS = ["the sun is warm", "warm the is sun", "", "the zebra is\twarm"]


def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(app, ["lm", *arguments], input=stdin)
    assert result.exit_code == code, (result.stderr, result.exception)
    return result


def records(*arguments: str, stdin: str | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json", stdin=stdin).stdout.splitlines()]


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model of each kind, the plain chain the newest of its own."""
    monkeypatch.chdir(tmp_path)
    save_model(OF_LABELS, "models/moods")
    save_model(PLAIN, "models/plain", metrics={"figures": {"perplexity": 5.0}})
    save_model(make_model(), "models/classifier")


# --------------------------------------------------------------------------- score


def test_scores_are_those_of_the_library() -> None:
    expected = score(PLAIN, TEXTS)
    found = records("score", "--model", "plain", *TEXTS)
    assert [one["text"] for one in found] == TEXTS
    assert [one["n_tokens"] for one in found] == [5, 5, 1, 5]
    assert [one["n_unknown"] for one in found] == [0, 0, 0, 1]
    for one, log_probability in zip(found, expected.log_probability.tolist(), strict=True):
        assert one["log_probability"] == log_probability
        assert one["perplexity"] == pytest.approx(
            math.exp(-log_probability / one["n_tokens"]), rel=1e-12
        )


def test_a_line_in_is_a_line_out_from_every_source(tmp_path: Path) -> None:
    texts = [text for text in TEXTS if text]
    lines = "".join(f"{text}\n" for text in texts)
    (tmp_path / "some.txt").write_text(lines, encoding="utf-8")
    (tmp_path / "some.csv").write_text(f"id,text\n1,{TEXTS[0]}\n2,\n3,{TEXTS[1]}\n")
    shown = run("score", *texts, "-m", "plain").stdout
    assert shown == run("score", "-m", "plain", "-", stdin=lines).stdout
    assert shown == run("score", "-m", "plain", "--file", "some.txt").stdout
    of_first = shown.splitlines()[0].split("\t")
    assert of_first[2:] == [TEXTS[0]]
    assert float(of_first[0]) == pytest.approx(score(PLAIN, TEXTS[:1]).log_probability[0], abs=1e-4)
    assert shown.splitlines()[2].count("\t") == 2, "a tab of the text made another field"
    table = records("score", "-m", "plain", "--file", "some.csv", "--text-column", "text")
    assert [one["text"] for one in table] == [TEXTS[0], "", TEXTS[1]]
    assert [one["text"] for one in records("score", "-m", "plain", stdin="\n\nthe\n")] == [
        *("", "", "the")
    ]


def test_the_share_of_unknown_words_is_told() -> None:
    told = run("score", "the zebra", "the", "-m", "plain").stderr
    assert told == "note: 1 of 3 words (33.3%) are unknown, and count as one word\n"
    assert run("score", "the zebra", "-m", "plain", "--quiet").stderr == ""
    assert run("score", "the", "-m", "plain").stderr == ""


def test_labels_are_given_or_all_of_them() -> None:
    cold = "the rain is cold"
    by_label = {
        label: records("score", cold, "-m", "moods", "--label", label)[0]["log_probability"]
        for label in OF_LABELS.labels
    }
    assert by_label["sad"] > by_label["happy"]
    (both,) = records("score", cold, "-m", "moods")
    shares = OF_LABELS.label_shares
    mean = shares[0] * math.exp(by_label["happy"]) + shares[1] * math.exp(by_label["sad"])
    assert math.exp(both["log_probability"]) == pytest.approx(mean)
    told = run("score", cold, "-m", "moods", "--label", "sadd", code=2).stderr
    assert "--label is 'sadd'" in told
    assert "Did you mean 'sad'?" in told
    assert "--label" in run("score", cold, "-m", "plain", "--label", "sad", code=2).stderr


def test_the_model_is_the_newest_of_its_kind_or_refused() -> None:
    """A classifier is newer, and no language model."""
    done = run("score", "the sun")
    assert done.stderr == "model: models/plain\n"
    told = run("score", "the sun", "-m", "classifier", code=4).stderr
    assert "is a classifier, not a language model or Markov chain" in told
    assert "textrnn predict" in told
    refused = CliRunner().invoke(app, ["predict", "the sun", "--model", "plain"])
    assert refused.exit_code == 4
    assert "textrnn lm score" in refused.stderr
    answered = CliRunner().invoke(app, ["predict", "the sun"])
    assert answered.exit_code == 0
    assert "models/classifier" in answered.stderr


def test_a_stream_is_answered_line_by_line() -> None:
    """The answer to a line does not wait for the next one."""
    command = [sys.executable, "-m", "textrnn", "lm", "score", "-", "-m", "plain", "-q"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as stream:
        assert stream.stdin is not None
        assert stream.stdout is not None
        for text in TEXTS[:2]:
            stream.stdin.write(f"{text}\n")
            stream.stdin.flush()
            assert stream.stdout.readline().endswith(f"\t{text}\n")
        stream.stdin.close()
        assert stream.wait(20) == 0


# ---------------------------------------------------------------------------- next


def test_the_next_words_are_those_of_the_library() -> None:
    (found,) = records("next", "the sun is", "-m", "plain", "--top-k", "2")
    expected = next_words(PLAIN, "the sun is", top_k=2)
    assert found == {
        "text": "the sun is",
        "next": [{"word": word, "probability": p} for word, p in expected.words],
        "end": expected.end,
        "unknown": expected.unknown,
    }
    (word, p), (other, q) = expected.words
    line = f"{word}\t{p:.4f}\t{other}\t{q:.4f}\tthe sun is\n"
    assert run("next", "the sun is", "-m", "plain", "--top-k", "2").stdout == line
    assert len(records("next", "", "the", "-m", "plain")) == 2
    assert "--top-k is 0" in run("next", "the", "-m", "plain", "--top-k", "0", code=2).stderr


def test_a_label_says_what_comes_next() -> None:
    for label, word in (("happy", "warm"), ("sad", "cold")):
        (found,) = records("next", "a", "-m", "moods", "--label", label)
        words = {of["word"]: of["probability"] for of in found["next"]}
        assert max(("warm", "cold"), key=lambda of: words.get(of, 0.0)) == word


# ------------------------------------------------------------------------ generate


def test_texts_are_those_of_the_library() -> None:
    options = ["-m", "moods", "--n", "4", "--seed", "7", "--top-k", "3", "--max-tokens", "5"]
    expected = list(generate(OF_LABELS, 4, seed=7, sampling=Sampling(top_k=3), max_tokens=5))
    assert run("generate", *options).stdout == "".join(f"{one.text}\n" for one in expected)
    assert records("generate", *options) == [
        {"text": one.text, "prompt": "", "label": one.label, "ended": one.ended} for one in expected
    ]
    assert {one["label"] for one in records("generate", *options, "--label", "sad")} == {"sad"}


def test_a_prompt_is_gone_on_with() -> None:
    done = run("generate", "-m", "plain", "--prompt", "The zebra is", "--temperature", "0")
    assert done.stdout.startswith("the zebra is ")
    assert done.stderr == "note: prompt: 1 of 3 words (33.3%) are unknown, and count as one word\n"
    again = run("generate", "-m", "plain", "--prompt", "The zebra is", "--temperature", "0", "-q")
    assert (again.stdout, again.stderr) == (done.stdout, "")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--n", "-1"),
        ("--max-tokens", "-1"),
        ("--temperature", "-1"),
        ("--top-k", "0"),
        ("--top-p", "0"),
        ("--top-p", "1.5"),
        ("--seed", "-1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option(option: str, value: str) -> None:
    told = run("generate", "-m", "plain", option, value, code=2).stderr
    assert f"{option} is {value}" in told
    assert told.count("\n") == 1


# ------------------------------------------------------------------------ evaluate


def test_figures_are_those_of_the_library(tmp_path: Path) -> None:
    texts = [text for text in TEXTS if text]
    (tmp_path / "some.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    (found,) = records("evaluate", "plain", "some.txt")
    expected = score(PLAIN, texts).figures
    about = {"model": "models/plain", "corpus": "some.txt", "split": "all", "warnings": []}
    assert found == {**expected._asdict(), "n_texts": 3, **about}
    assert found["perplexity"] == pytest.approx(2 ** found["bits_per_token"])
    assert found["n_tokens"] == 15
    assert found["unknown"] == pytest.approx(1 / 12)
    shown = run("evaluate", "plain", "some.txt").stdout
    assert f"perplexity     {expected.perplexity:,.2f}\n" in shown


def test_texts_are_evaluated_under_their_own_labels(tmp_path: Path) -> None:
    rows = [("the sun is warm", "happy"), ("the rain is cold", "sad")]
    table = "".join(f"{text},{label}\n" for text, label in rows)
    (tmp_path / "some.csv").write_text(f"text,label\n{table}", encoding="utf-8")
    (own,) = records("evaluate", "moods", "some.csv", "--condition", "label")
    alone = [score(OF_LABELS, [text], label=label).log_probability[0] for text, label in rows]
    assert own["bits_per_token"] == pytest.approx(-np.sum(alone) / 10 / math.log(2))
    (under_all,) = records("evaluate", "moods", "some.csv")
    assert under_all["perplexity"] > own["perplexity"]
    wrong = ["evaluate", "plain", "some.csv", "--condition", "label"]
    assert "--condition" in run(*wrong, code=2).stderr
    both = ["evaluate", "moods", "some.csv", "--condition", "label", "--label", "sad"]
    assert "--label and --condition exclude each other" in run(*both, code=2).stderr
    (tmp_path / "odd.csv").write_text("text,label\nthe sun,merry\n", encoding="utf-8")
    odd = run("evaluate", "moods", "odd.csv", "--condition", "label", code=3).stderr
    assert "'merry'" in odd


def test_a_corpus_is_evaluated_on_its_test_texts() -> None:
    (found,) = records("evaluate", "plain", "cars")
    assert found["split"] == "test"
    assert found["n_texts"] == 1000
    (train,) = records("evaluate", "plain", "cars", "--split", "train")
    assert train["n_texts"] > 1000


# ---------------------------------------------------------------------------- all


@pytest.mark.parametrize("name", ["score", "next", "generate", "evaluate"])
def test_the_help_teaches_by_examples(name: str) -> None:
    shown = run(name, "--help").stdout
    assert f"textrnn lm {name}" in shown.partition("Examples:")[2]
    assert len(shown.splitlines()) <= 80

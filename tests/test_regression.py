"""Numbers in place of classes, from the command line: corpora, scores, ridge, commands."""

from __future__ import annotations

import csv
import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from typer.testing import CliRunner, Result

from textrnn import TextRNNRegressor, load_corpus
from textrnn.cli.app import app
from textrnn.corpora.loading import load_labelled
from textrnn.errors import DataError, UsageError
from textrnn.evaluation.numbers import evaluate_numbers, paired_errors, recommended_of
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.linear.ridge import ALPHAS, fit_ridge
from textrnn.storage.reading import load_classifier
from textrnn.text.encoded import encode_lists
from textrnn.training.callbacks import Callback
from textrnn.training.regression import Scaling
from textrnn.training.settings import Settings
from textrnn.training.state import Run
from textrnn.typing import Floats

WORDS = {"awful": 1.0, "dull": 2.0, "plain": 3.0, "good": 4.0, "superb": 5.0}
PLACES = ["inn", "farm", "hotel", "hostel", "lodge", "camp", "villa", "cabin"]
TRAINED = ("--hidden", "8", "--embedding-dim", "8", "--epochs", "12", "--lr", "0.02", "--jobs", "1")


def invoke(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def rows(n: int = 240) -> list[tuple[str, str]]:
    """Texts with stars; every second number is spelled in another way."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(n):
        a, b = rng.choice(list(WORDS), 2)
        stars = (WORDS[a] + WORDS[b]) / 2 + 0.01 * i / n
        found.append((f"the {rng.choice(PLACES)} {i} is {a} and {b}", f"{stars:.4f}"))
    return found


def write(path: Path, found: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "stars"), *found])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A file of stars, a model of it, and the report of its training."""
    folder = tmp_path_factory.mktemp("stars")
    corpus = write(folder / "stars.csv", rows())
    told = invoke(
        *("train", str(corpus), "--label-column", "stars", "--regression"),
        *("--out", str(folder / "model"), "--json", "--quiet", *TRAINED),
    )
    return corpus, folder / "model", json.loads(told.stdout)


# -------------------------------------------------------------------------- corpora


def test_a_corpus_of_numbers_that_are_all_different(tmp_path: Path) -> None:
    """No number need be seen twice, and none of the test need stand in training."""
    path = write(tmp_path / "a.csv", rows(50))
    corpus = load_corpus(path, label_column="stars", numeric=True)
    assert corpus.test is not None
    assert (len(corpus.train), len(corpus.test)) == (40, 10)
    assert corpus.train.numeric
    assert corpus.train.take(np.arange(3)).numeric
    assert corpus.train.numbers.tolist() == [float(label) for label in corpus.train.labels]
    labelled = load_labelled(path, label_column="stars", numeric=True)
    assert len(labelled.rows.numbers) == 50
    with pytest.raises(DataError, match="every label occurs once"):
        load_corpus(path, label_column="stars")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["1", "2", "many", "3"], "label 'many' of row 3 is no finite number"),
        (["1", "nan", "2", "3"], "'nan' of row 2"),
        (["1", "1_005", "2", "3"], "'1_005' of row 2"),
        (["1", "5,5", "2", "3"], "'5,5' of row 2 .* decimal comma"),
        (["1e999", "1", "2", "3"], "'1e999' of row 1"),
        (["2", "2.0", "2", "2.00"], "one number only"),
    ],
)
def test_labels_that_are_no_numbers(tmp_path: Path, labels: list[str], told: str) -> None:
    path = write(tmp_path / "a.csv", [(f"text {i}", x) for i, x in enumerate(labels)])
    with pytest.raises(DataError, match=told):
        load_corpus(path, label_column="stars", numeric=True)


def test_a_test_file_is_looked_at_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(20))
    other = write(tmp_path / "b.csv", [("fine", "5"), ("dull", "?")])
    with pytest.raises(DataError, match=r"'\?' of row 2"):
        load_corpus(path, label_column="stars", test=other, numeric=True)


# --------------------------------------------------------------------------- scores


def noisy(n: int, noise: float, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    right = rng.normal(3.0, 1.0, n)
    return right, right + rng.normal(0.0, noise, n)


def test_scores_are_those_of_scikit_learn_and_scipy() -> None:
    right, predicted = noisy(200, 0.7)
    found = evaluate_numbers(right, predicted)
    assert found.n == 200
    assert found.mean_absolute_error == pytest.approx(mean_absolute_error(right, predicted))
    assert found.r2 == pytest.approx(r2_score(right, predicted))
    assert found.spearman == pytest.approx(spearmanr(right, predicted)[0])
    assert found == evaluate_numbers(right, predicted)


def test_intervals_hold_what_they_promise() -> None:
    """Of many draws of texts some 95 % have the true value within."""
    names = ("mean_absolute_error", "r2", "spearman")
    all_right, all_predicted = noisy(100_000, 0.7, seed=1)
    true = evaluate_numbers(all_right[:20_000], all_predicted[:20_000])
    rng, within = np.random.default_rng(2), dict.fromkeys(names, 0)
    for _ in range(60):
        some = rng.integers(0, len(all_right), 120)
        found = evaluate_numbers(all_right[some], all_predicted[some])
        for name in names:
            low, high = getattr(found, f"{name}_interval")
            within[name] += low <= getattr(true, name) <= high
    assert all(n >= 0.85 * 60 for n in within.values()), within
    assert all(n < 60 for n in within.values()), within


def test_what_has_no_spread_has_no_score() -> None:
    found = evaluate_numbers(np.full(9, 2.0), np.arange(9.0))
    assert (found.r2, found.r2_interval, found.spearman) == (None, None, None)
    assert evaluate_numbers(np.arange(9.0), np.full(9, 2.0)).spearman is None
    assert evaluate_numbers(np.array([1.0]), np.array([2.0])).mean_absolute_error == 1.0


@pytest.mark.parametrize(
    ("ours", "theirs", "name", "told"),
    [
        (0.2, 0.9, "network", "Use the network: its mean absolute error is"),
        (0.9, 0.2, "ridge", "the network's mean absolute error is .* more"),
        (0.5, 0.5, "ridge", "no clear difference"),
    ],
)
def test_what_is_recommended(ours: float, theirs: float, name: str, told: str) -> None:
    right, near = noisy(300, ours)
    rng = np.random.default_rng(9)
    paired = paired_errors(right, near, right + rng.normal(0.0, theirs, 300))
    found, why = recommended_of(paired, "ridge")
    assert found == name
    assert re.search(told, why)
    low, high = paired["interval"]
    assert low <= paired["difference"] <= high


def test_ridge_is_that_of_scikit_learn() -> None:
    tokens = [text.split() for text, _ in rows(120)]
    numbers = np.array([float(stars) for _, stars in rows(120)])
    train, held = encode_lists(tokens[:80]), encode_lists(tokens[80:100])
    fitted = fit_ridge(train, numbers[:80], held, numbers[80:100])
    assert fitted.alpha in ALPHAS
    words = TfidfVectorizer(analyzer=lambda t: [*t, *map(" ".join, pairwise(t))], sublinear_tf=True)
    x = words.fit_transform(tokens[:100])
    expected = (
        Ridge(alpha=fitted.alpha).fit(x, numbers[:100]).predict(words.transform(tokens[100:]))
    )
    found = fitted.predict(encode_lists(tokens[100:]))
    np.testing.assert_allclose(found, expected, atol=2e-3)

    def error(alpha: float) -> float:
        x = words.fit_transform(tokens[:80])
        found = Ridge(alpha=alpha).fit(x, numbers[:80]).predict(words.transform(tokens[80:100]))
        return float(((found - numbers[80:100]) ** 2).mean())

    assert fitted.alpha == min(ALPHAS, key=error)
    # Large numbers have the same digits for what they differ by.
    far = fit_ridge(train, 1e9 + numbers[:80], held, 1e9 + numbers[80:100])
    assert far.alpha == fitted.alpha
    np.testing.assert_allclose(far.predict(encode_lists(tokens[100:])) - 1e9, found, atol=1e-5)


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1.0, 1e9])
def test_numbers_in_any_unit_have_a_scale(unit: float) -> None:
    found = Scaling.of(unit * np.array([1.0, 2.0, 3.0, 6.0]))
    np.testing.assert_allclose([found.mean, found.scale], [3.0 * unit, 3.5**0.5 * unit])


# ------------------------------------------------------------------------- commands


def test_train_tells_errors_correlations_and_ridge(
    trained: tuple[Path, Path, dict[str, Any]],
) -> None:
    _, model, report = trained
    test, baselines = report["test"], report["baselines"]
    assert set(baselines) == {"mean", "ridge"}
    for scores in (test, baselines["ridge"]):
        for name in ("mean_absolute_error", "r2", "spearman"):
            low, high = scores[f"{name}_interval"]
            assert low <= scores[name] <= high
    assert test["mean_absolute_error"] < baselines["mean"]["mean_absolute_error"]
    assert test["r2"] > 0.5
    assert abs(baselines["mean"]["r2"]) < 0.2
    assert baselines["ridge"]["params"]["alpha"] in ALPHAS
    assert report["recommended"] in ("network", "ridge")
    assert report["recommendation"].startswith("Use ")
    assert report["paired"]["baseline"] == "ridge"
    assert report["finished"] is True
    assert report["settings"]["ngrams"] == "none"
    assert report["classes"] == []
    assert "Mean absolute error" in (model / "README.md").read_text()
    assert json.loads((model / "metrics.json").read_text())["test"] == test


def test_train_shows_a_table(tmp_path: Path) -> None:
    corpus = write(tmp_path / "stars.csv", rows(80))
    told = invoke(
        *("train", str(corpus), "--label-column", "stars", "--regression", "--max-steps", "2"),
        *("--out", str(tmp_path / "m"), "--quiet"),
    ).stdout
    for what in ("mean absolute error", "R²", "rank correlation", "ridge", "network", "Use "):
        assert what in told
    alone = invoke(
        *("train", str(corpus), "--label-column", "stars", "--regression", "--max-steps", "2"),
        *("--out", str(tmp_path / "m"), "--quiet", "--no-baselines"),
    ).stdout
    assert "ridge" not in alone


def test_evaluate_finds_the_same_scores(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    corpus, model, report = trained
    held = load_corpus(corpus, label_column="stars", numeric=True).test
    assert held is not None
    path = write(tmp_path / "held.csv", list(zip(held.texts, held.labels, strict=True)))
    found = json.loads(invoke("evaluate", str(model), str(path), "--json").stdout)
    for name in ("n", "mean_absolute_error", "r2", "spearman"):
        assert found[name] == pytest.approx(report["test"][name])
    shown = invoke("evaluate", str(model), str(path)).stdout
    assert f"{report['test']['mean_absolute_error']:.4f}" in shown
    told = invoke("evaluate", str(model), str(path), "--min-accuracy", "0.5", code=2).output
    assert "predicts numbers" in told
    of_training = invoke("evaluate", str(model), str(corpus), "--label-column", "stars").output
    assert "trained on most texts" in of_training
    assert "textrnn compare" not in of_training


def test_predict_gives_numbers(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    _, model, _ = trained
    texts = ["the inn is superb and superb", "the inn is awful and awful"]
    expected = TextRNNRegressor.load(model).predict(texts)
    lines = invoke("predict", "--model", str(model), "--json", *texts).stdout.splitlines()
    for line, text, number in zip(lines, texts, expected, strict=True):
        record = json.loads(line)
        assert set(record) == {"text", "prediction"}
        assert record["text"] == text
        assert record["prediction"] == pytest.approx(number, rel=1e-5)
    plain = invoke("predict", "--model", str(model), *texts).stdout.splitlines()
    assert [line.split("\t") for line in plain] == [
        [f"{number:.4f}", text] for number, text in zip(expected, texts, strict=True)
    ]
    assert expected[0] > 3.5 > 2.5 > expected[1]


def test_who_needs_classes_says_so(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    corpus, model, _ = trained
    for arguments, code, told in (
        (("predict", "--model", str(model), "--top-k", "2", "a"), 2, "predicts numbers"),
        (("predict", "--model", str(model), "--threshold", "0.5", "a"), 2, "two classes"),
        (("shrink", str(model), "--out", f"{model}-small"), 4, "predicts numbers"),
        (("compare", "cars", "--model", str(model)), 4, "predicts numbers"),
    ):
        assert told in invoke(*arguments, code=code).output.replace("\n", " ")
    del corpus


@pytest.mark.parametrize(
    "option",
    [
        ("--label-separator", "|"),
        ("--unlabelled", "auto"),
        ("--ngrams", "words"),
        ("--balanced",),
        ("--threshold", "0.5"),
        ("--label-smoothing", "0.1"),
    ],
    ids=lambda option: option[0],
)
def test_options_for_classes_are_refused(option: tuple[str, ...]) -> None:
    told = invoke("train", "nowhere.csv", "--regression", *option, code=2).output
    assert f"{option[0]} and --regression exclude each other" in told.replace("\n", " ")


def test_inspect_and_models_show_it(
    trained: tuple[Path, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, model, _ = trained
    assert "it predicts numbers" in invoke("inspect", str(model)).stdout
    assert json.loads(invoke("inspect", str(model), "--json").stdout)["classes"] == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "stars").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    assert "numbers;" in invoke("models").stdout


def test_the_library_and_the_command_line_give_one_model(
    trained: tuple[Path, Path, dict[str, Any]],
) -> None:
    """The same texts, seed and settings: the same weights, bit for bit."""
    corpus, model, _ = trained
    there = load_corpus(corpus, label_column="stars", numeric=True)
    loaded = TextRNNRegressor.load(model)
    again = TextRNNRegressor(**{**loaded.get_params(), "random_state": 0})
    again.fit(there.train.texts, there.train.numbers)
    np.testing.assert_array_equal(
        again.predict(there.train.texts), loaded.predict(there.train.texts)
    )


@pytest.mark.parametrize("name", ["validation", "test"])
def test_the_file_with_a_label_that_is_no_number_is_named(name: str, tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", rows(30))
    bad = write(tmp_path / "bad.csv", [*rows(3), ("the inn", "dull")])
    files: dict[str, Any] = {name: bad}
    with pytest.raises(DataError, match=r"bad\.csv': the label 'dull' of row 4"):
        load_corpus(good, label_column="stars", numeric=True, **files)
    with pytest.raises(DataError, match=r"train split of 'bad'.*'dull'"):
        load_corpus(bad, label_column="stars", numeric=True)


def test_each_text_is_tokenised_once(tmp_path: Path) -> None:
    seen: list[str] = []

    def split(text: str) -> list[str]:
        seen.append(text)
        return text.split()

    corpus = load_corpus(write(tmp_path / "a.csv", rows(60)), label_column="stars", numeric=True)
    settings = Settings(max_steps=2, hidden_size=4, tokenizer=split, n_jobs=1)
    run_experiment(Experiment(corpus, settings, cache=False))
    assert len(seen) == len(set(seen)) == 60


def test_a_script_runs_it_without_a_folder(tmp_path: Path) -> None:
    corpus = load_corpus(write(tmp_path / "a.csv", rows(60)), label_column="stars", numeric=True)
    report = run_experiment(Experiment(corpus, Settings(max_steps=2, hidden_size=4)))
    assert report.model_dir is None
    assert report.test is not None
    assert report.test.mean_absolute_error is not None
    assert math.isfinite(report.test.mean_absolute_error)
    with pytest.raises(UsageError, match="unlabelled"):
        run_experiment(Experiment(corpus, Settings(), unlabelled=("a",)))


def test_a_stopped_run_is_gone_on_with_to_the_same_bits(tmp_path: Path) -> None:
    corpus = load_corpus(write(tmp_path / "a.csv", rows(90)), label_column="stars", numeric=True)
    settings = Settings(max_iter=4, hidden_size=4, embedding_dim=4, early_stopping=False)

    class Stop(Callback):
        def on_epoch(self, run: Run) -> None:
            if run.state.epoch == 2:
                raise KeyboardInterrupt

    whole = run_experiment(Experiment(corpus, settings, out=tmp_path / "whole"))
    begun = Experiment(corpus, settings, out=tmp_path / "m", callbacks=(Stop(),))
    assert run_experiment(begun).interrupted
    ended = run_experiment(Experiment(corpus, settings, out=tmp_path / "m", resume=True))
    assert ended.test == whole.test
    models = [load_classifier(tmp_path / name) for name in ("whole", "m")]
    texts = corpus.train.texts
    one, two = (model.predict_proba(texts) for model in models)
    np.testing.assert_array_equal(one, two)
    lines: list[str] = []
    again = Experiment(corpus, settings, out=tmp_path / "m", resume=True, say=lines.append)
    assert run_experiment(again).test == whole.test
    assert "finished already" in lines[0]

"""What ``save`` writes, loading reads; what could not be read is refused before it is written."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.test_folder import make_linear, make_model, make_ngrams
from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.corpora import Corpus, Split
from textrnn.errors import ModelError, UsageError
from textrnn.experiments.contest import Contest, run_contest
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.storage.reading import load_saved
from textrnn.storage.writing import save_model
from textrnn.system.fields import MOST
from textrnn.training.settings import Settings

VALUES: list[Any] = [
    *(None, True, 0, -1, 3, MOST, MOST + 1, 10**18, 2**63, 2**64, 10**99, 10**101, -(10**30)),
    *(0.5, 1.5, 1e300, float("nan"), float("inf"), np.float32(0.93), np.int64(7)),
    *("", "x", "a" * 10_001, "\ud800", "\x1b[31m", Path("x"), {"a": 1}, {1: 2}, {"a": {"b": []}}),
    *([], [1, 2], ["x"], [{}], [{"loss": 1.0}], [["no", 1.0]], [[2**70, 1]], np.arange(3)),
    {"accuracy": 0.5},
    {"m": {"accuracy": 0.5, "per_class": [{}]}},
]
NAMES = [
    *("test", "tests", "history", "warnings", "seed", "corpus", "settings", "validation"),
    *("seconds", "teaching", "baselines", "best_validation_score", "n_train", "finished", "mine"),
]
CLASSES: list[tuple[Any, ...]] = [
    *(("no", "yes"), ("", "\ud800"), (0, 1), (False, True), (0.5, 1.5), (-(2**63), 2**63 - 1)),
    *((0, 2**63), (0, 2**64), ("a", 1), ("a", "a"), (1, True), (1, 1.0), ("a",), (b"a", b"b")),
    *((float("nan"), 1.0), (np.str_("a"), np.str_("b")), ("a", "b" * 10**6), (None, "a")),
]


def saved_or_refused(model: Classifier, path: Path, metrics: dict[str, Any]) -> str:
    """How a model is saved: what is saved must be loaded again."""
    try:
        save_model(model, path, metrics=metrics)
    except ModelError as error:
        is_told = "cannot be saved" in str(error) and len(str(error)) < 500
        return "refused" if is_told else str(error)
    again = load_saved(path)
    assert len(again.model.classes) == len(model.classes)
    save_model(again.model, path, metrics=again.metrics)
    assert load_saved(path).metrics == again.metrics
    return "loaded"


def test_18_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Of metrics, settings and classes each alone, and many at once."""
    ends: dict[str, str] = {}
    rng = random.Random(0)
    model = make_model()
    pairs = [(name, i) for name in NAMES for i in range(len(VALUES))]
    for name, i in rng.sample(pairs, 100):
        ends[f"{name} {i}"] = saved_or_refused(model, tmp_path / "m", {name: VALUES[i]})
    for i, classes in enumerate(CLASSES):
        both: tuple[TextModel | LinearModel, ...] = (model, make_linear(0.5))
        for j, one in enumerate(both):
            changed = replace(one, classes=classes)
            ends[f"classes {i} {j}"] = saved_or_refused(changed, tmp_path / f"c{j}", {})
    for i in range(40):
        changes: dict[str, Any] = {
            "settings": {rng.choice(("class_weight", "a", "tokenizer")): rng.choice(VALUES)},
            "max_length": rng.choice((None, 1, MOST, MOST + 1, 10**18)),
            "threshold": rng.choice((None, 0.0, 1.0, 1.5)),
            "ngrams": rng.choice((None, make_ngrams())),
        }
        metrics = {rng.choice(NAMES): rng.choice(VALUES)}
        ends[f"mixed {i}"] = saved_or_refused(replace(model, **changes), tmp_path / "x", metrics)
    assert set(ends.values()) == {"loaded", "refused"}
    assert {end for name, end in ends.items() if name.startswith("mixed")} == {"loaded", "refused"}
    assert ends["classes 0 0"] == ends["classes 5 1"] == "loaded"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"max_length": 10**18}, r"config\.json: max_length is 1000000000000000000"),
        ({"settings": {"a": "x" * 10_001}}, r"settings\.'a' has 10,001 characters"),
        ({"classes": ("a", "a")}, r"classes has 'a' twice; choose another value"),
    ],
    ids=["a length", "a text", "classes"],
)
def test_18_what_could_not_be_loaded_is_not_written(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    save_model(make_model(), tmp_path / "m", metrics={"mine": 1})
    with pytest.raises(ModelError, match=f"cannot be saved: .*{told}"):
        save_model(replace(make_model(), **changes), tmp_path / "m")
    assert load_saved(tmp_path / "m").metrics == {"mine": 1}


@pytest.mark.parametrize("compact", [False, True])
def test_18_weights_beyond_reckoning_are_not_saved(compact: bool, tmp_path: Path) -> None:
    for name in ("linear.weight", "linear.bias"):
        model = make_model()
        model.network.params[name].flat[0] = 2e12
        with pytest.raises(ModelError, match="lower learning rate"):
            save_model(model, tmp_path / "m", compact=compact)
    with pytest.raises(ModelError, match="lower learning rate"):
        save_model(make_linear(2e12), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_18_a_seed_that_no_report_keeps_is_refused_at_the_start(
    reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    corpus = Corpus("inns", Split(*reviews))
    settings = Settings(hidden_size=4, max_iter=1)
    for seed in (MOST + 1, 10**16, 10**40):
        with pytest.raises(UsageError, match=f"seed is {seed}, but must be at most {MOST}"):
            run_experiment(Experiment(corpus, settings, out=tmp_path / "m", seed=seed))
        with pytest.raises(UsageError, match=f"seed is {seed}, but must be at most {MOST}"):
            run_contest(Contest(corpus, settings, seed=seed))
    found = CliRunner().invoke(app, ["train", "cars", "--seed", str(10**16)])
    assert found.exit_code == 2


@pytest.mark.parametrize(
    "name", ["max_length", "max_iter", "max_steps", "segment_length", "max_features", "batch_size"]
)
def test_18_a_setting_that_no_folder_keeps_is_refused_at_the_start(name: str) -> None:
    changes: dict[str, Any] = {name: 10**18}
    with pytest.raises(ValueError, match=f"{name}.* 1000000000000000000, but must be at most"):
        TextRNNClassifier(**changes).fit(["a", "b"] * 5, [0, 1] * 5)
    largest: dict[str, Any] = {name: 2**31 - 1}
    Settings(**largest).validate()


def test_18_a_tokenizer_of_a_long_name_is_saved(tmp_path: Path) -> None:
    def split(text: str) -> list[str]:
        return text.split()

    split.__qualname__ = "x" * 20_000
    model = TextRNNClassifier(
        hidden_size=2, embedding_dim=2, max_iter=1, tokenizer=split, early_stopping=False
    )
    model.fit(["a b", "c d"] * 5, [0, 1] * 5).save(tmp_path / "m")
    TextRNNClassifier.load(tmp_path / "m", tokenizer=split)

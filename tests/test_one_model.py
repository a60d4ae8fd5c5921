"""The command line and the library give one model: same texts, same settings, same seed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.inference.classifier import TextModel
from textrnn.storage.loading import load_model

SETTINGS: dict[str, Any] = {"hidden_size": 5, "embedding_dim": 6, "max_iter": 2, "n_jobs": 1}
OPTIONS = ["--hidden", "5", "--embedding-dim", "6", "--epochs", "2", "--jobs", "1"]
THINGS = ["inn", "farm", "hotel", "hostel", "lodge", "camp", "villa", "cabin"]
WORDS = ["warm", "kind", "fresh", "bright", "cold", "rude", "stale", "dark", "loud", "plain"]


def made_up(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts, some of them twice and of several labels, of which three are not equally frequent."""
    rng = np.random.default_rng(seed)
    texts = [f"the {rng.choice(THINGS)} is {' and '.join(rng.choice(WORDS, 3))}" for _ in range(n)]
    texts[3 : 3 + n // 10] = texts[-(n // 10) :]
    labels = ["good" if "warm" in text or "kind" in text else "bad" for text in texts]
    return texts, ["odd" if rng.random() < 0.1 else label for label in labels]


def write(path: Path, texts: list[str], labels: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return path


def trained(tmp_path: Path, labels: list[str], texts: list[str], *options: str) -> TextModel:
    """What the command line makes of a file."""
    train = write(tmp_path / "train.csv", texts, labels)
    test = write(tmp_path / "test.csv", texts[:20], labels[:20])
    out = tmp_path / "model"
    arguments = ["train", str(train), "--test", str(test), "--out", str(out), "--no-baselines"]
    found = CliRunner().invoke(app, [*arguments, *OPTIONS, *options], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return load_model(out)


def assert_same(one: TextModel, other: TextModel) -> None:
    """The same bits of everything that answers."""
    assert one.vocabulary == other.vocabulary
    assert list(map(str, one.classes)) == list(map(str, other.classes))
    assert one.network.params.keys() == other.network.params.keys()
    for name, value in one.network.params.items():
        assert value.tobytes() == other.network.params[name].tobytes(), name
    assert (one.ngrams is None) == (other.ngrams is None)
    if one.ngrams is not None and other.ngrams is not None:
        for name in ("keys", "weights", "bias"):
            assert getattr(one.ngrams, name).tobytes() == getattr(other.ngrams, name).tobytes()
    assert one.threshold == other.threshold


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ([], {}),
        (["--balanced"], {"class_weight": "balanced"}),
        (["--max-length", "5", "--bidirectional"], {"max_length": 5, "bidirectional": True}),
        (["--validation-fraction", "0.3"], {"validation_fraction": 0.3}),
    ],
    ids=["plain", "balanced", "cut", "fraction"],
)
def test_a_file_and_a_list_give_one_model(
    tmp_path: Path, options: list[str], changes: dict[str, Any], seed: int
) -> None:
    texts, labels = made_up(120, 0)
    model = trained(tmp_path, labels, texts, "--seed", str(seed), *options)
    fitted = TextRNNClassifier(**SETTINGS, random_state=seed, **changes).fit(texts, labels)
    assert_same(model, fitted.model_)
    other = TextRNNClassifier(**SETTINGS, random_state=seed + 1, **changes).fit(texts, labels)
    assert model.network.params["linear.weight"].tobytes() != (
        other.model_.network.params["linear.weight"].tobytes()
    )


def test_of_many_labels_too(tmp_path: Path) -> None:
    """More than ten, in any order in their cells: a name's place is not that of its number."""
    rng = np.random.default_rng(1)
    names = [f"{letter}x" for letter in "ponmlkjihgfedcba"]
    texts, _ = made_up(150, 1)
    sets = [rng.permutation(names)[: rng.integers(1, 4)].tolist() for _ in texts]
    cells = ["|".join(labels) for labels in sets]
    model = trained(tmp_path, cells, texts, "--label-separator", "|", "--seed", "1")
    indicator = np.array([[name in labels for name in sorted(names)] for labels in sets]).astype(
        int
    )
    fitted = TextRNNClassifier(**SETTINGS, random_state=1).fit(texts, indicator).model_
    assert model.classes == tuple(sorted(names))
    for name, value in model.network.params.items():
        assert value.tobytes() == fitted.network.params[name].tobytes(), name

"""A classifier begun from a language model: what is taken, what is not, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from textrnn import TextRNNClassifier, TextRNNLanguageModel, TextRNNRegressor
from textrnn.cli.app import app
from textrnn.errors import ModelError, UsageError
from textrnn.nn.inputs import EMBEDDING
from textrnn.text.encoded import encode_lists
from textrnn.training.fit import build_model
from textrnn.training.settings import Settings

TEXTS = ["a fine film indeed", "a dull film indeed", "what a fine story"] * 10
LABELLED = ["a fine unheard tale", "a dull film", "a fine story", "what a dull tale"] * 5
LABELS = ["good", "bad", "good", "bad"] * 5
SHAPE: dict[str, Any] = {"hidden_size": 6, "embedding_dim": 5}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of language models, of words and of others."""
    folder = tmp_path_factory.mktemp("models")
    few: dict[str, Any] = {**SHAPE, "max_iter": 1, "early_stopping": False, "random_state": 0}
    sources: dict[str, dict[str, Any]] = {
        "lm": {},
        "two layers": {"num_layers": 2},
        "characters": {"unit": "char"},
        "one-hot": {"embedding": "onehot", "tied": False},
    }
    for name, changes in sources.items():
        TextRNNLanguageModel(**{**few, **changes}).fit(TEXTS).save(folder / name)
    TextRNNClassifier(**few, ngrams="none").fit(LABELLED, LABELS).save(folder / "classifier")
    return folder


def begun(source: Path, **changes: Any) -> tuple[Any, list[str]]:
    """A classifier before its training, and what was told of it."""
    settings = Settings(**{**SHAPE, "init_from": source, **changes})
    settings.validate()
    texts = encode_lists([text.split() for text in LABELLED])
    told: list[str] = []
    model = build_model(
        settings, texts, ["bad", "good"], rng=np.random.default_rng(1), tell=told.append
    )
    return model, told


@pytest.mark.parametrize("bidirectional", [True, False])
def test_words_and_weights_are_taken(models: Path, bidirectional: bool) -> None:
    own = TextRNNLanguageModel.load(models / "lm").model_
    model, told = begun(models / "lm", bidirectional=bidirectional)
    table, theirs = model.network.params[EMBEDDING], own.network.params[EMBEDDING]
    for word, row in model.vocabulary.index.items():
        is_known = word in own.vocabulary
        assert is_known == (word not in ("unheard", "tale"))
        if is_known:
            np.testing.assert_array_equal(table[row], theirs[own.vocabulary.index[word]])
    for name in ("W_x", "W_h", "b"):
        mine, by = (of.params[f"recurrent.0.{name}"] for of in (model.network, own.network))
        np.testing.assert_array_equal(mine[:, :1], by)
        if bidirectional and name != "b":
            assert (mine[:, 1:] != by).any()
    (line,) = told
    assert "the vectors of 6 of 8 words" in line
    assert "1 of 1 layers" in line
    assert ("first direction" in line) == bidirectional
    assert "do not fit" not in line


def test_what_does_not_fit_is_told(models: Path) -> None:
    own = TextRNNLanguageModel.load(models / "lm").model_
    for changes in ({"hidden_size": 7}, {"cell": "gru"}, {"body": "cnn", "bidirectional": False}):
        model, (line,) = begun(models / "lm", **changes)
        assert "do not fit, as the language model has 1 layers of 6 units of lstm" in line
        assert "weights of" not in line
        row = model.vocabulary.index["film"]
        np.testing.assert_array_equal(
            model.network.params[EMBEDDING][row],
            own.network.params[EMBEDDING][own.vocabulary.index["film"]],
        )


def test_of_layers_those_from_the_bottom(models: Path) -> None:
    # The second layer reads both directions of the first, which no language model has.
    _, (line,) = begun(models / "two layers", num_layers=2)
    assert "1 of 2 layers" in line
    assert "do not fit" in line
    _, (line,) = begun(models / "two layers", num_layers=2, bidirectional=False)
    assert "2 of 2 layers" in line
    assert "do not fit" not in line
    _, (line,) = begun(models / "two layers", num_layers=1)
    assert "1 of 1 layers" in line
    assert "do not fit" not in line


def test_the_vectors_bring_their_own_size(models: Path) -> None:
    model, _ = begun(models / "lm", embedding_dim=50)
    assert model.network.config.embedding_dim == 5


@pytest.mark.parametrize(
    ("source", "changes", "error", "told"),
    [
        ("nowhere", {}, ModelError, "no model folder"),
        ("classifier", {}, ModelError, "is a classifier, not a language model"),
        ("characters", {}, UsageError, "reads other tokens"),
        ("lm", {"lowercase": False}, UsageError, "reads other tokens"),
        ("one-hot", {}, UsageError, "no vectors to begin with"),
        ("lm", {"embedding": "word2vec"}, UsageError, "give one of them"),
        ("lm", {"embedding": "onehot"}, UsageError, "give one of them"),
    ],
)
def test_what_cannot_be_begun_from(
    models: Path, source: str, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        begun(models / source, **changes)


def test_a_language_model_of_other_texts(models: Path) -> None:
    settings = Settings(**SHAPE, init_from=models / "lm")
    texts = encode_lists([["un", "autre"], ["texte"]])
    with pytest.raises(UsageError, match="knows none of the 3 words"):
        build_model(settings, texts, ["bad", "good"], rng=np.random.default_rng(1))


def test_estimators_begin_from_one(models: Path, tmp_path: Path) -> None:
    few: dict[str, Any] = {**SHAPE, "max_iter": 1, "early_stopping": False, "random_state": 0}
    begun_from = TextRNNClassifier(**few, ngrams="none", init_from=models / "lm")
    alone = TextRNNClassifier(**few, ngrams="none").fit(LABELLED, LABELS)
    notes: list[str] = []
    begun_from.fit(LABELLED, LABELS, on_stage=lambda _, info: notes.extend(info.get("notes", ())))
    assert len(notes) == 1
    assert (begun_from.predict_proba(LABELLED) != alone.predict_proba(LABELLED)).any()
    begun_from.save(tmp_path / "m")
    loaded = TextRNNClassifier.load(tmp_path / "m")  # what it was begun from need not be there
    assert loaded.init_from == str(models / "lm")
    np.testing.assert_array_equal(
        loaded.predict_proba(LABELLED), begun_from.predict_proba(LABELLED)
    )
    TextRNNRegressor(**few, init_from=models / "lm").fit(LABELLED, [1.0, 2.0] * 10)


def test_the_command_tells(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{t} {i},{y}\n" for i, (t, y) in enumerate(zip(LABELLED, LABELS, strict=True)))
    Path("t.csv").write_text("text,label\n" + rows, encoding="utf-8")
    words = ["train", "t.csv", "--epochs", "1", "--no-baselines", "--no-cache", "--out", "m"]
    words += ["--hidden", "6", "--jobs", "1", "--validation-fraction", "0.2"]
    found = CliRunner().invoke(app, [*words, "--init-from", str(models / "lm")])
    assert found.exit_code == 0, found.stderr
    assert "the weights of 1 of 1 layers (the first direction of each)" in found.stderr
    refused = CliRunner().invoke(app, [*words, "--init-from", str(models / "classifier")])
    assert (refused.exit_code, "not a language model" in refused.stderr) == (4, True)
    refused = CliRunner().invoke(app, [*words, "--init-from", str(models / "characters")])
    assert (refused.exit_code, "--init-from is" in refused.stderr) == (2, True)

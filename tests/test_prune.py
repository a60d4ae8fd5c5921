"""Smaller models: what is left answers as before, and the folder is a fraction of the size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.networks import network_config
from textrnn.cli.app import app
from textrnn.errors import UsageError
from textrnn.inference.classifier import TextModel
from textrnn.linear.hashing import NGramKind, distinct_ngrams
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.network import Network
from textrnn.storage.loading import load_model
from textrnn.storage.prune import prune
from textrnn.storage.writing import save_model
from textrnn.text.encoded import encode_lists
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary

TEXTS = [["good", "good", "warm", "day"], ["good", "cold", "warm", "day"], ["good", "bad", "day"]]


def make_model(embedding_dim: int | None = 5, n_classes: int = 2) -> TextModel:
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary.build(TEXTS)
    config = network_config(n_classes, len(vocabulary), embedding_dim, hidden_size=4)
    network = Network.initialise(config, rng)
    kind, K = NGramKind(2), n_classes if n_classes > 2 else 1
    keys = np.unique(np.concatenate([k for k, _ in distinct_ngrams(encode_lists(TEXTS), kind)]))
    weights = rng.normal(0, 1, (len(keys), K)).astype(np.float16).astype(np.float32)
    ngrams = NGramModel(kind, keys, weights, np.zeros(K, np.float32))
    classes = tuple("abcd"[:n_classes])
    return TextModel(make_tokenizer("word"), vocabulary, network, classes, ngrams=ngrams)


@pytest.mark.parametrize("embedding_dim", [None, 5])
def test_words_that_are_left_out_become_unknown(embedding_dim: int | None) -> None:
    model = replace(make_model(embedding_dim), ngrams=None)
    small = prune(model, max_words=2)
    assert small.vocabulary.tokens == ("<unk>", "good", "day")
    assert small.vocabulary.counts.sum() == model.vocabulary.counts.sum()
    np.testing.assert_array_equal(
        small.predict_proba(["good day", "good cold"]), model.predict_proba(["good day", "good zz"])
    )
    assert len(model.vocabulary) == 6


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_strongest_ngrams_are_kept(n_classes: int) -> None:
    model = make_model(n_classes=n_classes)
    assert model.ngrams is not None
    small = prune(model, max_ngrams=3).ngrams
    assert small is not None
    strength = np.abs(model.ngrams.weights).max(axis=1)
    kept = np.isin(model.ngrams.keys, small.keys)
    assert kept.sum() == 3
    assert strength[kept].min() >= strength[~kept].max()
    np.testing.assert_array_equal(small.weights, model.ngrams.weights[kept])
    assert (small.keys[1:] > small.keys[:-1]).all()


def test_limits_beyond_what_there_is_change_nothing() -> None:
    model = make_model()
    small = prune(model, max_words=1_000, max_ngrams=1_000)
    assert small.vocabulary is model.vocabulary
    assert small.ngrams is model.ngrams


@pytest.mark.parametrize("name", ["max_words", "max_ngrams"])
def test_nothing_is_not_a_model(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is 0, but must be 1 or more"):
        prune(make_model(), **{name: 0})


@pytest.mark.parametrize("embedding_dim", [None, 5])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_compact_folder_gives_nearly_the_same(
    tmp_path: Path, embedding_dim: int | None, n_classes: int
) -> None:
    model = make_model(embedding_dim, n_classes)
    save_model(model, tmp_path / "m", compact=True)
    back = load_model(tmp_path / "m")
    texts = ["good warm day", "cold", "", "bad bad day"]
    np.testing.assert_allclose(back.predict_proba(texts), model.predict_proba(texts), atol=5e-3)
    assert back.network.dtype == np.float32
    assert back.ngrams is not None
    assert model.ngrams is not None
    np.testing.assert_array_equal(back.ngrams.keys, model.ngrams.keys)
    np.testing.assert_array_equal(back.ngrams.weights, model.ngrams.weights)


def test_only_compact_folders_have_the_newer_format(tmp_path: Path) -> None:
    for compact, version in ((False, 1), (True, 2)):
        save_model(make_model(), tmp_path / "m", compact=compact)
        config = json.loads((tmp_path / "m/config.json").read_text())
        assert config["format_version"] == version


def test_a_compact_folder_is_much_smaller(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build([[f"w{i}" for i in range(5_000)]])
    config = network_config(2, len(vocabulary), 100, hidden_size=8)
    network = Network.initialise(config, np.random.default_rng(0))
    model = TextModel(make_tokenizer("word"), vocabulary, network, ("a", "b"))
    sizes = {}
    for compact in (False, True):
        save_model(model, tmp_path / "m", compact=compact)
        sizes[compact] = (tmp_path / "m/weights.safetensors").stat().st_size
    assert sizes[True] < 0.28 * sizes[False]


def test_what_a_smaller_file_cannot_hold_is_no_smaller_model(tmp_path: Path) -> None:
    model = make_model()
    model.network.params["linear.bias"][0] = 70_000
    save_model(model, tmp_path / "big", metrics={})
    done = CliRunner().invoke(app, ["shrink", f"{tmp_path}/big", "--out", f"{tmp_path}/small"])
    assert done.exit_code == 4
    assert "'linear.bias' hold 70000" in done.stderr
    assert not (tmp_path / "small").exists()

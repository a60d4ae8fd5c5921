"""The making of a shipped model, on a corpus that is trained on in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import make_models
from benchmarks.make_models import SENTENCES_TIMES, Recipe, english, make
from textrnn.corpora import Corpus, Split
from textrnn.storage.loading import load_model
from textrnn.storage.reading import read_metrics
from textrnn.training.settings import Settings


def rows(kind: str, n: int) -> Split:
    return Split([f"{kind} {i}" for i in range(n)], ["neg", "pos"] * (n // 2))


def test_reviews_and_sentences_are_trained_on_together() -> None:
    read = list[str]
    reviews = Corpus("imdb", rows("review", 100), test=rows("tested", 4), read_unlabelled=read)
    sentences = Corpus("sst2", rows("sentence", 20), rows("checked", 6), rows("tested", 4))
    corpus = english({"imdb": reviews, "sst2": sentences})
    assert corpus.validation is not None
    assert len(corpus.train) == 90 + SENTENCES_TIMES * 20
    assert len(corpus.validation) == 10 + 6
    assert not set(corpus.train.texts) & set(corpus.validation.texts)
    assert not any("tested" in text for text in corpus.train.texts + corpus.validation.texts)
    assert corpus.read_unlabelled is read


def test_a_model_is_trained_shrunk_scored_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(
        title="What a scene is",
        corpora={"cars": "the corpus that is built in"},
        gather=lambda corpora: corpora["cars"],
        settings=Settings(hidden_size=8, embedding_dim=8, max_iter=1),
        max_ngrams=100,
        limits="It knows cars.",
    )
    monkeypatch.setitem(make_models.RECIPES, "toy", recipe)
    made = make("toy", out=tmp_path, few=200)
    model = load_model(tmp_path / "toy")
    assert model.ngrams is not None
    assert len(model.ngrams.keys) == 100
    metrics = read_metrics(tmp_path / "toy")
    assert metrics["tests"] == made["tests"]
    assert metrics["tests"]["cars"]["n"] == 1_000
    assert metrics["n_train"] == 200
    card = (tmp_path / "toy/README.md").read_text()
    for told in ("# toy", "cars | 1,000 |", "the corpus that is built in", "It knows cars."):
        assert told in card

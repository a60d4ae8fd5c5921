"""The bundled models: there, small, sound and as good as they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.make_models import LIMIT, RECIPES, card
from textrnn import TextRNNClassifier
from textrnn.cli.models import find_model, trained_models
from textrnn.errors import ModelError
from textrnn.storage import bundled
from textrnn.storage.bundled import BUNDLED, bundled_folder, bundled_folders
from textrnn.storage.loading import load_model
from textrnn.storage.reading import read_metrics

TARGETS = {"imdb": 0.90, "sst2": 0.80, "chnsenticorp": 0.88}
TEXTS = {
    "sentiment-en": {
        "What a waste of two hours.": "neg",
        "A warm, funny and beautifully acted film.": "pos",
    },
    "sentiment-zh": {
        "房间很脏，服务态度极差，再也不会来了。": "neg",
        "房间干净舒适，服务非常好，下次还会住这里。": "pos",
    },
}


def folder_of(name: str) -> Path:
    folder = bundled_folder(name)
    assert folder is not None
    return folder


def test_all_are_there() -> None:
    assert tuple(bundled_folders()) == BUNDLED == tuple(RECIPES)


@pytest.mark.parametrize("name", BUNDLED)
def test_they_answer(name: str) -> None:
    model = load_model(folder_of(name))
    found = model.predict_proba(list(TEXTS[name])).argmax(axis=1)
    assert [model.classes[i] for i in found] == list(TEXTS[name].values())


@pytest.mark.parametrize("name", BUNDLED)
def test_their_ngrams_have_the_keys_that_are_made_today(name: str) -> None:
    ngrams = load_model(folder_of(name)).ngrams
    assert ngrams is not None
    words = {"sentiment-en": ["excellent", "waste"], "sentiment-zh": ["脏", "好"]}[name]
    assert ngrams.knows(words).all(), "make the models again: python -m benchmarks.make_models"


@pytest.mark.parametrize("name", BUNDLED)
def test_they_are_small_and_hold_no_text_of_a_corpus(name: str) -> None:
    folder = folder_of(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= LIMIT
    tokens = load_model(folder).vocabulary.tokens
    assert max(len(token) for token in tokens if token.isalpha()) < 25
    assert not any(" " in token for token in tokens)


@pytest.mark.parametrize("name", BUNDLED)
def test_what_they_scored_is_enough_and_stands_in_the_card(name: str) -> None:
    folder = folder_of(name)
    metrics = read_metrics(folder)
    assert metrics["tests"].keys() == RECIPES[name].corpora.keys()
    for corpus, test in metrics["tests"].items():
        assert test["accuracy"] >= TARGETS[corpus]
    shown = (folder / "README.md").read_text(encoding="utf-8")
    assert shown == card(name, load_model(folder), metrics)


def test_one_answers_where_nothing_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(None) == find_model("sentiment-en") == folder_of("sentiment-en")
    assert find_model("sentiment-zh") == folder_of("sentiment-zh")
    with pytest.raises(ModelError, match=r"Did you mean 'sentiment-en'\? Bundled: sentiment"):
        find_model("sentimen-en")


def test_a_model_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "sentiment-zh"):
        shutil.copytree(folder_of("sentiment-zh"), f"models/{name}", copy_function=shutil.copyfile)
    assert find_model(None) in trained_models()
    assert find_model("sentiment-zh") == Path("models/sentiment-zh")


def test_in_a_checkout_the_box_is_not_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder_of("sentiment-zh"), "models/sentiment-zh")
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "textrnn/storage/bundled.py"))
    assert trained_models() == []
    here = (tmp_path / "models/sentiment-zh").resolve()
    assert find_model(None).resolve() == find_model("sentiment-zh").resolve() == here


def test_an_installed_package_in_a_checkout_answers_with_the_first_of_the_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same models stand in the package and under ./models, of which nobody trained one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder_of("sentiment-zh"), "models/sentiment-zh", copy_function=shutil.copyfile)
    assert trained_models() == []
    assert find_model(None) == folder_of("sentiment-en")


def test_without_a_box_one_must_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "textrnn/storage/bundled.py"))
    assert bundled_folders() == {}
    with pytest.raises(ModelError, match="train one: textrnn train cars"):
        find_model(None)


def test_the_library_knows_them_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    classifier = TextRNNClassifier.load("sentiment-en")
    assert classifier.predict(["What a waste of two hours."]).tolist() == ["neg"]
    shutil.copytree(folder_of("sentiment-zh"), "sentiment-en", copy_function=shutil.copyfile)
    own = TextRNNClassifier.load("sentiment-en").model_.vocabulary
    assert own.tokens == load_model(folder_of("sentiment-zh")).vocabulary.tokens
    with pytest.raises(ModelError, match="there is no model folder 'sentimen-en'"):
        TextRNNClassifier.load("sentimen-en")

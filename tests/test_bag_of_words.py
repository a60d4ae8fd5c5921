"""A baseline as a model folder: the same probabilities without scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import LABELS, TEXTS
from textrnn.errors import DamagedModelError, ModelError, UsageError
from textrnn.inference.bag_of_words import PRESENCE, LinearForm, LinearModel
from textrnn.inference.fitted_baselines import as_linear_model
from textrnn.inference.pool import Predictor, chunks, predict_many
from textrnn.linear.baselines import BASELINES, FittedBaseline, fit_baselines
from textrnn.storage.loading import load_model
from textrnn.storage.reading import load_classifier
from textrnn.storage.writing import save_model
from textrnn.text.tokenizers import WordTokenizer

TOKENIZE = WordTokenizer()
UNSEEN = [
    "",
    "the inn: warm and kind, warm and kind, warm and warm!",
    "unheard words only",
    "the zebra inn: fresh fresh fresh and rude",
    "dark, loud dark, quiet",
]


def three_classes() -> list[str]:
    """Labels of which one is decided by the place."""
    return ["far" if "camp" in text else label for text, label in zip(TEXTS, LABELS, strict=True)]


@pytest.fixture(scope="module", params=[2, 3])
def fitted(request: Any) -> dict[str, FittedBaseline]:
    """All baselines on texts of two or three classes."""
    tokens = [TOKENIZE(text) for text in TEXTS]
    labels = LABELS if request.param == 2 else three_classes()
    found = fit_baselines(tokens[:36], labels[:36], tokens[36:], labels[36:])
    return {baseline.name: baseline for baseline in found}


@pytest.mark.parametrize("name", BASELINES)
def test_the_probabilities_are_the_baselines(
    fitted: dict[str, FittedBaseline], name: str, tmp_path: Path
) -> None:
    baseline = fitted[name]
    texts = [*TEXTS, *UNSEEN]
    expected = baseline.predict_proba([TOKENIZE(text) for text in texts])
    save_model(as_linear_model(baseline, TOKENIZE), tmp_path / "m")
    model = load_classifier(tmp_path / "m")
    assert isinstance(model, LinearModel)
    assert model.classes == baseline.classes
    assert model.form.name == name
    found = model.predict_proba(texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    one_by_one = np.concatenate([model.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(one_by_one, expected, atol=1e-5)
    np.testing.assert_array_equal(predict_many(model, texts), found)
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == [
        "README.md",
        "config.json",
        "metrics.json",
        "weights.safetensors",
    ]


def test_the_classes_differ(fitted: dict[str, FittedBaseline]) -> None:
    """The probabilities compared above are not all alike."""
    model = as_linear_model(fitted["nbsvm"], TOKENIZE)
    assert set(model.predict_proba(TEXTS).argmax(axis=1)) == set(range(len(model.classes)))


def test_no_texts_give_no_rows(fitted: dict[str, FittedBaseline]) -> None:
    model = as_linear_model(fitted["tfidf_lr"], TOKENIZE)
    assert model.predict_proba([]).shape == (0, len(model.classes))


def test_several_processes_give_the_same(fitted: dict[str, FittedBaseline]) -> None:
    model = as_linear_model(fitted["nbsvm"], TOKENIZE)
    texts = TEXTS * 100
    with Predictor(model, 2, patience=0.0) as predictor:
        found = [probabilities for _, probabilities in predictor.stream(chunks(texts))]
    np.testing.assert_array_equal(np.concatenate(found), model.predict_proba(texts))


def one_word_model(bias: list[float]) -> LinearModel:
    """A model whose logits are its biases."""
    K = len(bias)
    return LinearModel(
        TOKENIZE,
        ("a", "b", "c")[: max(K, 2)],
        LinearForm("nbsvm", 1, PRESENCE, one_against_rest=K > 1),
        keys=np.zeros(0, dtype=np.uint64),
        weights=np.zeros((0, K), dtype=np.float32),
        bias=np.array(bias),
        scale=np.zeros(0, dtype=np.float32),
    )


@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_far_from_all_classes_one_is_still_the_nearest(shift: float) -> None:
    """Where each of three probabilities is too small, their proportions are those of exp."""
    found = one_word_model([-40.0 - shift, -41.0 - shift, -42.0 - shift]).predict_proba(["x"])
    expected = np.exp([0.0, -1.0, -2.0])
    np.testing.assert_allclose(found[0], expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize("logit", [-40.0, 40.0])
def test_a_small_probability_of_two_keeps_its_digits(logit: float) -> None:
    found = one_word_model([logit]).predict_proba(["x"])[0]
    np.testing.assert_allclose(found.min(), np.exp(-40.0), rtol=1e-12)
    assert found.argmax() == (logit > 0)


def test_a_threshold_decides() -> None:
    model = one_word_model([0.1])
    probabilities = model.predict_proba(["x"])
    assert model.decide(probabilities).tolist() == [1]
    assert replace(model, threshold=0.6).decide(probabilities).tolist() == [0]
    assert replace(model, threshold=0.5).decide(1.0 - probabilities).tolist() == [0]


def test_a_bare_string_is_told() -> None:
    with pytest.raises(UsageError, match=r"single string 'bad', but must be a list"):
        one_word_model([0.0]).predict_proba("bad")


def test_a_network_is_not_a_linear_model(fitted: dict[str, FittedBaseline], tmp_path: Path) -> None:
    save_model(as_linear_model(fitted["bow_lr"], TOKENIZE), tmp_path / "m")
    with pytest.raises(ModelError, match="bag of words \\(bow_lr\\), not a network"):
        load_model(tmp_path / "m")


def test_damage_is_told(fitted: dict[str, FittedBaseline], tmp_path: Path) -> None:
    save_model(as_linear_model(fitted["bow_lr"], TOKENIZE), tmp_path / "m")
    file = tmp_path / "m/weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedModelError, match=r"weights\.safetensors is not what was written"):
        load_classifier(tmp_path / "m")


def test_arrays_must_fit() -> None:
    none = np.zeros(0, dtype=np.float32)
    with pytest.raises(UsageError, match="cannot have arrays of shapes"):
        LinearModel(
            TOKENIZE,
            ("a", "b"),
            LinearForm("nbsvm", 1, PRESENCE),
            keys=np.zeros(3, dtype=np.uint64),
            weights=np.zeros((2, 1), dtype=np.float32),
            bias=np.zeros(1),
            scale=none,
        )


def test_prediction_imports_nothing_heavy(
    fitted: dict[str, FittedBaseline], tmp_path: Path
) -> None:
    save_model(as_linear_model(fitted["tfidf_lr"], TOKENIZE), tmp_path / "m")
    code = (
        "import sys\n"
        "from textrnn.storage.reading import load_classifier\n"
        f"load_classifier({str(tmp_path / 'm')!r}).predict_proba(['the inn: fresh!'])\n"
        "heavy = {'sklearn', 'scipy', 'safetensors', 'multiprocessing'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

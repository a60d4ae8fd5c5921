"""A classifier by Bayes' rule over Markov chains: its probabilities, its choice, its folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import LABELS, TEXTS
from tests.test_cli import run
from tests.test_markov_model import Change, Folder, altered, put
from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.fitted_baselines import as_model
from textrnn.inference.markov_classifier import MarkovClassifier
from textrnn.inference.pool import predict_many
from textrnn.linear.baselines import (
    ALL_BASELINES,
    BASELINES,
    FittedBaseline,
    fit_baselines,
)
from textrnn.linear.markov import fit_chain
from textrnn.linear.markov_bayes import MarkovBayes
from textrnn.storage.card import model_card
from textrnn.storage.loading import load_model
from textrnn.storage.reading import load_classifier
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.text.tokenizers import WordTokenizer
from textrnn.text.vocabulary import UNKNOWN

TOKENIZE = WordTokenizer()
TOKENS = [TOKENIZE(text) for text in TEXTS]
UNSEEN = ["", "unheard words only", "the zebra inn: fresh fresh and rude"]


def chain_alone(label: str, model: MarkovBayes) -> Any:
    """The chain of the texts of a class."""
    of_class = [text for text, of in zip(TOKENS, LABELS, strict=True) if of == label]
    ids = np.concatenate([model.vocabulary_.encode(text) for text in of_class])
    starts = np.cumsum([0, *map(len, of_class)], dtype=np.int64)
    return fit_chain(ids, starts, n_marks=len(model.vocabulary_) + 1, order=model.order).chain


def fitted(n: int = 36) -> FittedBaseline:
    parts = TOKENS[:n], LABELS[:n], TOKENS[n:], LABELS[n:]
    (baseline,) = fit_baselines(*parts, names=["markov"])
    return baseline


def test_the_probabilities_are_those_of_bayes_rule() -> None:
    model = MarkovBayes(order=2).fit(TOKENS, LABELS)
    assert model.classes_.tolist() == sorted(set(LABELS))
    text = ["the", "inn", UNKNOWN, "zebra"]
    ids = model.vocabulary_.encode(text)
    joint = [
        LABELS.count(label)
        / len(LABELS)
        * np.exp(chain_alone(label, model).log_probabilities(ids, np.array([0, 4])).sum())
        for label in model.classes_
    ]
    found = model.predict_proba([text])
    np.testing.assert_allclose(found, [np.array(joint) / sum(joint)], rtol=1e-12)


def test_a_class_of_weight_k_counts_as_k_texts_in_the_prior() -> None:
    first, second = sorted(set(LABELS))
    plain = MarkovBayes().fit(TOKENS, LABELS).predict_proba(TOKENS[:5])
    weighted = MarkovBayes(class_weight={first: 3.0, second: 1.0}).fit(TOKENS, LABELS)
    odds = weighted.predict_proba(TOKENS[:5])
    np.testing.assert_allclose(odds[:, 0] / odds[:, 1], 3 * plain[:, 0] / plain[:, 1], rtol=1e-9)
    nothing = MarkovBayes(class_weight={first: 0.0, second: 1.0}).fit(TOKENS, LABELS)
    assert np.isfinite(nothing.predict_proba(TOKENS[:5])).all()


def test_it_takes_part_in_a_comparison_but_in_no_training() -> None:
    assert (*BASELINES, "markov") == ALL_BASELINES
    assert BASELINES[-1] == "nbsvm"


def test_the_order_is_the_one_that_finds_most_validation_texts() -> None:
    baseline = fitted()
    right = {}
    for order in (1, 2, 3):
        model = MarkovBayes(order=order).fit(TOKENS[:36], LABELS[:36])
        right[order] = float(np.mean(model.predict(TOKENS[36:]) == np.array(LABELS[36:])))
    assert baseline.validation_accuracy == right[int(baseline.params["order"])]
    assert baseline.validation_accuracy == max(right.values())


def test_the_folder_gives_the_baselines_probabilities_without_scikit_learn(tmp_path: Path) -> None:
    baseline = fitted()
    save_model(as_model(baseline, TOKENIZE), tmp_path / "m")
    model = load_classifier(tmp_path / "m")
    assert isinstance(model, MarkovClassifier)
    assert model.classes == baseline.classes
    texts = [*TEXTS, *UNSEEN]
    expected = baseline.predict_proba([TOKENIZE(text) for text in texts])
    np.testing.assert_allclose(model.predict_proba(texts), expected, rtol=1e-9)
    np.testing.assert_array_equal(predict_many(model, texts), model.predict_proba(texts))
    one_by_one = np.concatenate([model.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-9)
    assert model.predict_proba([]).shape == (0, 2)
    assert f"of order {model.order}" in model_card(model, RunReport())
    with pytest.raises(ModelError, match="is a Markov classifier, not a network"):
        load_model(tmp_path / "m")
    script = (
        "import sys; from textrnn.storage.reading import load_classifier;"
        f"load_classifier({str(tmp_path / 'm')!r}).predict_proba(['the inn']);"
        "sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def without_share(folder: Folder) -> None:
    folder.config["markov_bayes"]["label_shares"] = [0.0, 1.0]


def of_one_class(folder: Folder) -> None:
    folder.config["classes"] = folder.config["classes"][:1]


def of_no_class(folder: Folder) -> None:
    folder.config["classes"], folder.config["markov_bayes"]["label_shares"] = [], []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_share, "must be above 0"),
        (of_one_class, "at least two"),
        (of_no_class, "at least two"),
        (put("1.counts.1", slice(None), 0), "'1.counts.1' holds counts"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(change: Change, message: str, tmp_path: Path) -> None:
    save_model(as_model(fitted(), TOKENIZE), tmp_path / "m")
    altered(tmp_path / "m", lambda _: None)
    load_classifier(tmp_path / "m")
    altered(tmp_path / "m", change)
    with pytest.raises(DamagedModelError, match=message):
        load_classifier(tmp_path / "m")


def test_what_compare_saves_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f'"{text}",{label}' for text, label in zip(TEXTS, LABELS, strict=True)]
    Path("stays.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    save = ["--save", "chains", "--which", "markov", "--no-network"]
    report = json.loads(run("compare", "stays.csv", *save, "--json", "-q").stdout)
    assert report["baselines"]["markov"]["params"]["order"] in (1, 2, 3)
    assert report["costs"]["markov"]["size_bytes"] > 0
    answer = json.loads(run("predict", TEXTS[0], "--json", "-m", "chains").stdout)
    assert answer["label"] in LABELS
    scores = json.loads(run("evaluate", "chains", "stays.csv", "--json").stdout)
    assert scores["accuracy"] > 0.5
    assert "Markov classifier" in run("inspect", "chains").stdout
    assert "chains" in run("models").stdout
    told = run("predict", "an inn").stderr
    assert "models/chains" in told

"""The scikit-learn contract, for texts.

scikit-learn's conformance suite runs one check on estimators that take strings; the rest of
it is in test_sklearn_conformance.py. The table here holds the text versions of the checks that
matter; each row is a function from a fresh estimator and the data to an assertion.
"""

from __future__ import annotations

import inspect
import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.errors import DataError, ModelError, TrainingError, UsageError
from textrnn.estimator import preparation
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.nn.poolings import POOLINGS
from textrnn.storage.reading import read_metrics
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training import ngrams
from textrnn.training import pipeline as stages
from textrnn.training.callbacks import Callback
from textrnn.training.settings import DECLARED, Settings

Data = tuple[list[str], list[str]]


def small(**changes: Any) -> TextRNNClassifier:
    """A network that learns the reviews in about a second."""
    parameters = {
        "hidden_size": 8,
        "embedding_dim": 8,
        "max_iter": 12,
        "batch_size": 8,
        "learning_rate_init": 0.02,
        "early_stopping": False,
        "random_state": 0,
    }
    return TextRNNClassifier(**{**parameters, **changes})


def probabilities(model: TextRNNClassifier, texts: Sequence[str]) -> Any:
    return model.predict_proba(list(texts))


# ------------------------------------------------- text versions of sklearn's checks


def check_learns(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    assert model.fit(texts, labels).score(texts, labels) == 1.0


def check_fit_returns_self(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    assert model.fit(texts, labels) is model


def check_parameters_unchanged_by_fit(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    before = model.get_params()
    model.fit(texts, labels)
    assert model.get_params() == before


def check_no_attributes_before_fit(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    del texts, labels
    assert not [name for name in vars(model) if name.endswith("_")]


def check_unfitted_raises(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    del labels
    for method in (model.predict, model.predict_proba, model.predict_log_proba):
        with pytest.raises(NotFittedError, match="call fit"):
            method(texts)


def check_probabilities(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    found = probabilities(model.fit(texts, labels), texts)
    assert found.shape == (len(texts), 2)
    assert np.allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert (found >= 0).all()
    assert (model.classes_[found.argmax(axis=1)] == model.predict(texts)).all()
    assert np.allclose(np.exp(model.predict_log_proba(texts)), found)


def check_prediction_does_not_depend_on_neighbours(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    model.fit(texts, labels)
    alone = np.concatenate([probabilities(model, [text]) for text in texts[:6]])
    assert np.allclose(alone, probabilities(model, texts)[:6], atol=1e-6)
    assert np.allclose(probabilities(model, texts[::-1])[::-1], probabilities(model, texts))


def check_same_seed_same_bits(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    one, two = clone(model).fit(texts, labels), clone(model).fit(texts, labels)
    for name, value in one.model_.network.params.items():
        assert value.tobytes() == two.model_.network.params[name].tobytes()


def check_refit_forgets(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    once = probabilities(clone(model).fit(texts, labels), texts)
    model.fit(texts[::-1], ["other", "third"] * (len(labels) // 2)).fit(texts, labels)
    assert np.array_equal(probabilities(model, texts), once)


def check_containers(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    expected = probabilities(clone(model).fit(texts, labels), texts)
    for container in (tuple, np.array, pd.Series, lambda x: np.array(x, dtype=object), iter):
        found = clone(model).fit(container(texts), np.array(labels))
        assert np.array_equal(found.predict_proba(container(texts)), expected)


def check_labels_of_every_kind(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    positive = np.array(labels) == "good"
    numbers = np.where(positive, 4, -3)
    for encoded in (positive, numbers, np.where(positive, 2.0, -1.0)):
        found = clone(model).fit(texts, encoded).predict(texts)
        assert found.dtype == encoded.dtype
        assert (found == encoded).all()
    for encoded, dtype in ((positive, "boolean"), (numbers, "Int64")):
        found = clone(model).fit(texts, pd.Series(encoded, dtype=dtype)).predict(texts)
        assert found.dtype == encoded.dtype
        assert (found == encoded).all()
    for dtype in ("object", "str", "string", "category"):
        found = clone(model).fit(texts, pd.Series(labels, dtype=dtype)).predict(texts)
        assert list(found) == labels


def check_pickle(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    model.fit(texts, labels)
    back = pickle.loads(pickle.dumps(model))
    assert np.array_equal(probabilities(back, texts), probabilities(model, texts))


def check_zero_weight_equals_removal(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    weight = np.ones(len(texts))
    weight[::3] = 0
    kept = np.flatnonzero(weight)
    weighted = clone(model).fit(texts, labels, sample_weight=weight)
    removed = clone(model).fit([texts[i] for i in kept], [labels[i] for i in kept])
    assert np.array_equal(probabilities(weighted, texts), probabilities(removed, texts))


def check_equal_weights_change_nothing(
    model: TextRNNClassifier, texts: list[str], labels: list[str]
) -> None:
    plain = clone(model).fit(texts, labels)
    weighted = clone(model).fit(texts, labels, sample_weight=[3.0] * len(texts))
    assert np.allclose(probabilities(plain, texts), probabilities(weighted, texts), atol=1e-5)


def check_weights_pull(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    same = ["one text"] * len(texts)
    for heavy, other in (("good", "bad"), ("bad", "good")):
        weight = [9.0 if label == heavy else 1.0 for label in labels]
        found = clone(model).fit(same, labels, sample_weight=weight)
        assert found.predict(["one text"])[0] == heavy != other


def check_class_weight(model: TextRNNClassifier, texts: list[str], labels: list[str]) -> None:
    same = ["one text"] * len(texts)
    model.set_params(class_weight={"good": 9.0, "bad": 1.0}).fit(same, labels)
    assert model.predict(["one text"])[0] == "good"
    skewed = ["good"] * 40 + ["bad"] * 8
    balanced = clone(model).set_params(class_weight="balanced", dropout_readout=0.0)
    share = probabilities(balanced.fit(same, skewed), ["one text"])[0, 0]
    assert 0.35 < share < 0.65


CHECKS: list[Callable[[TextRNNClassifier, list[str], list[str]], None]] = [
    check_learns,
    check_fit_returns_self,
    check_parameters_unchanged_by_fit,
    check_no_attributes_before_fit,
    check_unfitted_raises,
    check_probabilities,
    check_prediction_does_not_depend_on_neighbours,
    check_same_seed_same_bits,
    check_refit_forgets,
    check_containers,
    check_labels_of_every_kind,
    check_pickle,
    check_zero_weight_equals_removal,
    check_equal_weights_change_nothing,
    check_weights_pull,
    check_class_weight,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(
    check: Callable[[TextRNNClassifier, list[str], list[str]], None], reviews: Data
) -> None:
    check(small(), *reviews)


def test_sklearns_own_checks_that_apply() -> None:
    ran = 0
    for estimator, check in estimator_checks_generator(small(), legacy=True):
        check(estimator)
        ran += 1
    assert ran >= 1
    assert is_classifier(small())


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("a text", ["x"], "single str"),
        ([], [], "no texts"),
        (["a", "b"], ["x"], "2 texts, but y has 1"),
        (["a", None], ["x", "y"], "text 1 is None"),
        (["a", float("nan")], ["x", "y"], "text 1 is nan"),
        ([["a"], ["b"]], ["x", "y"], r"text 0 is \['a'\]"),
        (np.array([["a"], ["b"]]), ["x", "y"], "shape"),
        (["a", "b"], ["x", "x"], "one class"),
        (["a", "b"], None, "requires y"),
        (["a", "b"], [0.0, float("nan")], "label 1 of y is nan"),
        (["a", "b"], ["x", float("nan")], "label 1 of y is nan"),
        (["a", "b"], np.array(["x", None], dtype=object), "label 1 of y is None"),
        (["a", "b"], pd.Series(["x", None], dtype=object), "label 1 of y is None"),
        (["a", "b"], pd.Series(["x", None], dtype="str"), "label 1 of y is (nan|None)"),
        (["a", "b"], pd.Series(["x", None], dtype="string"), "label 1 of y is <NA>"),
        (["a", "b"], pd.Series(["x", None], dtype="category"), "label 1 of y is nan"),
        (["a", "b"], pd.Series([1, None], dtype="Int64"), "label 1 of y is <NA>"),
        (["a", "b"], [0.0, float("inf")], "label 1 of y is inf"),
        (["a", "b"], [b"x", b"y"], r"label 0 of y is b'x' \(bytes\)"),
        (["a", "b", "c"], [1, 2, "n"], "numbers and strings: label 0 is 1, label 2 is 'n'"),
        (["a", "b"], np.array(["n", 1], dtype=object), "strings and numbers"),
        (["a", "b"], [True, 2], "booleans and numbers"),
        (["a", "b"], [[1, 2], [0, 1]], r"y has shape \(2, 2\)"),
        (["a", "b"], [["x"], ["x", "y"]], "MultiLabelBinarizer"),
        (["a", "b"], [[0, 0], [0, 0]], "no text has any label"),
        (["a", "b"], "xy", r"y has shape \(\)"),
        (["a", "b"], np.array(["x", "x"]), "one class only, 'x'"),
        ({"a", "b"}, ["x", "y"], "X is a set"),
        ({"a": 1, "b": 2}, ["x", "y"], "X is a dict"),
        (["a", "b", "c"], [0.1, 0.7, 0.3], "continuous"),
        (5, ["x"], "list of texts"),
    ],
)
def test_bad_data_is_named(X: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        small().fit(X, y)
    assert "continuous" in message or isinstance(caught.value, DataError)


WORDED = {"embedding", "tokenizer", "init_from"}
"""Parameters for which any word may be right: a file, a folder, a tokenizer not installed."""


@pytest.mark.parametrize("name", [name for name in DECLARED if name not in WORDED])
def test_every_parameter_is_checked(name: str, reviews: Data) -> None:
    with pytest.raises(UsageError, match=f"{name} is .*but must be"):
        small(**{name: "nonsense"}).fit(*reviews)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 0),
        ("hidden_size", 2.5),
        ("hidden_size", True),
        ("batch_size", -1),
        ("learning_rate_init", 0.0),
        ("learning_rate_init", float("nan")),
        ("dropout_input", 1.0),
        ("validation_fraction", 0),
        ("max_features", 0),
        ("min_df", -1),
        ("tokenizer", 5),
        ("random_state", "x"),
        ("random_state", -1),
        ("embedding", None),
        ("embedding", "no/such/file.txt"),
    ],
)
def test_values_that_cannot_work(name: str, value: Any, reviews: Data) -> None:
    with pytest.raises((UsageError, DataError), match=r"but must be|no/such/file|tokenizer"):
        small(**{name: value}).fit(*reviews)


def test_negative_and_all_zero_weights(reviews: Data) -> None:
    texts, labels = reviews
    with pytest.raises(ValueError, match="egative"):
        small().fit(texts, labels, sample_weight=[-1.0] * len(texts))
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        small().fit(texts, labels, sample_weight=[0.0] * len(texts))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"good": -1, "bad": 1}, "of 'good' is -1"),
        ({"good": 1, "bad": float("nan")}, "of 'bad' is nan"),
        ({"good": 1, "bad": np.inf}, "of 'bad' is inf"),
        ({"good": "much", "bad": 1}, "of 'good' is 'much'"),
        ({"good": 0, "bad": 0.0}, "above 0 for some class"),
        ({}, "above 0 for some class"),
        ({"good": 1}, "no weight for 'bad'"),
        ({"good": 1, "bad": 1, "ugly": 1}, "a weight for 'ugly', which is not one"),
        (np.array([1, 2]), "but must be None"),
    ],
)
def test_class_weights_that_cannot_work(class_weight: Any, message: str, reviews: Data) -> None:
    with pytest.raises(UsageError, match=message):
        small(class_weight=class_weight).fit(*reviews)
    if isinstance(class_weight, dict):
        with pytest.raises(UsageError, match=message):
            small(class_weight=class_weight).partial_fit(*reviews, classes=["good", "bad"])


def test_weights_that_leave_nothing(reviews: Data) -> None:
    weight = [float(label == "good") for label in reviews[1]]
    model = small(class_weight={"good": 0, "bad": 1})
    with pytest.raises(DataError, match="one class"):
        model.fit(*reviews, sample_weight=weight)
    model.partial_fit(["warm"], ["good"], classes=["good", "bad"])
    assert model.loss_curve_ == [0.0]


@pytest.mark.parametrize(
    ("returned", "shown"), [(None, "None"), ([1, 2], r"\[1, 2\]"), ("ab", "'ab'"), (3, "3")]
)
def test_a_tokenizer_that_returns_no_tokens(returned: Any, shown: str, reviews: Data) -> None:
    def cut(text: str) -> Any:
        return returned if text == reviews[0][3] else text.split()

    with pytest.raises(DataError, match=rf"cut' returned {shown} for text 3") as caught:
        small(tokenizer=cut).fit(*reviews)
    assert "a list of strings" in str(caught.value)


def test_texts_are_tokenised_by_as_many_processes_as_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, reviews: Data
) -> None:
    asked: list[int] = []
    patched: Any = preparation
    tokenise = patched.tokenise

    def spy(*arguments: Any, n_jobs: int) -> Any:
        asked.append(n_jobs)
        return tokenise(*arguments, n_jobs=n_jobs)

    monkeypatch.setattr(preparation, "tokenise", spy)
    small(max_iter=1, n_jobs=2).fit(*reviews)
    assert set(asked) == {2}


def test_divergence_is_explained(reviews: Data) -> None:
    model = small(solver="sgd", learning_rate_init=1e30, cell="rnn_relu", max_grad_norm=None)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="Lower learning_rate_init"):
        model.fit(*reviews)


# ----------------------------------------------------------- inside scikit-learn


def test_defaults_are_written_once_more_and_equal() -> None:
    parameters = inspect.signature(TextRNNClassifier.__init__).parameters
    for field in fields(Settings):
        assert parameters[field.name].default == field.default, field.name


def test_grid_search(reviews: Data) -> None:
    search = GridSearchCV(small(max_iter=8), {"cell": ["gru", "rnn"], "hidden_size": [4]}, cv=2)
    assert search.fit(*reviews).best_score_ > 0.9


def test_cross_validation_and_pipeline(reviews: Data) -> None:
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = Pipeline([("upper", upper), ("rnn", small())])
    assert cross_val_score(pipeline, *reviews, cv=3).mean() > 0.9


def test_stacking_and_voting(reviews: Data) -> None:
    bag = make_pipeline(TfidfVectorizer(), LogisticRegression())
    for combined in (
        StackingClassifier([("rnn", small()), ("bag", bag)], cv=2),
        VotingClassifier([("rnn", small()), ("bag", bag)], voting="soft"),
    ):
        assert combined.fit(*reviews).score(*reviews) == 1.0


def test_calibration(reviews: Data) -> None:
    calibrated = CalibratedClassifierCV(small(), cv=2).fit(*reviews)
    assert calibrated.score(*reviews) > 0.9


def test_metadata_routing_of_sample_weight(reviews: Data) -> None:
    texts, labels = reviews
    same = ["one text"] * len(texts)
    weight = [9.0 if label == "bad" else 1.0 for label in labels]
    with config_context(enable_metadata_routing=True):
        routed = small().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), routed)
        assert pipeline.fit(same, labels, sample_weight=weight).predict(["one text"])[0] == "bad"


# --------------------------------------------------------------------- our own


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "lstm_forget", "gru"])
@pytest.mark.parametrize("embedding", ["random", "onehot", "word2vec"])
def test_every_cell_and_input_learns(cell: str, embedding: str, reviews: Data) -> None:
    model = small(cell=cell, embedding=embedding, max_iter=20, learning_rate_init=0.01)
    assert model.fit(*reviews).score(*reviews) == 1.0


@pytest.mark.parametrize("readout", list(POOLINGS))
def test_every_readout_learns(readout: str, reviews: Data, tmp_path: Path) -> None:
    model = small(readout=readout, max_iter=20, ngrams="none").fit(*reviews)
    assert model.score(*reviews) == 1.0
    model.save(tmp_path / "m")
    loaded = TextRNNClassifier.load(tmp_path / "m")
    assert loaded.get_params()["readout"] == readout
    np.testing.assert_array_equal(loaded.predict_proba(reviews[0]), model.predict_proba(reviews[0]))


@pytest.mark.parametrize(
    "option",
    [
        {"dropout_recurrent": 0.3},
        {"dropout_embedding": 0.2},
        {"label_smoothing": 0.3},
        {"ema_decay": 0.9},
        {"learning_rate": "slanted"},
        {"batch_tokens": 40},
    ],
    ids=lambda option: next(iter(option)),
)
def test_every_option_learns_and_changes_the_model(option: dict[str, Any], reviews: Data) -> None:
    model = small(max_iter=20, ngrams="none", **option).fit(*reviews)
    assert model.score(*reviews) == 1.0
    without = small(max_iter=20, ngrams="none").fit(*reviews)
    assert not np.array_equal(model.predict_proba(reviews[0]), without.predict_proba(reviews[0]))


def test_partial_fit_goes_on_from_the_weights_and_not_from_their_average(reviews: Data) -> None:
    def probabilities(ema_decay: float) -> Any:
        model = small(ema_decay=ema_decay)
        for _ in range(3):
            model.partial_fit(*reviews, classes=sorted(set(reviews[1])))
        return model.predict_proba(reviews[0])

    np.testing.assert_array_equal(probabilities(0.0), probabilities(0.99))


def test_order_of_words_matters() -> None:
    texts = ["dog bites man", "man bites dog"] * 20
    model = small(max_iter=30).fit(texts, ["usual", "news"] * 20)
    assert list(model.predict(["dog bites man", "man bites dog"])) == ["usual", "news"]


def test_early_stopping_keeps_the_best_weights(reviews: Data) -> None:
    texts, labels = reviews
    model = small(early_stopping=True, validation_fraction=0.25, n_iter_no_change=3, max_iter=40)
    model.fit(texts, labels)
    assert model.n_iter_ < 40
    assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_
    own = model.network_validation_scores_
    losses = [record["validation_loss"] for record in model.history_]
    kept = max(range(len(own)), key=lambda epoch: (own[epoch], -losses[epoch]))
    assert model.best_network_validation_score_ == own[kept] == max(own)
    assert model.best_validation_score_ == model.validation_scores_[kept]


def test_validation_data_is_used(reviews: Data) -> None:
    texts, labels = reviews
    model = small(early_stopping=True, max_iter=15)
    model.fit(texts, labels, validation_data=(["fresh inn", "stale inn"], ["good", "bad"]))
    assert set(model.validation_scores_) <= {0.0, 0.5, 1.0}
    with pytest.raises(DataError, match="not one of the classes"):
        model.fit(texts, labels, validation_data=(["warm"], ["strange"]))


def test_texts_without_a_known_word(reviews: Data) -> None:
    model = small().fit(*reviews)
    found = model.predict_proba(["", "zzz qqq", "   ", "\x00", "好"])
    assert np.isfinite(found).all()
    assert model.predict([]).shape == (0,)
    assert model.predict_proba([]).shape == (0, 2)


def test_max_length_cuts(reviews: Data) -> None:
    model = small(max_length=3).fit(*reviews)
    one, two = model.predict_proba(["warm warm warm cold cold cold", "warm warm warm"])
    assert np.allclose(one, two, atol=1e-6)


def test_ones_own_tokenizer(reviews: Data, tmp_path: Path) -> None:
    model = small(tokenizer=str.split).fit(*reviews)
    assert "inn:" in model.vocabulary_
    model.save(tmp_path / "m")
    back = TextRNNClassifier.load(tmp_path / "m", tokenizer=str.split)
    assert np.array_equal(back.predict_proba(reviews[0]), model.predict_proba(reviews[0]))
    assert back.tokenizer == str.split


@pytest.mark.parametrize("labels", [["good", "bad"], [1, 0], [True, False], [2.5, 1.0]])
def test_save_and_load(labels: list[Any], reviews: Data, tmp_path: Path) -> None:
    y = np.array([labels[0] if label == "good" else labels[1] for label in reviews[1]])
    if y.dtype.kind == "f":
        y = y.astype(int).astype(float)
    model = small().fit(reviews[0], y)
    model.save(tmp_path / "m")
    back = TextRNNClassifier.load(tmp_path / "m")
    assert np.array_equal(back.predict_proba(reviews[0]), model.predict_proba(reviews[0]))
    assert back.predict(reviews[0]).dtype == model.classes_.dtype
    assert (back.predict(reviews[0]) == model.predict(reviews[0])).all()
    assert back.hidden_size == model.hidden_size
    assert clone(back).fit(reviews[0], y).score(reviews[0], y) == 1.0


def test_parameters_survive_saving(reviews: Data, tmp_path: Path) -> None:
    texts, labels = reviews
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("warm 1 0 0\ncold 0 1 0\nfresh 1 0 1\nstale 0 1 1\n", encoding="utf-8")
    y = [int(label == "good") for label in labels]
    given = {
        "hidden_size": np.int64(8),
        "embedding": vectors,
        "class_weight": {0: 1, 1: 2},
        "lowercase": False,
        "learning_rate_init": np.float32(0.5),
    }
    model = small(**given, max_iter=1).fit(texts, y)
    model.save(tmp_path / "m")
    back = TextRNNClassifier.load(tmp_path / "m")
    left_out = {"random_state", "verbose", "warm_start", "embedding"}
    before, after = model.get_params(), back.get_params()
    assert {k: v for k, v in after.items() if k not in left_out} == {
        k: v for k, v in before.items() if k not in left_out
    }
    assert (back.embedding, back.random_state) == (str(vectors), None)
    back.set_params(warm_start=True).fit(texts, y).save(tmp_path / "m")
    TextRNNClassifier.load(tmp_path / "m").fit(texts, y)


@pytest.mark.parametrize(
    ("tokenizer", "loaded"),
    [
        ("char", "char"),
        (make_tokenizer("word"), "word"),
        (make_tokenizer("word", lowercase=False), make_tokenizer("word", lowercase=False)),
    ],
)
def test_a_named_tokenizer_keeps_its_name(
    tokenizer: Any, loaded: Any, reviews: Data, tmp_path: Path
) -> None:
    small(tokenizer=tokenizer, max_iter=1).fit(*reviews).save(tmp_path / "m")
    assert TextRNNClassifier.load(tmp_path / "m").tokenizer == loaded
    with pytest.raises(UsageError, match="load it without tokenizer="):
        TextRNNClassifier.load(tmp_path / "m", tokenizer=str.split)


def test_a_file_is_no_place_for_a_model(reviews: Data, tmp_path: Path) -> None:
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, random_state=0).fit(*reviews)
    (tmp_path / "reviews.csv").write_text("text,label\n")
    with pytest.raises(ModelError, match="Choose another folder") as told:
        classifier.save(tmp_path / "reviews.csv")
    assert "--out" not in str(told.value)


def test_texts_without_words_are_told() -> None:
    with pytest.raises(UsageError, match="none of the 4 texts has a word") as told:
        TextRNNClassifier(early_stopping=False).fit(["", " "] * 2, ["a", "b"] * 2)
    assert "min_df" not in str(told.value)


def test_saving_what_was_loaded_keeps_history_and_report(reviews: Data, tmp_path: Path) -> None:
    model = small(early_stopping=True, max_iter=3).fit(*reviews)
    model.save(tmp_path / "one")
    back = TextRNNClassifier.load(tmp_path / "one")
    back.save(tmp_path / "two")
    assert read_metrics(tmp_path / "one") == read_metrics(tmp_path / "two")
    assert back.history_ == model.history_
    assert back.best_validation_score_ == model.best_validation_score_ is not None


def test_a_model_of_the_command_line_keeps_its_report(reviews: Data, tmp_path: Path) -> None:
    settings = Settings(hidden_size=4, embedding_dim=4, max_iter=2, validation_fraction=0.25)
    split = Split(*reviews)
    corpus = Corpus(name="inns", train=split, test=split)
    run_experiment(Experiment(corpus, settings, out=tmp_path / "one", baselines=()))
    back = TextRNNClassifier.load(tmp_path / "one")
    back.save(tmp_path / "two")
    one, two = (read_metrics(tmp_path / name) for name in ("one", "two"))
    best = {
        "best_validation_score": one["validation"]["accuracy"],
        "best_network_validation_score": one["validation"]["network_accuracy"],
    }
    assert two == {**one, **best}
    assert back.best_validation_score_ == back.validation_scores_[one["best_epoch"] - 1]
    assert back.best_network_validation_score_ == max(back.network_validation_scores_)
    cards = [(tmp_path / name / "README.md").read_text(encoding="utf-8") for name in ("one", "two")]
    assert cards[0] == cards[1]


def test_partial_fit_learns_and_goes_on(reviews: Data) -> None:
    texts, labels = reviews
    model = small()
    with pytest.raises(UsageError, match="classes must be given"):
        model.partial_fit(texts, labels)
    for _ in range(25):
        model.partial_fit(texts, labels, classes=["bad", "good", "unseen"])
    assert model.score(texts, labels) == 1.0
    assert model.n_iter_ == 25
    assert list(model.classes_) == ["bad", "good", "unseen"]
    with pytest.raises(UsageError, match=r"was .* before"):
        model.partial_fit(texts, labels, classes=["bad", "good"])
    with pytest.raises(DataError, match="not one of the classes"):
        model.partial_fit(["a"], ["strange"])


def same_weights(a: TextRNNClassifier, b: TextRNNClassifier) -> bool:
    """Whether two networks agree to the bit."""
    ours, theirs = a.model_.network.params, b.model_.network.params
    return all(np.array_equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_calls_of_partial_fit_are_the_epochs_of_a_fit(solver: str, reviews: Data) -> None:
    """At a constant rate: with the moments of the call before, and the chance that follows it."""
    changes: dict[str, Any] = {"ngrams": "none", "ema_decay": 0.0, "solver": solver}
    whole = small(**changes, learning_rate="constant", warmup_fraction=0.0, max_iter=3)
    whole.fit(*reviews)
    parts = small(**changes, learning_rate="cosine", warmup_fraction=0.5)  # of no account
    for n in (1, 2, 3):
        parts.partial_fit(*reviews, classes=["bad", "good"])
        assert parts.loss_curve_ == whole.loss_curve_[:n]
    assert probabilities(parts, reviews[0]).dtype == np.float64
    assert same_weights(parts, whole)


def test_a_fit_forgets_the_partial_fits_before_it(reviews: Data) -> None:
    often, once = (small(ngrams="none", early_stopping=True, max_iter=3) for _ in range(2))
    often.partial_fit(*reviews, classes=["bad", "good"])
    assert often.best_validation_score_ is None
    for model in (often, once):
        model.fit(*reviews)
        assert model.best_validation_score_ == max(
            record["validation_accuracy"] for record in model.history_
        )
    assert same_weights(often, once)
    assert same_weights(often.partial_fit(*reviews), once.partial_fit(*reviews))
    assert once.best_validation_score_ is None  # nothing was held out


def test_weights_make_the_loss_a_weighted_mean(reviews: Data) -> None:
    """Those of texts times those of their classes, whatever their size."""
    texts, labels = reviews
    by_text = np.random.default_rng(0).uniform(1.0, 9.0, len(texts))
    by_class = np.where(np.array(labels) == "good", 5.0, 0.5)
    model = small(
        ngrams="none", max_iter=1, learning_rate_init=1e-12, unknown_alpha=0.0, ema_decay=0.0,
        label_smoothing=0.0, dropout_input=0.0, dropout_readout=0.0, bidirectional=False,
    )  # fmt: skip
    for weight, class_weight, product in (
        (by_text, None, by_text),
        (None, {"good": 5.0, "bad": 0.5}, by_class),
        (by_text, {"good": 5.0, "bad": 0.5}, by_text * by_class),
    ):
        model.set_params(class_weight=class_weight).fit(texts, labels, sample_weight=weight)
        of_label = probabilities(model, texts)[
            np.arange(len(texts)), model.classes_.searchsorted(labels)
        ]
        expected = np.average(-np.log(of_label), weights=product)
        assert model.loss_curve_ == pytest.approx([expected], rel=1e-5)


def test_class_weights_count_in_validation_too(reviews: Data) -> None:
    texts, labels = reviews
    weight = {"good": 9.0, "bad": 1.0}
    told = np.random.default_rng(3).permutation(labels)  # which nobody can get right
    model = small(ngrams="none", max_iter=1, class_weight=weight, early_stopping=True)
    model.fit(texts, labels, validation_data=(texts, told))
    right = model.predict(texts) == told
    expected = np.average(right, weights=[weight[label] for label in told])
    assert abs(expected - right.mean()) > 0.01
    assert model.history_[0]["validation_accuracy"] == pytest.approx(expected)


def test_partial_fit_after_fit_goes_on_without_the_ngrams(reviews: Data) -> None:
    model = small(ngrams="words").fit(*reviews)
    assert model.model_.ngrams is not None
    with pytest.warns(UserWarning, match="the network alone") as caught:
        model.partial_fit(*reviews)
    assert caught[0].filename == __file__
    assert model.model_.ngrams is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(*reviews)


def test_partial_fit_does_not_normalise_weights(reviews: Data) -> None:
    """A batch may be of one class: relative to itself alone its weight would be lost."""
    texts = [text for text, label in zip(*reviews, strict=True) if label == "good"]
    labels = ["good"] * len(texts)

    def loss(class_weight: Any, weight: Any = None) -> float:
        model = small(dropout_input=0.0, dropout_readout=0.0, class_weight=class_weight)
        model.set_params(batch_size=len(texts), max_grad_norm=None)
        model.partial_fit(texts, labels, classes=["bad", "good"], sample_weight=weight)
        return model.loss_curve_[0]

    once = loss(None)
    assert loss({"good": 3, "bad": 1}) == pytest.approx(3 * once, rel=1e-5)
    assert loss(None, [3.0] * len(texts)) == pytest.approx(3 * once, rel=1e-5)
    assert loss({"good": 3, "bad": 1}, [2.0] * len(texts)) == pytest.approx(6 * once, rel=1e-5)
    with pytest.raises(UsageError, match="'balanced', but partial_fit"):
        loss("balanced")


def test_classes_of_partial_fit_are_checked(reviews: Data) -> None:
    with pytest.raises(DataError, match="label 1 of classes is None"):
        small().partial_fit(*reviews, classes=["good", None])
    with pytest.raises(DataError, match="classes mixes"):
        small().partial_fit(*reviews, classes=["good", 1])


def test_warm_start_goes_on_from_the_weights(reviews: Data) -> None:
    model = small(max_iter=2, warm_start=True, label_smoothing=0.0, ema_decay=0.0)
    first = model.fit(*reviews).loss_curve_[0]
    for _ in range(4):
        model.fit(*reviews)
    assert model.loss_curve_[-1] < first / 2


def test_a_warm_start_keeps_the_model(reviews: Data) -> None:
    model = small(max_iter=1, warm_start=True).fit(*reviews)
    with pytest.raises(UsageError, match="hidden_size is 9, but was 8 when"):
        model.set_params(hidden_size=9).fit(*reviews)
    with pytest.raises(DataError, match="not one of the classes"):
        model.set_params(hidden_size=8).fit(["a", "b"], ["good", "new"])
    model.set_params(learning_rate_init=0.5).fit(*reviews)
    assert model.model_.settings["learning_rate_init"] == 0.5


class InterruptAfter(Callback):
    """Presses Ctrl-C after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_batch(self, run: Any) -> None:
        if run.state.epoch == self.epochs:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_the_best_model(reviews: Data) -> None:
    model = small(early_stopping=True, n_iter_no_change=30, max_iter=30)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(*reviews, callbacks=[InterruptAfter(6)])
    assert model.n_iter_ == 6
    assert model.predict(reviews[0]).shape == (len(reviews[0]),)


def test_ctrl_c_keeps_the_ngrams(reviews: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they were fitted to the training texts: who presses it does not want to wait."""
    refitted, calls = ngrams.refitted, []
    monkeypatch.setattr(
        stages,
        "refitted",
        lambda *args, **named: calls.append(1) or refitted(*args, **named),
    )
    model = small(ngrams="words", early_stopping=True, n_iter_no_change=30, max_iter=30)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(*reviews, callbacks=[InterruptAfter(2)])
    assert model.n_iter_ == 2
    assert model.model_.ngrams is not None
    assert not calls
    model.set_params(max_iter=1).fit(*reviews)
    assert calls == [1]


def test_ctrl_c_in_a_warm_start_takes_the_new_ngrams(reviews: Data) -> None:
    model = small(ngrams="words", warm_start=True).fit(["fresh", "stale"] * 9, ["good", "bad"] * 9)
    old = model.model_.ngrams
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(*reviews, callbacks=[InterruptAfter(2)])
    new = model.model_.ngrams
    assert old is not None
    assert new is not None
    assert len(new.keys) > len(old.keys)


def test_ctrl_c_in_the_last_fit_of_the_ngrams_loses_nothing(
    reviews: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "refitted", interrupted)
    model = small(ngrams="words", early_stopping=True, n_iter_no_change=30)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(*reviews)
    assert model.n_iter_ == 12
    assert model.model_.ngrams is not None


class Diverge(InterruptAfter):
    """Spoils the weights, as a learning rate that is too high does."""

    def on_batch(self, run: Any) -> None:
        if run.state.epoch == self.epochs:
            run.network.params["linear.bias"][...] = np.nan


def test_a_failed_first_fit_leaves_nothing(reviews: Data) -> None:
    model = small()
    with pytest.raises(TrainingError):
        model.fit(*reviews, callbacks=[Diverge(1)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*reviews, callbacks=[InterruptAfter(0)])
    with pytest.raises(NotFittedError):
        model.predict(reviews[0])
    with pytest.raises(NotFittedError):
        model.save("unfitted")


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    ("failure", "error"), [(Diverge(0), TrainingError), (InterruptAfter(0), KeyboardInterrupt)]
)
def test_a_failed_refit_leaves_the_old_model_whole(
    warm_start: bool, failure: Callback, error: type[BaseException], reviews: Data
) -> None:
    model = small(warm_start=warm_start, max_iter=2).fit(*reviews)
    before, history = probabilities(model, reviews[0]), model.history_
    with pytest.raises(error):
        model.fit(reviews[0][::-1], reviews[1], callbacks=[failure])
    assert np.array_equal(probabilities(model, reviews[0]), before)
    assert model.history_ == history


def test_a_failed_partial_fit_leaves_the_old_model_whole(reviews: Data) -> None:
    """And the next call goes on as if there had been none that failed."""
    model, other = (small().partial_fit(*reviews, classes=["good", "bad"]) for _ in range(2))
    before = probabilities(model, reviews[0])
    model.set_params(solver="adam", learning_rate_init=1e38, max_grad_norm=None)
    with pytest.raises(TrainingError):
        model.partial_fit(*reviews)
    assert np.array_equal(probabilities(model, reviews[0]), before)
    model.set_params(**other.get_params())
    assert same_weights(model.partial_fit(*reviews), other.partial_fit(*reviews))


def test_equal_texts_stay_on_one_side(reviews: Data) -> None:
    seen: dict[str, set[str]] = {}

    class Look(Callback):
        def on_start(self, run: Any) -> None:
            for name in ("train", "validation"):
                seen[name] = set(getattr(run, name).texts.contents())

    model = small(early_stopping=True, validation_fraction=0.3, max_iter=1)
    model.fit([*reviews[0], *reviews[0]], [*reviews[1], *reviews[1]], callbacks=[Look()])
    assert seen["train"]
    assert seen["validation"]
    assert not seen["train"] & seen["validation"]


def test_the_seed_draws_the_texts_that_are_held_back(reviews: Data) -> None:
    """A number, or a generator of the older kind, which goes on from fit to fit."""
    held: list[Any] = []

    class Look(Callback):
        def on_start(self, run: Any) -> None:
            held.append(b"|".join(run.validation.texts.contents()))

    older = np.random.RandomState(3)
    seeds = (0, 1, 0, np.random.RandomState(1), np.random.RandomState(2), older, older)
    for seed in seeds:
        model = small(ngrams="none", early_stopping=True, validation_fraction=0.3, max_iter=1)
        model.set_params(random_state=seed).fit(*reviews, callbacks=[Look()])
    assert held[0] == held[2]
    assert len(set(held)) == 6


def test_each_label_is_held_back_in_its_share() -> None:
    """Of texts with many labels by the rarest of each."""
    texts = [f"text {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(100)]
    y = np.zeros((100, 3), dtype=int)
    y[:, 0] = 1
    y[:20, 1] = 1
    y[20:30, 2] = 1
    seen: list[Any] = []

    class Look(Callback):
        def on_start(self, run: Any) -> None:
            seen.append(run.validation.targets.values.sum(axis=0).tolist())

    for seed in range(4):
        model = small(early_stopping=True, validation_fraction=0.2, max_iter=1, ngrams="none")
        model.set_params(random_state=seed).fit(texts, y, callbacks=[Look()])
    assert seen == [[20, 4, 2]] * 4


def test_a_warning_when_nothing_can_be_held_back() -> None:
    model = small(early_stopping=True, max_iter=1)
    with pytest.warns(UserWarning, match=r"20 texts \(2 different\) are too few") as caught:
        model.fit(["warm", "cold"] * 10, ["good", "bad"] * 10)
    assert caught[0].filename == __file__
    assert model.validation_scores_ == []
    assert model.best_validation_score_ is None


def test_vectors_of_other_words(reviews: Data, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("warum 1 2\nkalt 3 4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of the \d+ words of the texts"):
        small(embedding=path).fit(*reviews)
    path.write_text("villa 1 2\nkalt 3 4\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"vectors for only \d\.\d% of the words") as caught:
        small(embedding=path, max_iter=1).fit(*reviews)
    assert caught[0].filename == __file__


def test_divergence_is_no_early_stop(reviews: Data, capsys: pytest.CaptureFixture[str]) -> None:
    model = small(early_stopping=True, verbose=True)
    with pytest.raises(TrainingError):
        model.fit(*reviews, callbacks=[Diverge(1)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*reviews, callbacks=[InterruptAfter(0)])
    err = capsys.readouterr().err
    assert "stopped early" not in err
    assert err.endswith("interrupted in the first epoch\n")


@pytest.mark.parametrize(("tol", "by"), [(0.0, ""), (0.25, " by more than 0.25")])
def test_an_early_stop_is_told(
    tol: float, by: str, reviews: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    model = small(early_stopping=True, n_iter_no_change=3, max_iter=40, tol=tol, verbose=True)
    scores = model.fit(*reviews).network_validation_scores_
    losses = [record["validation_loss"] for record in model.history_]
    best = 1 + max(range(len(scores)), key=lambda i: (scores[i], -losses[i]))
    err = capsys.readouterr().err
    assert f"has not risen{by} for 3 epochs; the weights are those of epoch {best}," in err
    assert len(err.splitlines()) == model.n_iter_ + 1 < 40


def test_progress_goes_to_stderr_only_when_asked(
    reviews: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    small(max_iter=2).fit(*reviews)
    assert capsys.readouterr() == ("", "")
    small(max_iter=2, verbose=True).fit(*reviews)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "epoch  2/2" in captured.err
    assert "words/s" in captured.err


def test_blas_threads_are_put_back(reviews: Data) -> None:
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info()]

    before = threads()
    small(max_iter=1).fit(*reviews).predict(reviews[0])
    assert threads() == before

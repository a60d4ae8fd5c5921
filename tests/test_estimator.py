"""The scikit-learn contract, for texts.

scikit-learn's conformance suite runs one check on estimators that take strings. The
table here holds the text versions of the checks that matter; each row is a function
from a fresh estimator and the data to an assertion.
"""

from __future__ import annotations

import inspect
import pickle
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
from textrnn.errors import DataError, TrainingError, UsageError
from textrnn.training.callbacks import Callback
from textrnn.training.settings import CHOICES, CONSTRAINTS, Settings

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
    for encoded in (positive, positive.astype(int) * 7 - 3, np.where(positive, 2.0, -1.0)):
        found = clone(model).fit(texts, encoded).predict(texts)
        assert found.dtype == encoded.dtype
        assert (found == encoded).all()


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
        (["a", "b"], [0.0, float("nan")], "NaN"),
        (["a", "b", "c"], [0.1, 0.7, 0.3], "continuous"),
        (5, ["x"], "list of texts"),
    ],
)
def test_bad_data_is_named(X: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(X, y)


@pytest.mark.parametrize("name", [*CONSTRAINTS, *CHOICES])
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
    with pytest.raises(DataError, match="every sample_weight is 0"):
        small().fit(texts, labels, sample_weight=[0.0] * len(texts))


def test_divergence_is_explained(reviews: Data) -> None:
    model = small(solver="sgd", learning_rate_init=1e30, cell="rnn_relu", max_grad_norm=None)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="Lower the learning rate"):
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
    for ensemble in (
        StackingClassifier([("rnn", small()), ("bag", bag)], cv=2),
        VotingClassifier([("rnn", small()), ("bag", bag)], voting="soft"),
    ):
        assert ensemble.fit(*reviews).score(*reviews) == 1.0


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


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "gru"])
@pytest.mark.parametrize("embedding", ["random", "onehot", "word2vec"])
def test_every_cell_and_input_learns(cell: str, embedding: str, reviews: Data) -> None:
    model = small(cell=cell, embedding=embedding, max_iter=20, learning_rate_init=0.01)
    assert model.fit(*reviews).score(*reviews) == 1.0


@pytest.mark.parametrize("readout", ["last", "mean", "max"])
def test_every_readout_learns(readout: str, reviews: Data) -> None:
    assert small(readout=readout, max_iter=20).fit(*reviews).score(*reviews) == 1.0


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
    assert model.best_validation_score_ == max(model.validation_scores_)


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


def test_warm_start_goes_on_from_the_weights(reviews: Data) -> None:
    model = small(max_iter=2, warm_start=True)
    first = model.fit(*reviews).loss_curve_[0]
    for _ in range(4):
        model.fit(*reviews)
    assert model.loss_curve_[-1] < first / 2


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

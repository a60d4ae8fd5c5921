"""The regressor: scikit-learn's contract, what it learns, saving and loading, errors."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, Self
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import validate_data

from tests.test_sklearn_conformance import as_texts
from textrnn import TextRNNClassifier, TextRNNRegressor, load_model
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.estimator.parameters import TextRNNParameters
from textrnn.inference.regression import RegressionModel
from textrnn.storage.reading import load_classifier, read_config
from textrnn.storage.writing import save_model
from textrnn.training.regression import OF_CLASSES, Scaling, without_classes
from textrnn.training.settings import Settings
from textrnn.typing import Floats

WORDS = {"awful": -3.0, "dull": -1.0, "plain": 0.0, "good": 2.0, "superb": 4.0}
PLACES = ["inn", "farm", "hotel", "hostel", "lodge", "camp"]
SMALL: dict[str, Any] = {"hidden_size": 8, "embedding_dim": 8, "random_state": 0}
FAST = {"learning_rate_init": 0.02, "dropout_readout": 0.0, "dropout_input": 0.0, "ema_decay": 0.0}


def corpus() -> tuple[list[str], Floats]:
    """Texts of two words that count, whose values add up."""
    texts = [f"the {p} is {a} and {b}" for p in PLACES for a in WORDS for b in WORDS]
    return texts, np.array([WORDS[t.split()[3]] + WORDS[t.split()[5]] for t in texts])


def fitted(**changes: Any) -> TextRNNRegressor:
    return TextRNNRegressor(**{**SMALL, **FAST, "max_iter": 30, **changes}).fit(*corpus())


class RowsAsTexts(TextRNNRegressor):
    """The regressor of texts, over rows of numbers; their shape is all that it checks itself."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # type: ignore[override]
        return super().fit(as_texts(validate_data(self, X)), y, sample_weight)

    def predict(self, X: Any) -> Any:
        self._check_fitted()
        return super().predict(as_texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = False
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags


EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "as of the classifier: a text of weight 2 is "
    "read once a pass, the same text given twice in two places of the order",
}
EXPECTED_SKIPS = {"check_array_api_input"}


def checks() -> list[Any]:
    found = []
    for instance, check in estimator_checks_generator(
        RowsAsTexts(**{**SMALL, **FAST}, max_iter=40, early_stopping=False), legacy=True
    ):
        name = check.func.__name__
        reason = EXPECTED_FAILURES.get(name)
        marks = [pytest.mark.xfail(reason=reason, raises=AssertionError)] if reason else []
        options = {k: v for k, v in check.keywords.items() if k != "name"}
        found.append(pytest.param(instance, check, marks=marks, id=f"{name} {options or ''}"))
    return found


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_conformance(estimator: RowsAsTexts, check: Any) -> None:
    try:
        check(estimator)
    except SkipTest:
        assert check.func.__name__ in EXPECTED_SKIPS
        pytest.skip("passed over by scikit-learn itself")


def test_the_parameters_are_those_of_all_but_what_is_for_classes() -> None:
    own = inspect.signature(TextRNNRegressor.__init__).parameters
    every = inspect.signature(TextRNNParameters.__init__).parameters
    assert {k: v.default for k, v in own.items()} == {
        k: v.default for k, v in every.items() if k not in OF_CLASSES
    }
    assert TextRNNRegressor(hidden_size=7, cell="gru")._settings() == without_classes(
        Settings(hidden_size=7, cell="gru")
    )


def test_it_learns() -> None:
    texts, numbers = corpus()
    regressor = fitted()
    found = regressor.predict(texts)
    assert found.dtype == np.float64
    assert found.shape == (len(texts),)
    assert regressor.score(texts, numbers) > 0.9
    assert regressor.best_validation_score_ is not None
    assert regressor.best_validation_score_ == max(regressor.validation_scores_)
    assert regressor.loss_curve_[-1] < 0.3 < regressor.loss_curve_[0]


def test_another_unit_changes_nothing() -> None:
    """A mean of a million and steps of a thousandth lose no digit that a float64 has."""
    texts, numbers = corpus()
    one = fitted(max_iter=3)
    other = TextRNNRegressor(**one.get_params()).fit(texts, 1e6 + 1e-3 * numbers)
    np.testing.assert_allclose(
        other.predict(texts), 1e6 + 1e-3 * one.predict(texts), rtol=0, atol=1e-8
    )


def test_the_same_seed_gives_the_same_bits() -> None:
    texts, _ = corpus()
    one, two = fitted(max_iter=2), fitted(max_iter=2)
    np.testing.assert_array_equal(one.predict(texts), two.predict(texts))


def test_saved_and_loaded(tmp_path: Path) -> None:
    texts, numbers = corpus()
    one = fitted(max_iter=3)
    one.save(tmp_path / "m")
    again = TextRNNRegressor.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(texts), one.predict(texts))
    assert again.history_ == one.history_
    assert again.best_validation_score_ == one.best_validation_score_
    assert again.hidden_size == 8
    config = read_config(tmp_path / "m")
    assert config["format_version"] == 4
    assert config["target"] == {"mean": one.model_.mean, "scale": one.model_.scale}
    assert isinstance(load_classifier(tmp_path / "m"), RegressionModel)
    again.set_params(warm_start=True, max_iter=20).fit(texts, numbers)
    assert again.score(texts, numbers) > one.score(texts, numbers)
    assert again.model_.mean == one.model_.mean


def test_the_wrong_kind_is_refused(tmp_path: Path, reviews: tuple[list[str], list[str]]) -> None:
    fitted(max_iter=1).save(tmp_path / "numbers")
    TextRNNClassifier(**SMALL, max_iter=1).fit(*reviews).save(tmp_path / "classes")
    for load in (TextRNNClassifier.load, load_model):
        with pytest.raises(ModelError, match=r"predicts numbers, not classes.*TextRNNRegressor"):
            load(tmp_path / "numbers")
    with pytest.raises(ModelError, match=r"predicts classes, not numbers.*TextRNNClassifier"):
        TextRNNRegressor.load(tmp_path / "classes")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": {"mean": 0.0, "scale": 0.0}}, "target.scale"),
        ({"target": {"mean": "a", "scale": 1.0}}, "target.mean"),
        ({"target": {"mean": 0.0}}, "target.scale is missing"),
        ({"classes": ["a", "b"]}, "classes"),
        ({"threshold": 0.5}, "threshold"),
        ({"network": {"n_classes": 2}}, "n_classes"),
        ({"network": {"regression": False}}, "target"),
        ({"network": {"multilabel": True}}, "multilabel"),
        ({"network": {"head": "token"}}, "head"),
    ],
)
def test_an_altered_folder_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    fitted(max_iter=1).save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    for name, value in change.items():
        if name == "network":
            config[name] |= value
        else:
            config[name] = value
    from textrnn.storage.format import config_checksum

    config["checksum"] = config_checksum(config)
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=told):
        load_classifier(tmp_path / "m")


def test_a_model_of_many_texts_by_processes() -> None:
    texts, _ = corpus()
    one = fitted(max_iter=1)
    many = texts * 30
    alone = one.predict(many)
    from textrnn.inference.pool import Predictor

    with Predictor(one.model_, 2, patience=0.0) as predictor:
        chunks = [many[i : i + 64] for i in range(0, len(many), 64)]
        found = np.concatenate([rows for _, rows in predictor.stream(chunks)])
    np.testing.assert_allclose(found[:, 0], alone, rtol=1e-5)


def test_a_stream_says_the_number_of_what_was_read_so_far() -> None:
    one = fitted(max_iter=3, bidirectional=False)
    words = corpus()[0][0].split()
    stream = one.stream()
    for n, word in enumerate(words, start=1):
        np.testing.assert_allclose(
            stream.feed(word), one.predict([" ".join(words[:n])]), rtol=1e-5, atol=1e-5
        )


def test_compact_weights(tmp_path: Path) -> None:
    one = fitted(max_iter=3, bidirectional=False)
    save_model(one.model_, tmp_path / "m", compact=True)
    small = TextRNNRegressor.load(tmp_path / "m")
    texts, numbers = corpus()
    np.testing.assert_allclose(small.predict(texts), one.predict(texts), atol=0.3 * numbers.std())


def test_texts_of_weight_0_do_not_take_part() -> None:
    texts, numbers = corpus()
    weights = np.ones(len(texts))
    weights[::3] = 0.0
    kept = weights > 0
    made = TextRNNRegressor(**{**SMALL, **FAST}, max_iter=2)
    one = clone(made).fit(texts, np.where(kept, numbers, 1e9), weights)
    two = clone(made).fit([t for t, k in zip(texts, kept, strict=True) if k], numbers[kept])
    np.testing.assert_array_equal(one.predict(texts), two.predict(texts))


def test_validation_data_and_cross_validation() -> None:
    texts, numbers = corpus()
    one = TextRNNRegressor(**{**SMALL, **FAST}, max_iter=3)
    one.fit(texts[::2], numbers[::2], validation_data=(texts[1::2], numbers[1::2]))
    assert len(one.validation_scores_) == 3
    best = one.best_validation_score_
    mean, scale = Scaling.of(numbers[::2])
    assert (one.model_.mean, one.model_.scale) == (mean, scale)
    errors = (one.predict(texts[1::2]) - numbers[1::2]) / scale
    assert best == pytest.approx(1.0 - np.mean(errors**2), abs=1e-5)
    assert len(cross_val_score(one, texts, numbers, cv=3)) == 3


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (["a", "b"], "'a'.*TextRNNClassifier"),
        (["1", "2"], "'1'"),
        ([1.0, np.nan], "number 1 of y is nan"),
        ([1.0, None], "None|nan"),
        ([[1.0, 2.0], [3.0, 4.0]], r"shape \(2, 2\)"),
        ([1.0], "2 texts, but y has 1"),
        ([], "empty"),
        ([1e300, -1e300], "too large"),
        (None, "requires y"),
    ],
    ids=str,
)
def test_numbers_that_are_none(numbers: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        TextRNNRegressor(**SMALL).fit(["a fine film", "a dull film"], numbers)


def test_settings_for_classes_are_refused() -> None:
    for name in OF_CLASSES:
        with pytest.raises(UsageError, match=f"{name}.*classes"):
            without_classes(Settings(), {name})


@pytest.mark.parametrize(("name", "value"), [("ngrams", "words"), ("label_smoothing", 0.1)])
def test_an_attribute_for_classes_is_not_ignored(name: str, value: Any) -> None:
    regressor = TextRNNRegressor(**SMALL)
    setattr(regressor, name, value)
    with pytest.raises(UsageError, match=f"{name}.*classes"):
        regressor.fit(*corpus())


def test_equal_numbers_are_predicted_as_they_are() -> None:
    texts, numbers = corpus()
    with pytest.warns(UserWarning, match="every target is 7"):
        one = TextRNNRegressor(**SMALL, max_iter=1).fit(texts, np.full(len(numbers), 7.0))
    np.testing.assert_allclose(one.predict(texts), 7.0, atol=1.0)


def test_a_preset() -> None:
    assert TextRNNRegressor.from_preset("paper").bidirectional is False

"""``TextRNNTransducer`` as scikit-learn users know estimators."""

from __future__ import annotations

import inspect
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from textrnn import TextRNNTransducer
from textrnn.corpora.material import Material
from textrnn.corpora.rows import Pairs
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.estimator.transducer import OF_MODEL
from textrnn.experiments.structure import run_structure
from textrnn.experiments.transduction import TransductionExperiment
from textrnn.storage.reading import load
from textrnn.training.declaration import declared_by
from textrnn.training.transduction.settings import TransductionSettings

SMALL: dict[str, Any] = {
    "hidden_size": 6,
    "embedding_dim": 5,
    "attention_size": 4,
    "max_iter": 2,
    "random_state": 0,
}
RNG = random.Random(0)
X = ["".join(RNG.choices("abcd", k=RNG.randint(1, 5))) for _ in range(60)]
Y = [text[::-1] for text in X]


@pytest.fixture(scope="module")
def fitted() -> TextRNNTransducer:
    return TextRNNTransducer(**SMALL).fit(X, Y)


def test_its_parameters_are_the_settings_and_nothing_else() -> None:
    parameters = inspect.signature(TextRNNTransducer.__init__).parameters
    told = {name: one.default for name, one in parameters.items() if name != "self"}
    for name in ("warm_start", "random_state", "verbose"):
        del told[name]
    declared = declared_by(TransductionSettings)
    assert told == {name: one.default for name, one in declared.items() if not one.is_fixed}
    assert TextRNNTransducer().get_params().keys() >= told.keys()
    assert set(OF_MODEL) <= told.keys()


def test_fit_and_answers(fitted: TextRNNTransducer) -> None:
    answers = fitted.predict(X[:5])
    assert [type(answer) for answer in answers] == [str] * 5
    assert fitted.score(X, fitted.predict(X)) == 1.0
    assert fitted.score(X, Y) < 1.0
    found = fitted.log_probabilities(X[:5])
    assert found.shape == (5,)
    assert (fitted.log_probabilities(X[:5], beam_width=4) >= found - 1e-6).all()
    source, target, weights = fitted.align("abc")
    assert (source, "".join(target)) == (["a", "b", "c"], fitted.predict(["abc"])[0])
    assert weights.shape == (len(target) + 1, 4)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == len(fitted.validation_scores_) == 2
    assert set(fitted.vocabulary_) == set(fitted.target_vocabulary_) == {"<unk>", *"abcd"}
    assert fitted.predict([]) == []


def test_it_can_be_cloned_pickled_and_saved(fitted: TextRNNTransducer, tmp_path: Path) -> None:
    assert clone(fitted).get_params() == fitted.get_params()
    fitted.save(tmp_path / "m")
    for again in (
        pickle.loads(pickle.dumps(fitted)),
        TextRNNTransducer.load(tmp_path / "m"),
        clone(fitted).fit(X, Y),
    ):
        assert again.predict(X) == fitted.predict(X)
        assert again.history_[-1]["loss"] == fitted.history_[-1]["loss"]
    loaded = TextRNNTransducer.load(tmp_path / "m")
    assert loaded.hidden_size == 6
    with pytest.raises(ModelError, match="is a classifier, not a transducer"):
        TextRNNTransducer.load(Path(__file__).parents[1] / "models" / "sentiment-en")


def test_the_command_line_makes_the_same_model(tmp_path: Path, fitted: TextRNNTransducer) -> None:
    settings = TransductionSettings(**{k: v for k, v in SMALL.items() if k != "random_state"})
    material = Material("x", Pairs(X, Y), test=Pairs(X, Y))
    run_structure(TransductionExperiment(material, settings, tmp_path / "m"))
    model: Any = load(tmp_path / "m")
    for name, value in fitted.model_.transducer.params.items():
        assert np.array_equal(model.transducer.params[name], value), name


def test_warm_start_goes_on(fitted: TextRNNTransducer) -> None:
    model = clone(fitted).set_params(warm_start=True).fit(X, Y)
    before = model.model_.transducer.params["linear.weight"].copy()
    first = model.history_[0]["loss"]
    kept = model.model_
    model.fit(X, Y)
    assert model.history_[0]["loss"] < first
    assert np.array_equal(kept.transducer.params["linear.weight"], before)
    with pytest.raises(UsageError, match="hidden_size is 7, but was 6"):
        model.set_params(hidden_size=7).fit(X, Y)


def test_pairs_to_validate_by_can_be_given() -> None:
    model = TextRNNTransducer(**SMALL)
    with pytest.warns(UserWarning, match="validation texts"):
        model.fit(X, Y, validation_data=(X[:10], Y[:10]))
    assert len(model.validation_scores_) == 2
    never = TextRNNTransducer(**{**SMALL, "early_stopping": False}).fit(X, Y)
    assert never.validation_scores_ == []
    with pytest.warns(UserWarning, match="too few to hold any back"):
        TextRNNTransducer(**SMALL).fit(["ab", "ab"], ["ba", "ba"])


def test_what_cannot_be_is_refused(fitted: TextRNNTransducer) -> None:
    model = TextRNNTransducer(**SMALL)
    with pytest.raises(NotFittedError):
        model.predict(["a"])
    with pytest.raises(NotFittedError):
        model.score(["a"], ["a"])
    cases: list[tuple[Any, Any, str]] = [
        (X, Y[1:], "60 sources but 59 targets"),
        ([], [], "X is empty"),
        ("ab", ["ba"], "X is a single str"),
        (["ab"], "ba", "y is a single str"),
        (["ab"], None, "y is None"),
        (["ab"], [3], "text of y 0 is 3"),
        (["a", "b"], ["", ""], "none of the 2 targets"),
    ]
    for texts, targets, told in cases:
        with pytest.raises(DataError, match=told):
            TextRNNTransducer(**{**SMALL, "early_stopping": False}).fit(texts, targets)
    with pytest.raises(UsageError, match="attention_size is 0"):
        TextRNNTransducer(attention_size=0).fit(X, Y)
    with pytest.raises(UsageError, match="beam_width is 0"):
        fitted.predict(X, beam_width=0)

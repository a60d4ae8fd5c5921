"""The bag-of-words baselines: what each sees, how it is tuned, and hard cases."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from textrnn.errors import DataError, UsageError
from textrnn.linear.baselines import BASELINES, FittedBaseline, fit_baselines
from textrnn.linear.nbsvm import NBSVM, LogCountRatio
from textrnn.text.encoded import encode_lists
from textrnn.typing import ClassWeight

Part: TypeAlias = tuple[Sequence[Sequence[str]], Sequence[str]]

LEARNERS = [name for name in BASELINES if name != "majority"]

PRAISE = ["soup was lovely and warm", "we loved every dish", "fresh bread and kind waiters"]
BLAME = ["soup was cold and bland", "we waited an hour", "stale bread and rude waiters"]
VALIDATION = ["warm lovely bread", "cold stale bread"]
TRAIN_TOKENS = [text.split() for text in PRAISE + BLAME]
TRAIN_LABELS = ["praise"] * 3 + ["blame"] * 3
VALIDATION_TOKENS = [text.split() for text in VALIDATION]


def fit(
    *names: str, train: Part | None = None, validation: Part | None = None, **options: Any
) -> list[FittedBaseline]:
    """Fit on the little restaurant corpus, or on (tokens, labels) pairs."""
    train = train or (TRAIN_TOKENS, TRAIN_LABELS)
    validation = validation or (VALIDATION_TOKENS, ["praise", "blame"])
    return list(fit_baselines(*train, *validation, names=names or BASELINES, **options))


@pytest.mark.parametrize("name", LEARNERS)
def test_learns_a_little_corpus(name: str) -> None:
    (baseline,) = fit(name)
    assert baseline.classes == ("blame", "praise")
    blame = baseline.predict_proba([["lovely", "warm", "dish"], ["rude", "and", "cold"]])[:, 0]
    assert blame[0] < 0.5 < blame[1]
    assert baseline.validation_accuracy == 1.0


@pytest.mark.parametrize("name", BASELINES)
def test_the_pipeline_alone_does_the_same(name: str) -> None:
    (baseline,) = fit(name)
    np.testing.assert_array_equal(
        baseline.pipeline.predict_proba(TRAIN_TOKENS), baseline.predict_proba(TRAIN_TOKENS)
    )


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_texts_give_the_same_model(name: str) -> None:
    first, second = fit(name), fit(name)
    np.testing.assert_array_equal(
        first[0].predict_proba(TRAIN_TOKENS), second[0].predict_proba(TRAIN_TOKENS)
    )


@pytest.mark.parametrize(
    ("name", "sees_order"),
    [("naive_bayes", False), ("bow_lr", False), ("tfidf_lr", True), ("nbsvm", True)],
)
def test_only_ngrams_see_the_order_of_words(name: str, sees_order: bool) -> None:
    texts = [["a", "b"], ["b", "a"]] * 4
    labels = ["up", "down"] * 4
    (baseline,) = fit(name, train=(texts, labels), validation=(texts[:2], labels[:2]))
    forwards, backwards = baseline.predict_proba([["a", "b"], ["b", "a"]])[:, 1]
    assert (forwards > 0.6 and backwards < 0.4) if sees_order else forwards == backwards


def test_majority_says_how_often_each_label_occurs() -> None:
    texts, labels = [["a"]] * 4, ["x", "y", "y", "y"]
    (baseline,) = fit("majority", train=(texts, labels), validation=([["b"]], ["y"]))
    assert baseline.predict_proba([["a"], []]).tolist() == [[0.2, 0.8]] * 2
    assert baseline.params == {}


def test_fits_again_on_validation_texts() -> None:
    validation = ([["grand"], ["grim"]], ["praise", "blame"])
    for baseline in fit(*LEARNERS, validation=validation):
        grand, grim = baseline.predict_proba([["grand"], ["grim"]])[:, 1]
        assert grand > grim, baseline.name


def test_tuning_takes_the_most_accurate_value() -> None:
    # Twenty plain texts and one odd one: only a weak penalty learns the odd one's word.
    texts = [["plain"]] * 20 + [["odd"]]
    labels = ["x"] * 20 + ["y"]
    (odd,) = fit("bow_lr", train=(texts, labels), validation=([["odd"]] * 3, ["y"] * 3))
    (plain,) = fit("bow_lr", train=(texts, labels), validation=([["odd"]] * 3, ["x"] * 3))
    assert odd.params["C"] > plain.params["C"]


@pytest.mark.parametrize(
    ("name", "columns", "most"),
    [
        ("naive_bayes", ["a", "b"], 3),
        ("bow_lr", ["a", "b"], 3),
        ("tfidf_lr", ["a", "b", "a a", "a b", "b a"], None),
        # Pairs and triples that come twice, and only whether they stand there.
        ("nbsvm", ["a", "b", "a b", "b a"], 1),
    ],
)
def test_what_each_counts(name: str, columns: list[str], most: int | None) -> None:
    train = ([["a", "b", "a", "a"], ["b", "a"], ["a", "b"]], ["x", "y", "x"])
    (baseline,) = fit(name, train=train, validation=([["a"]], ["x"]))
    counts = baseline.pipeline[0]
    assert sorted(counts.get_feature_names_out()) == sorted(columns)
    seen = baseline.pipeline[:-1].transform([["a", "b", "a", "a"]]).toarray()[0]
    if name != "tfidf_lr":
        assert seen.max() == most
        return
    # 1 + log(count), times its rarity; of length one.
    values = {"a": 1 + np.log(3.0), "b": 1.0, "a a": 1.0, "a b": 1.0, "b a": 1.0}
    expected = np.array([values[ngram] for ngram in counts.get_feature_names_out()])
    expected *= baseline.pipeline[1].idf_
    np.testing.assert_allclose(seen, expected / np.linalg.norm(expected), rtol=1e-6)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_tuned_value_is_the_one_fitted_with(name: str) -> None:
    texts = [["plain"]] * 20 + [["odd"]]
    labels = ["x"] * 20 + ["y"]
    chosen = set()
    for validation in (([["odd"]] * 3, ["y"] * 3), ([["odd"]] * 3, ["x"] * 3)):
        (baseline,) = fit(name, train=(texts, labels), validation=validation)
        ((parameter, value),) = baseline.params.items()
        assert baseline.pipeline[-1].get_params()[parameter] == value
        chosen.add(value)
    default = type(baseline.pipeline[-1])().get_params()[parameter]
    assert chosen != {default}


def test_validation_texts_count_by_the_weights_of_their_classes() -> None:
    train = ([["a"]] * 4, ["x", "y", "y", "y"])
    validation = ([["b"]] * 4, ["x", "y", "y", "y"])
    for class_weight, accuracy in (
        (None, 3 / 4),
        ({"x": 9.0, "y": 1.0}, 3 / 12),
        ("balanced", 1 / 2),
    ):
        (baseline,) = fit("majority", train=train, validation=validation, class_weight=class_weight)
        assert baseline.validation_accuracy == pytest.approx(accuracy)
    # Of texts that all weigh nothing each counts alike.
    nothing = ([["b"]] * 2, ["y", "y"])
    (baseline,) = fit(
        "majority", train=train, validation=nothing, class_weight={"x": 1.0, "y": 0.0}
    )
    assert baseline.validation_accuracy == 1.0


def test_of_equal_accuracies_the_more_likely_value_is_tuned() -> None:
    """All values find both words; with the weakest penalty they are the surest."""
    texts, labels = [["good"], ["bad"]] * 10, ["x", "y"] * 10
    (baseline,) = fit("bow_lr", train=(texts, labels), validation=(texts[:2], labels[:2]))
    assert baseline.validation_accuracy == 1.0
    assert baseline.params == {"C": 3.0}
    # A mistake that cannot be helped makes the surest the worst.
    (baseline,) = fit(
        "bow_lr",
        train=(texts, labels),
        validation=([["good"]] * 2 + [["bad"]] * 2, ["x", "y", "y", "x"]),
    )
    assert baseline.params == {"C": 0.01}


@pytest.mark.parametrize("name", BASELINES)
def test_numbered_texts_give_the_same_model(name: str) -> None:
    every = encode_lists([*VALIDATION_TOKENS, *TRAIN_TOKENS])
    validation, train = every[: len(VALIDATION_TOKENS)], every[len(VALIDATION_TOKENS) :]
    (plain,) = fit(name)
    (fast,) = fit(name, train=(train, TRAIN_LABELS), validation=(validation, ["praise", "blame"]))
    assert fast.params == plain.params
    np.testing.assert_array_equal(fast.predict_proba(every), plain.predict_proba(list(every)))


def test_no_argument_could_carry_test_texts() -> None:
    given = [name for name in inspect.signature(fit_baselines).parameters if "test" in name]
    assert given == []


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_six_classes_come_in_sorted_order(name: str, class_weight: ClassWeight) -> None:
    labels = [f"class {number}" for number in (3, 0, 5, 1, 4, 2)] * 3
    texts = [[label.replace(" ", ""), "the"] for label in labels]
    split = {"train": (texts, labels), "validation": (texts[:6], labels[:6])}
    (baseline,) = fit(name, **split, class_weight=class_weight)
    assert baseline.classes == tuple(f"class {number}" for number in range(6))
    probabilities = baseline.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    if name != "majority":
        assert [baseline.classes[column] for column in probabilities.argmax(axis=1)] == labels


@pytest.mark.parametrize("name", ["bow_lr", "tfidf_lr", "nbsvm"])
@pytest.mark.parametrize("class_weight", ["balanced", {"ham": 1.0, "spam": 9.0}])
def test_class_weight_raises_the_rare_class(name: str, class_weight: ClassWeight) -> None:
    texts = [["hello"]] * 27 + [["hello", "prize"]] * 3
    labels = ["ham"] * 27 + ["spam"] * 3
    validation = ([["hello"]], ["ham"])
    (plain,) = fit(name, train=(texts, labels), validation=validation)
    (weighted,) = fit(name, train=(texts, labels), validation=validation, class_weight=class_weight)
    rare = [["prize"]]
    assert weighted.predict_proba(rare)[0, 1] > plain.predict_proba(rare)[0, 1]


HARD = {
    "chinese": ([list("房间很好"), list("早餐太差")] * 5, ["好", "差"] * 5),
    "nothing shared": ([[f"word{number}"] for number in range(10)], ["x", "y"] * 5),
    "empty lists": ([["a"], [], ["b"], []], ["x", "y", "y", "x"]),
    "one example": ([["a", "b"]] * 9 + [["c"]], ["x"] * 9 + ["y"]),
    "contradiction": ([["a", "b"]] * 10, ["x", "y"] * 5),
    "long texts": ([["a"] * 20_000 + ["b"], ["c"] * 30_000] * 4, ["x", "y"] * 4),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_corpora_work_without_a_warning(case: str) -> None:
    texts, labels = HARD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for baseline in fit(train=(texts, labels), validation=([[], ["new"]], [labels[0]] * 2)):
            probabilities = baseline.predict_proba([*texts, [], ["never seen"]])
            assert probabilities.shape == (len(texts) + 2, 2)
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_a_label_only_in_validation_gets_a_column(name: str) -> None:
    (baseline,) = fit(name, validation=([["closed"]], ["other"]))
    assert baseline.classes == ("blame", "other", "praise")
    assert baseline.validation_accuracy == 0.0


def test_no_texts_give_no_rows() -> None:
    assert fit("majority")[0].predict_proba([]).shape == (0, 2)


def test_tells_its_progress() -> None:
    lines: list[str] = []
    fit("bow_lr", on_progress=lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("bow_lr: validation accuracy 1.000, C=")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": ([], [])}, "no training texts"),
        ({"validation": ([], [])}, "no validation texts"),
        ({"train": ([["a"]], ["x", "y"])}, "1 training texts but 2 labels"),
        ({"train": ([["a"], ["b"]], ["x", "x"])}, "labelled 'x'"),
        ({"train": ([[], []], ["x", "y"])}, "No training text holds a token"),
    ],
)
def test_texts_that_cannot_be_learned_from(changes: dict[str, Any], message: str) -> None:
    split = {
        "train": (TRAIN_TOKENS, TRAIN_LABELS),
        "validation": (VALIDATION_TOKENS, ["praise", "blame"]),
        **changes,
    }
    with pytest.raises(DataError, match=message):
        fit_baselines(*split["train"], *split["validation"])


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'nbsvm'"):
        fit("nb-svm")


def test_log_count_ratio_by_hand() -> None:
    # Words: good, bad, soup. Positive texts: "good soup", "good"; negative: "bad soup".
    counts = csr_array(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1]], dtype=np.float32))
    ratio = LogCountRatio(alpha=1.0).fit(counts, np.array([True, True, False]))
    # p = 1 + (2, 0, 1) = (3, 1, 2), of 6; q = 1 + (0, 1, 1) = (1, 2, 2), of 5.
    expected = np.log([(3 / 6) / (1 / 5), (1 / 6) / (2 / 5), (2 / 6) / (2 / 5)])
    np.testing.assert_allclose(ratio.ratio_, expected, rtol=1e-6)
    np.testing.assert_allclose(
        ratio.transform(counts).toarray(), counts.toarray() * expected, rtol=1e-6
    )


def test_nbsvm_is_a_logistic_regression_of_weighted_counts() -> None:
    rng = np.random.default_rng(0)
    counts = csr_array((rng.random((40, 6)) < 0.4).astype(np.float32))
    positive = rng.random(40) < 0.2 + 0.6 * counts.toarray()[:, 0]
    found = NBSVM(C=0.2, alpha=3.0).fit(counts, np.where(positive, "yes", "no").tolist())
    ratio = LogCountRatio(alpha=3.0).fit(counts, positive)
    weighted = counts.toarray() * ratio.ratio_
    expected = LogisticRegression(C=0.2).fit(weighted, positive).predict_proba(weighted)
    np.testing.assert_allclose(found.predict_proba(counts), expected, atol=1e-4)


def test_nbsvm_asks_two_classes_one_question_and_more_one_each() -> None:
    counts = csr_array(np.eye(3, dtype=np.float32))
    assert len(NBSVM().fit(counts[:2], ["x", "y"]).models_) == 1
    model = NBSVM(C=10.0).fit(counts, ["x", "y", "z"])
    assert len(model.models_) == 3
    assert list(model.predict(counts)) == ["x", "y", "z"]

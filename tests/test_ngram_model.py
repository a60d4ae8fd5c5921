"""The n-gram model: what it looks at, what it learns, and how far it is believed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from tests.examples import examples, targets_of
from textrnn import TextRNNClassifier
from textrnn.evaluation.calibration import fit_ensemble_weights
from textrnn.linear import hashing
from textrnn.linear.fit import _Problem, fit_ngrams, naive_bayes, ngram_features
from textrnn.linear.hashing import FIRST_OF_CHARACTERS, NGramKind, distinct_ngrams
from textrnn.linear.ngram_model import NGramModel, find, weighted_sum
from textrnn.nn.losses import SOFTMAX, softmax
from textrnn.text.encoded import encode_lists
from textrnn.training.examples import Examples
from textrnn.training.ngrams import CHARACTERS, WORDS, choose_ngrams
from textrnn.training.settings import Settings
from textrnn.typing import Bools, Floats

TEXTS = [
    ["not", "good", "at", "all"],
    ["good", "good", "good"],
    [],
    ["naïve", "😀", "not", "good"],
    ["a"],
    ["goods", "not"],
]
KEYS_OF_NOT_GOOD = [
    122545191221,
    316476237547,
    458650559965,
    554832827700,
    605788561556,
    705563089168,
    760816943125,
    832537154883,
    844065740082,
    983066182530,
    1018906695842,
    1052340679706,
]
"""Of two words, one bigram and the pairs of characters: a change would break saved models."""
KINDS = [NGramKind(1), NGramKind(3), NGramKind(2, (2, 5)), NGramKind(1, (3, 3))]


def ngrams_of(words: list[str], kind: NGramKind) -> set[tuple[str, ...] | str]:
    """By definition, as strings."""
    found: set[tuple[str, ...] | str] = set()
    for n in range(1, kind.max_n + 1):
        found |= {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}
    if kind.char_ngrams is not None:
        for word in words:
            marked = f"\x02{word}\x03"
            for n in range(kind.char_ngrams[0], kind.char_ngrams[1] + 1):
                found |= {marked[i : i + n] for i in range(len(marked) - n + 1)}
    return found


def keys_by_row(texts: list[list[str]], kind: NGramKind) -> list[set[int]]:
    rows: list[set[int]] = [set() for _ in texts]
    for keys, where in distinct_ngrams(encode_lists(texts), kind):
        assert (np.diff(keys.astype(np.int64)) >= 0).all()
        for key, row in zip(keys.tolist(), where.tolist(), strict=True):
            assert key not in rows[row], "an n-gram of a text comes once"
            rows[row].add(key)
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_one_key_for_each_ngram(kind: NGramKind) -> None:
    wanted = [ngrams_of(words, kind) for words in TEXTS]
    found = keys_by_row(TEXTS, kind)
    assert [len(keys) for keys in found] == [len(names) for names in wanted]
    # The same n-gram has the same key in every text: what two texts share is as much.
    for i in range(len(TEXTS)):
        for j in range(i):
            assert len(found[i] & found[j]) == len(wanted[i] & wanted[j])


def test_keys_do_not_depend_on_the_other_texts() -> None:
    kind = NGramKind(2, (2, 4))
    whole = keys_by_row(TEXTS, kind)
    assert [keys_by_row([words], kind)[0] for words in TEXTS] == whole


def test_keys_are_those_of_saved_models() -> None:
    keys, _ = next(distinct_ngrams(encode_lists([["not", "good"]]), NGramKind(2, (2, 2))))
    assert keys.tolist() == KEYS_OF_NOT_GOOD


@pytest.mark.parametrize(("limit", "size"), [("NGRAMS_AT_ONCE", 5), ("ROWS_AT_ONCE", 2)])
def test_blocks_are_the_same_as_the_whole(
    monkeypatch: pytest.MonkeyPatch, limit: str, size: int
) -> None:
    kind = NGramKind(2, (2, 3))
    whole = keys_by_row(TEXTS, kind)
    monkeypatch.setattr(hashing, limit, size)
    assert len(list(distinct_ngrams(encode_lists(TEXTS), kind))) >= 3
    assert keys_by_row(TEXTS, kind) == whole
    features = ngram_features(encode_lists(TEXTS), kind, max_features=10_000)
    assert np.diff(features.matrix.indptr).tolist() == [len(keys) for keys in whole]
    sizes = np.sqrt([max(len(keys), 1) for keys in whole])
    np.testing.assert_allclose(features.sizes, sizes, rtol=1e-6)
    some = features.take(np.array([3, 0]))
    np.testing.assert_array_equal(some.matrix.toarray(), features.matrix.toarray()[[3, 0]])
    np.testing.assert_array_equal(some.sizes, features.sizes[[3, 0]])


def test_find() -> None:
    known = np.array([3, 5, 9], dtype=np.uint64)
    places, there = find(np.array([1, 3, 3, 6, 9, 12], dtype=np.uint64), known)
    assert there.tolist() == [False, True, True, False, True, False]
    assert places[there].tolist() == [0, 0, 2]
    none = np.zeros(0, dtype=np.uint64)
    assert not find(known, none)[1].any()
    assert len(find(none, known)[0]) == 0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logits_by_hand(n_classes: int) -> None:
    kind = NGramKind(2, (2, 3))
    features = ngram_features(encode_lists(TEXTS), kind, max_features=10_000)
    K = 1 if n_classes == 2 else n_classes
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(len(features.keys), K)).astype(np.float32)
    bias = rng.normal(size=K).astype(np.float32)
    model = NGramModel(kind, features.keys, weights, bias)
    texts = [*TEXTS, ["unseen", "not", "good"]]
    found = model.logits(encode_lists(texts))
    column = {key: i for i, key in enumerate(features.keys.tolist())}
    for row, keys in enumerate(keys_by_row(texts, kind)):
        z = bias
        for of_characters in (False, True):
            part = [key for key in keys if bool(key >= FIRST_OF_CHARACTERS) is of_characters]
            known = [column[key] for key in part if key in column]
            z = z + weights[known].sum(axis=0) / np.sqrt(max(len(part), 1))
        np.testing.assert_allclose(found[row], [0.0, z[0]] if K == 1 else z, rtol=1e-4, atol=1e-6)


def test_an_ngram_dropped_is_one_without_weight() -> None:
    texts = encode_lists(TEXTS)
    features = ngram_features(texts, NGramKind(2), max_features=100)
    model = fit_ngrams(features, targets_of([0, 1, 0, 1, 0, 1]), C=10.0)
    keep = np.arange(len(model.keys)) % 2 == 0
    fewer = NGramModel(model.kind, model.keys[keep], model.weights[keep], model.bias)
    zeroed = NGramModel(
        model.kind, model.keys, np.where(keep[:, np.newaxis], model.weights, 0.0), model.bias
    )
    np.testing.assert_allclose(fewer.logits(texts), zeroed.logits(texts), atol=1e-6)


def test_texts_without_a_token() -> None:
    features = ngram_features(encode_lists([[], []]), NGramKind(2, (2, 3)), max_features=5)
    assert features.matrix.shape == (2, 0)
    model = fit_ngrams(features, targets_of([0, 1]), C=1.0)
    assert np.isfinite(model.logits(encode_lists([["a"], []]))).all()


def test_rare_ngrams_are_left_out_first() -> None:
    many = encode_lists([["a", "b", "c"], ["d", "e", "f"]])  # all as rare
    assert len(ngram_features(many, NGramKind(1), max_features=2).keys) == 2
    texts = encode_lists([["a", "b"], ["a", "c"], ["a", "b"]])
    assert len(ngram_features(texts, NGramKind(1), max_features=10).keys) == 3
    assert len(ngram_features(texts, NGramKind(1), max_features=2).keys) == 2
    assert len(ngram_features(texts, NGramKind(1), max_features=10, min_df=3).keys) == 1


@pytest.mark.parametrize("min_df", [1, 2, 3])
@pytest.mark.parametrize("max_features", [1, 4, 9, 100])
def test_the_columns_are_the_ngrams_of_the_most_texts(max_features: int, min_df: int) -> None:
    """Of equals those with the smallest keys."""
    kind = NGramKind(2, (3, 3))
    texts = [*TEXTS, ["good", "not"], ["good", "at"]]
    df: dict[int, int] = {}
    for keys in keys_by_row(texts, kind):
        for key in keys:
            df[key] = df.get(key, 0) + 1
    often = sorted((-n, key) for key, n in df.items() if n >= min_df)[:max_features]
    found = ngram_features(encode_lists(texts), kind, max_features=max_features, min_df=min_df)
    assert found.keys.tolist() == sorted(key for _, key in often)
    assert found.matrix.sum(axis=0).tolist() == [df[key] for key in found.keys.tolist()]


def test_ngrams_without_a_column_count_in_the_size_of_a_text() -> None:
    """As in prediction, where nobody knows which of the unknown ones were left out."""
    kind = NGramKind(2, (2, 3))
    few = ngram_features(encode_lists(TEXTS), kind, max_features=3)
    assert few.matrix.shape[1] == 3
    counts = [max(len(ngrams_of(words, kind)), 1) for words in TEXTS]
    np.testing.assert_allclose(few.sizes, np.sqrt(counts), rtol=1e-6)


def random_problem(K: int, *, independent: bool) -> _Problem:
    rng = np.random.default_rng(K)
    X = csr_array(rng.random((12, 7)) * (rng.random((12, 7)) < 0.5))
    targets = rng.integers(0, max(K, 2), 12)
    positive = np.stack([targets == (k if K > 1 else 1) for k in range(K)], axis=1)
    if independent and K > 1:
        positive |= rng.random(positive.shape) < 0.3
    ratios, weights = rng.normal(size=(7, K)), rng.random(12) + 0.5
    return _Problem(X, ratios, positive, 0.7, weights, independent=independent)


@pytest.mark.parametrize(("K", "independent"), [(1, True), (4, False), (4, True)])
def test_gradient_of_the_fit(K: int, independent: bool) -> None:
    problem = random_problem(K, independent=independent)
    at = np.random.default_rng(9).normal(size=8 * K)
    _, gradient = problem.loss_and_gradient(at)
    step = 1e-3  # the products are in single precision
    for i in range(len(at)):
        near = [at + sign * step * np.eye(len(at))[i] for sign in (1, -1)]
        above, below = (problem.loss_and_gradient(x)[0] for x in near)
        np.testing.assert_allclose(gradient[i], (above - below) / (2 * step), rtol=2e-3, atol=2e-3)


def test_the_fit_is_a_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(12)]
    texts = encode_lists([list(rng.choice(words, 6)) for _ in range(150)])
    targets = np.array(["w1" in text or "w2" in text for text in texts], dtype=np.int64)
    features = ngram_features(texts, NGramKind(1), max_features=100)
    model = fit_ngrams(features, targets_of(targets), C=3.0)
    X = features.matrix.toarray()
    p = 1 + X[targets == 1].sum(axis=0)
    q = 1 + X[targets == 0].sum(axis=0)
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    scaled = X / np.sqrt(X.sum(axis=1, keepdims=True)) * ratio
    theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=10_000).fit(scaled, targets)
    expected = theirs.predict_proba(scaled)
    np.testing.assert_allclose(softmax(model.logits(texts)), expected, atol=5e-3)


def test_factors_find_the_temperature_and_the_noise() -> None:
    rng = np.random.default_rng(0)
    n = 4_000
    targets = rng.integers(0, 3, n)
    true = rng.normal(size=(n, 3)) + 2.0 * np.eye(3)[targets]
    honest = 2.0 * true  # by Bayes: unit variance, means two apart
    (factor,), bias = fit_ensemble_weights(SOFTMAX, [6.0 * true], targets)
    assert factor == pytest.approx(1 / 3, abs=0.05)
    np.testing.assert_array_equal(bias, 0.0)
    noise = rng.normal(size=(n, 3))
    factors, _ = fit_ensemble_weights(SOFTMAX, [honest, noise], targets)
    assert factors[0] > 0.7
    assert factors[1] < 0.15


def labelled(texts: list[list[str]], targets: list[int]) -> Examples:
    return examples(texts, np.array(targets))


def test_characters_are_chosen_where_they_tell() -> None:
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghij"))

    def draw(n: int) -> Examples:
        stems = ["".join(rng.choice(letters, 6)) for _ in range(n)]
        return labelled(
            [[s + ("ung" if i % 2 else "ed")] for i, s in enumerate(stems)], [0, 1] * (n // 2)
        )

    both = choose_ngrams(Settings(), draw(200), draw(100))
    assert {part.model.kind for part in both.parts} == {WORDS, CHARACTERS}
    assert both.accuracy == 1.0
    words = choose_ngrams(Settings(ngrams="words"), draw(200), draw(100))
    assert {part.model.kind for part in words.parts} == {WORDS}
    assert words.accuracy is not None
    assert words.accuracy < 0.7


def test_naive_bayes_by_hand() -> None:
    features = ngram_features(encode_lists(TEXTS), NGramKind(1), max_features=100)
    targets = np.array([0, 1, 2, 1, 0, 2])
    X = features.matrix.toarray()
    for k, weights in enumerate(naive_bayes(features, targets_of(targets)).weights.T):
        p, q = 1 + X[targets == k].sum(axis=0), 1 + X[targets != k].sum(axis=0)
        np.testing.assert_allclose(weights, np.log(p / p.sum() / (q / q.sum())), rtol=1e-5)


TIMES = np.array([1, 3, 2, 1, 4, 2])
"""How often each of the texts stands there: as good as a weight."""


@pytest.mark.parametrize("kind", ["two", "three", "many"])
def test_weights_of_naive_bayes_count_as_copies(kind: str) -> None:
    rng = np.random.default_rng(1)
    n_classes = 2 if kind == "two" else 3
    targets = np.array([0, 1, n_classes - 1, 1, 0, n_classes - 1])
    if kind == "many":
        targets = rng.integers(0, 2, (len(TEXTS), 3))
    features = ngram_features(encode_lists(TEXTS), NGramKind(2, (2, 3)), max_features=1_000)
    copies = np.repeat(np.arange(len(TEXTS)), TIMES)
    weighted = naive_bayes(features, targets_of(targets), TIMES.astype(np.float64))
    repeated = naive_bayes(features.take(copies), targets_of(targets[copies]))
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=1e-5, atol=1e-6)
    plain = naive_bayes(features, targets_of(targets))
    assert np.abs(weighted.weights - plain.weights).max() > 0.1


@pytest.mark.parametrize(("K", "independent"), [(1, True), (4, False), (4, True)])
def test_weights_of_the_fit_count_as_copies(K: int, independent: bool) -> None:
    rng = np.random.default_rng(2)
    X = csr_array(rng.random((6, 7)) * (rng.random((6, 7)) < 0.5))
    positive = np.eye(K, dtype=bool)[rng.integers(0, K, 6)] if K > 1 else rng.random((6, 1)) < 0.5
    ratios, at = rng.normal(size=(7, K)), rng.normal(size=8 * K)
    copies = np.repeat(np.arange(6), TIMES)

    def value(X: csr_array, positive: Bools, weights: Floats | None) -> tuple[float, Floats]:
        problem = _Problem(X, ratios, positive, 0.7, weights, independent=independent)
        return problem.loss_and_gradient(at)

    loss, gradient = value(X, positive, TIMES.astype(np.float64))
    expected, its_gradient = value(X[copies], positive[copies], None)
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, its_gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_weighted_sum_says_the_sum(n_classes: int) -> None:
    texts = encode_lists(TEXTS)
    targets = targets_of([0, 1, 0, 1, 0, n_classes - 1])
    words = ngram_features(texts, NGramKind(2), max_features=100)
    characters = ngram_features(texts, NGramKind(0, (2, 4)), max_features=1_000)
    parts = [
        fit_ngrams(words, targets, C=3.0),
        naive_bayes(words, targets),
        fit_ngrams(characters, targets, C=30.0),
    ]
    factors, bias = np.array([0.5, 0.2, 2.0]), np.linspace(-1, 1, n_classes)
    together = weighted_sum(parts, factors, bias)
    assert together.kind == NGramKind(2, (2, 4))
    expected = bias + sum(f * part.logits(texts) for f, part in zip(factors, parts, strict=True))
    found = together.logits(texts)
    # Of two classes only the difference counts.
    np.testing.assert_allclose(
        found - found[:, :1], expected - expected[:, :1], rtol=2e-3, atol=2e-3
    )


def test_a_saved_model_says_the_same(
    reviews: tuple[list[str], list[str]], tmp_path: object
) -> None:
    texts, labels = reviews
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=1, random_state=0)
    model.fit(texts, labels)
    assert model.model_.ngrams is not None
    model.save(f"{tmp_path}/m")
    again = TextRNNClassifier.load(f"{tmp_path}/m")
    assert np.array_equal(model.predict_proba(texts), again.predict_proba(texts))

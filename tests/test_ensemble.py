"""N-gram models beside a network: how they are fitted, chosen and believed, text by text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from tests.networks import network_config
from textrnn.evaluation.calibration import combined
from textrnn.evaluation.thresholds import best_f1_threshold_of
from textrnn.inference.classifier import NEAREST, TextModel
from textrnn.linear.fit import NGramFeatures, fit_ngrams, naive_bayes, ngram_features
from textrnn.linear.hashing import NGramKind
from textrnn.nn.losses import SOFTMAX
from textrnn.nn.network import Network
from textrnn.text.encoded import as_encoded
from textrnn.text.reading import read_texts
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training import ngrams
from textrnn.training.budget import Deadline
from textrnn.training.ensemble import Ensemble, fit_ensemble
from textrnn.training.examples import Examples, concatenated
from textrnn.training.held_out import held_out as scoring
from textrnn.training.ngrams import STRENGTHS, WORDS, NGrams, Part, choose_ngrams, refitted
from textrnn.training.settings import Settings

ONLY_WORDS = Settings(ngrams="words")
TELLING = ("lovely", "lonely", "lively", "lately")
"""The word of each class, one letter from another."""


def drawn(n: int, seed: int, *, n_classes: int = 2, sure: float = 0.75) -> Examples:
    """Texts of a few words, one of which tells the class, if not by chance; with weights."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, n_classes, n)
    told = np.where(rng.random(n) < sure, targets, rng.integers(0, n_classes, n))
    texts = [[*(f"w{i}" for i in rng.integers(0, 30, 5)), TELLING[t]] for t in told.tolist()]
    return examples(texts, targets, rng.integers(1, 6, n).astype(np.float64))


def repeated(texts: Examples) -> Examples:
    """Each text as often as it weighs."""
    assert texts.weights is not None
    copies = np.repeat(np.arange(len(texts)), texts.weights.astype(np.int64))
    return replace(texts.take(copies), weights=None)


def features_of(texts: Examples) -> NGramFeatures:
    return ngram_features(as_encoded(texts.texts), WORDS, max_features=10_000)


def untrained(texts: Examples, *, n_classes: int = 2, **changes: Any) -> TextModel:
    """A model for some texts whose network says something by chance."""
    vocabulary = Vocabulary.build(texts.texts)
    config = network_config(n_classes, len(vocabulary), embedding_dim=4, hidden_size=4)
    network = Network.initialise(config, np.random.default_rng(7))
    network.params["linear.bias"][:] = np.linspace(-1.0, 1.0, n_classes)
    tokenizer = make_tokenizer("word")
    return TextModel(tokenizer, vocabulary, network, tuple(range(n_classes)), **changes)


def same_models(a: NGrams, b: NGrams) -> bool:
    return len(a.models) == len(b.models) and all(
        np.array_equal(one.keys, other.keys)
        and np.array_equal(one.weights, other.weights)
        and np.array_equal(one.bias, other.bias)
        for one, other in zip(a.models, b.models, strict=True)
    )


# ---------------------------------------------------------------------------- weights


def test_they_are_fitted_with_the_weights_of_their_texts() -> None:
    """Each as if fitted by itself with them: at first, and to all texts."""
    train, held_out = drawn(60, 0), drawn(40, 1)
    chosen = choose_ngrams(ONLY_WORDS, train, held_out)
    every = concatenated([train, held_out])
    for found, texts in ((chosen, train), (refitted(chosen, every), every)):
        assert [part.C is None for part in found.parts] == [True, False]
        for part in found.parts:
            fit = naive_bayes if part.C is None else partial(fit_ngrams, C=part.C)
            expected = fit(features_of(texts), texts.targets, weights=texts.weights)
            without = fit(features_of(texts), texts.targets)
            np.testing.assert_array_equal(part.model.weights, expected.weights)
            assert np.abs(without.weights - expected.weights).max() > 0.01


def test_the_strength_is_the_one_of_least_weighted_loss() -> None:
    """And their accuracy that of all together, believed and counted by the weights."""
    train, held_out = drawn(80, 2), drawn(30, 3)
    fits = [
        fit_ngrams(features_of(train), train.targets, C=C, weights=train.weights) for C in STRENGTHS
    ]
    bayes = naive_bayes(features_of(train), train.targets, train.weights)
    texts = as_encoded(held_out.texts)
    logits = [fit.logits(texts) for fit in fits]
    found = []
    for seed in range(12):
        weights = np.random.default_rng(seed).exponential(size=len(held_out)) ** 2
        chosen = choose_ngrams(ONLY_WORDS, train, replace(held_out, weights=weights))
        wanted, share = held_out.targets.values, weights / weights.mean()
        losses = [SOFTMAX.loss(z, wanted, share)[0] for z in logits]
        best = int(np.argmin(losses))
        assert STRENGTHS.index(chosen.parts[1].C or 0.0) == best
        parts = [bayes.logits(texts), logits[best]]
        judge = scoring(replace(held_out, weights=weights))
        assert chosen.accuracy == pytest.approx(judge.accuracy(parts))
        found.append(best)
    assert set(found) == {0, 1}


def test_weights_count_as_copies_in_the_ensemble_weights() -> None:
    train, held_out = drawn(80, 4), drawn(40, 5)
    model = untrained(train)
    chosen = choose_ngrams(ONLY_WORDS, train, held_out)

    def weighed(texts: Examples) -> Ensemble:
        return fit_ensemble(model, ONLY_WORDS, chosen, train, texts)

    found, expected = weighed(held_out), weighed(repeated(held_out))
    np.testing.assert_allclose(found.weights.of_models, expected.weights.of_models, atol=1e-3)
    np.testing.assert_allclose(found.weights.bias, expected.weights.bias, atol=1e-3)
    assert found.accuracy == pytest.approx(expected.accuracy)
    without = weighed(replace(held_out, weights=None))
    assert np.abs(without.weights.of_models - found.weights.of_models).max() > 0.01


def test_texts_without_weights_weigh_one_beside_others() -> None:
    weighted, plain = drawn(3, 6), replace(drawn(2, 7), weights=None)
    assert weighted.weights is not None
    both = concatenated([plain, weighted])
    assert both.weights is not None
    assert both.weights.tolist() == [1.0, 1.0, *weighted.weights.tolist()]
    assert concatenated([plain, plain]).weights is None


# ------------------------------------------------------------------------ all together


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_classifier_says_the_weighed_sum(n_classes: int) -> None:
    train, held_out = drawn(80, 8, n_classes=n_classes), drawn(40, 9, n_classes=n_classes)
    settings = Settings(ngrams="characters")
    model = untrained(train, n_classes=n_classes)
    chosen = choose_ngrams(settings, train, held_out)
    weighed = fit_ensemble(model, settings, chosen, train, held_out)
    tokens = as_encoded(held_out.texts)
    texts = [" ".join(words) for words in tokens]
    of_network = np.log(replace(model, ngrams=None).predict_proba(texts).astype(np.float64))
    parts = [of_network, *(each.logits(tokens) for each in chosen.models)]
    expected = SOFTMAX.probabilities(
        combined(parts, weighed.weights.of_models, weighed.weights.bias)
    )
    found = weighed.classifier().predict_proba(texts)
    np.testing.assert_allclose(found, expected, atol=5e-3)  # n-grams have half precision


def test_unknown_words_are_weighed_as_they_are_predicted() -> None:
    """The network reads them as words near to them, the n-grams as they stand where they know
    them: here the word of one class, which is near to that of the other."""
    train, held_out = drawn(80, 18), drawn(60, 19)
    known = examples([[w for w in t if w != TELLING[1]] for t in train.texts], train.targets)
    model = untrained(known, unknown_words=NEAREST)
    texts = [" ".join(words) for words in held_out.texts]
    assert list(model.vocabulary.corrected(as_encoded([[TELLING[1]]]))) == [[TELLING[0]]]
    chosen = choose_ngrams(ONLY_WORDS, train, held_out)
    weighed = fit_ensemble(model, ONLY_WORDS, chosen, train, held_out)
    answers = weighed.classifier().predict_proba(texts).argmax(axis=1)
    assert weighed.right is not None
    np.testing.assert_array_equal(weighed.right, answers == held_out.targets.values)
    assert weighed.right.mean() > 0.7


@pytest.mark.parametrize("rare", [0, 1])
def test_a_threshold_is_tuned_for_the_rarer_class(rare: int) -> None:
    """On the held-out texts, and by the probabilities of all together."""

    def skewed(seed: int) -> Examples:
        texts = drawn(150, seed, sure=0.4)
        return texts.take((texts.targets.values != rare) | (np.arange(150) % 4 == 0))

    train, settings = skewed(20), replace(ONLY_WORDS, threshold="f1")
    chosen = choose_ngrams(settings, train, None)
    differ = False
    for seed in range(21, 26):
        held_out = skewed(seed)
        found = fit_ensemble(untrained(train), settings, chosen, train, held_out)
        classifier = found.classifier()
        p = classifier.predict_proba([" ".join(words) for words in held_out.texts])[:, 1]
        expected = best_f1_threshold_of(rare, p, held_out.targets.values, held_out.weights)
        assert classifier.threshold == found.weights.threshold == pytest.approx(expected, abs=1e-3)
        differ |= abs(expected - best_f1_threshold_of(1 - rare, p, held_out.targets.values)) > 0.01
    assert differ


def test_without_held_out_texts_the_network_weighs_as_much_as_all_ngrams() -> None:
    train = drawn(40, 10)
    chosen = choose_ngrams(ONLY_WORDS, train, None)
    assert [part.C for part in chosen.parts] == [None, STRENGTHS[0]]
    assert chosen.accuracy is None
    found = fit_ensemble(untrained(train), ONLY_WORDS, chosen, train, None)
    assert found.weights.of_models.tolist() == [0.5, 0.25, 0.25]
    assert found.accuracy is None
    alone = fit_ensemble(untrained(train), ONLY_WORDS, None, train, None)
    assert alone.weights.of_models.tolist() == [1.0]
    assert not alone.weights.bias.any()


# ----------------------------------------------------------------------- what they see


@pytest.mark.parametrize("ngrams", ["words", "characters"])
def test_what_is_cut_off_is_not_seen(ngrams: str) -> None:
    """Neither in the fit nor in the choice nor in the weighing."""
    limit, rng = 6, np.random.default_rng(11)
    settings = Settings(ngrams=ngrams, max_length=limit)
    train, held_out = drawn(60, 12), drawn(40, 13)

    def longer(texts: Examples) -> Examples:
        tails = [[f"tail{t}"] * 3 for t in rng.integers(0, 2, len(texts)).tolist()]
        tokens = [[*words, *tail] for words, tail in zip(texts.texts, tails, strict=True)]
        return replace(texts, texts=read_texts(make_tokenizer("word"), as_encoded(tokens), limit))

    def all_of(train: Examples, held_out: Examples) -> tuple[NGrams, NGrams, Ensemble]:
        chosen = choose_ngrams(settings, train, held_out)
        again = refitted(chosen, concatenated([train, held_out]))
        model = untrained(drawn(60, 12), max_length=limit)
        return chosen, again, fit_ensemble(model, settings, chosen, train, held_out)

    short, long = all_of(train, held_out), all_of(longer(train), longer(held_out))
    assert same_models(short[0], long[0])
    assert short[0].accuracy == long[0].accuracy
    assert same_models(short[1], long[1])
    np.testing.assert_array_equal(short[2].weights.of_models, long[2].weights.of_models)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_fitted_again_to_the_same_texts_they_are_the_same(n_classes: int) -> None:
    """Of each kind, naive Bayes too."""
    train, held_out = drawn(60, 14, n_classes=n_classes), drawn(40, 15, n_classes=n_classes)
    chosen = choose_ngrams(Settings(ngrams="characters"), train, held_out)
    assert len(chosen.parts) == 3
    assert same_models(refitted(chosen, train), chosen)


def test_of_many_classes_fewer_ngrams_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the choice as in the last fit: so many weights in all."""
    monkeypatch.setattr(ngrams, "MAX_WEIGHTS", 120)
    train, held_out = drawn(60, 16, n_classes=4), drawn(40, 17, n_classes=4)
    chosen = choose_ngrams(ONLY_WORDS, train, held_out)
    for found in (chosen, refitted(chosen, concatenated([train, held_out]))):
        assert [model.weights.shape for model in found.models] == [(30, 4)] * 2


def test_where_there_is_much_text_an_ngram_must_come_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = examples([["a", "b"], ["a", "c"]] * 1 + [["b", "d"]], np.array([0, 1, 0]))
    few = choose_ngrams(ONLY_WORDS, train, None).models[0]
    monkeypatch.setattr(ngrams, "MUCH_TEXT", 5)
    many = choose_ngrams(ONLY_WORDS, train, None).models[0]
    assert (len(few.keys), len(many.keys)) == (7, 2)  # a, b, c, d and three pairs; a and b


# --------------------------------------------------------------------------- in time


@pytest.mark.parametrize(("times", "kinds"), [(20.0, 1), (22.0, 2)])
def test_characters_are_tried_where_a_third_of_the_time_is_enough(
    monkeypatch: pytest.MonkeyPatch, times: float, kinds: int
) -> None:
    """They take six times as long as the words did: with these seven of twenty-one."""
    now, train = [0.0], drawn(30, 30)
    parts = choose_ngrams(ONLY_WORDS, train, None).parts

    def fit_a_kind(kind: NGramKind, *_: Any, **__: Any) -> list[Part]:
        now[0] += 1.0 if kind == WORDS else 6.0
        return list(parts)

    monkeypatch.setattr(ngrams, "fit_kind", fit_a_kind)
    deadline = Deadline(times, lambda: now[0])
    chosen = choose_ngrams(Settings(ngrams="characters"), train, None, deadline)
    assert len(chosen.parts) == kinds * len(parts)

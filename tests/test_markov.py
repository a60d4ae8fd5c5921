"""Markov chains: against KenLM, the formulas taken word for word, and themselves."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.make_kenlm_reference import HERE, ORDERS, PARTS, corpus
from textrnn.linear import markov
from textrnn.linear.markov import FALLBACK, Fitted, discounts_of, fit_chain, fit_chains
from textrnn.linear.markov_counts import smallest
from textrnn.text.encoded import encode_lists
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Counts, Floats, Ids

Texts = Sequence[Sequence[int]]
ANY_TEXTS = st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=12)


def arrays(texts: Texts) -> tuple[Ids, Counts]:
    ids = np.array([i for text in texts for i in text], dtype=np.int32)
    return ids, np.cumsum([0, *map(len, texts)], dtype=np.int64)


def fitted(texts: Texts, order: int, n_words: int = 4) -> Fitted:
    return fit_chain(*arrays(texts), n_marks=n_words + 1, order=order)


def made_up(seed: int, n_texts: int = 40, n_words: int = 4) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [
        np.minimum(rng.geometric(0.4, rng.integers(0, 9)), n_words - 1).tolist()
        for _ in range(n_texts)
    ]


# ------------------------------------------------------------------- known numbers


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("part", PARTS)
def test_the_probabilities_are_those_of_kenlm(part: str, order: int) -> None:
    training, held_out = corpus()
    training = training[: PARTS[part]]
    reference = json.loads(HERE.read_text(encoding="utf-8"))[part][str(order)]
    vocabulary = Vocabulary.build(training)
    texts, others = (vocabulary_ids(vocabulary, of) for of in (training, held_out))
    found = fit_chain(*texts, n_marks=len(vocabulary) + 1, order=order)
    expected = np.concatenate(reference["log10"]) * np.log(10.0)
    # KenLM works in single precision.
    np.testing.assert_allclose(found.chain.log_probabilities(*others), expected, rtol=0, atol=1e-6)
    assert list(found.fallbacks) == reference["fallbacks"]
    assert (others[0] == 0).any(), "no word is unknown"


def vocabulary_ids(vocabulary: Vocabulary, texts: list[list[str]]) -> tuple[Ids, Counts]:
    encoded = encode_lists(texts)
    return vocabulary.encode(encoded.words)[encoded.ids], encoded.starts


# ------------------------------------------------- the formulas, taken word for word


class Literal:
    """Over dictionaries of tuples, as in the paper; "<" begins a text and ">" ends it."""

    def __init__(self, texts: Texts, order: int, n_words: int) -> None:
        self.order, self.words = order, [*range(n_words), ">"]
        grams: Counter[tuple[object, ...]] = Counter()
        for text in texts:
            marks: list[object] = ["<", *text, ">"]
            for n in range(1, order + 1):
                for i in range(len(marks) - n + 1):
                    grams[tuple(marks[i : i + n])] += 1
        del grams[("<",)]
        before = defaultdict(set)
        for gram in grams:
            before[gram[1:]].add(gram[0])
        if order > 1:
            for text in texts:  # the beginning stands before the first word, or the end
                before[([*text, ">"][0],)].add("<")
        self.counts = {
            gram: count if len(gram) == order or gram[0] == "<" else len(before[gram])
            for gram, count in grams.items()
        }
        self.discounts = {
            n: self.discount([c for gram, c in self.counts.items() if len(gram) == n])
            for n in range(1, order + 1)
        }

    @staticmethod
    def discount(counts: list[int]) -> list[float]:
        n = [counts.count(i) for i in range(5)]
        if min(n[1:4]) > 0:
            y = n[1] / (n[1] + 2 * n[2])
            found = [0.0, *(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))]
            if min(found[1:]) > 0:
                return found
        return [0.0, *FALLBACK]

    def probability(self, word: object, history: tuple[object, ...]) -> float:
        if len(history) >= self.order:
            history = history[len(history) - self.order + 1 :]
        after = [self.counts.get((*history, w), 0) for w in self.words]
        lower = self.probability(word, history[1:]) if history else 1 / len(self.words)
        if not sum(after):
            return lower
        taken = [self.discounts[len(history) + 1][min(c, 3)] for c in after]
        i = self.words.index(word)
        return (after[i] - taken[i]) / sum(after) + sum(taken) / sum(after) * lower

    def log_probabilities(self, texts: Texts) -> Floats:
        found = []
        for text in texts:
            marks = ["<", *text, ">"]
            for i in range(1, len(marks)):
                history = tuple(marks[max(0, i - self.order + 1) : i])
                found.append(np.log(self.probability(marks[i], history)))
        return np.array(found)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_the_probabilities_are_those_of_the_formulas(order: int) -> None:
    texts, others = made_up(0), made_up(1)
    found = fitted(texts, order).chain
    literal = Literal(texts, order, 4)
    np.testing.assert_allclose(
        found.log_probabilities(*arrays(others)), literal.log_probabilities(others), rtol=1e-12
    )


@given(ANY_TEXTS, st.integers(1, 5))
@settings(deadline=None)
def test_any_texts_have_the_probabilities_of_the_formulas(texts: Texts, order: int) -> None:
    found = fitted(texts, order).chain
    others = made_up(2, 5)
    np.testing.assert_allclose(
        found.log_probabilities(*arrays(others)),
        Literal(texts, order, 4).log_probabilities(others),
        rtol=1e-12,
    )


# ---------------------------------------------------------------------- one by one


@given(ANY_TEXTS, st.integers(1, 6))
@settings(deadline=None)
def test_after_every_history_the_probabilities_sum_to_one(texts: Texts, order: int) -> None:
    chain = fitted(texts, order).chain
    histories = chain.begin(4)
    for step in range(7):
        np.testing.assert_allclose(chain.next(histories).sum(axis=1), 1.0, rtol=1e-12)
        assert (chain.next(histories) > 0).all()
        histories = chain.push(histories, (np.arange(4) + step * step) % 4)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_word_by_word_is_as_text_by_text(order: int) -> None:
    chain = fitted(made_up(3), order).chain
    texts = [[1, 2, 1, 1, 3, 0], [3, 3, 0, 1, 1, 1]]
    at_once = chain.log_probabilities(*arrays(texts)).reshape(2, 7)
    histories = chain.begin(2)
    for step in range(7):
        probabilities = chain.next(histories)
        words = np.array([[*text, 4][step] for text in texts])
        np.testing.assert_allclose(
            np.log(probabilities[[0, 1], words]), at_once[:, step], rtol=1e-12
        )
        if step < 6:
            histories = chain.push(histories, words)


def test_chains_of_several_orders_are_those_of_each_alone() -> None:
    texts = made_up(4)
    together = fit_chains(*arrays(texts), n_marks=5, orders=[1, 3, 5])
    for order, found in together.items():
        alone = fitted(texts, order)
        assert found.fallbacks == alone.fallbacks
        assert found.chain.order == order
        np.testing.assert_array_equal(
            found.chain.log_probabilities(*arrays(texts)),
            alone.chain.log_probabilities(*arrays(texts)),
        )


def test_a_text_has_its_probabilities_whatever_stands_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain, texts = fitted(made_up(5), 4).chain, made_up(6)
    together = chain.log_probabilities(*arrays(texts))
    each = [chain.log_probabilities(*arrays([text])) for text in texts]
    np.testing.assert_array_equal(np.concatenate(each), together)
    monkeypatch.setattr(markov, "AT_ONCE", 7)
    np.testing.assert_array_equal(chain.log_probabilities(*arrays(texts)), together)
    assert chain.log_probabilities(*arrays([])).shape == (0,)


def test_longer_histories_know_more_of_what_was_learned() -> None:
    texts = [[1, 2, 3, 1, 2], [2, 1, 3, 2, 1]] * 20
    gained = [
        fitted(texts, order).chain.log_probabilities(*arrays(texts)).sum() for order in (1, 2, 3)
    ]
    assert gained[0] < gained[1] < gained[2]


# ----------------------------------------------------------------------- discounts


def test_discounts_are_estimated_where_they_can_be() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [6, 3, 2, 1, 5])
    y = 6 / 12
    found = discounts_of(counts)
    np.testing.assert_allclose(found.amounts, [1 - 2 * y / 2, 2 - 3 * y * 2 / 3, 3 - 4 * y / 2])
    assert found.are_estimated


@pytest.mark.parametrize(
    "times", [[0, 3, 2, 1], [6, 0, 2, 1], [6, 3, 0, 1], [6, 1, 1, 9], [4, 1, 1, 1]]
)
def test_discounts_that_cannot_be_are_told(times: list[int]) -> None:
    """No count of 1, of 2, of 3; a discount below zero; one that leaves nothing for the unseen."""
    found = discounts_of(np.repeat([1, 2, 3, 4], times))
    assert not found.are_estimated
    assert found.amounts.tolist() == list(FALLBACK)


@pytest.mark.parametrize(
    ("most", "kind"), [(255, np.uint8), (256, np.uint16), (65_535, np.uint16), (65_536, np.uint32)]
)
def test_counts_take_few_bytes(most: int, kind: type) -> None:
    small = smallest(np.array([0, most]))
    assert small.dtype == kind
    assert small.tolist() == [0, most]

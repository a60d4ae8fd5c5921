"""Fast n-gram counting, compared with scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from textrnn.errors import DataError
from textrnn.linear import counts as ngram_counts
from textrnn.linear.counts import NGramCounts
from textrnn.system.runs import sort_pairs
from textrnn.text.encoded import encode_lists

texts = st.lists(st.lists(st.sampled_from("abcd"), max_size=8), min_size=1, max_size=8)


def as_dict(matrix: Any, names: Any) -> dict[tuple[int, str], float]:
    return {(row, names[column]): value for (row, column), value in matrix.todok().items()}


@given(train=texts, test=texts, max_n=st.integers(1, 4), binary=st.booleans())
def test_counts_what_scikit_learn_counts(
    train: list[list[str]], test: list[list[str]], max_n: int, binary: bool
) -> None:
    ours = NGramCounts(max_n=max_n, binary=binary).fit(train)
    if not ours.vocabulary_:
        assert ours.transform(test).shape == (len(test), 0)
        return
    theirs = CountVectorizer(
        tokenizer=lambda tokens: tokens,
        lowercase=False,
        token_pattern=None,
        ngram_range=(1, max_n),
        binary=binary,
    ).fit(train)
    names = ours.get_feature_names_out()
    assert sorted(names) == sorted(theirs.get_feature_names_out())
    counts = theirs.transform(test)
    assert as_dict(ours.transform(test), names) == as_dict(counts, theirs.get_feature_names_out())


@given(train=texts, max_n=st.integers(1, 3))
def test_fit_transform_is_fit_then_transform(train: list[list[str]], max_n: int) -> None:
    counts = NGramCounts(max_n=max_n, min_count=2)
    at_once = counts.fit_transform(train)
    assert (at_once != clone(counts).fit(train).transform(train)).nnz == 0


def test_columns_are_words_then_bigrams_then_trigrams() -> None:
    counts = NGramCounts(max_n=3).fit([["not", "good", "at", "all"], ["not", "good"]])
    assert list(counts.get_feature_names_out()) == [
        *["not", "good", "at", "all"],
        *["not good", "good at", "at all"],
        *["not good at", "good at all"],
    ]


def test_an_ngram_does_not_cross_texts() -> None:
    counts = NGramCounts(max_n=2).fit([["a"], ["b"], [], ["a", "c"]])
    assert list(counts.get_feature_names_out()) == ["a", "b", "c", "a c"]


def test_min_count_keeps_every_word_and_drops_rare_bigrams() -> None:
    counts = NGramCounts(max_n=2, min_count=2)
    matrix = counts.fit_transform([["a", "b", "a", "b"], ["c", "a"]])
    assert list(counts.get_feature_names_out()) == ["a", "b", "c", "a b"]
    assert matrix.toarray().tolist() == [[2, 2, 0, 2], [1, 0, 1, 0]]
    assert matrix.dtype == np.float32


@given(train=texts, test=texts, max_n=st.integers(1, 4), min_count=st.integers(1, 2))
def test_numbered_texts_are_counted_as_lists_are(
    train: list[list[str]], test: list[list[str]], max_n: int, min_count: int
) -> None:
    both = encode_lists([["unseen"], *test, *train])
    plain, fast = (NGramCounts(max_n=max_n, min_count=min_count) for _ in range(2))
    matrices = (
        (plain.fit_transform(train), fast.fit_transform(both[1 + len(test) :])),
        (plain.transform(test), fast.transform(both[1 : 1 + len(test)])),
    )
    assert plain.vocabulary_ == fast.vocabulary_
    assert list(plain.get_feature_names_out()) == list(fast.get_feature_names_out())
    for of_lists, of_numbers in matrices:
        assert of_lists.has_canonical_format
        assert of_lists.shape == of_numbers.shape
        for part in ("indptr", "indices", "data"):
            assert getattr(of_lists, part).dtype == getattr(of_numbers, part).dtype
            assert getattr(of_lists, part).tolist() == getattr(of_numbers, part).tolist()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), unique=True))
def test_large_keys_are_sorted_as_small_ones_are(pairs: list[tuple[int, int]]) -> None:
    keys, places = np.array(pairs, dtype=np.int64).reshape(-1, 2).T.copy()
    in_one = sort_pairs(keys.copy(), places)
    in_two = sort_pairs(keys + 2**61, places)  # too large to share 63 bits with a place
    for small, large in zip(in_one, (in_two[0] - 2**61, in_two[1]), strict=True):
        assert small.tolist() == large.tolist()
    assert list(zip(*(part.tolist() for part in in_one), strict=True)) == sorted(pairs)


def test_a_text_in_place_of_its_tokens_is_refused() -> None:
    with pytest.raises(DataError, match="tokenise it first"):
        NGramCounts().fit(["a whole text"])


@pytest.mark.parametrize("bits_of_keys", [39, 40, 41])
def test_large_keys_are_sorted_with_their_places(bits_of_keys: int) -> None:
    """Key and place fit in one number of 63 bits, or just do not: the order is the same."""
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**bits_of_keys, 500)[rng.integers(0, 500, 2_000)]
    places = rng.integers(0, 2**24, 2_000)
    keys[0], places[0] = 2**bits_of_keys - 1, 2**24 - 1
    order = np.lexsort((places, keys))
    expected = keys[order], places[order]
    found = sort_pairs(keys.copy(), places)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n", [10, 2**31 - 1, 2**31, 2**40])
def test_places_fit_their_type(n: int) -> None:
    assert np.iinfo(ngram_counts._index_type(n)).max >= n

"""Tokenised texts in arrays: the same texts as in lists, whatever is done with them."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import DataError
from textrnn.text.encoded import NumberedTexts, as_numbered, join, number_texts
from textrnn.text.vocabulary import Vocabulary

LISTS = [["good", "film", "good"], [], ["bad", "film"], ["a"]]
texts = st.lists(st.lists(st.sampled_from(["a", "b", "<unk>", "é", "\ud800"]), max_size=6))


def test_numbers_are_given_as_words_first_occur() -> None:
    found = number_texts(LISTS)
    assert found.words == ["good", "film", "bad", "a"]
    assert found.numbers.tolist() == [0, 1, 0, 2, 1, 3]
    assert found.starts.tolist() == [0, 3, 3, 5, 6]
    assert found.lengths.tolist() == [3, 0, 2, 1]
    assert found.numbers.dtype == np.int32
    assert found.starts.dtype == np.int64
    assert repr(found) == "NumberedTexts(4 texts, 6 tokens)"


@given(texts)
def test_it_is_a_sequence_of_lists(lists: list[list[str]]) -> None:
    found = number_texts(iter(lists))
    assert list(found) == lists
    assert len(found) == len(lists)
    assert [found[i] for i in range(-len(lists), len(lists))] == lists * 2
    assert list(found[1:-1]) == lists[1:-1]
    assert list(found[::-2]) == lists[::-2]
    assert any(found) == any(lists)
    with pytest.raises(IndexError):
        found[len(lists)]


@given(texts, st.data())
def test_take_and_cut(lists: list[list[str]], data: st.DataObject) -> None:
    found = number_texts(lists)
    some = st.integers(0, len(lists) - 1) if lists else st.nothing()
    rows = data.draw(st.lists(some))
    assert list(found.take(np.array(rows, dtype=np.int64))) == [lists[i] for i in rows]
    mask = np.array([len(tokens) > 2 for tokens in lists], dtype=bool)
    assert list(found.take(mask)) == [tokens for tokens in lists if len(tokens) > 2]
    for limit in (0, 1, 3, None):
        assert list(found.cut(limit)) == [tokens[:limit] for tokens in lists]


@given(texts)
def test_a_part_made_compact_is_as_if_numbered_alone(lists: list[list[str]]) -> None:
    part, alone = number_texts(lists)[1:].compact(), number_texts(lists[1:])
    assert part.words == alone.words
    assert part.numbers.tolist() == alone.numbers.tolist()
    assert part.starts.tolist() == alone.starts.tolist()


@given(st.lists(texts))
def test_joined_parts_are_as_if_numbered_at_once(parts: list[list[list[str]]]) -> None:
    joined = join([number_texts(lists) for lists in parts])
    whole = number_texts([tokens for lists in parts for tokens in lists])
    assert joined.words == whole.words
    assert joined.numbers.tolist() == whole.numbers.tolist()
    assert joined.starts.tolist() == whole.starts.tolist()
    assert joined.numbers.dtype == np.int32


@given(texts)
def test_occurrences(lists: list[list[str]]) -> None:
    found = number_texts(lists)
    counts, spread = found.occurrences()
    flat = [token for tokens in lists for token in tokens]
    assert counts.tolist() == [flat.count(word) for word in found.words]
    assert spread.tolist() == [sum(word in tokens for tokens in lists) for word in found.words]


@given(
    texts,
    st.one_of(st.integers(1, 3), st.floats(0, 0.5)),
    st.one_of(st.integers(3, 9), st.floats(0.5, 1)),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_a_vocabulary_and_its_ids_are_those_of_the_lists(
    lists: list[list[str]], min_df: float, max_df: float, max_features: int | None
) -> None:
    limits: dict[str, Any] = {"min_df": min_df, "max_df": max_df, "max_features": max_features}
    found = number_texts([["left", "out"], *lists])[1:]  # with words that stand in no text
    vocabulary = Vocabulary.build(found, **limits)
    assert vocabulary == Vocabulary.build(lists, **limits)
    for limit in (None, 2):
        fast, plain = (vocabulary.encode_all(given, limit) for given in (found, lists))
        assert [ids.tolist() for ids in fast] == [ids.tolist() for ids in plain]
        assert [ids.tolist() for ids in plain] == [
            vocabulary.encode(tokens[:limit]).tolist() for tokens in lists
        ]
        assert all(ids.dtype == np.int32 for ids in fast)


def test_numbering_leaves_no_garbage() -> None:
    """Prediction over a stream looks for garbage rarely, and would keep the words of each chunk."""
    gc.collect()
    gc.disable()
    try:
        join([number_texts([["a", "b"], ["c"]])] * 2)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_strings_are_no_lists_of_tokens() -> None:
    with pytest.raises(DataError, match="got the string 'film'; tokenise it first"):
        number_texts([["good"], "film"])


def test_what_is_numbered_stays_as_it_is() -> None:
    found = number_texts(LISTS)
    assert as_numbered(found) is found
    assert isinstance(as_numbered(LISTS), NumberedTexts)

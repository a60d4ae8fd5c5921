"""Tokenised texts in arrays: the same texts as in lists, whatever is done with them."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import documents_of
from textrnn.errors import DataError
from textrnn.text.encoded import EncodedTexts, as_encoded, concatenated, encode_lists
from textrnn.text.vocabulary import Vocabulary

LISTS = [["good", "film", "good"], [], ["bad", "film"], ["a"]]
texts = st.lists(st.lists(st.sampled_from(["a", "b", "<unk>", "é", "\ud800"]), max_size=6))


def test_ids_are_given_as_words_first_occur() -> None:
    found = encode_lists(LISTS)
    assert found.words == ["good", "film", "bad", "a"]
    assert found.ids.tolist() == [0, 1, 0, 2, 1, 3]
    assert found.starts.tolist() == [0, 3, 3, 5, 6]
    assert found.lengths.tolist() == [3, 0, 2, 1]
    assert found.ids.dtype == np.int32
    assert found.starts.dtype == np.int64
    assert repr(found) == "EncodedTexts(4 texts, 6 tokens)"


@given(texts)
def test_it_is_a_sequence_of_lists(lists: list[list[str]]) -> None:
    found = encode_lists(iter(lists))
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
    found = encode_lists(lists)
    some = st.integers(0, len(lists) - 1) if lists else st.nothing()
    rows = data.draw(st.lists(some))
    assert list(found.take(np.array(rows, dtype=np.int64))) == [lists[i] for i in rows]
    mask = np.array([len(tokens) > 2 for tokens in lists], dtype=bool)
    assert list(found.take(mask)) == [tokens for tokens in lists if len(tokens) > 2]
    for limit in (0, 1, 3, None):
        assert list(found.cut(limit)) == [tokens[:limit] for tokens in lists]


@given(texts)
def test_a_part_made_compact_is_as_if_numbered_alone(lists: list[list[str]]) -> None:
    part, alone = encode_lists(lists)[1:].compact(), encode_lists(lists[1:])
    assert part.words == alone.words
    assert part.ids.tolist() == alone.ids.tolist()
    assert part.starts.tolist() == alone.starts.tolist()


@given(st.lists(texts))
def test_concatenated_parts_are_as_if_numbered_at_once(parts: list[list[list[str]]]) -> None:
    both = concatenated([encode_lists(lists) for lists in parts])
    whole = encode_lists([tokens for lists in parts for tokens in lists])
    assert both.words == whole.words
    assert both.ids.tolist() == whole.ids.tolist()
    assert both.starts.tolist() == whole.starts.tolist()
    assert both.ids.dtype == np.int32


@given(texts)
def test_occurrences(lists: list[list[str]]) -> None:
    found = encode_lists(lists)
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
    found = encode_lists([["left", "out"], *lists])[1:]  # with words that stand in no text
    vocabulary = Vocabulary.build(found, **limits)
    assert vocabulary == Vocabulary.build(lists, **limits)
    for limit in (None, 2):
        encoded = vocabulary.encode_all(found.cut(limit))
        assert [ids.tolist() for ids in documents_of(encoded)] == [
            vocabulary.encode(tokens[:limit]).tolist() for tokens in lists
        ]
        assert encoded.ids.dtype == np.int32
        assert encoded.words is vocabulary.tokens


def test_numbering_leaves_no_garbage() -> None:
    """Prediction over a stream looks for garbage rarely, and would keep the words of each chunk."""
    gc.collect()
    gc.disable()
    try:
        concatenated([encode_lists([["a", "b"], ["c"]])] * 2)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_strings_are_no_lists_of_tokens() -> None:
    with pytest.raises(DataError, match="got the string 'film'; tokenise it first"):
        encode_lists([["good"], "film"])


def test_what_is_numbered_stays_as_it_is() -> None:
    found = encode_lists(LISTS)
    assert as_encoded(found) is found
    assert isinstance(as_encoded(LISTS), EncodedTexts)

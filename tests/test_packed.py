"""Packing: every document comes back whole, and each row knows where it belongs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import texts_of
from tests.gradcheck import last_rows, mirror, rows_of
from textrnn.nn.packed import PackedBatch, pack, pack_rows
from textrnn.typing import Ids

documents_of_ids = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=12), min_size=1, max_size=8
)


def as_ids(documents: list[list[int]]) -> list[Ids]:
    return [np.array(ids, dtype=np.int32) for ids in documents]


def unpack(batch: PackedBatch) -> list[list[int]]:
    """The documents in the caller's order, read off from the last step to step 0."""
    documents: list[list[int]] = [[] for _ in range(batch.n_sequences)]
    steps = list(zip(batch.offsets[:-1], batch.batch_sizes, strict=True))
    for start, size in reversed(steps):
        for place, word in enumerate(batch.ids[start : start + size]):
            documents[batch.order[place]].append(int(word))
    return documents


def test_the_example_of_the_docstring() -> None:
    batch = pack(as_ids([[5], [0, 1, 2], [3, 4]]))
    assert batch.ids.dtype == np.int32
    np.testing.assert_array_equal(batch.ids, [2, 4, 5, 1, 3, 0])
    np.testing.assert_array_equal(batch.batch_sizes, [3, 2, 1])
    np.testing.assert_array_equal(batch.offsets, [0, 3, 5, 6])
    np.testing.assert_array_equal(batch.lengths, [3, 2, 1])
    np.testing.assert_array_equal(batch.order, [1, 2, 0])
    np.testing.assert_array_equal(batch.documents, [0, 1, 2, 0, 1, 0])
    assert batch.steps == [(0, 3), (3, 2), (5, 1)]
    np.testing.assert_array_equal(batch.previous_rows, [3, 4, -1, 5, -1, -1])
    np.testing.assert_array_equal(batch.mirrored_rows, [5, 4, 2, 3, 1, 0])
    assert (batch.n_sequences, batch.n_tokens) == (3, 6)


@given(documents_of_ids)
def test_round_trip(documents: list[list[int]]) -> None:
    assert unpack(pack(as_ids(documents))) == documents


@given(documents_of_ids)
def test_sizes_and_order(documents: list[list[int]]) -> None:
    batch = pack(as_ids(documents))
    lengths = [len(ids) for ids in documents]
    longest = max(lengths)
    assert batch.n_tokens == sum(lengths) == batch.offsets[-1]
    assert batch.batch_sizes.tolist() == [
        sum(length > t for length in lengths) for t in range(longest)
    ]
    assert np.diff(batch.offsets).tolist() == batch.batch_sizes.tolist()
    assert batch.lengths.tolist() == sorted(lengths, reverse=True)
    # Documents of one length keep their order, so that a batch is the same on every machine.
    assert batch.order.tolist() == sorted(range(len(lengths)), key=lambda i: -lengths[i])


@given(documents_of_ids)
def test_rows_of_documents(documents: list[list[int]]) -> None:
    batch = pack(as_ids(documents))
    for place, original in enumerate(batch.order):
        own = batch.documents == place
        assert batch.ids[own].tolist() == documents[original][::-1]
        assert np.flatnonzero(own)[0] == place  # step 0 holds every document's last word
        assert batch.ids[place] == documents[original][-1]
        # Each word stands in the step of its distance from the end.
        steps = np.searchsorted(batch.offsets, np.flatnonzero(own), side="right") - 1
        assert steps.tolist() == list(range(len(documents[original])))


@given(documents_of_ids)
def test_distinct_and_inverse(documents: list[list[int]]) -> None:
    batch = pack(as_ids(documents))
    distinct, inverse = np.unique(batch.ids, return_inverse=True)
    np.testing.assert_array_equal(batch.distinct, distinct)
    np.testing.assert_array_equal(batch.inverse, inverse)


@given(documents_of_ids)
def test_steps_are_the_rows_in_order(documents: list[list[int]]) -> None:
    batch = pack(as_ids(documents))
    assert len(batch.steps) == max(map(len, documents))
    assert batch.steps == list(zip(batch.offsets[:-1], batch.batch_sizes, strict=True))
    # numpy's integers would make every slice of the loop slower.
    assert all(type(value) is int for step in batch.steps for value in step)
    rows = [row for start, size in batch.steps for row in range(start, start + size)]
    assert rows == list(range(batch.n_tokens))


@given(documents_of_ids)
def test_previous_rows(documents: list[list[int]]) -> None:
    """Each word's is that of the word before it in its own document, in the next step."""
    batch = pack(as_ids(documents))
    assert batch.previous_rows.shape == (batch.n_tokens,)
    for place in range(batch.n_sequences):
        own = rows_of(batch, place)
        assert batch.previous_rows[own[0]] == -1
        assert batch.previous_rows[own[1:]].tolist() == own[:-1].tolist()
    for (start, size), (before, carried) in itertools.pairwise([*batch.steps, (0, 0)]):
        # The loop takes them as one slice; who has no word there comes after it.
        previous = batch.previous_rows[start : start + size].tolist()
        assert previous == [*range(before, before + carried), *[-1] * (size - carried)]


@given(documents_of_ids, st.integers(1, 20))
def test_chunks_are_batches_of_the_words_in_some_steps(
    documents: list[list[int]], room: int
) -> None:
    """From the first words on, as many steps as fit, and what a batch tells of its own words."""
    batch = pack(as_ids(documents))
    read: list[list[int]] = [[] for _ in documents]
    chunks = list(batch.chunks(room))
    for (first, last), then in zip(chunks, [*chunks[1:], (0, 0)], strict=True):
        assert first == then[1]
        chunk, rows = batch.of_steps(first, last)
        assert last == first + 1 or chunk.n_tokens <= room
        assert first == 0 or chunk.n_tokens + batch.batch_sizes[first - 1] > room
        np.testing.assert_array_equal(chunk.ids, batch.ids[rows])
        np.testing.assert_array_equal(chunk.places, batch.places[rows])
        words = unpack(replace(chunk, order=np.arange(chunk.n_sequences)))
        assert [len(of_text) for of_text in words] == chunk.lengths.tolist()
        for place, of_text in enumerate(words):
            read[chunk.order[place]] += of_text
    assert chunks[0][1] == len(batch.steps)
    assert read == documents


@given(documents_of_ids)
def test_mirrored_rows(documents: list[list[int]]) -> None:
    """They read the batch as that of the reversed documents, and they undo themselves."""
    batch = pack(as_ids(documents))
    np.testing.assert_array_equal(batch.mirrored_rows, mirror(batch))
    reversed_batch = pack(as_ids([ids[::-1] for ids in documents]))
    np.testing.assert_array_equal(batch.ids[batch.mirrored_rows], reversed_batch.ids)
    np.testing.assert_array_equal(batch.order, reversed_batch.order)
    twice = batch.mirrored_rows[batch.mirrored_rows]
    np.testing.assert_array_equal(twice, np.arange(batch.n_tokens))
    np.testing.assert_array_equal(
        batch.mirrored_rows[last_rows(batch)],
        [rows_of(batch, place)[0] for place in range(batch.n_sequences)],
    )


@pytest.mark.parametrize("documents", [[], [[]], [[1, 2], []]])
def test_nothing_to_pack(documents: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one document, and a token in each"):
        pack(as_ids(documents))


@given(documents_of_ids, st.data(), st.one_of(st.none(), st.integers(1, 6)))
def test_rows_of_flat_arrays_are_packed_as_lists_of_them_are(
    documents: list[list[int]], data: st.DataObject, segment_length: int | None
) -> None:
    """Whichever documents are asked for, whatever lies around them, cut into segments or not."""
    texts = texts_of(as_ids(documents))
    rows = data.draw(st.lists(st.integers(0, len(documents) - 1), min_size=1, max_size=8))
    found = pack_rows(texts.ids, texts.starts, np.array(rows), segment_length=segment_length)
    expected = pack([texts.ids_of(row) for row in rows], segment_length)
    segments = [
        piece
        for row in rows
        for piece in np.array_split(
            texts.ids_of(row), -(-len(documents[row]) // (segment_length or 99))
        )
    ]
    assert unpack(replace(found, order=pack(segments).order)) == [s.tolist() for s in segments]
    for name in ("ids", "lengths", "order", "batch_sizes", "offsets"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert (found.owners is None) == (len(segments) == len(rows))
    if found.owners is not None:
        lengths = np.bincount(found.owners, found.lengths)
        assert lengths.tolist() == [len(documents[row]) for row in rows]


def test_all_rows_are_packed_unless_some_are_named() -> None:
    texts = texts_of(as_ids([[1], [2, 3]]))
    np.testing.assert_array_equal(pack_rows(texts.ids, texts.starts).order, [1, 0])
    with pytest.raises(ValueError, match="at least one document"):
        pack_rows(texts.ids, texts.starts, np.array([], dtype=np.int64))

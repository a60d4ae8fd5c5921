"""Every document in one batch, batches of like length, words replaced at their rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.inference.batches import length_batches
from textrnn.training.batching import POOL_BATCHES, batch_count, drop_to_unknown, epoch_batches

some_lengths = st.lists(st.integers(1, 60), max_size=80).map(lambda x: np.array(x, dtype=np.int64))


@given(some_lengths, st.integers(1, 9), st.integers(1, 200))
def test_length_batches(lengths: np.ndarray, max_documents: int, max_tokens: int) -> None:
    batches = list(length_batches(lengths, max_documents=max_documents, max_tokens=max_tokens))
    order = np.concatenate([*batches, np.empty(0, dtype=np.int64)]).astype(int)
    assert sorted(order) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) <= 0).all()
    for rows in batches:
        assert 1 <= len(rows) <= max_documents
        assert lengths[rows].sum() <= max_tokens or len(rows) == 1


@given(some_lengths, st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_epoch_batches(lengths: np.ndarray, batch_size: int, shuffle: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = epoch_batches(lengths, batch_size=batch_size, shuffle=shuffle, rng=rng)
    order = [int(i) for rows in batches for i in rows]
    assert sorted(order) == list(range(len(lengths)))
    assert all(1 <= len(rows) <= batch_size for rows in batches)
    assert len(batches) == -(-len(lengths) // batch_size)
    assert len(batches) == batch_count(len(lengths), int(lengths.sum()), batch_size=batch_size)
    if not shuffle:
        assert order == sorted(order)


@given(some_lengths, st.integers(1, 300), st.booleans(), st.integers(0, 99))
def test_batches_by_words(lengths: np.ndarray, batch_tokens: int, shuffle: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = epoch_batches(
        lengths, batch_size=1, batch_tokens=batch_tokens, shuffle=shuffle, rng=rng
    )
    order = [int(i) for rows in batches for i in rows]
    assert sorted(order) == list(range(len(lengths)))
    # Without its last document no batch is full.
    assert all(lengths[rows[:-1]].sum() < batch_tokens for rows in batches)
    most = batch_count(len(lengths), int(lengths.sum()), batch_size=1, batch_tokens=batch_tokens)
    assert len(batches) <= most
    if len(lengths) and batch_tokens >= 60:  # the longest there can be
        assert len(batches) >= most - 1
    if not shuffle:
        assert order == sorted(order)


def test_shuffled_batches_by_words_are_of_like_length_and_size() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 500, 4_000)
    batches = epoch_batches(lengths, batch_size=1, batch_tokens=5_000, shuffle=True, rng=rng)
    words = np.array([lengths[rows].sum() for rows in batches])
    assert words.mean() == pytest.approx(5_000, rel=0.01)
    assert words.std() < 250
    assert np.mean([np.ptp(lengths[rows]) for rows in batches]) < 500 / POOL_BATCHES * 2
    means = np.array([lengths[rows].mean() for rows in batches])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_shuffled_batches_hold_documents_of_like_length() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 500, 2_000)
    batches = epoch_batches(lengths, batch_size=20, shuffle=True, rng=rng)
    spread = np.mean([np.ptp(lengths[rows]) for rows in batches])
    assert spread < 500 / POOL_BATCHES * 2
    # The batches themselves come in no order of length.
    means = np.array([lengths[rows].mean() for rows in batches])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_epochs_differ_and_seeds_repeat() -> None:
    lengths = np.arange(1, 200)

    def epochs(seed: int) -> list[list[list[int]]]:
        rng = np.random.default_rng(seed)
        return [
            [rows.tolist() for rows in epoch_batches(lengths, batch_size=8, shuffle=True, rng=rng)]
            for _ in range(2)
        ]

    first, second = epochs(0)
    assert first != second
    assert epochs(0) == [first, second]


def test_other_documents_come_together_in_another_epoch() -> None:
    """Sorted are some batches at a time, not the epoch: else its batches were always the same."""
    lengths, rng = np.arange(1, 1_001), np.random.default_rng(0)
    first, second = (
        {frozenset(rows.tolist()) for rows in batches}
        for batches in (
            epoch_batches(lengths, batch_size=2, shuffle=True, rng=rng) for _ in range(2)
        )
    )
    assert len(first & second) < 0.3 * len(first)


def test_a_batch_has_a_document_however_long() -> None:
    assert batch_count(3, 3_000, batch_size=1, batch_tokens=100) == 3
    assert batch_count(3, 201, batch_size=1, batch_tokens=100) == 3
    assert batch_count(3, 200, batch_size=1, batch_tokens=100) == 2


def test_a_word_that_never_becomes_unknown_stays_at_the_smallest_number_drawn() -> None:
    class Zeros:
        def random(self, n: int, dtype: type) -> np.ndarray:
            return np.zeros(n, dtype)

    ids = np.array([1, 2], dtype=np.int32)
    kept = drop_to_unknown(ids, np.array([0.0, 0.0, 0.1], np.float32), Zeros())  # type: ignore[arg-type]
    assert kept.tolist() == [1, 0]


def test_drop_to_unknown_at_each_words_rate() -> None:
    probabilities = np.array([0.0, 0.0, 0.25, 0.8, 1.0], dtype=np.float32)
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(5, dtype=np.int32), 20_000)
    dropped = drop_to_unknown(ids, probabilities, rng)
    assert dropped.dtype == np.int32
    assert set(np.unique(dropped[dropped != ids])) == {0}
    for word in range(1, 5):
        rate = (dropped[ids == word] == 0).mean()
        assert rate == pytest.approx(probabilities[word], abs=0.015)
    assert (ids == np.repeat(np.arange(5), 20_000)).all()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 99))
def test_drop_to_unknown_of_none_and_of_all(words: list[int], seed: int) -> None:
    ids, rng = np.array(words, dtype=np.int32), np.random.default_rng(seed)
    assert drop_to_unknown(ids, np.zeros(4), rng).tolist() == words
    assert not drop_to_unknown(ids, np.ones(4), rng).any()

"""A network as a language model: cut anyhow, beside whatever, and a word at a time, it is one.

What it is held against is the whole softmax of the whole batch.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES
from tests.test_next_word import FORMS, C, V, network_of
from textrnn.nn import language
from textrnn.nn import network as of_networks
from textrnn.nn.language import next_words, push, tell
from textrnn.nn.losses import log_softmax
from textrnn.nn.network import Network
from textrnn.typing import Floats, Ids, Ints

LENGTHS = (5, 1, 9, 1, 3, 9)
STARTS = np.cumsum([0, *LENGTHS])
EXACT: Any = {"rtol": 1e-10, "atol": 1e-10}
forms = pytest.mark.parametrize("form", list(FORMS))
cells = pytest.mark.parametrize("cell", CELL_NAMES)
layers = pytest.mark.parametrize("num_layers", [1, 2])


def ids_and_targets() -> tuple[Ids, Ints]:
    rng = np.random.default_rng(0)
    return rng.integers(0, V, STARTS[-1]).astype(np.int32), rng.integers(0, C, STARTS[-1])


def whole(network: Network, ids: Ids) -> Floats:
    """Logarithms (N, C) of the whole softmax, in the order given."""
    return log_softmax(network.predict_logits(network.pack_rows(ids, STARTS)))


@pytest.mark.parametrize("piece", [1, 2, 7, 30, 100])
@forms
def test_texts_in_pieces_are_whole_texts(
    form: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of so many words of all of them, or of one of each."""
    network, (ids, targets) = network_of(form), ids_and_targets()
    expected = whole(network, ids)
    monkeypatch.setattr(of_networks, "WORDS_AT_ONCE", piece)
    told = tell(network, ids, STARTS, targets)
    np.testing.assert_allclose(
        told.log_probabilities, expected[np.arange(len(ids)), targets], **EXACT
    )
    np.testing.assert_array_equal(told.right, expected.argmax(axis=1) == targets)


@layers
@cells
def test_so_they_are_of_any_cell(
    cell: str, num_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_networks, "WORDS_AT_ONCE", 9)
    network = network_of("tied, narrow", cell=cell, num_layers=num_layers)
    ids, targets = ids_and_targets()
    expected = whole(network, ids)[np.arange(len(ids)), targets]
    found = tell(network, ids, STARTS, targets).log_probabilities
    np.testing.assert_allclose(found, expected, **EXACT)


def test_rows_are_compared_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (ids, targets) = network_of("untied", num_layers=2), ids_and_targets()
    expected = whole(network, ids)[np.arange(len(ids)), targets]
    for rows in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(language, "LOGITS_AT_ONCE", rows * C)
        found = tell(network, ids, STARTS, targets).log_probabilities
        np.testing.assert_allclose(found, expected, err_msg=f"{rows} rows", **EXACT)


def test_a_text_does_not_depend_on_its_neighbours() -> None:
    """In any order, with any others, twice, or with texts of which nothing is read."""
    network, (ids, targets) = network_of("tied", num_layers=2), ids_and_targets()
    starts = np.insert(STARTS, 2, STARTS[2])  # one more text, of no word
    everything = np.split(tell(network, ids, starts, targets).log_probabilities, starts[1:-1])
    for rows in ([4], [0, 6, 3], [2], [3, 3, 2, 1], [5, 4, 3, 2, 1, 0]):
        told = tell(network, ids, starts, targets, np.array(rows))
        expected = np.concatenate([everything[row] for row in rows])
        np.testing.assert_allclose(told.log_probabilities, expected, **EXACT)
    none = tell(network, ids, starts, targets, np.zeros(0, np.int64))
    assert [len(values) for values in none] == [0, 0]


def test_single_precision_is_near() -> None:
    ids, targets = ids_and_targets()
    exact = network_of("tied, narrow")
    config = {**exact.config.to_dict(), "dtype": "float32"}
    near = Network(
        type(exact.config)(**config), {n: v.astype(np.float32) for n, v in exact.params.items()}
    )
    found = tell(near, ids, STARTS, targets)
    assert found.log_probabilities.dtype == np.float64
    expected = tell(exact, ids, STARTS, targets)
    np.testing.assert_allclose(found.log_probabilities, expected.log_probabilities, atol=1e-5)


def test_a_long_text_takes_no_more_memory_than_a_short_one() -> None:
    """Beside a few numbers a word: neither states nor logits are kept of all of it."""
    network = network_of("tied", embedding_dim=8, hidden_size=8, num_layers=2)
    words = np.random.default_rng(0).integers(0, C, 20_000)

    def peak(n: int) -> int:
        ids, starts = words[:n].astype(np.int32), np.array([0, n])
        tracemalloc.start()
        tell(network, ids, starts, words[:n])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    short, long = peak(10_000), peak(20_000)
    assert long < short + 100 * 10_000


@layers
@cells
def test_a_word_at_a_time_is_a_batch(cell: str, num_layers: int) -> None:
    """After each word of several texts, some of which come twice and others no more."""
    network = network_of("tied, narrow", cell=cell, num_layers=num_layers)
    words = np.random.default_rng(1).integers(0, V, (4, 6)).astype(np.int32)
    expected = log_softmax(network.predict_logits(network.pack([*words]))).reshape(4, 6, C)
    states, rows = None, np.arange(4)
    for t in range(6):
        before = states
        states = push(network, states, words[rows, t])
        np.testing.assert_allclose(next_words(network, states), expected[rows, t], **EXACT)
        if before is not None:  # which has read no further
            np.testing.assert_allclose(next_words(network, before), expected[rows, t - 1], **EXACT)
        if t == 2:
            rows = np.array([3, 1, 1])
            states = states.take(rows)


def test_no_text_has_states_too() -> None:
    network = network_of("tied, narrow", num_layers=2)
    states = push(network, None, np.zeros(0, np.int32))
    assert next_words(network, states).shape == (0, C)
    states = push(network, states, np.zeros(0, np.int32))
    assert next_words(network, states).shape == (0, C)

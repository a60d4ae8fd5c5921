"""Words by how they are spelt: exact gradients, alone as in a batch, unknown words told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_network
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import summed
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack_spans
from textrnn.nn.spelt import PIECES
from textrnn.text.encoded import EncodedTexts, concatenated, encode_lists
from textrnn.text.pieces import N_PIECES, forms_of, pieces_of, shape_of
from textrnn.training.batching import drop_to_unknown
from textrnn.typing import Ints

N_ROWS = 13
"""Few, so that pieces share some."""
CONFIG = NetworkConfig(
    n_classes=3,
    vocabulary_size=4,
    embedding_dim=3,
    cell="lstm",
    hidden_size=2,
    num_layers=2,
    bidirectional=True,
    readout="last",
    dtype="float64",
    head="token",
    char_dim=2,
    n_pieces=N_ROWS,
)
WORDS = ["the", "walked", "Talked", "unknown", "7"]
TEXTS = [["the", "walked", "unknown", "the"], ["Talked"], ["7", "unknown"]]
"""Ragged, one of a single word."""


def encoded(texts: list[list[str]] = TEXTS) -> EncodedTexts:
    """Texts with the forms of their words, of which the last two are not in the vocabulary."""
    found = encode_lists(texts)
    ids = [(WORDS.index(word) + 1) % 4 if word in WORDS[:3] else 0 for word in found.words]
    return replace(found, forms=forms_of(found.words, ids, N_ROWS))


def packed(network: Network, texts: EncodedTexts, rows: Ints | None = None) -> PackedBatch:
    return network.pack_rows(texts.ids, texts.starts, rows, texts.forms)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_of_all_parameters_and_inputs_are_exact(cell: str) -> None:
    network, texts = random_network(replace(CONFIG, cell=cell), np.random.default_rng(0)), encoded()
    # The first "the" and the last "unknown" lose their words, and are spelt as before.
    ids = texts.ids.copy()
    ids[[0, 6]] += len(texts.words)
    batch = packed(network, replace(texts, ids=ids))
    assert len(batch.distinct) == len(texts.words) + 2  # both with their words, and without
    targets = np.random.default_rng(1).integers(0, 3, batch.n_tokens)
    shift = np.random.default_rng(2).normal(size=(len(batch.distinct), 5))

    def loss() -> float:
        return cross_entropy(network.forward(batch, perturbation=shift)[0], targets)[0]

    logits, cache = network.forward(batch, perturbation=shift)
    found = network.backward(cross_entropy(logits, targets)[1], cache)
    gradients = dense(found.params)
    assert gradients.keys() == network.params.keys()
    for name, value in network.params.items():
        assert_gradient(gradients[name], loss, value, name)
    assert_gradient(found.d_inputs, loss, shift, "inputs")


def test_a_text_is_read_alone_as_in_a_batch() -> None:
    network, texts = random_network(CONFIG, np.random.default_rng(0)), encoded()
    together = network.predict_logits(packed(network, texts))
    apart = [network.predict_logits(packed(network, texts, np.array([i]))) for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(apart), rtol=1e-12)


def test_unknown_words_are_told_apart_by_their_spelling_alone() -> None:
    network, texts = random_network(CONFIG, np.random.default_rng(0)), encoded([["unknown", "7"]])
    assert texts.forms is not None
    assert texts.forms[:, 0].tolist() == [0, 0]
    batch = packed(network, texts)
    first, second = network.body.input.read(network.params, batch)
    assert (first[:3] == second[:3]).all()
    assert (first[3:] != second[3:]).all()
    network.params[PIECES][...] = 0.0
    first, second = network.body.input.read(network.params, batch)
    assert (first == second).all()


def test_a_form_that_loses_its_word_keeps_its_spelling() -> None:
    network, texts = random_network(CONFIG, np.random.default_rng(0)), encoded()
    sure = np.array([0.0, 1.0, 1.0, 1.0], np.float32)
    ids = drop_to_unknown(texts.ids, sure, np.random.default_rng(0), texts.forms)
    without = packed(network, replace(texts, ids=ids))
    assert texts.forms is not None
    unknown = texts.forms.copy()
    unknown[:, 0] = 0
    expected = packed(network, replace(texts, forms=unknown))
    np.testing.assert_array_equal(network.predict_logits(without), network.predict_logits(expected))
    never = np.zeros(4, np.float32)
    kept = drop_to_unknown(texts.ids, never, np.random.default_rng(0), texts.forms)
    np.testing.assert_array_equal(kept, texts.ids)


def test_forms_go_with_texts_wherever_they_are_taken() -> None:
    texts = encoded()
    for part in (texts.take(np.array([2, 0])), texts[1:], texts.cut(1)):
        assert part.forms is texts.forms
    few = texts.take(np.array([2])).compact()
    assert few.words == ["7", "unknown"]
    assert texts.forms is not None
    np.testing.assert_array_equal(few.forms, texts.forms[[texts.words.index(w) for w in few.words]])
    joined = concatenated([few, encoded([["the", "7"]])])
    assert joined.words == ["7", "unknown", "the"]
    places = [texts.words.index(word) for word in joined.words]
    np.testing.assert_array_equal(joined.forms, texts.forms[places])
    assert concatenated([texts, texts]).forms is texts.forms
    assert concatenated([texts, encode_lists([["the"]])]).forms is None


def test_forms_go_with_pieces_of_documents() -> None:
    network, texts = random_network(CONFIG, np.random.default_rng(0)), encoded()
    batch = packed(network, texts)
    piece, rows = pack_spans(batch, np.array([0]), np.array([1]), np.array([3]))
    np.testing.assert_array_equal(piece.ids, batch.ids[rows])
    assert piece.forms is texts.forms
    assert batch.of_steps(0, 2)[0].forms is texts.forms


def test_the_gradient_of_a_row_is_that_of_all_sums_it_takes_part_in() -> None:
    rng = np.random.default_rng(0)
    rows, values = rng.integers(0, 6, (5, 3)), rng.normal(size=(5, 2))
    expected = np.zeros((6, 2))
    np.add.at(expected, rows, values[:, np.newaxis])
    found = summed(values, rows, 6)
    assert (np.diff(found.rows) > 0).all()
    np.testing.assert_allclose(found.to_dense(), expected)


def test_words_without_vectors_cannot_be_spelt() -> None:
    with pytest.raises(ValueError, match="words have no vectors"):
        replace(CONFIG, embedding_dim=None)
    with pytest.raises(ValueError, match="pieces no numbers"):
        replace(CONFIG, n_pieces=0)


def test_pieces_are_beginnings_ends_the_whole_and_the_shape() -> None:
    found = [piece.decode() for piece in pieces_of("Covid-19")]
    assert found == [
        *("1<c", "2<co", "3<cov", "1>9", "2>19", "3>-19", "4>d-19"),
        *("=covid-19", "~Aaa-00"),
    ]
    assert shape_of("USA") == "AA"
    assert shape_of("3.5%") == "0.0%"
    assert shape_of("漢字") == "xx"
    for word in ("", "a", "\ud800", "x" * 10_000):
        assert len(pieces_of(word)) == N_PIECES
    assert forms_of([], [], 5).shape == (0, 1 + N_PIECES)


def test_the_number_of_a_piece_is_the_same_in_every_process_and_version() -> None:
    """A saved model has its vectors by these numbers."""
    found = forms_of(["Covid-19", "é"], [4, 0], 2**14)
    assert found.dtype == np.int32
    assert found.tolist() == [
        [4, 8104, 14191, 9290, 1472, 10262, 8400, 6306, 10690, 12470],
        [0, 1005, 11267, 2918, 6019, 14445, 7944, 10161, 12304, 5961],
    ]

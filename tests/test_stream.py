"""Streaming equals the batch path after every word, for every cell, input and readout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES, READOUT_NAMES
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.inference.stream import Stream
from textrnn.nn.cells import TIME
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.poolings import POOLINGS
from textrnn.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.build([[f"w{i}" for i in range(30)]])


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("embedding_dim", [None, 7])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_every_prefix_is_answered_as_in_a_batch(
    cell: str, readout: str, embedding_dim: int | None, num_layers: int
) -> None:
    config = network_config(3, 31, embedding_dim, cell, 6, num_layers, readout=readout)
    network = Network.initialise(config, np.random.default_rng(2))
    stream = Stream(network, VOCABULARY)
    ids = np.random.default_rng(3).integers(0, 31, 25).astype(np.int32)
    for _ in range(2):
        for n in range(1, len(ids) + 1):
            found = stream.feed_id(int(ids[n - 1]))
            expected = network.predict_proba(pack([ids[:n]]))[0]
            np.testing.assert_allclose(found, expected, atol=1e-6)
        stream.reset()


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_state_is_taken_out_and_put_back(cell: str, readout: str, num_layers: int) -> None:
    """Two ends of one beginning, in either order, in another stream, and again."""
    config = network_config(3, 31, 4, cell, 5, num_layers, readout=readout, dtype="float64")
    network = Network.initialise(config, np.random.default_rng(2))
    stream, other = Stream(network, VOCABULARY), Stream(network, VOCABULARY)
    begin, *ends = np.random.default_rng(3).integers(0, 31, (3, 4)).astype(np.int32)

    def read(reader: Stream, ids: np.ndarray) -> np.ndarray:
        return np.stack([reader.feed_id(int(word)) for word in ids])

    read(stream, begin)
    state = stream.state
    for reader in (stream, other, stream):
        for end in ends:
            reader.state = state
            whole = np.concatenate([begin, end])
            expected = [network.predict_proba(pack([whole[:n]]))[0] for n in range(5, 9)]
            np.testing.assert_allclose(read(reader, end), expected, rtol=1e-12)
    for layer in state.layers:
        times = {name: layer.pop(name) for name in [TIME] if name in layer}
        assert all(value.tolist() == [[[4.0]]] for value in times.values())
        assert all(value.shape == (1, 1, 5) for value in layer.values())


def test_a_state_leaves_the_parameters_where_they_are() -> None:
    """Attention holds them: a copy for each state would be as large as the network."""
    config = network_config(3, 31, 4, "gru", 5, readout="attention")
    network = Network.initialise(config, np.random.default_rng(2))
    stream = Stream(network, VOCABULARY)
    stream.feed_id(3)
    pooled: Any = stream.state.pooled
    assert pooled._params is network.params


def test_every_readout_was_tried() -> None:
    assert set(POOLINGS) == set(READOUT_NAMES)


def test_answers_stay_as_they_were_given() -> None:
    network = Network.initialise(network_config(2, 31, 4, "gru", 5), np.random.default_rng(0))
    stream = Stream(network, VOCABULARY)
    first = stream.feed("w3")
    kept = first.copy()
    stream.feed("w9")
    assert np.array_equal(first, kept)


def test_the_estimator_streams(reviews: tuple[list[str], list[str]]) -> None:
    model = TextRNNClassifier(
        bidirectional=False,
        hidden_size=6,
        embedding_dim=5,
        ngrams="none",
        max_iter=2,
        random_state=0,
    ).fit(*reviews)
    stream = model.stream()
    text = "the inn: stale!"
    for token in model.model_.tokenizer(text):
        found = stream.feed(token)
    np.testing.assert_allclose(found, model.predict_proba([text])[0], atol=1e-6)


def test_reading_from_both_ends_cannot_stream(reviews: tuple[list[str], list[str]]) -> None:
    model = TextRNNClassifier(hidden_size=4, max_iter=1, random_state=0).fit(*reviews)
    with pytest.raises(UsageError, match="both ends"):
        model.stream()


def test_ngrams_cannot_stream(reviews: tuple[list[str], list[str]]) -> None:
    model = TextRNNClassifier(bidirectional=False, hidden_size=4, max_iter=1, random_state=0)
    with pytest.raises(UsageError, match="ngrams='none'"):
        model.fit(*reviews).stream()

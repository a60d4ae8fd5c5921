"""Documents that are read one at a time get what they would get in a batch."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.examples import texts_of
from tests.gradcheck import CELL_NAMES, READOUT_NAMES
from tests.networks import network_config
from textrnn.inference.batches import predict_proba
from textrnn.nn.cells import CELLS
from textrnn.nn.cells.base import StepReader
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.typing import Params

LENGTHS = (1, 2, 3, 30)


def make_network(**config: object) -> Network:
    """A network of random weights, biases too, in float64."""
    whole = network_config(3, 31, dtype="float64", **config)  # type: ignore[arg-type]
    rng = np.random.default_rng(2)
    network = Network.initialise(whole, rng)
    for value in network.params.values():
        value[...] = rng.normal(0.0, 0.4, value.shape)
    return network


def documents() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 31, n).astype(np.int32) for n in LENGTHS]


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("embedding_dim", [None, 7])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_document_is_read_as_in_a_batch(
    cell: str, readout: str, embedding_dim: int | None, num_layers: int, bidirectional: bool
) -> None:
    network = make_network(
        embedding_dim=embedding_dim,
        cell=cell,
        hidden_size=6,
        num_layers=num_layers,
        bidirectional=bidirectional,
        readout=readout,
    )
    reader = DocumentReader(network)
    batch = network.predict_proba(pack(documents()))
    for ids, expected in zip(documents(), batch, strict=True):
        np.testing.assert_allclose(reader.predict_proba(ids), expected, rtol=1e-9)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_every_cell_of_ours_reads_fast(cell: str) -> None:
    params: Params = {name: np.zeros(shape) for name, shape in CELLS[cell].shapes(2, 3, 4).items()}
    assert not isinstance(CELLS[cell].reader(params, 1), StepReader)


def test_weights_that_may_change_are_read_anew() -> None:
    network = make_network(embedding_dim=4, hidden_size=5)
    ids = documents()[-1]
    before = predict_proba(network, texts_of([ids]))
    network.params["recurrent.0.W_h"] *= -1.0
    after = predict_proba(network, texts_of([ids]))
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after[0], network.predict_proba(pack([ids]))[0], rtol=1e-9)


def test_frozen_weights_cannot_change() -> None:
    network = make_network(embedding_dim=4, hidden_size=5)
    assert not network.is_frozen
    network.freeze()
    assert network.is_frozen
    with pytest.raises(ValueError, match="read-only"):
        network.params["linear.bias"] += 1.0


def test_threads_do_not_disturb_each_other() -> None:
    network = make_network(embedding_dim=4, hidden_size=5)
    network.freeze()
    texts = documents()
    expected = [predict_proba(network, texts_of([ids]))[0] for ids in texts]
    wrong: list[int] = []

    def read(which: int) -> None:
        for _ in range(300):
            if not np.array_equal(
                predict_proba(network, texts_of([texts[which]]))[0], expected[which]
            ):
                wrong.append(which)  # noqa: PERF401

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cut", [1, 7, 29])
def test_a_text_is_read_in_two_pieces(cell: str, num_layers: int, cut: int) -> None:
    """By one reader after the other, and from a batch to a reader and back: states are the same."""
    network = make_network(embedding_dim=4, cell=cell, hidden_size=5, num_layers=num_layers)
    ids = documents()[-1]
    whole = DocumentReader(network).outputs(ids)
    first, second = DocumentReader(network), DocumentReader(network)
    outputs = first.outputs(ids[:cut])
    second.state = first.state
    rest = second.outputs(ids[cut:])
    np.testing.assert_allclose(np.concatenate([outputs, rest], axis=1), whole, rtol=1e-12)
    _, final = network.read(pack([ids[:cut]]))
    for layer, of_batch in zip(first.state, final, strict=True):
        assert set(layer) == set(of_batch)
        for name, value in layer.items():
            np.testing.assert_allclose(value, of_batch[name], rtol=1e-12)
    third = DocumentReader(network)
    third.state = final
    np.testing.assert_allclose(third.outputs(ids[cut:]), whole[:, cut:], rtol=1e-12)
    logits, ends = network.read(pack([ids[cut:]]), initial=first.state)
    np.testing.assert_allclose(logits, network.read(pack([ids]))[0], rtol=1e-12)
    for layer, of_batch in zip(third.state, ends, strict=True):
        for name, value in layer.items():
            np.testing.assert_allclose(value, of_batch[name], rtol=1e-12)

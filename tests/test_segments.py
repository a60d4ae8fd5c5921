"""Documents read in segments: what is read, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples import texts_of
from tests.gradcheck import (
    CELL_NAMES,
    READOUT_NAMES,
    assert_gradient,
    loss_and_gradients,
    random_documents,
    random_network,
)
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.inference.batches import predict_proba
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.poolings import POOLINGS

LENGTHS = (7, 1, 3, 8, 4)
TARGETS = np.array([1, 0, 2, 2, 0])
TOTALS = ("max", "mean", "max_mean")
"""Readouts that say the same of a document as of its segments together."""


def make_network(readout: str, segment_length: int | None = 3, **changes: object) -> Network:
    values = {"num_layers": 2, "bidirectional": True, "cell": "gru", **changes}
    config = network_config(
        3,
        5,
        3,
        hidden_size=3,
        readout=readout,
        segment_length=segment_length,
        dtype="float64",
        **values,  # type: ignore[arg-type]
    )
    return random_network(config, np.random.default_rng(1), std=0.5)


def documents() -> list[np.ndarray]:
    return random_documents(np.random.default_rng(0), LENGTHS, 5)


def test_segments_are_about_equally_long_and_keep_the_order() -> None:
    texts = [np.arange(n, dtype=np.int32) for n in (10, 3, 4)]
    batch = pack(texts, 4)
    assert batch.owners is not None
    assert batch.order.tolist() == [0, 1, 2]
    assert sorted(zip(batch.owners.tolist(), batch.lengths.tolist(), strict=True)) == [
        (0, 3),
        (0, 3),
        (0, 4),
        (1, 3),
        (2, 4),
    ]
    read = [batch.ids[batch.documents == place][::-1] for place in range(batch.n_sequences)]
    whole = sorted((ids.tolist() for ids, own in zip(read, batch.owners, strict=True) if own == 0))
    assert [i for ids in whole for i in ids] == list(range(10))


def test_short_documents_are_read_as_ever() -> None:
    assert pack(documents(), 8).owners is None


@pytest.mark.parametrize("readout", TOTALS)
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_the_readout_goes_over_all_segments(readout: str, cell: str) -> None:
    network = make_network(readout, cell=cell)
    reader = DocumentReader(network)
    found = network.predict_proba(network.pack(documents()))
    logits, _ = network.forward(network.pack(documents()))
    for ids, p, z in zip(documents(), found, logits, strict=True):
        outputs = []
        for segment in np.array_split(ids, -(-len(ids) // 3)):
            reader.reset()
            outputs.append(reader.outputs(segment))
        vectors = POOLINGS[readout].of_document(np.concatenate(outputs, axis=1), network.params)
        np.testing.assert_allclose(p, reader.probabilities(vectors), rtol=1e-9)
        np.testing.assert_allclose(np.exp(z) / np.exp(z).sum(), p, rtol=1e-9)


def test_one_long_document_is_read_as_in_a_batch() -> None:
    network = make_network("max")
    network.freeze()
    batch = network.predict_proba(network.pack(documents()))
    alone = [predict_proba(network, texts_of([ids]))[0] for ids in documents()]
    np.testing.assert_allclose(alone, batch, rtol=1e-9)


@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients(readout: str, cell: str) -> None:
    network = make_network(readout, cell=cell)

    def loss() -> float:
        logits, _ = network.forward(network.pack(documents()))
        return cross_entropy(logits, TARGETS)[0]

    _, gradients = loss_and_gradients(network, documents(), TARGETS)
    for name, value in network.params.items():
        assert_gradient(gradients[name], loss, value, name)


def test_of_equal_maxima_one_gets_the_gradient() -> None:
    network = make_network("max", num_layers=1, bidirectional=False)
    twice = [np.array([1, 2, 3, 1, 2, 3], dtype=np.int32)]  # two equal segments
    logits, cache = network.forward(network.pack(twice))
    d_logits = np.ones_like(logits)
    reading = POOLINGS["max"]
    d_joined = (d_logits @ network.params["linear.weight"].T)[np.newaxis]
    d_vectors = reading.over_segments_backward(d_joined, cache.head.parts[1], cache.body.batch)
    np.testing.assert_allclose(d_vectors.sum(axis=1), d_joined.sum(axis=1))
    assert ((d_vectors != 0).sum(axis=1) == 1).all()


def test_the_estimator_reads_in_segments(
    reviews: tuple[list[str], list[str]], tmp_path: object
) -> None:
    def make(**settings: Any) -> TextRNNClassifier:
        return TextRNNClassifier(
            hidden_size=6,
            embedding_dim=5,
            ngrams="none",
            learning_rate_init=0.02,
            max_iter=20,
            random_state=0,
            **settings,
        )

    texts, labels = reviews
    cut = make(segment_length=2).fit(texts, labels)
    assert not np.allclose(cut.predict_proba(texts), make().fit(texts, labels).predict_proba(texts))
    cut.save(f"{tmp_path}/m")
    again = TextRNNClassifier.load(f"{tmp_path}/m")
    assert np.array_equal(again.predict_proba(texts), cut.predict_proba(texts))
    one_way = make(segment_length=2, bidirectional=False).fit(texts, labels)
    with pytest.raises(UsageError, match="segment"):
        one_way.stream()

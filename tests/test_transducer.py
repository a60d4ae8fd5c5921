"""The encoder and decoder with attention: gradients, and no text depends on its neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES, assert_gradient, dense
from textrnn.nn.dropout import Dropout
from textrnn.nn.losses import cross_entropy
from textrnn.nn.packed import PackedBatch
from textrnn.nn.transducer import Transducer, TransducerConfig
from textrnn.typing import Counts, Floats, Ids, Ints

SOURCES = [[1, 2, 3], [], [3], [2, 2, 1, 0]]
TARGETS = [[2, 1], [2], [], [1, 1, 0]]
"""Ragged, and in another order by length than the sources; one empty on either side."""


def make_config(cell: str = "lstm", **changes: object) -> TransducerConfig:
    values: dict[str, object] = {
        "source_vocabulary_size": 5,
        "target_vocabulary_size": 4,
        "embedding_dim": 2,
        "cell": cell,
        "hidden_size": 3,
        "num_layers": 1,
        "bidirectional": True,
        "attention_size": 4,
        "dtype": "float64",
    }
    return TransducerConfig(**(values | changes))  # type: ignore[arg-type]


def random_transducer(config: TransducerConfig, seed: int = 0, std: float = 0.6) -> Transducer:
    """Every parameter is random, biases too: a zero would hide a mistake."""
    rng = np.random.default_rng(seed)
    shapes = config.shapes()
    dtype = np.dtype(config.dtype)
    params = {name: rng.normal(0.0, std, shape).astype(dtype) for name, shape in shapes.items()}
    return Transducer(config, params)


def flat(texts: list[list[int]]) -> tuple[Ids, Counts]:
    starts = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return np.array([i for text in texts for i in text], dtype=np.int32), starts


def packed(
    transducer: Transducer, sources: list[list[int]], targets: list[list[int]]
) -> tuple[PackedBatch, PackedBatch, Ints]:
    return transducer.pack_sources(*flat(sources)), *transducer.pack_targets(*flat(targets))


def loss_of(
    transducer: Transducer, dropout: Callable[[], Dropout | None] = lambda: None
) -> tuple[float, dict[str, Floats]]:
    sources, targets, wanted = packed(transducer, SOURCES, TARGETS)
    logits, cache = transducer.forward(sources, targets, dropout=dropout())
    loss, d_logits = cross_entropy(logits, wanted, batch_size=4, label_smoothing=0.1)
    return loss, dense(transducer.backward(d_logits, cache))


@pytest.mark.parametrize("cell", [name for name in CELL_NAMES if name != "rnn_relu"])
def test_gradients_of_every_cell(cell: str) -> None:
    # Nothing else keeps the states of a linear cell from growing.
    std = 0.3 if cell == "rnn_linear" else 0.6
    check_gradients(random_transducer(make_config(cell, bidirectional=False), std=std))


def test_gradients_of_layers_in_both_directions() -> None:
    check_gradients(random_transducer(make_config(num_layers=2)))


def check_gradients(
    transducer: Transducer, dropout: Callable[[], Dropout | None] = lambda: None
) -> None:
    _, gradients = loss_of(transducer, dropout)
    assert gradients.keys() == transducer.params.keys()
    for name, value in transducer.params.items():
        assert_gradient(gradients[name], lambda: loss_of(transducer, dropout)[0], value, name)


def test_gradients_with_dropout() -> None:
    """Masks fall on words, inputs, recurrent weights and the readout, and on the way back too."""

    def dropout() -> Dropout:
        rng = np.random.default_rng(3)
        return Dropout(input=0.3, readout=0.3, rng=rng, recurrent=0.3, embedding=0.3)

    check_gradients(random_transducer(make_config("gru")), dropout)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_text_does_not_depend_on_its_neighbours(cell: str) -> None:
    """Batch equals single: logits, alignment, and the sum of gradients."""
    transducer = random_transducer(make_config(cell), std=0.3)
    sources, targets, wanted = packed(transducer, SOURCES, TARGETS)
    logits, cache = transducer.forward(sources, targets)
    _, d_logits = cross_entropy(logits, wanted, batch_size=1)
    together = dense(transducer.backward(d_logits, cache))
    apart = {name: np.zeros_like(value) for name, value in transducer.params.items()}
    places = np.argsort(targets.places)
    found = []
    for n, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        one = packed(transducer, [source], [target])
        of_one, alone = transducer.forward(*one[:2])
        found.append(of_one[::-1])
        assert one[2][::-1].tolist() == [*target, transducer.config.target_end]
        (alignment,) = alone.alignments
        assert alignment.shape == (len(target) + 1, len(source) + 1)
        np.testing.assert_allclose(cache.alignments[n], alignment, rtol=1e-10)
        np.testing.assert_allclose(alignment.sum(axis=1), 1.0, rtol=1e-12)
        _, d_one = cross_entropy(of_one, one[2], batch_size=1)
        for name, value in dense(transducer.backward(d_one, alone)).items():
            apart[name] += value
    np.testing.assert_allclose(logits[places], np.concatenate(found), rtol=1e-10)
    for name, value in together.items():
        np.testing.assert_allclose(value, apart[name], rtol=1e-8, atol=1e-12, err_msg=name)

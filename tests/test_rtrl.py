"""Real-time recurrent learning finds the gradient of backpropagation through time."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.lessons import assert_same, make_batch, make_examples, make_network, told_once
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.nn import influence
from textrnn.nn.cells import CELLS
from textrnn.nn.poolings import POOLINGS
from textrnn.training.lesson import LOSSES
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import rtrl
from textrnn.training.rules.bptt import BPTT
from textrnn.training.rules.rtrl import RTRL
from textrnn.training.settings import Settings


def assert_is_bptt(network: Any, examples: Any, **told: Any) -> None:
    alone, expected = told_once(BPTT(**told), network, examples)
    sums, found = told_once(RTRL(**told), network, examples)
    np.testing.assert_allclose(sums, alone, rtol=1e-12)
    assert set(found) == set(network.params) - set(told.get("frozen", ()))
    assert_same(found, expected, 1e-10)


@pytest.mark.parametrize("inputs", ["embedding", "one-hot", "numbers"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_it_is_bptt_for_every_cell(cell: str, loss: str, inputs: str) -> None:
    """Of ragged texts, one of a single word, with what each weighs."""
    weights = np.array([1.0, 0.5, 2.0, 1.0, 0.3, 1.0])
    network = make_network(inputs, cell=cell, readout="mean")
    assert_is_bptt(network, make_examples(inputs, weights=weights), loss=loss)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("readout", POOLINGS)
def test_and_every_readout(readout: str, loss: str) -> None:
    assert_is_bptt(make_network(cell="lstm", readout=readout), make_examples(), loss=loss)


@pytest.mark.parametrize("cell", CELLS)
def test_and_at_every_token(cell: str) -> None:
    examples = make_examples("numbers", at_tokens=True)
    assert_is_bptt(make_network("numbers", cell=cell, head="token"), examples)


@pytest.mark.parametrize("inputs", ["embedding", "one-hot", "numbers"])
def test_whichever_texts_are_gone_through_together(
    inputs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (0, 5_000, 12_000):
        monkeypatch.setattr(influence, "ROOM", room)
        assert_is_bptt(make_network(inputs, cell="lstm"), make_examples(inputs))


@pytest.mark.parametrize("cell", ["gru", "mingru", "lstm_peephole"])
@pytest.mark.parametrize("inputs", ["embedding", "one-hot", "numbers"])
def test_under_dropout(inputs: str, cell: str) -> None:
    noisy = Regularisation(
        0.3, 0.5, dropout_recurrent=0.2, dropout_embedding=0.2, label_smoothing=0.1
    )
    network = make_network(inputs, cell=cell, readout="max")
    assert_is_bptt(network, make_examples(inputs), regularisation=noisy)


def test_vectors_that_are_frozen_cost_nothing() -> None:
    assert_is_bptt(make_network(), make_examples(), frozen=("embedding.weight",))


def test_rows_of_weights_may_be_frozen() -> None:
    network, examples = make_network("one-hot"), make_examples("one-hot")
    assert_is_bptt(network, examples, frozen=("recurrent.0.W_x",))


def test_several_layers_are_refused() -> None:
    told: dict[str, Any] = {"rule": "rtrl", "bidirectional": False, "num_layers": 2}
    with pytest.raises(UsageError, match=r"rule='rtrl' is for one layer.*num_layers=1"):
        TextRNNClassifier(**told, ngrams="none").fit(["a b", "b a"] * 9, [0, 1] * 9)


def test_what_takes_too_much_is_refused_and_what_takes_hours_told() -> None:
    large = TextRNNClassifier(rule="rtrl", bidirectional=False, hidden_size=400, ngrams="none")
    with pytest.raises(UsageError, match=r"4 M P numbers of each text.*GiB \(M² P a word"):
        large.fit(["a b", "b a"] * 9, [0, 1] * 9)
    long = large.set_params(hidden_size=64, max_iter=10**6, max_seconds=0.5)
    with pytest.warns(UserWarning, match="some .* hours; choose a smaller hidden_size"):
        long.fit(["a b", "b a"] * 9, [0, 1] * 9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("inputs", ["one-hot", "numbers"])
def test_what_is_counted_is_what_it_takes(
    inputs: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distinct words, each with its input products, among it: refused at a byte less."""
    H = 40
    network = make_network(inputs, cell="lstm", hidden_size=H, dtype=dtype)
    examples = make_examples(inputs).take(np.array([1]))
    config = Settings(rule="rtrl", cell="lstm").training_config(1, 7)
    counted = 0
    for power in reversed(range(31)):
        monkeypatch.setattr(rtrl, "LARGEST", counted + 2**power)
        try:
            rtrl.check_cost(config, network, examples)
        except UsageError:
            counted += 2**power
    # W_h, b, and six distinct words' products, or W_x of two numbers.
    P = 4 * H * (H + 1 + (6 if inputs == "one-hot" else 2))
    assert counted + 1 == 4 * np.dtype(dtype).itemsize * 2 * H * P
    batch = make_batch(examples)
    next(RTRL().steps(network, batch))
    tracemalloc.start()
    next(RTRL().steps(network, batch))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.75 * counted < peak < 1.4 * counted  # what does not grow with P is beside it

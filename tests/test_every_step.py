"""Answers after every word: what they are, their gradients, and which networks have none.

That a network's answers are those of a stream, and their gradients right through all its layers,
is a column of ``test_conformance``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import (
    READOUT_NAMES,
    assert_gradient,
    random_documents,
    random_network,
    rows_of,
)
from tests.networks import network_config
from textrnn.errors import UsageError
from textrnn.nn.dropout import Dropout
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.poolings import POOLINGS, Last, Pooling, register
from textrnn.training.settings import Settings
from textrnn.typing import Params

H, V, C = 3, 6, 3
LENGTHS = [7, 1, 4, 4, 12, 1]

readouts = pytest.mark.parametrize("name", READOUT_NAMES)
ways = pytest.mark.parametrize("n_directions", [1, 2], ids=["one-way", "two-way"])


def batch_of(lengths: list[int]) -> PackedBatch:
    return pack(random_documents(np.random.default_rng(0), lengths, V))


def params_of(pooling: Pooling, n_directions: int, dtype: Any = np.float64) -> Params:
    rng = np.random.default_rng(1)
    shapes = pooling.shapes(n_directions, H)
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@ways
@readouts
def test_the_vector_at_a_word_is_that_of_the_words_so_far(
    name: str, n_directions: int, dtype: str
) -> None:
    pooling, batch = POOLINGS[name], batch_of(LENGTHS)
    h = np.random.default_rng(2).standard_normal((n_directions, batch.n_tokens, H)).astype(dtype)
    params = params_of(pooling, n_directions, dtype)
    found, _ = pooling.every_step(h, batch, params)
    assert found.dtype == dtype
    assert found.shape == (n_directions, batch.n_tokens, pooling.width * H)
    close: Any = {"rtol": 2e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12}
    for place in range(batch.n_sequences):
        rows = rows_of(batch, place)
        for n in range(1, len(rows) + 1):
            expected = pooling.of_document(h[:, rows[:n]], params)
            np.testing.assert_allclose(found[:, rows[n - 1]], expected, **close)
    whole, _ = pooling.forward(h, batch, params)
    np.testing.assert_allclose(found[:, : batch.n_sequences], whole, **close)
    found[:] = 9.0
    assert not (h == 9.0).any()


@pytest.mark.parametrize("lengths", [[3, 1, 5, 3], [1], [1, 1], [4]], ids=str)
@ways
@readouts
def test_gradients(name: str, n_directions: int, lengths: list[int]) -> None:
    """Of the outputs and of the pooling's own parameters, from random ones of every vector."""
    pooling, batch, rng = POOLINGS[name], batch_of(lengths), np.random.default_rng(3)
    h = rng.standard_normal((n_directions, batch.n_tokens, H))
    params = params_of(pooling, n_directions)
    d_out = rng.standard_normal((n_directions, batch.n_tokens, pooling.width * H))

    def objective() -> float:
        return float((d_out * pooling.every_step(h, batch, params)[0]).sum())

    kept = d_out.copy()
    d_h, final, own = pooling.every_step_backward(
        d_out, pooling.every_step(h, batch, params)[1], batch, params
    )
    assert final is None
    assert d_h is not None
    assert own.keys() == params.keys()
    np.testing.assert_array_equal(d_out, kept)
    assert_gradient(d_h, objective, h, "outputs")
    for parameter, value in params.items():
        assert_gradient(own[parameter], objective, value, parameter)


def test_max_hands_the_gradient_to_the_first_of_equals() -> None:
    batch = pack([np.array([0, 1, 2, 3], dtype=np.int32)])
    h = np.array([1.0, 3.0, 3.0, 2.0])[np.newaxis, ::-1, np.newaxis]  # last word first
    _, cache = POOLINGS["max"].every_step(h, batch, {})
    d_out = np.array([1.0, 10.0, 100.0, 1000.0])[np.newaxis, ::-1, np.newaxis]
    d_h = POOLINGS["max"].every_step_backward(d_out, cache, batch, {}).outputs
    assert d_h is not None
    np.testing.assert_array_equal(d_h[0, ::-1, 0], [1.0, 1110.0, 0.0, 0.0])


def test_max_hands_gradients_of_any_size_to_their_own_words() -> None:
    """Word 1 is the largest when it is read: what it gets is not seen by word 0."""
    batch = pack([np.array([0, 1, 2], dtype=np.int32)])
    h = np.array([2.0, 3.0, 1.0])[np.newaxis, ::-1, np.newaxis]
    _, cache = POOLINGS["max"].every_step(h, batch, {})
    for large in (1e8, 1e300, np.inf):
        d_out = np.array([0.3, large, 0.0], np.float64)[np.newaxis, ::-1, np.newaxis]
        d_h = POOLINGS["max"].every_step_backward(d_out, cache, batch, {}).outputs
        assert d_h is not None
        np.testing.assert_array_equal(d_h[0, ::-1, 0], [0.3, large, 0.0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention_to_huge_scores(dtype: str) -> None:
    """No overflow on the way there or back, and the highest score so far takes all."""
    batch = pack([np.array([0, 1, 2], dtype=np.int32), np.array([3], dtype=np.int32)])
    params = {
        "attention.W": np.eye(H, dtype=dtype)[np.newaxis],
        "attention.b": np.zeros((1, H), dtype),
        "attention.context": np.array([[2e3, 0.0, 0.0]], dtype),
    }
    h = np.array([[[0.5, 1, 7], [-4.0, 6, 6], [2.0, 3, 8], [-1.0, 5, 9]]], dtype)
    with np.errstate(all="raise", under="ignore"):
        found, cache = POOLINGS["attention"].every_step(h, batch, params)
        back = POOLINGS["attention"].every_step_backward(np.ones_like(h), cache, batch, params)
    np.testing.assert_array_equal(found[0], h[0, [2, 1, 2, 3]])
    assert back.outputs is not None
    assert np.isfinite(back.outputs).all()


def test_dropout_of_the_readout_keeps_one_mask_for_a_text() -> None:
    network = random_network(
        network_config(C, V, 3, hidden_size=40, readout="mean", dtype="float64"),
        np.random.default_rng(0),
    ).at_every_step()
    batch = batch_of(LENGTHS)
    dropout = Dropout(0.0, 0.5, np.random.default_rng(1))
    _, cache = network.forward(batch, dropout=dropout)
    mask = cache.head.mask
    assert mask is not None
    assert mask.shape == (batch.n_tokens, 40)
    of_texts = [mask[rows_of(batch, place)] for place in range(batch.n_sequences)]
    for of_text in of_texts:
        assert (of_text == of_text[0]).all()
    assert len({of_text[0].tobytes() for of_text in of_texts}) == len(of_texts)
    np.testing.assert_array_equal(cache.head.features == 0.0, mask == 0.0)


def test_the_network_itself_stays_as_it_is() -> None:
    network = random_network(network_config(C, V, 3, readout="max"), np.random.default_rng(0))
    batch = batch_of(LENGTHS)
    before = network.predict_logits(batch)
    other = network.at_every_step()
    assert other.params is network.params
    assert other.predict_logits(batch).shape == (batch.n_tokens, C)
    np.testing.assert_array_equal(network.predict_logits(batch), before)
    ends = np.cumsum(LENGTHS) - 1
    np.testing.assert_allclose(other.predict_logits(batch)[ends], before, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------- which have none


class Forgetful(Last):
    """A pooling as it was before there was this form."""

    name = "forgetful"
    every_step = Pooling.every_step


@pytest.fixture
def forgetful() -> Any:
    register(Forgetful)
    yield
    POOLINGS.pop("forgetful")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"bidirectional": True}, "reads each text from both ends .* bidirectional=False"),
    ({"segment_length": 5}, "read in segments .* segment_length=None"),
    ({"readout": "forgetful"}, "forgetful.* no backward pass at every word .* another readout"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
@pytest.mark.usefixtures("forgetful")
def test_networks_without(changes: dict[str, Any], told: str) -> None:
    network = random_network(network_config(C, V, 3, **changes), np.random.default_rng(0))
    with pytest.raises(UsageError, match=rf"no answer after every word: .*{told}"):
        network.at_every_step()


@pytest.mark.parametrize("loss", ["every", "growing"])
@pytest.mark.parametrize(("changes", "told"), REFUSED)
@pytest.mark.usefixtures("forgetful")
def test_settings_of_such_networks(loss: str, changes: dict[str, Any], told: str) -> None:
    settings = {"bidirectional": False, **changes}
    Settings(**settings).validate()
    with pytest.raises(UsageError, match=rf"loss='{loss}' corrects .* but .*{told}"):
        Settings(**settings, loss=loss).validate()

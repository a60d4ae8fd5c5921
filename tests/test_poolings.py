"""Poolings against their plain definitions, one document and direction at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import READOUT_NAMES, random_documents, rows_of
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.poolings import POOLINGS, Last, Pooling, PoolingGradients, Running, register
from textrnn.nn.poolings.last import RunningLast
from textrnn.typing import Floats, Ints, Params

H = 3


def attend(h: Floats, weight: Floats, bias: Floats, context: Floats) -> Floats:
    """Word by word, as the paper writes it."""
    scores = np.array([np.tanh(word @ weight + bias) @ context for word in h])
    shares = np.exp(scores) / np.exp(scores).sum()
    vector: Floats = sum(share * word for share, word in zip(shares, h, strict=True))
    return vector


DEFINITIONS: dict[str, Callable[..., Floats]] = {
    "last": lambda h: h[-1],
    "mean": lambda h: h.mean(axis=0),
    "max": lambda h: h.max(axis=0),
    "max_mean": lambda h: np.concatenate([h.max(axis=0), h.mean(axis=0)]),
    "max_mean_last": lambda h: np.concatenate([h.max(axis=0), h.mean(axis=0), h[-1]]),
    "attention": attend,
}

readouts = pytest.mark.parametrize("name", READOUT_NAMES)
ways = pytest.mark.parametrize("n_directions", [1, 2], ids=["one-way", "two-way"])
types = pytest.mark.parametrize("dtype", ["float32", "float64"])


def random_params(pooling: Pooling, n_directions: int, dtype: str, scale: float = 1.0) -> Params:
    rng = np.random.default_rng(1)
    shapes = pooling.shapes(n_directions, H)
    return {name: scale * rng.standard_normal(s).astype(dtype) for name, s in shapes.items()}


def test_the_table_is_complete() -> None:
    assert set(POOLINGS) == set(READOUT_NAMES) == set(DEFINITIONS)


@ways
@readouts
@types
def test_definition(name: str, n_directions: int, dtype: str) -> None:
    """In all three forms: over a batch, step by step, of one document."""
    rng, readout = np.random.default_rng(0), POOLINGS[name]
    batch = pack(random_documents(rng, [7, 1, 4, 4, 12, 1], 5))
    B = batch.n_sequences
    h = rng.standard_normal((n_directions, batch.n_tokens, H)).astype(dtype)
    params = random_params(readout, n_directions, dtype)

    out, _ = readout.forward(h, batch, params)
    running = readout.running((n_directions, B, H), np.dtype(dtype), params)
    for start, size in reversed(batch.steps):
        running.add(h[:, start : start + size])
    stepwise = running.value(batch.lengths)
    alone = [readout.of_document(h[:, rows_of(batch, i)], params) for i in range(B)]

    for found in (out, stepwise, np.stack(alone, axis=1)):
        assert found.dtype == dtype
        assert found.shape == (n_directions, B, readout.width * H)
        for s in range(n_directions):
            own = [value[s] for value in params.values()]
            for document in range(B):
                np.testing.assert_allclose(
                    found[s, document],
                    DEFINITIONS[name](h[s, rows_of(batch, document)], *own),
                    rtol=1e-5 if dtype == "float32" else 1e-12,
                    atol=1e-6 if dtype == "float32" else 0.0,
                )


@ways
@readouts
def test_output_is_a_copy(name: str, n_directions: int) -> None:
    """Who changes a vector must not change the outputs, which the way back reads."""
    batch, readout = pack([np.array([0], dtype=np.int32)]), POOLINGS[name]
    h = np.ones((n_directions, 1, H))
    out, _ = readout.forward(h, batch, random_params(readout, n_directions, "float64"))
    out[:] = 5.0
    np.testing.assert_array_equal(h, 1.0)


@types
def test_attention_to_huge_scores(dtype: str) -> None:
    """No overflow, whichever way they are computed: the highest score takes all."""
    batch, readout = pack([np.array([0, 1, 2], dtype=np.int32)]), POOLINGS["attention"]
    params = {
        "attention.W": np.eye(H, dtype=dtype)[np.newaxis],
        "attention.b": np.zeros((1, H), dtype),
        "attention.context": np.array([[2e3, 0.0, 0.0]], dtype),
    }
    h = np.array([[[0.5, 1.0, 7.0], [2.0, 3.0, 8.0], [-1.0, 5.0, 9.0]]], dtype)
    running = readout.running((1, 1, H), np.dtype(dtype), params)
    for t in (2, 1, 0):
        running.add(h[:, t : t + 1])
    with np.errstate(all="raise", under="ignore"):
        found = [
            readout.forward(h, batch, params)[0][:, 0],
            readout.of_document(h, params),
            running.value(batch.lengths)[:, 0],
        ]
    for vectors in found:
        np.testing.assert_array_equal(vectors, h[:, 1])


def test_max_hands_the_gradient_to_the_first_read_of_equals() -> None:
    batch = pack([np.array([0, 1, 2], dtype=np.int32), np.array([3, 4], dtype=np.int32)])
    # rows: a2 b1 a1 b0 a0; in the second direction the words are mirrored
    first, second = [3.0, 2.0, 3.0, 2.0, 1.0], [4.0, 6.0, 4.0, 5.0, 4.0]
    h = np.array([first, second])[:, :, np.newaxis]
    out, cache = POOLINGS["max"].forward(h, batch, {})
    np.testing.assert_array_equal(out[..., 0], [[3.0, 2.0], [4.0, 6.0]])
    d_out = np.array([[10.0, 20.0], [30.0, 40.0]])[:, :, np.newaxis]
    d_h, d_final, _ = POOLINGS["max"].backward(d_out, cache, batch, {})
    assert d_final is None
    assert d_h is not None
    np.testing.assert_array_equal(d_h[0, :, 0], [0.0, 0.0, 10.0, 20.0, 0.0])
    np.testing.assert_array_equal(d_h[1, :, 0], [0.0, 40.0, 0.0, 0.0, 30.0])


def test_which_hand_on_the_final_states() -> None:
    """Only where nothing else has a gradient can the way back end early."""
    batch = pack([np.array([0, 1], dtype=np.int32)])
    h = np.ones((2, 2, H))
    for name, readout in POOLINGS.items():
        params = random_params(readout, 2, "float64")
        out, cache = readout.forward(h, batch, params)
        d_outputs, d_final, _ = readout.backward(np.ones_like(out), cache, batch, params)
        assert (d_outputs is None) == (name == "last")
        assert (d_final is not None) == ("last" in name)


def test_a_pooling_of_ones_own(reviews: tuple[list[str], list[str]], tmp_path: Path) -> None:
    """Once registered, it is a value of the setting, trains and is loaded again."""

    class Halved(Last):
        name = "halved"

        def forward(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
            return 0.5 * super().forward(h, batch, params)[0], None

        def backward(
            self, d_out: Floats, cache: None, batch: PackedBatch, params: Params
        ) -> PoolingGradients:
            return super().backward(0.5 * d_out, cache, batch, params)

        def of_document(self, h: Floats, params: Params) -> Floats:
            return 0.5 * super().of_document(h, params)

        def running(self, shape: tuple[int, ...], dtype: Any, params: Params) -> Running:
            del params
            return Half(shape, dtype)

    class Half(RunningLast):
        def value(self, lengths: Ints) -> Floats:
            return 0.5 * super().value(lengths)

    texts, labels = reviews
    model = TextRNNClassifier(
        readout="halved", bidirectional=False, hidden_size=3, max_iter=2, random_state=0
    )
    with pytest.raises(UsageError, match="halved"):
        model.fit(texts, labels)
    try:
        assert register(Halved) is Halved
        anew = {"__module__": Halved.__module__, "__qualname__": Halved.__qualname__}
        again_defined = type("Halved", (Halved,), anew)
        assert type(POOLINGS[register(again_defined).name]) is again_defined
        register(Halved)
        with pytest.raises(ValueError, match=r"halved is the name of .*Halved already"):
            register(type("Other", (Last,), {"name": "halved"}))
        model.fit(texts, labels).save(tmp_path / "model")
        again = TextRNNClassifier.load(tmp_path / "model")
        np.testing.assert_array_equal(again.predict_proba(texts), model.predict_proba(texts))
    finally:
        POOLINGS.pop("halved", None)

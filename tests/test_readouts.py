"""Readouts against their plain definitions, one document and direction at a time."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import READOUT_NAMES, random_documents, rows_of

from textrnn.nn.packed import pack
from textrnn.nn.readouts import READOUTS

DEFINITIONS = {
    "last": lambda h: h[-1],
    "mean": lambda h: h.mean(axis=0),
    "max": lambda h: h.max(axis=0),
}


def test_the_table_is_complete() -> None:
    assert set(READOUTS) == set(READOUT_NAMES) == set(DEFINITIONS)


@pytest.mark.parametrize("n_directions", [1, 2], ids=["one-way", "two-way"])
@pytest.mark.parametrize("name", READOUT_NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_definition(name: str, n_directions: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    batch = pack(random_documents(rng, [7, 1, 4, 4, 12, 1], 5))
    h = rng.standard_normal((n_directions, batch.n_tokens, 3)).astype(dtype)
    out, _ = READOUTS[name].forward(h, batch)
    assert out.dtype == dtype
    assert out.shape == (n_directions, batch.n_documents, 3)
    for document in range(batch.n_documents):
        own = rows_of(batch, document)
        for of_direction, vectors in zip(h, out, strict=True):
            np.testing.assert_allclose(
                vectors[document],
                DEFINITIONS[name](of_direction[own]),
                rtol=1e-6 if dtype == "float32" else 1e-12,
            )


@pytest.mark.parametrize("n_directions", [1, 2], ids=["one-way", "two-way"])
@pytest.mark.parametrize("name", READOUT_NAMES)
def test_output_is_a_copy(name: str, n_directions: int) -> None:
    """Who changes a vector must not change the outputs, which the way back reads."""
    batch = pack([np.array([0], dtype=np.int32)])
    h = np.ones((n_directions, 1, 2))
    out, _ = READOUTS[name].forward(h, batch)
    out[:] = 5.0
    np.testing.assert_array_equal(h, 1.0)


def test_max_hands_the_gradient_to_the_first_read_of_equals() -> None:
    batch = pack([np.array([0, 1, 2], dtype=np.int32), np.array([3, 4], dtype=np.int32)])
    # rows: a2 b1 a1 b0 a0; in the second direction the words are mirrored
    first, second = [3.0, 2.0, 3.0, 2.0, 1.0], [4.0, 6.0, 4.0, 5.0, 4.0]
    h = np.array([first, second])[:, :, np.newaxis]
    out, cache = READOUTS["max"].forward(h, batch)
    np.testing.assert_array_equal(out[..., 0], [[3.0, 2.0], [4.0, 6.0]])
    d_out = np.array([[10.0, 20.0], [30.0, 40.0]])[:, :, np.newaxis]
    d_h, d_final = READOUTS["max"].backward(d_out, cache, batch)
    assert d_final is None
    assert d_h is not None
    np.testing.assert_array_equal(d_h[0, :, 0], [0.0, 0.0, 10.0, 20.0, 0.0])
    np.testing.assert_array_equal(d_h[1, :, 0], [0.0, 40.0, 0.0, 0.0, 30.0])


def test_only_last_hands_on_the_final_states() -> None:
    batch = pack([np.array([0, 1], dtype=np.int32)])
    h, d_out = np.ones((2, 2, 2)), np.ones((2, 1, 2))
    for name, readout in READOUTS.items():
        _, cache = readout.forward(h, batch)
        d_outputs, d_final = readout.backward(d_out, cache, batch)
        assert (d_outputs is None, d_final is None) == (name == "last", name != "last")

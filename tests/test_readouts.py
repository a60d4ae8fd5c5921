"""Readouts against their plain definitions, one document at a time."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import READOUT_NAMES, random_documents

from textrnn.nn.packed import pack
from textrnn.nn.readouts import READOUTS

DEFINITIONS = {
    "last": lambda h, reverse: h[0] if reverse else h[-1],
    "mean": lambda h, reverse: h.mean(axis=0),  # noqa: ARG005
    "max": lambda h, reverse: h.max(axis=0),  # noqa: ARG005
}


def test_the_table_is_complete() -> None:
    assert set(READOUTS) == set(READOUT_NAMES) == set(DEFINITIONS)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", READOUT_NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_definition(name: str, reverse: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    batch = pack(random_documents(rng, [7, 1, 4, 4, 12, 1], 5))
    h = rng.standard_normal((batch.n_tokens, 3)).astype(dtype)
    out, _ = READOUTS[name].forward(h, batch, reverse=reverse)
    assert out.dtype == dtype
    for document in range(batch.n_documents):
        own = h[batch.documents == document]
        np.testing.assert_allclose(
            out[document],
            DEFINITIONS[name](own, reverse),
            rtol=1e-6 if dtype == "float32" else 1e-12,
        )


@pytest.mark.parametrize("name", READOUT_NAMES)
def test_output_is_a_copy(name: str) -> None:
    """The network multiplies a dropout mask into it; the outputs must stay as they are."""
    batch = pack([np.array([0], dtype=np.int32)])
    h = np.ones((1, 2))
    out, _ = READOUTS[name].forward(h, batch, reverse=False)
    out[:] = 5.0
    np.testing.assert_array_equal(h, 1.0)


def test_max_hands_the_gradient_to_the_first_of_equals() -> None:
    batch = pack([np.array([0, 1, 2], dtype=np.int32), np.array([3, 4], dtype=np.int32)])
    # rows: a0 b0 a1 b1 a2
    h = np.array([[1.0], [2.0], [3.0], [2.0], [3.0]])
    out, cache = READOUTS["max"].forward(h, batch, reverse=False)
    np.testing.assert_array_equal(out, [[3.0], [2.0]])
    d_h, d_final = READOUTS["max"].backward(np.array([[10.0], [20.0]]), cache, batch)
    assert d_final is None
    np.testing.assert_array_equal(d_h, [[0.0], [20.0], [10.0], [0.0], [0.0]])


def test_only_last_hands_on_the_final_states() -> None:
    batch = pack([np.array([0, 1], dtype=np.int32)])
    h, d_out = np.ones((2, 2)), np.ones((1, 2))
    for name, readout in READOUTS.items():
        _, cache = readout.forward(h, batch, reverse=False)
        d_outputs, d_final = readout.backward(d_out, cache, batch)
        assert (d_outputs is None, d_final is None) == (name == "last", name != "last")

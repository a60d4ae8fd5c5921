"""Steps know their time, though a batch is aligned at its documents' ends: by a cell that asks.

The cell is a clockwork of the tests' own, without groups: unit j changes only at times that its
period divides, and keeps its state at others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import random_documents, random_network, rows_of
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import (
    CELLS,
    TIME,
    Cell,
    Step,
    Trace,
    add_recurrence,
    back_through_weights,
    register,
)
from textrnn.nn.check import CHECKS, Layer
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.typing import Bools, Floats, Params

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


class Ticking(Cell):
    """Units of periods 1, 2, 3, ..."""

    name = "ticking"
    n_gates = 1
    needs_times = True

    def ticks(self, step: Step, H: int) -> Bools:
        """Which units change, (n, H)."""
        assert step.times is not None
        changes: Bools = step.times[:, np.newaxis] % np.arange(1, H + 1) == 0
        return changes

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        z, h = add_recurrence(weights, trace, step)[0], trace.h[:, step.rows]
        np.tanh(z, out=z)
        h[...] = 0.0
        h[:, : step.carried] = trace.previous("h", step)
        np.copyto(h, z, where=self.ticks(step, h.shape[-1]))

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        d_h, tanh = d_states["h"], trace.gates[0, :, step.rows]
        changed = self.ticks(step, d_h.shape[-1])
        d_gates[0] = d_h * (1.0 - tanh * tanh) * changed
        kept = d_h * ~changed
        back_through_weights(d_gates, weights, trace.scratch, out=d_h)
        d_h += kept


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    register(Ticking)
    yield
    del CELLS["ticking"]


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_it_passes_the_checks(check: Any) -> None:
    """In chunks, too: its state says how many words were read."""
    check(CELLS["ticking"])


def test_times_are_counted_in_each_document_from_what_was_read_before() -> None:
    batch = pack(random_documents(np.random.default_rng(0), [3, 7, 1, 3], 5))
    read_before = np.array([0, 4, 2, 0])
    steps = recurrent.unroll(batch, read_before)
    times = np.concatenate([np.empty(0, np.int64) if s.times is None else s.times for s in steps])
    for place, before in enumerate(read_before):
        expected = before + np.arange(batch.lengths[place])
        np.testing.assert_array_equal(times[rows_of(batch, place)], expected)


def test_nobody_else_is_told_times() -> None:
    batch = pack(random_documents(np.random.default_rng(0), [3, 7], 5))
    assert all(step.times is None for step in recurrent.unroll(batch))
    layer = Layer(CELLS["gru"], 1)
    trace, final = layer.forward(batch, None)
    assert trace.read_before is None
    assert set(final) == {"h"}


def test_the_state_holds_the_time() -> None:
    batch = pack(random_documents(np.random.default_rng(0), [3, 7, 1], 5))
    layer = Layer(CELLS["ticking"], 2)
    _, final = layer.forward(batch, None)
    np.testing.assert_array_equal(final[TIME], [[[7], [3], [1]]] * 2)
    _, final = layer.forward(batch, {**final, TIME: np.full((2, 3, 1), 5.0)})
    np.testing.assert_array_equal(final[TIME], [[[12], [8], [6]]] * 2)
    times = np.stack([np.zeros((3, 1)), np.ones((3, 1))])
    with pytest.raises(ValueError, match="the same in all directions"):
        layer.forward(batch, {**final, TIME: times})


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_network_of_them_reads_one_document_as_in_a_batch(bidirectional: bool) -> None:
    """Word by word, without a trace, and in two layers; each direction counts as it reads."""
    rng = np.random.default_rng(1)
    config = network_config(
        3, 9, 4, "ticking", 5, 2, bidirectional=bidirectional, readout="mean", dtype="float64"
    )
    network: Network = random_network(config, rng)
    documents = random_documents(rng, [1, 6, 3, 6], 9)
    batch = pack(documents)
    logits, _ = network.forward(batch)
    np.testing.assert_allclose(network.read(batch)[0], logits, **EXACT)
    reader = DocumentReader(network)
    for place, position in enumerate(batch.order):
        np.testing.assert_allclose(
            reader.predict_logits(documents[position]), logits[place], **EXACT
        )

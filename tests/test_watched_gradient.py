"""What a backward pass shows at each step is the gradient of the states there, by differences."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Cell, Trace
from textrnn.nn.check import Layer
from textrnn.nn.jacobian import state_jacobian
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack
from textrnn.typing import Floats, Params

LENGTHS = (3, 5, 1, 5)
EPSILON = 1e-5


def documents() -> list[Floats]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 5, n).astype(np.int32) for n in LENGTHS]


def watched(layer: Layer, batch: PackedBatch, d_outputs: Floats, d_final: Params) -> Params:
    """The gradient of the carried states after every row, (S, N, H) by name."""
    trace, _ = layer.forward(batch, None)
    found = {name: np.full_like(trace.h, np.nan) for name in layer.cell.carried_names}

    def watch(rows: slice, d_states: Params) -> None:
        for name, d in d_states.items():
            found[name][:, rows] = d

    recurrent.backward(
        layer.cell,
        layer.params,
        trace,
        batch,
        d_outputs=d_outputs,
        d_final_state=d_final,
        watch=watch,
    )
    return found


def by_differences(layer: Layer, ids: Floats, t: int, d_outputs: Floats, d_final: Params) -> Params:
    """The same after word t of one document, of what is still to come and of its own output."""
    _, after = layer.forward(pack([ids[: t + 1]]), None)
    rest = ids[t + 1 :]

    def objective(states: Params) -> float:
        total = float((d_outputs[:, t] * states["h"][:, 0]).sum())
        final = states
        if len(rest):
            batch = pack([rest])
            trace, final = layer.forward(batch, states)
            total += float((d_outputs[:, t + 1 :] * trace.h[:, ::-1]).sum())  # last word first
        return total + sum(float((d * final[name][:, 0]).sum()) for name, d in d_final.items())

    found = {}
    for name in layer.cell.carried_names:
        found[name] = np.empty_like(after[name][:, 0])
        for i in np.ndindex(found[name].shape):
            values = []
            for sign in (1, -1):
                moved = {n: value.copy() for n, value in after.items()}
                moved[name][i[0], 0, i[1]] += sign * EPSILON
                values.append(objective(moved))
            found[name][i] = (values[0] - values[1]) / (2 * EPSILON)
    return found


@pytest.mark.parametrize("name", CELL_NAMES)
def test_it_is_the_whole_gradient_of_the_states(name: str) -> None:
    layer, texts = Layer(CELLS[name], 1), documents()
    batch = pack(texts)
    d_outputs, d_final = layer.random_gradients(batch)
    found = watched(layer, batch, d_outputs, d_final)
    for place, position in enumerate(batch.order.tolist()):
        rows = np.flatnonzero(batch.documents == place)[::-1]  # first word first
        for t in range(len(texts[position])):
            of_last = {n: d[:, place] for n, d in d_final.items()}
            numeric = by_differences(layer, texts[position], t, d_outputs[:, rows], of_last)
            for n, value in numeric.items():
                np.testing.assert_allclose(found[n][:, rows[t]], value, rtol=1e-6, atol=1e-8)


def test_times_are_no_states() -> None:
    """What is shown of a cell that needs times are its carried states alone."""
    for cell in CELLS.values():
        layer, batch = Layer(cell, 2), pack(documents())
        found = watched(layer, batch, *layer.random_gradients(batch))
        assert set(found) == set(cell.carried_names)
        assert TIME not in found


@pytest.mark.parametrize("cell", CELLS.values(), ids=list(CELLS))
def test_gates_with_names_are_those_of_the_trace(cell: Cell) -> None:
    """Named gates are left as activations: sigmoids from 0 to 1, others from -1 to 1."""
    assert len(cell.gate_names) <= cell.n_gates
    assert cell.keep_gate is None or cell.keep_gate in cell.gate_names
    layer, batch = Layer(cell, 2), pack(documents())
    layer.of_words *= 5.0
    trace, _ = layer.forward(batch, None)
    for number, name in enumerate(cell.gate_names):
        gate = trace.gates[number]
        assert gate.max() <= 1.0
        is_share = number < cell.n_sigmoids or name == cell.keep_gate
        assert gate.min() >= (0.0 if is_share else -1.0)


@pytest.mark.parametrize("readout", ["last", "max", "attention"])
def test_every_layer_of_a_network_is_watched(readout: str) -> None:
    """What is shown of first words is the gradient of the states before them, but for one step."""
    config = network_config(
        *(3, 5, 4, "lstm", 3, 2),
        bidirectional=True,
        readout=readout,
        dtype="float64",
    )
    network = Network.initialise(config, np.random.default_rng(0))
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    d_logits = np.random.default_rng(1).standard_normal(logits.shape)
    shown: list[Params] = [
        {name: np.full((2, batch.n_tokens, 3), np.nan) for name in ("h", "c")} for _ in range(2)
    ]

    def watch(layer: int, rows: slice, d_states: Params) -> None:
        for name, d in d_states.items():
            shown[layer][name][:, rows] = d

    found = network.backward(d_logits, cache, watch=watch)
    for layer, d_states in enumerate(shown):
        state = state_jacobian(
            network.cell,
            network.layer(layer),
            first_steps(cache.body.layers[layer].trace, batch),
        )
        after = np.concatenate([d_states[n][:, batch.previous_rows < 0] for n in "hc"], axis=-1)
        before = np.einsum("sbi,sbij->sbj", after, state)
        places = batch.documents[batch.previous_rows < 0]
        for place, name in ((slice(0, 3), "h"), (slice(3, 6), "c")):
            wanted = found.d_initial[layer][name][:, places]
            np.testing.assert_allclose(before[..., place], wanted, rtol=1e-10, atol=1e-15)


def first_steps(trace: Trace, batch: PackedBatch) -> Trace:
    """The first steps of all documents, from zeros, as rows of their own."""
    rows = np.flatnonzero(batch.previous_rows < 0)
    gates = trace.gates[:, :, rows]
    states = {name: value[:, rows] for name, value in trace.states.items()}
    zeros = {name: np.zeros_like(states["h"]) for name in ("h", "c")}
    return Trace(gates, states, np.zeros_like(gates), zeros)

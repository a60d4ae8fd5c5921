"""State in, state out: texts that begin with one, and texts that are read a chunk at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import (
    CELL_NAMES,
    assert_gradient,
    dense,
    mirror,
    random_documents,
    random_network,
)
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Cell, Trace
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ids, Ints, Params

F64 = np.dtype(np.float64)
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
WAYS = pytest.mark.parametrize("S", [1, 2], ids=["one-way", "two-way"])
ALL_CELLS = pytest.mark.parametrize("cell_name", CELL_NAMES)
V, H = 7, 3
LENGTHS = [3, 5, 1, 3, 8, 1]
CHUNKS = pytest.mark.parametrize("k", [1, 2, 3, 8, 20])


class Layer:
    """A layer of random weights over words of a random input product each."""

    def __init__(self, cell: Cell, S: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        shapes = cell.shapes(S, 1, H)
        self.cell, self.S = cell, S
        self.params: Params = {n: rng.normal(0.0, 0.6, shape) for n, shape in shapes.items()}
        self.of_words = rng.normal(0.0, 0.7, (cell.n_gates, S, V, H))

    def products(self, batch: PackedBatch) -> Floats:
        read = [batch.ids, batch.ids[mirror(batch)]]
        scaled = self.of_words * self.cell.gate_scale(F64)
        return np.stack([scaled[:, s, read[s]] for s in range(self.S)], axis=1)

    def forward(self, batch: PackedBatch, initial: Params | None = None) -> tuple[Trace, Params]:
        gates, activated = self.cell.activate(self.products(batch))
        trace, final = recurrent.forward(self.cell, self.params, gates, batch, initial=initial)
        return replace(trace, activated=activated), final

    def states(self, B: int, seed: int = 1) -> Params:
        return random_states(self.cell, (self.S, B, H), np.random.default_rng(seed))


def random_states(cell: Cell, shape: tuple[int, int, int], rng: np.random.Generator) -> Params:
    """States to begin with; of a cell that counts words also how many were read."""
    found: Params = {name: rng.normal(0.0, 0.6, shape) for name in cell.carried_names}
    if cell.needs_times:
        times = rng.integers(0, 9, (shape[1], 1)).astype(np.float64)
        found[TIME] = np.tile(times, (shape[0], 1, 1))
    return found


def without_time(states: Params) -> Params:
    """Those that have a gradient."""
    return {name: value for name, value in states.items() if name != TIME}


def some_documents(lengths: Sequence[int] = LENGTHS) -> list[Ids]:
    return random_documents(np.random.default_rng(2), lengths, V)


def away_from_kinks(layer: Layer, batch: PackedBatch, initial: Params) -> bool:
    gates = layer.forward(batch, initial)[0].gates
    return layer.cell.name != "rnn_relu" or float(np.abs(gates).min()) > 1e-3


@WAYS
@ALL_CELLS
@pytest.mark.parametrize("lengths", [[2, 4, 1, 2], [1], [3, 3]], ids=["ragged", "one", "even"])
def test_gradients_with_an_initial_state(cell_name: str, S: int, lengths: list[int]) -> None:
    """Of the input products, all parameters and the initial states, by central differences."""
    batch = pack(some_documents(lengths))
    for seed in range(100):
        layer = Layer(CELLS[cell_name], S, seed)
        initial = layer.states(batch.n_sequences, seed + 1)
        if away_from_kinks(layer, batch, initial):
            break
    rng = np.random.default_rng(3)
    d_outputs = rng.standard_normal((S, batch.n_tokens, H))
    d_final: Params = {
        name: rng.standard_normal(value.shape) for name, value in without_time(initial).items()
    }

    def objective() -> float:
        trace, final = layer.forward(batch, initial)
        ends = sum(float((d_final[name] * final[name]).sum()) for name in d_final)
        return ends + float((d_outputs * trace.h).sum())

    trace, _ = layer.forward(batch, initial)
    d_gates, own, d_initial = recurrent.backward(
        layer.cell,
        layer.params,
        trace,
        batch,
        d_outputs=d_outputs,
        d_final=None,
        d_final_state=d_final,
    )
    d_products = layer.cell.activate_backward(d_gates, trace.activated)
    d_words = np.zeros_like(layer.of_words)
    for s in range(S):
        ids = batch.ids[mirror(batch)] if s else batch.ids
        for g in range(len(d_words)):
            np.add.at(d_words[g, s], ids, d_products[g, s])
    assert_gradient(d_words, objective, layer.of_words, "input products")
    assert set(own) == set(layer.params) - {"W_x", "b"}
    for name, value in own.items():
        assert_gradient(value, objective, layer.params[name], name)
    assert set(d_initial) == set(without_time(initial))
    for name, value in d_initial.items():
        assert_gradient(value, objective, initial[name], f"initial {name}")


@WAYS
@ALL_CELLS
def test_gradients_of_two_layers_with_initial_states(cell_name: str, S: int) -> None:
    """Of all parameters and every layer's initial state, from logits and every final state."""
    config = network_config(
        2, V, 2, cell_name, 2, 2, bidirectional=S == 2, readout="mean", dtype="float64"
    )
    batch = pack(some_documents([2, 4, 1]))
    for seed in range(100):
        rng = np.random.default_rng(seed)
        network = random_network(config, rng)
        initial = states_of(network, 3, rng)
        d_final = [without_time(states) for states in states_of(network, 3, rng)]
        logits, cache = network.forward(batch, initial=initial)
        gates = [np.abs(layer.trace.gates).min() for layer in cache.body.layers]
        if cell_name != "rnn_relu" or min(gates) > 1e-3:
            break
    weights = rng.standard_normal(logits.shape)

    def objective() -> float:
        logits, final = network.read(batch, initial=initial)
        total = float((weights * logits).sum())
        for of_final, d_layer in zip(final, d_final, strict=True):
            total += sum(float((d * of_final[name]).sum()) for name, d in d_layer.items())
        return total

    found = network.backward(weights, cache, d_final=d_final)
    gradients = dense(found.params)
    for name, value in network.params.items():
        assert_gradient(gradients[name], objective, value, name)
    for layer, d_initial in enumerate(found.d_initial):
        for name, value in d_initial.items():
            assert_gradient(value, objective, initial[layer][name], f"initial {layer}.{name}")


@WAYS
@ALL_CELLS
def test_no_initial_state_is_zeros(cell_name: str, S: int) -> None:
    layer, batch = Layer(CELLS[cell_name], S), pack(some_documents())
    zeros = {name: np.zeros_like(v) for name, v in layer.states(batch.n_sequences).items()}
    given: list[tuple[Trace, Params]] = [layer.forward(batch), layer.forward(batch, zeros)]
    d_outputs = np.random.default_rng(4).standard_normal((S, batch.n_tokens, H))
    back = [
        recurrent.backward(
            layer.cell, layer.params, trace, batch, d_outputs=d_outputs, d_final=None
        )
        for trace, _ in given
    ]
    np.testing.assert_allclose(given[0][0].h, given[1][0].h, **EXACT)
    np.testing.assert_allclose(back[0][0], back[1][0], **EXACT)
    for found, expected in zip(back[0][1:], back[1][1:], strict=True):
        assert isinstance(found, dict)
        assert isinstance(expected, dict)
        assert set(found) == set(expected)
        for name in found:
            np.testing.assert_allclose(found[name], expected[name], err_msg=name, **EXACT)
    for name, value in given[0][1].items():
        np.testing.assert_allclose(value, given[1][1][name], **EXACT)


@WAYS
@ALL_CELLS
@pytest.mark.parametrize("room", [1, 4, 1_024])
def test_reading_without_a_backward_pass_begins_and_ends_the_same(
    cell_name: str, S: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurrent, "READ_AT_ONCE", room)
    layer, batch = Layer(CELLS[cell_name], S), pack(some_documents())
    initial = layer.states(batch.n_sequences)
    trace, final = layer.forward(batch, initial)
    outputs: list[Floats] = []
    products = layer.cell.activate(layer.products(batch))[0]
    found = recurrent.read(
        layer.cell,
        layer.params,
        products,
        np.stack([np.arange(batch.n_tokens)] * S),
        batch,
        lambda h: outputs.append(h.copy()),
        initial=initial,
    )
    np.testing.assert_array_equal(np.concatenate(outputs[::-1], axis=1), trace.h)
    assert set(found) == set(final) == set(initial)
    for name, value in final.items():
        np.testing.assert_array_equal(found[name], value)
        if name != TIME:
            np.testing.assert_array_equal(value, trace.states[name][:, : batch.n_sequences])


def test_initial_states_must_be_those_of_the_cell() -> None:
    layer, batch = Layer(CELLS["lstm"], 1), pack(some_documents())
    states = layer.states(batch.n_sequences)
    for wrong in ({"h": states["h"]}, {**states, "q": states["h"]}, layer.states(2)):
        with pytest.raises(ValueError, match="initial states of lstm must be"):
            layer.forward(batch, wrong)


def test_the_floor_leaves_no_gradient_of_initial_states_that_were_not_reached() -> None:
    layer, batch = Layer(CELLS["gru"], 1), pack(some_documents([400, 3]))
    layer.params["W_h"] *= 0.3
    trace, _ = layer.forward(batch, layer.states(2))
    full, cut = (
        recurrent.backward(
            layer.cell,
            layer.params,
            trace,
            batch,
            d_outputs=None,
            d_final=np.ones((1, 2, H)),
            gradient_floor=floor,
        )
        for floor in (0.0, 1e-7)
    )
    assert cut[0].shape[2] < batch.n_tokens
    assert not cut[2]["h"][:, 0].any()
    np.testing.assert_array_equal(cut[2]["h"][:, 1], full[2]["h"][:, 1])
    assert cut[2]["h"][:, 1].any()


# ------------------------------------------------------------------------- chunks


def chunks_of(documents: list[Ids], k: int) -> list[tuple[list[int], PackedBatch]]:
    """Batches of the next k words of every document that has any left, and which those are."""
    found = []
    for start in range(0, max(map(len, documents)), k):
        left = [i for i, ids in enumerate(documents) if len(ids) > start]
        found.append((left, pack([documents[i][start : start + k] for i in left])))
    return found


def in_order(states: Params, places: Sequence[int] | Ints) -> Params:
    return {name: value[:, np.asarray(places)] for name, value in states.items()}


def states_of(network: Network, B: int, rng: np.random.Generator) -> list[Params]:
    config = network.config
    shape = (config.n_directions, B, config.hidden_size)
    states = [random_states(network.cell, shape, rng) for _ in range(config.num_layers)]
    for of_layer in states[1:]:
        of_layer |= {name: value for name, value in states[0].items() if name == TIME}
    return states


@CHUNKS
@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("num_layers", [1, 2])
@ALL_CELLS
def test_in_chunks_equals_whole(
    cell_name: str, num_layers: int, embedding_dim: int | None, k: int
) -> None:
    """Final states and answers, and all gradients with the state's gradient carried back."""
    config = network_config(3, V, embedding_dim, cell_name, H, num_layers, dtype="float64")
    network = random_network(config, np.random.default_rng(5))
    documents = some_documents()
    whole = pack(documents)
    rng = np.random.default_rng(6)
    initial = states_of(network, len(documents), rng)  # in the caller's order
    d_final = [without_time(states) for states in states_of(network, len(documents), rng)]
    d_logits = rng.standard_normal((len(documents), 3))

    logits, cache = network.forward(whole, initial=[in_order(s, whole.order) for s in initial])
    expected = network.backward(
        d_logits[whole.order], cache, d_final=[in_order(s, whole.order) for s in d_final]
    )

    state = [in_order(s, range(len(documents))) for s in initial]
    space, passes = Workspace(), []
    answers = np.empty_like(logits)
    for left, batch in chunks_of(documents, k):
        places = [left[i] for i in batch.order]
        given = [in_order(s, places) for s in state]
        read, read_final = network.read(batch, initial=given, workspace=space)
        found, of_chunk = network.forward(batch, initial=given)
        np.testing.assert_allclose(read, found, **EXACT)
        answers[places] = found
        for layer, final in enumerate(of_chunk.body.final):
            for name, value in final.items():
                np.testing.assert_allclose(read_final[layer][name], value, **EXACT)
                state[layer][name][:, places] = value
        passes.append((places, of_chunk))
    np.testing.assert_allclose(answers[whole.order], logits, **EXACT)
    for layer, final in enumerate(cache.body.final):
        for name, value in final.items():
            np.testing.assert_allclose(state[layer][name][:, whole.order], value, **EXACT)

    d_state = [in_order(s, range(len(documents))) for s in d_final]
    total: dict[str, Floats] = {}
    answered: set[int] = set()
    for places, of_chunk in reversed(passes):
        # A document is answered from its last chunk alone.
        first = np.array([place not in answered for place in places])
        answered.update(places)
        d_found = d_logits[places] * first[:, np.newaxis]
        passed_back = network.backward(
            d_found, of_chunk, d_final=[in_order(s, places) for s in d_state]
        )
        for layer, d_initial in enumerate(passed_back.d_initial):
            for name, value in d_initial.items():
                d_state[layer][name][:, places] = value
        for name, gradient in dense(passed_back.params).items():
            total[name] = total.get(name, 0.0) + gradient
    wanted = dense(expected.params)
    assert set(total) == set(wanted)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(total[name], gradient, err_msg=name, **EXACT)
    for layer, d_initial in enumerate(expected.d_initial):
        for name, value in d_initial.items():
            np.testing.assert_allclose(d_state[layer][name][:, whole.order], value, **EXACT)

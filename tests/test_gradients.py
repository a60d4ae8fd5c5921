"""Every gradient against central differences, the whole network and each piece."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gradcheck import (
    CELL_NAMES,
    READOUT_NAMES,
    assert_gradient,
    last_rows,
    loss_and_gradients,
    mirror,
    random_documents,
    random_network,
    smooth_network,
)
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Step, Trace
from textrnn.nn.config import NetworkConfig
from textrnn.nn.dropout import Dropout
from textrnn.nn.losses import cross_entropy
from textrnn.nn.packed import pack
from textrnn.nn.poolings import POOLINGS
from textrnn.nn.projection import gather, project, project_back, sum_by_index
from textrnn.typing import Floats, Params

F64 = np.dtype(np.float64)
DOCUMENTS = [np.array(ids, dtype=np.int32) for ids in ([2, 0, 2, 3], [1], [3, 3])]
"""Ragged, not sorted, with a single word, with words that repeat; word 4 never occurs."""
TARGETS = np.array([1, 0, 2])
WEIGHTS = np.array([0.5, 2.0, 1.25])


def check_network(config: NetworkConfig, n_documents: int, *, chance: bool) -> None:
    documents, targets = DOCUMENTS[:n_documents], TARGETS[:n_documents]
    weights = WEIGHTS[:n_documents] if chance else None
    smoothing = 0.2 if chance else 0.0

    def dropout() -> Dropout | None:
        # A new generator of one seed: the same masks at each evaluation.
        rng = np.random.default_rng(5)
        return Dropout(0.25, 0.25, rng, recurrent=0.25, embedding=0.25) if chance else None

    network = smooth_network(config, pack(documents), dropout)

    def run() -> tuple[float, Params]:
        return loss_and_gradients(
            network, documents, targets, weights, dropout=dropout(), label_smoothing=smoothing
        )

    def loss() -> float:
        batch = pack(documents)
        logits, _ = network.forward(batch, dropout=dropout())
        ordered = None if weights is None else weights[batch.order]
        return cross_entropy(logits, targets[batch.order], ordered, label_smoothing=smoothing)[0]

    _, gradients = run()
    assert {name: g.shape for name, g in gradients.items()} == config.shapes()
    for name, value in network.params.items():
        assert_gradient(gradients[name], loss, value, name)


@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_network(
    cell: str, bidirectional: bool, num_layers: int, readout: str, embedding_dim: int | None
) -> None:
    """Ragged batch, masks of every kind of dropout, sample weights, smoothed labels."""
    config = network_config(
        n_classes=3,
        vocabulary_size=5,
        embedding_dim=embedding_dim,
        cell=cell,
        hidden_size=2,
        num_layers=num_layers,
        bidirectional=bidirectional,
        readout=readout,
        dtype="float64",
    )
    check_network(config, len(DOCUMENTS), chance=True)


@pytest.mark.parametrize("n_documents", [1, 3])
@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_network_without_chance(cell: str, embedding_dim: int | None, n_documents: int) -> None:
    """No masks and no weights; a batch of one."""
    config = network_config(3, 5, embedding_dim, cell, 3, bidirectional=True, dtype="float64")
    check_network(config, n_documents, chance=False)


@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_directional_derivative_at_full_size(cell: str, readout: str) -> None:
    """At a size that is in use, along one random direction of all parameters."""
    # With the other seed two outputs of these are as good as equal, and either is the maximum.
    rng = np.random.default_rng(4 if cell in ("rnn_linear", "minlstm") else 3)
    config = network_config(
        4, 500, 50, cell, 64, bidirectional=True, readout=readout, dtype="float64"
    )
    network = random_network(config, rng, std=0.1)
    documents = random_documents(rng, rng.integers(1, 200, 30).tolist(), config.vocabulary_size)
    targets = rng.integers(0, config.n_classes, len(documents))
    batch = pack(documents)
    assert 2_000 < batch.n_tokens < 4_000
    _, gradients = loss_and_gradients(network, documents, targets)
    direction = {name: rng.standard_normal(v.shape) for name, v in network.params.items()}
    slope = sum(float((gradients[name] * d).sum()) for name, d in direction.items())

    def loss_at(step: float) -> float:
        for name, d in direction.items():
            network.params[name] += step * d
        logits, _ = network.forward(batch)
        for name, d in direction.items():
            network.params[name] -= step * d
        return cross_entropy(logits, targets[batch.order])[0]

    # Kinks, which a maximum has too, cannot be avoided at this size.
    step = 1e-7 if cell == "rnn_relu" or "max" in readout else 1e-6
    if cell == "lstm_forget":  # whose state grows, and with it the curvature
        step = 1e-8
    assert slope == pytest.approx((loss_at(step) - loss_at(-step)) / (2 * step), rel=1e-6, abs=1e-8)


# ---------------------------------------------------------------------- the pieces


ways = pytest.mark.parametrize("n_directions", [1, 2], ids=["one-way", "two-way"])


def cell_params(cell: Cell, rng: np.random.Generator, S: int, D: int, H: int) -> Params:
    return {name: rng.normal(0.0, 0.7, shape) for name, shape in cell.shapes(S, D, H).items()}


@pytest.mark.parametrize("carried", [3, 2, 0], ids=["all-carry", "one-begins", "all-begin"])
@ways
@pytest.mark.parametrize("cell_name", CELL_NAMES)
def test_cell_step(cell_name: str, n_directions: int, carried: int) -> None:
    """One step of three documents, of which some carry on and the others begin."""
    cell, S, H = CELLS[cell_name], n_directions, 3
    rng = np.random.default_rng(0)
    params = cell_params(cell, rng, S, 1, H)
    z = rng.normal(0.0, 0.7, (cell.n_gates, S, 3, H))
    z += 0.2 * np.sign(z)  # away from the rectifier's kink
    before = {name: rng.normal(0.0, 0.7, (S, 3, H)) for name in cell.carried_names}
    weigh = {name: rng.standard_normal((S, 3, H)) for name in cell.carried_names}
    times = np.array([8, 3, 6]) if cell.needs_times else None
    step = Step(slice(1, 4), slice(5, 5 + carried), carried, times)

    def forward() -> Trace:
        activated, cache = cell.activate(z * cell.gate_scale(F64))
        K = len(activated)
        trace = Trace(
            np.zeros((K, S, 9, H)),
            # The rows of other steps, and what is left in a buffer, must not matter.
            {s: np.full((S, 9, H), np.nan) for s in cell.state_names},
            np.full((K, S, 4, H), np.nan),
            activated=cache,
        )
        trace.gates[:, :, step.rows] = activated
        for name, value in before.items():
            trace.states[name][:, step.previous] = value[:, :carried]
        cell.forward(cell.prepare_forward(params), trace, step)
        return trace

    def objective() -> float:
        states = forward().states
        return sum(float((w * states[name][:, step.rows]).sum()) for name, w in weigh.items())

    trace = forward()
    if cell_name == "rnn_relu":
        assert np.abs(trace.gates[:, :, step.rows]).min() > 1e-3
    d_states: Params = {name: w.copy() for name, w in weigh.items()}
    d_gates = np.full((len(trace.gates), S, 3, H), np.nan)
    cell.backward(cell.prepare_backward(params), trace, step, d_states, d_gates)

    def previous(name: str) -> Floats:
        value = before[name].copy()
        value[:, carried:] = 0.0
        return value

    rows = Trace(
        trace.gates[:, :, step.rows],
        {name: value[:, step.rows] for name, value in trace.states.items()},
        trace.scratch,
    )
    own = cell.weight_gradients(rows, previous, d_gates)
    d_z = cell.activate_backward(d_gates, trace.activated)
    assert_gradient(d_z, objective, z, "gates")
    assert set(own) == set(params) - {"W_x", "b"}
    for name, value in own.items():
        assert_gradient(value, objective, params[name], name)
    for name, value in before.items():
        d_states[name][:, carried:] = 0.0  # who begins has nothing before it
        assert_gradient(d_states[name], objective, value, name)


@pytest.mark.parametrize("given", ["outputs", "final", "both"])
@ways
@pytest.mark.parametrize("cell_name", CELL_NAMES)
def test_recurrent_layer(cell_name: str, n_directions: int, given: str) -> None:
    """From the gradient of every output, of the final states, and of both."""
    cell, S, H = CELLS[cell_name], n_directions, 3
    batch = pack(DOCUMENTS)
    rng = np.random.default_rng(1)
    params = cell_params(cell, rng, S, 1, H)
    z = rng.normal(0.0, 0.7, (cell.n_gates, S, batch.n_tokens, H))
    d_outputs = rng.standard_normal((S, batch.n_tokens, H)) if given != "final" else None
    d_final = rng.standard_normal((S, batch.n_sequences, H)) if given != "outputs" else None

    def forward() -> Trace:
        gates = cell.activate(z * cell.gate_scale(F64))[0]
        return recurrent.forward(cell, params, gates, batch)[0]

    def objective() -> float:
        h = forward().h
        total = 0.0
        if d_outputs is not None:
            total += float((d_outputs * h).sum())
        if d_final is not None:
            total += float((d_final * h[:, last_rows(batch)]).sum())
        return total

    trace = forward()
    if cell_name == "rnn_relu":
        assert np.abs(trace.gates).min() > 1e-3
    d_gates, gradients, _ = recurrent.backward(
        cell, params, trace, batch, d_outputs=d_outputs, d_final=d_final
    )
    d_z = cell.activate_backward(d_gates, cell.activate(z * cell.gate_scale(F64))[1])
    assert d_z.shape == z.shape
    assert set(gradients) == set(params) - {"W_x", "b"}
    assert_gradient(d_z, objective, z, "input products")
    for name, value in gradients.items():
        assert_gradient(value, objective, params[name], name)


@ways
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])
def test_projection(cell_name: str, n_directions: int) -> None:
    """``x W_x + b``; the gradient that comes back is that before ``gate_scale``."""
    cell, S = CELLS[cell_name], n_directions
    rng = np.random.default_rng(2)
    params, x = cell_params(cell, rng, S, 3, 2), rng.standard_normal((4, 3))
    weigh = rng.standard_normal((cell.n_gates, S, 4, 2))
    scale = cell.gate_scale(F64)

    def objective() -> float:
        return float((weigh * project(x, params, scale)).sum())

    d_x, gradients = project_back(weigh * scale, x, params)
    assert_gradient(d_x, objective, x, "x")
    for name in ("W_x", "b"):
        assert_gradient(gradients[name], objective, params[name], name)


@ways
def test_gather_and_sum_by_index(n_directions: int) -> None:
    """The sum over equal indices is the backward pass of the gathering."""
    rng = np.random.default_rng(4)
    batch, S = pack(DOCUMENTS), n_directions
    U = len(batch.distinct)
    indices = np.stack([batch.inverse, batch.inverse[mirror(batch)]][:S])
    products = rng.standard_normal((2, S, U, 3))
    weigh = rng.standard_normal((2, S, batch.n_tokens, 3))

    def objective() -> float:
        return float((weigh * gather(products, indices)).sum())

    assert_gradient(sum_by_index(weigh, indices, U), objective, products)

    L = 4  # the backward pass may end before the last row
    np.testing.assert_array_equal(
        sum_by_index(weigh[:, :, :L], indices[:, :L], U),
        sum_by_index(weigh * (np.arange(batch.n_tokens) < L)[:, np.newaxis], indices, U),
    )
    rows = np.array([0, 2, 5])
    weigh[:, :, np.setdiff1d(np.arange(batch.n_tokens), rows)] = 0.0
    back = sum_by_index(weigh[:, :, rows], indices[:, rows], U)
    assert_gradient(back, objective, products)


def test_sum_by_index_leaves_zeros_where_no_index_points() -> None:
    """Each direction has indices of its own; they need not ascend, nor reach the last row."""
    values = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]])
    out = sum_by_index(values[np.newaxis], np.array([[2, 0, 2], [1, 1, 0]]), 4)
    np.testing.assert_array_equal(out[0, 0], [[3, 4], [0, 0], [6, 8], [0, 0]])
    np.testing.assert_array_equal(out[0, 1], [[4, 4], [3, 3], [0, 0], [0, 0]])


@ways
@pytest.mark.parametrize("name", READOUT_NAMES)
def test_readout(name: str, n_directions: int) -> None:
    readout, batch = POOLINGS[name], pack(DOCUMENTS)
    rng = np.random.default_rng(6)
    h = rng.standard_normal((n_directions, batch.n_tokens, 3))
    shapes = readout.shapes(n_directions, 3)
    params: Params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    weigh = rng.standard_normal((n_directions, batch.n_sequences, 3 * readout.width))

    def objective() -> float:
        return float((weigh * readout.forward(h, batch, params)[0]).sum())

    _, cache = readout.forward(h, batch, params)
    d_outputs, d_final, d_params = readout.backward(weigh, cache, batch, params)
    total = np.zeros_like(h) if d_outputs is None else d_outputs.copy()
    if d_final is not None:
        total[:, last_rows(batch)] += d_final
    assert_gradient(total, objective, h)
    assert set(d_params) == set(params)
    for key, value in params.items():
        assert_gradient(d_params[key], objective, value, key)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_cross_entropy(weights: Floats | None, label_smoothing: float) -> None:
    logits = np.random.default_rng(7).standard_normal((3, 4))

    def run() -> tuple[float, Floats]:
        return cross_entropy(logits, TARGETS, weights, label_smoothing=label_smoothing)

    assert_gradient(run()[1], lambda: run()[0], logits)

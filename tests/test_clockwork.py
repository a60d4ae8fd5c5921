"""The clockwork cell: which groups there are, when they tick, and the weights that do not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense, random_documents
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Step, Trace
from textrnn.nn.cells.clockwork import PERIODS, Clockwork, groups
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Adam
from textrnn.nn.packed import pack
from textrnn.typing import Bools, Floats, Params

CELL = CELLS["clockwork"]
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
SIZES = pytest.mark.parametrize("H", [1, 2, 3, 4, 5, 7, 8, 10])


def periods_of(H: int) -> list[int]:
    """The period of each unit."""
    return [p for p, group in zip(PERIODS, groups(H), strict=False) for _ in range(H)[group]]


def exists(H: int) -> Bools:
    """Whether unit j hears unit i, (H, H)."""
    return np.array([[i >= j for j in periods_of(H)] for i in periods_of(H)])


def states(H: int, times: list[list[int]], seed: int = 0) -> tuple[Params, Floats, Floats, Any]:
    """A layer over texts that were begun before, and its states after every word."""
    rng = np.random.default_rng(seed)
    lengths, before = [len(of_text) for of_text in times], [of_text[0] for of_text in times]
    batch = pack(random_documents(rng, lengths, 5))
    params: Params = {name: rng.normal(0.0, 0.6, s) for name, s in CELL.shapes(1, 1, H).items()}
    products = rng.normal(0.0, 0.7, (1, 1, batch.n_tokens, H))
    start = rng.normal(0.0, 0.6, (1, len(times), H))
    initial = {"h": start, TIME: np.array(before, float)[batch.order][np.newaxis, :, np.newaxis]}
    trace, _ = recurrent.forward(CELL, params, products.copy(), batch, initial=initial)
    return params, products, start, (batch, trace)


@SIZES
def test_every_unit_has_a_group(H: int) -> None:
    """Of any number of units, the groups as equal as can be, none of them empty."""
    sizes = [group.stop - group.start for group in groups(H)]
    assert len(periods_of(H)) == sum(sizes) == H
    assert len(sizes) == min(4, H)
    assert 1 <= min(sizes) <= max(sizes) <= min(sizes) + 1


@SIZES
@pytest.mark.parametrize("begins", [[0, 0, 0], [3, 3, 11], [0, 5, 6]], ids=str)
def test_a_group_changes_when_it_is_due_and_hears_no_faster_one(H: int, begins: list[int]) -> None:
    """Whether the rows of a step share their time, their phase or nothing."""
    times = [list(range(begin, begin + n)) for begin, n in zip(begins, (9, 13, 9), strict=True)]
    params, products, start, (batch, trace) = states(H, times)
    W_h, periods = params["W_h"][0, 0], periods_of(H)
    for place, document in enumerate(batch.order.tolist()):
        h = start[0, place]
        rows = np.flatnonzero(batch.documents == place)[::-1]
        for t, row in zip(times[document], rows, strict=True):
            new = h.copy()
            for j in range(H):
                if t % periods[j] == 0:
                    heard = sum(h[i] * W_h[i, j] for i in range(H) if periods[i] >= periods[j])
                    new[j] = np.tanh(products[0, 0, row, j] + heard)
            h = new
            np.testing.assert_allclose(trace.h[0, row], h, **EXACT)


@SIZES
def test_weights_that_do_not_exist_stay_zero(H: int) -> None:
    """At the start, in every gradient and after steps of Adam with weight decay."""
    config = network_config(3, 9, 4, "clockwork", H, 2, bidirectional=True, readout="mean")
    rng = np.random.default_rng(1)
    network = Network.initialise(config, rng)
    optimizer = Adam(network.params, alpha=0.1)
    batch = pack(random_documents(rng, [17, 3, 9], 9))
    start = {name: value.copy() for name, value in network.params.items()}
    for _ in range(5):
        logits, cache = network.forward(batch)
        _, d_logits = cross_entropy(logits, np.array([0, 1, 2]))
        gradients = network.backward(d_logits, cache).params
        for layer in range(2):
            assert not dense(gradients)[f"recurrent.{layer}.W_h"][..., ~exists(H)].any()
        optimizer.update(network.params, gradients, 0.01)
    for layer in range(2):
        W_h = network.params[f"recurrent.{layer}.W_h"]
        assert not W_h[..., ~exists(H)].any()
        assert (W_h != start[f"recurrent.{layer}.W_h"])[..., exists(H)].all()


def test_only_what_is_due_is_computed() -> None:
    """Of other units not even the input products are looked at, nor is a gradient given to them."""
    H, S = 8, 1
    h: Floats = np.zeros((S, 6, H))
    trace = Trace(np.full((1, S, 3, H), np.nan), {"h": h}, np.zeros((1, S, 3, H)))
    trace.h[:, 3:] = 0.5
    trace.gates[..., :4] = 0.1  # two of four groups
    params: Params = {name: np.full(shape, 0.1) for name, shape in CELL.shapes(S, 1, H).items()}
    step = Step(slice(0, 3), slice(3, 6), 3, np.array([2, 6, 10]))
    CELL.forward(CELL.prepare_forward(params), trace, step)
    assert np.isfinite(trace.h).all()
    np.testing.assert_array_equal(trace.h[:, :3, 4:], 0.5)
    d_states: Params = {"h": np.ones((S, 3, H))}
    d_gates = np.full((1, S, 3, H), np.nan)
    CELL.backward(CELL.prepare_backward(params), trace, step, d_states, d_gates)
    assert not d_gates[..., 4:].any()
    assert d_gates[..., :4].all()


class FromEnds(Clockwork):
    """The same in steps whose rows stand at different times."""

    prefers_one_time = False


class Noting(Clockwork):
    """The same; notes the times of every step."""

    def __init__(self) -> None:
        self.times: list[Any] = []

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        self.times.append(step.times)
        super().forward(weights, trace, step)


@pytest.mark.parametrize("S", [1, 2])
@pytest.mark.parametrize("before", [None, 5], ids=["from-nothing", "from-a-state"])
@pytest.mark.parametrize("lengths", [[3, 17, 1, 9, 9], [4, 4], [6]], ids=str)
def test_in_step_from_the_beginnings_is_the_same(
    S: int, before: int | None, lengths: list[int]
) -> None:
    """Outputs, final states and all gradients; each step has one time."""
    rng, H = np.random.default_rng(0), 5
    batch = pack(random_documents(rng, lengths, 7))
    shape = (S, batch.n_sequences, H)
    params: Params = {name: rng.normal(0.0, 0.6, s) for name, s in CELL.shapes(S, 1, H).items()}
    products = rng.normal(0.0, 0.7, (1, S, batch.n_tokens, H))
    d_outputs, d_h = rng.standard_normal((S, batch.n_tokens, H)), rng.standard_normal(shape)
    initial: Params | None = None
    if before is not None:
        initial = {"h": rng.normal(0.0, 0.6, shape), TIME: np.full((*shape[:2], 1), float(before))}
    noting, passes = Noting(), []
    for cell in (noting, FromEnds()):
        trace, final = recurrent.forward(cell, params, products.copy(), batch, initial=initial)
        assert (trace.beginnings is not None) == (cell is noting and len(set(lengths)) > 1)
        back = recurrent.backward(
            cell, params, trace, batch, d_outputs=d_outputs, d_final_state={"h": d_h}
        )
        passes.append((trace.h, final, *back))
    assert all((times == times[0]).all() for times in noting.times)
    for found, expected in zip(*passes, strict=True):
        if isinstance(found, dict):
            assert set(found) == set(expected)
            for name, value in found.items():
                np.testing.assert_allclose(value, expected[name], err_msg=name, **EXACT)
        else:
            np.testing.assert_allclose(found, expected, **EXACT)

"""The clockwork cell: which groups there are, when they tick, and the weights that do not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense, random_documents
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Step, Trace
from textrnn.nn.cells.clockwork import Clockwork
from textrnn.nn.cells.ticks import PERIODS, groups, ticks_of
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


class StepByStep(Clockwork):
    """The same in the steps of ``unroll``."""

    batch_pass = None


BEFORE = pytest.mark.parametrize("before", ["nothing", "same", "any"])
LENGTHS = pytest.mark.parametrize(
    "lengths", [[3, 17, 1, 9, 9], [4, 4], [6], [1], [1, 2, 1], [30, 2, 25]], ids=str
)


@pytest.mark.parametrize("H", [1, 3, 9])
@pytest.mark.parametrize("S", [1, 2])
@BEFORE
@LENGTHS
def test_over_a_whole_batch_it_is_the_same(H: int, S: int, before: str, lengths: list[int]) -> None:
    """Outputs, final states and all gradients, also where a group is due in no word of a text."""
    rng = np.random.default_rng(0)
    batch = pack(random_documents(rng, lengths, 7))
    B, shape = batch.n_sequences, (S, batch.n_sequences, H)
    params: Params = {name: rng.normal(0.0, 0.6, s) for name, s in CELL.shapes(S, 1, H).items()}
    products = rng.normal(0.0, 0.7, (1, S, batch.n_tokens, H))
    d_outputs, d_h = rng.standard_normal((S, batch.n_tokens, H)), rng.standard_normal(shape)
    initial: Params | None = None
    if before != "nothing":
        times = np.full(B, 5) if before == "same" else rng.integers(0, 20, B)
        as_state = np.tile(times[:, np.newaxis].astype(float), (S, 1, 1))
        initial = {"h": rng.normal(0.0, 0.6, shape), TIME: as_state}
    passes: list[list[Any]] = []
    for cell in (CELL, StepByStep()):
        trace, final = recurrent.forward(cell, params, products.copy(), batch, initial=initial)
        assert (trace.batch_pass is None) == isinstance(cell, StepByStep)
        found: list[Any] = [trace.h, final]
        for given in (d_outputs, None):
            found += recurrent.backward(
                cell, params, trace, batch, d_outputs=given, d_final_state={"h": d_h}
            )
        passes.append(found)
    for value, expected in zip(*passes, strict=True):
        pairs = value if isinstance(value, dict) else {"": value}
        others = expected if isinstance(expected, dict) else {"": expected}
        assert set(pairs) == set(others)
        for name, of_name in pairs.items():
            np.testing.assert_allclose(of_name, others[name], err_msg=name, **EXACT)


@pytest.mark.parametrize("units", [slice(0, 2), slice(6, 8), slice(0, 8)], ids=str)
def test_however_small_a_gradient_is_it_goes_on(units: slice) -> None:
    """To the first words, also where it came to a group from faster ones alone."""
    rng = np.random.default_rng(0)
    batch, H = pack(random_documents(rng, [300, 120], 7)), 8
    params: Params = {name: rng.normal(0.0, 0.3, s) for name, s in CELL.shapes(1, 1, H).items()}
    products = rng.normal(0.0, 0.3, (1, 1, batch.n_tokens, H))
    d_final = np.zeros((1, 2, H))
    d_final[..., units] = 1.0
    passes = []
    for cell in (CELL, StepByStep()):
        trace, _ = recurrent.forward(cell, params, products.copy(), batch)
        passes.append(recurrent.backward(cell, params, trace, batch, d_final=d_final)[0])
    assert 0.0 < np.abs(passes[1][:, :, -40:, 6:]).max() < 1e-9
    np.testing.assert_allclose(passes[0], passes[1], rtol=1e-6, atol=1e-290)


@BEFORE
@LENGTHS
def test_ticks(before: str, lengths: list[int]) -> None:
    """By their meaning: when each is, and what comes before it and stands beside it."""
    rng = np.random.default_rng(1)
    batch = pack(random_documents(rng, lengths, 7))
    B = batch.n_sequences
    same = np.full(B, 0 if before == "nothing" else 5)
    read = rng.integers(0, 20, B) if before == "any" else same
    times, of_rows = recurrent.times_of(batch, read), batch.documents
    meant: dict[int, list[tuple[int, int]]] = {}  # of each row its document and its tick's time
    found = ticks_of(batch, read, PERIODS)
    for period, ticks in zip(PERIODS, found, strict=True):
        due = np.flatnonzero(times % period == 0)
        assert sorted(ticks.rows) == due.tolist()
        now = [(int(d), -1) for d in ticks.order]
        now += [(int(of_rows[row]), int(times[row])) for row in ticks.rows]
        meant[period] = now
        assert ticks.n_rows == len(now)

        def last(document: int, time: int, now: list[tuple[int, int]] = now) -> int:
            """The row of a document's last tick that is not after a time."""
            return max((t, row) for row, (d, t) in enumerate(now) if d == document and t <= time)[1]

        for row, time in enumerate(times):
            assert ticks.here[row] == last(of_rows[row], time)
        for tick, (document, time) in enumerate(now[B:]):
            assert ticks.before[tick] == last(document, time - 1)
            if ticks.before[tick] < B:
                assert ticks.first[ticks.before[tick]] == B + tick
        ends = [B, *(end for _, end, _ in ticks.steps)]
        assert [start for start, _, _ in ticks.steps] == ends[:-1]
        assert ends[-1] == len(now)
        for start, end, carried in ticks.steps:
            before_them = ticks.before[start - B : end - B].tolist()
            assert before_them[:carried] == list(range(end, end + carried))
            assert all(row < B for row in before_them[carried:])
    for fast, slow, ticks in zip(PERIODS, PERIODS[1:], found, strict=False):
        assert ticks.slower is not None
        for row, (document, time) in enumerate(meant[fast]):
            beside = meant[slow][ticks.slower[row]]
            known = [t for d, t in meant[slow] if d == document and t <= time]
            assert beside == (document, max(known))
    assert found[-1].slower is None

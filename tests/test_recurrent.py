"""One recurrent layer: documents are independent, directions mirror each other, BPTT may stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gradcheck import CELL_NAMES, mirror, random_documents, rows_of
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, InputGated, Step, Trace
from textrnn.nn.cells.input_gated import KEPT
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ids, Params

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
WAYS = pytest.mark.parametrize("S", [1, 2], ids=["one-way", "two-way"])
ALL_CELLS = pytest.mark.parametrize("cell_name", CELL_NAMES)
V, H = 9, 4
LENGTHS = [3, 11, 1, 6, 6, 1, 20]


def test_every_cell_is_tested() -> None:
    assert set(CELLS) == set(CELL_NAMES)
    for name, cell in CELLS.items():
        assert cell.name == name


class Layer:
    """A layer of random weights over words that have a fixed input product each."""

    def __init__(
        self, cell: str | Cell, S: int, *, H: int = H, dtype: str = "float64", seed: int = 0
    ) -> None:
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        rng = np.random.default_rng(seed)
        self.params: Params = {
            name: rng.normal(0.0, 0.5, shape).astype(dtype)
            for name, shape in self.cell.shapes(S, 1, H).items()
        }
        # Of spectral norm 0.7: memory fades, as it does in trained networks.
        for name in self.cell.recurrent_names:
            W = self.params[name]
            W *= 0.7 / np.linalg.norm(W, ord=2, axis=(-2, -1), keepdims=True)
        if "p" in self.params:
            self.params["p"] *= 0.2
        drawn = rng.standard_normal((self.cell.n_gates, S, V, H)).astype(dtype)
        self.of_words = self.cell.activate(drawn)[0]

    def direction(self, s: int) -> Layer:
        """One of the directions as a layer of its own."""
        alone = Layer(self.cell, 1)
        alone.params = {
            name: value[s : s + 1] if name == "b_q" else value[:, s : s + 1]
            for name, value in self.params.items()
        }
        alone.of_words = self.of_words[:, s : s + 1]
        return alone

    def forward(self, batch: PackedBatch) -> Trace:
        read = [batch.ids, batch.ids[mirror(batch)]]
        S = self.of_words.shape[1]
        products = [self.of_words[:, s, read[s]] for s in range(S)]
        return recurrent.forward(self.cell, self.params, np.stack(products, axis=1), batch)[0]

    def backward(
        self,
        trace: Trace,
        batch: PackedBatch,
        *,
        d_outputs: Floats | None = None,
        d_final: Floats | None = None,
        floor: float = 0.0,
    ) -> tuple[Floats, Params]:
        d_gates, own, _ = recurrent.backward(
            self.cell,
            self.params,
            trace,
            batch,
            d_outputs=d_outputs,
            d_final=d_final,
            gradient_floor=floor,
        )
        return d_gates, own


def some_documents(lengths: list[int] = LENGTHS) -> list[Ids]:
    return random_documents(np.random.default_rng(1), lengths, V)


def spread(d_gates: Floats, batch: PackedBatch) -> Floats:
    """The gradient at all rows, zero at those that were not passed."""
    G, S, L, H = d_gates.shape
    out = np.zeros((G, S, batch.n_tokens, H), dtype=d_gates.dtype)
    out[:, :, :L] = d_gates
    return out


class Watched(Cell):
    """A cell that notes the steps it is handed, and with what gradient in the backward pass."""

    there: list[Step]
    back: list[Step]
    sizes: list[float]

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        self.there.append(step)
        super().forward(weights, trace, step)  # type: ignore[safe-super]

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        self.back.append(step)
        self.sizes.append(max(float(np.abs(d).max()) for d in d_states.values()))
        super().backward(weights, trace, step, d_states, d_gates)  # type: ignore[safe-super]


def watched(cell_name: str) -> Watched:
    cell: Watched = type("WatchedCell", (Watched, type(CELLS[cell_name])), {})()
    cell.there, cell.back, cell.sizes = [], [], []
    return cell


def rows_in(step: Step) -> range:
    return range(step.rows.start, step.rows.stop)


def steps_of(cell: Cell, batch: PackedBatch) -> list[Step]:
    """Those that a cell is handed where documents begin with no state."""
    before = np.zeros(batch.n_sequences, np.int64) if cell.needs_times else None
    return recurrent.unroll(batch, before)


def assert_same_steps(found: list[Step], expected: list[Step]) -> None:
    def plain(steps: list[Step]) -> list[Step]:
        return [
            step if step.times is None else step._replace(times=tuple(step.times.tolist()))  # type: ignore[arg-type]
            for step in steps
        ]

    assert plain(found) == plain(expected)


def check_step(step: Step, batch: PackedBatch) -> None:
    """Each word comes after the one that stands before it in its own document, or begins it."""
    assert step.previous.stop - step.previous.start == step.carried <= len(rows_in(step))
    for k, row in enumerate(rows_in(step)):
        own = rows_of(batch, int(batch.documents[row])).tolist()
        place = own.index(row)
        assert (place > 0) == (k < step.carried)
        if place > 0:
            assert step.previous.start + k == own[place - 1]


def test_the_example_unrolled() -> None:
    """Of [a b c], [d e] and [f]: c e f, then b d, then a."""
    batch = pack([np.arange(n, dtype=np.int32) for n in (3, 2, 1)])
    assert recurrent.unroll(batch) == [
        Step(slice(0, 3), slice(3, 5), 2),
        Step(slice(3, 5), slice(5, 6), 1),
        Step(slice(5, 6), slice(6, 6), 0),
    ]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_unroll(lengths: list[int]) -> None:
    """All words, each once, from the last to the first, each with its own word before it."""
    batch = pack([np.zeros(n, dtype=np.int32) for n in lengths])
    steps = recurrent.unroll(batch)
    assert len(steps) == max(lengths)
    assert [row for step in steps for row in rows_in(step)] == list(range(batch.n_tokens))
    assert steps[0].rows == slice(0, len(lengths))
    assert steps[-1].carried == 0
    for t, step in enumerate(steps):
        check_step(step, batch)
        # Documents join in the forward pass, and end in the backward pass.
        assert len(rows_in(step)) == sum(n > t for n in lengths)
        assert step.carried == sum(n > t + 1 for n in lengths)
        previous = batch.previous_rows[step.rows]
        assert previous[: step.carried].tolist() == list(
            range(step.previous.start, step.previous.stop)
        )
        assert (previous[step.carried :] == -1).all()
        # numpy's integers would make every slice slower.
        ends = (step.rows.start, step.rows.stop, step.previous.start, step.previous.stop)
        assert all(type(value) is int for value in (*ends, step.carried))


@WAYS
@ALL_CELLS
def test_every_document_is_read_in_order(cell_name: str, S: int) -> None:
    """The cell is handed the steps of ``unroll``, from the first words, and so back again."""
    cell, batch = watched(cell_name), pack(some_documents())
    layer = Layer(cell, S)
    trace = layer.forward(batch)
    assert_same_steps(cell.there, steps_of(cell, batch)[::-1])
    read = np.array([row for step in cell.there for row in rows_in(step)])
    for place in range(batch.n_sequences):
        own = read[batch.documents[read] == place]
        np.testing.assert_array_equal(own, rows_of(batch, place))
    layer.backward(trace, batch, d_final=np.ones((S, batch.n_sequences, H)))
    assert_same_steps(cell.back, cell.there[::-1])


@ALL_CELLS
def test_a_document_begins_with_a_state_of_zeros(cell_name: str) -> None:
    """Whatever the buffers hold, and in the backward pass too."""
    layer, batch = Layer(cell_name, 2), pack(some_documents())
    products = np.stack([layer.of_words[:, s, batch.ids] for s in range(2)], axis=1)
    d_final = np.ones((2, batch.n_sequences, H))

    def run(workspace: Workspace) -> tuple[Floats, Floats, Params]:
        trace, _ = recurrent.forward(
            layer.cell, layer.params, products.copy(), batch, workspace=workspace
        )
        d_gates, own, _ = recurrent.backward(
            layer.cell,
            layer.params,
            trace,
            batch,
            d_outputs=None,
            d_final=d_final,
            workspace=workspace,
        )
        return trace.h.copy(), d_gates.copy(), own

    used = Workspace()
    G, N = len(products), batch.n_tokens
    for name in layer.cell.state_names:
        used.take(name, (2, N, H), products.dtype).fill(np.nan)
    used.take("scratch", (G, 2, batch.n_sequences, H), products.dtype).fill(np.nan)
    used.take("d_gates", (G, 2, N, H), products.dtype).fill(np.nan)
    h, d_gates, own = run(Workspace())
    h_used, d_gates_used, own_used = run(used)
    np.testing.assert_array_equal(h, h_used)
    np.testing.assert_array_equal(d_gates, d_gates_used)
    for name, value in own.items():
        np.testing.assert_array_equal(value, own_used[name], err_msg=name)


@WAYS
@ALL_CELLS
def test_batched_equals_one_at_a_time(cell_name: str, S: int) -> None:
    layer, documents = Layer(cell_name, S), some_documents()
    batch = pack(documents)
    rng = np.random.default_rng(2)
    d_outputs = rng.standard_normal((S, batch.n_tokens, H))
    d_final = rng.standard_normal((S, batch.n_sequences, H))
    trace = layer.forward(batch)
    d_gates, gradients = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    total = {name: np.zeros_like(value) for name, value in gradients.items()}
    for place, position in enumerate(batch.order):
        rows = rows_of(batch, place)[::-1]  # the last word first, as in a batch of one
        single = pack([documents[position]])
        of_single = layer.forward(single)
        np.testing.assert_allclose(of_single.h, trace.h[:, rows], **EXACT)
        d_single, own = layer.backward(
            of_single,
            single,
            d_outputs=d_outputs[:, rows],
            d_final=d_final[:, place : place + 1],
        )
        np.testing.assert_allclose(d_single, d_gates[:, :, rows], **EXACT)
        for name, value in own.items():
            total[name] += value
    for name, value in gradients.items():
        np.testing.assert_allclose(total[name], value, err_msg=name, **EXACT)


@ALL_CELLS
def test_second_direction_is_forward_reading_of_the_reversed_text(cell_name: str) -> None:
    """And the first one's is that of the text: neither knows of the other."""
    layer, documents = Layer(cell_name, 2), some_documents()
    batch = pack(documents)
    rng = np.random.default_rng(3)
    d_outputs = rng.standard_normal((2, batch.n_tokens, H))
    d_final = rng.standard_normal((2, batch.n_sequences, H))
    together = layer.forward(batch)
    d_together, own = layer.backward(together, batch, d_outputs=d_outputs, d_final=d_final)
    for s, texts in enumerate([documents, [ids[::-1] for ids in documents]]):
        one_way, alone = layer.direction(s), pack(texts)
        trace = one_way.forward(alone)
        np.testing.assert_allclose(together.h[s], trace.h[0], **EXACT)
        d_alone, own_alone = one_way.backward(
            trace, alone, d_outputs=d_outputs[s : s + 1], d_final=d_final[s : s + 1]
        )
        np.testing.assert_allclose(d_together[:, s], d_alone[:, 0], **EXACT)
        assert set(own) == set(own_alone)
        for name, value in own.items():
            of_direction = value[s : s + 1] if name == "b_q" else value[:, s : s + 1]
            np.testing.assert_allclose(of_direction, own_alone[name], err_msg=name, **EXACT)


@WAYS
@ALL_CELLS
def test_the_backward_pass_can_be_taken_twice(cell_name: str, S: int) -> None:
    """It leaves the activations, and the gradient it was given, as they were."""
    layer, batch = Layer(cell_name, S), pack(some_documents())
    d_outputs, d_final = np.ones((S, batch.n_tokens, H)), np.ones((S, batch.n_sequences, H))
    trace = layer.forward(batch)
    first, of_first = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    again, of_again = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    np.testing.assert_array_equal(first, again)
    for name, value in of_first.items():
        np.testing.assert_array_equal(value, of_again[name])
    assert (d_outputs == 1.0).all()
    assert (d_final == 1.0).all()


# ------------------------------------------------------------------ gradient floor

LONG = [400, 3, 1, 180, 77, 400, 24, 9]
FLOOR = 1e-7
GIVEN = pytest.mark.parametrize("given_ways", [[1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ids=str)
"""Which of one or two directions have a gradient."""


@GIVEN
@ALL_CELLS
def test_floor_changes_nothing_but_noise(cell_name: str, given_ways: list[float]) -> None:
    """In float32 on long documents; a part of the rows is not passed at all.

    What is passed keeps its bits, however small; what is not was smaller than the floor.
    """
    S = len(given_ways)
    layer, batch = Layer(cell_name, S, H=8, dtype="float32"), pack(some_documents(LONG))
    drawn = np.random.default_rng(4).standard_normal((S, len(LONG), 8))
    d_final = (drawn * np.reshape(given_ways, (S, 1, 1))).astype(np.float32)
    trace = layer.forward(batch)
    full, of_full = layer.backward(trace, batch, d_final=d_final)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)

    L = cut.shape[2]
    assert full.shape[2] == batch.n_tokens
    assert batch.n_sequences < L < batch.n_tokens / 2
    np.testing.assert_array_equal(cut, full[:, :, :L])
    start = float(np.abs(d_final).max())
    assert float(np.abs(full).max()) > 0.01 * start
    assert float(np.abs(full[:, :, L:]).max()) < FLOOR * start
    for name, value in of_full.items():
        noise = 1e-6 * float(np.abs(value).max())
        np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=noise, err_msg=name)


@GIVEN
@ALL_CELLS
def test_floor_stops_at_the_first_look_that_finds_all_gone(
    cell_name: str, given_ways: list[float]
) -> None:
    """No step earlier and none later; the steps beyond are not handed to the cell."""
    S = len(given_ways)
    cell = watched(cell_name)
    layer, batch = Layer(cell, S, H=8, dtype="float32"), pack(some_documents(LONG))
    shape = (S, len(LONG), 8)
    d_final = np.broadcast_to(np.reshape(given_ways, (S, 1, 1)), shape).astype(np.float32)
    trace = layer.forward(batch)
    layer.backward(trace, batch, d_final=d_final)
    looks = range(0, len(cell.sizes), recurrent.CHECK_EVERY)
    stop = next(t for t in looks if cell.sizes[t] < FLOOR)  # d_final is of size one
    assert 0 < stop < max(LONG) / 2

    cell.back.clear()
    cut, _ = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    assert_same_steps(cell.back, steps_of(cell, batch)[:stop])
    assert cut.shape[2] == batch.offsets[stop] == sum(min(n, stop) for n in LONG)


@pytest.mark.parametrize("sooner", [0, 1], ids=["first-forgets", "second-forgets"])
@ALL_CELLS
def test_a_batch_is_unrolled_while_either_direction_has_a_gradient(
    cell_name: str, sooner: int
) -> None:
    """Two directions are unrolled as far together as the slower to fade would be alone."""
    seed = 2 if cell_name == "clockwork" else 0  # else its slowest unit is the same in both
    layer, batch = Layer(cell_name, 2, seed=seed), pack(some_documents(LONG))
    if isinstance(layer.cell, InputGated):
        layer.of_words[KEPT, sooner] *= 0.2
    else:
        layer.params["W_h"][:, sooner] *= 0.2
        layer.of_words[1:2, sooner] -= 3.0  # the gate that keeps the state, if there is one
    d_final = np.ones((2, batch.n_sequences, H))
    both, _ = layer.backward(layer.forward(batch), batch, d_final=d_final, floor=FLOOR)
    passed = []
    for s, texts in enumerate([some_documents(LONG), [i[::-1] for i in some_documents(LONG)]]):
        alone, of_one = layer.direction(s), pack(texts)
        trace = alone.forward(of_one)
        cut, _ = alone.backward(trace, of_one, d_final=d_final[:1], floor=FLOOR)
        passed.append(cut.shape[2])
    assert passed[sooner] < passed[1 - sooner]
    assert both.shape[2] == max(passed) < batch.n_tokens


@pytest.mark.parametrize("place", range(len(LONG)))
def test_a_batch_is_unrolled_while_any_document_has_a_gradient(place: int) -> None:
    """The only one with a gradient is unrolled as far as it would be alone, others or not."""
    layer, batch = Layer("lstm", 2), pack(some_documents(LONG))
    d_final = np.zeros((2, batch.n_sequences, H))
    d_final[:, place] = 1.0
    trace = layer.forward(batch)
    full, of_full = layer.backward(trace, batch, d_final=d_final)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    single = pack([some_documents(LONG)[batch.order[place]]])
    of_single, _ = layer.backward(
        layer.forward(single), single, d_final=d_final[:, place : place + 1], floor=FLOOR
    )
    # Alone it also ends with its last row, else at the next look that finds it over.
    every = recurrent.CHECK_EVERY
    steps = -(-of_single.shape[2] // every) * every
    assert cut.shape[2] == batch.offsets[steps] < batch.n_tokens
    np.testing.assert_allclose(spread(cut, batch), full, rtol=0, atol=FLOOR)
    for name, value in of_full.items():
        np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=1e-6, err_msg=name)


@WAYS
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])  # a rectifier's can be zero
def test_floor_of_nothing_gone_is_exact(cell_name: str, S: int) -> None:
    """Bit for bit, when no gradient falls below the floor."""
    layer, batch = Layer(cell_name, S), pack(some_documents())
    d_final = np.ones((S, batch.n_sequences, H))
    trace = layer.forward(batch)
    full, of_full = layer.backward(trace, batch, d_final=d_final)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=1e-300)
    assert cut.shape[2] == batch.n_tokens
    np.testing.assert_array_equal(full, cut)
    for name, value in of_full.items():
        np.testing.assert_array_equal(value, of_cut[name])


@ALL_CELLS
def test_floor_leaves_alone_what_lies_beyond(cell_name: str) -> None:
    """What a buffer holds of steps that were not passed is in no gradient."""
    layer, batch = Layer(cell_name, 1, H=8, dtype="float32"), pack(some_documents(LONG))
    d_final = np.ones((1, len(LONG), 8), np.float32)
    trace = layer.forward(batch)
    cut, expected = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    beyond = cut.shape[2] + len(LONG)  # one step further are the states before the last one
    assert beyond < batch.n_tokens
    for value in (trace.gates, *trace.states.values()):
        value[..., beyond:, :] = np.nan
    _, found = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@WAYS
@ALL_CELLS
def test_floor_rests_when_outputs_have_a_gradient_too(cell_name: str, S: int) -> None:
    """A gradient that is gone may begin anew at any word."""
    layer, batch = Layer(cell_name, S), pack(some_documents(LONG))
    d_final = np.ones((S, batch.n_sequences, H))
    d_outputs = np.zeros((S, batch.n_tokens, H))
    d_outputs[:, batch.previous_rows < 0] = 1.0  # at the words that are read first
    trace = layer.forward(batch)
    full, _ = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    cut, _ = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final, floor=FLOOR)
    assert cut.shape[2] == batch.n_tokens
    np.testing.assert_array_equal(cut, full)
    assert np.abs(full[:, :, -1]).max() > 1e-3  # the longest document's first word


@WAYS
def test_no_gradient_at_all_is_no_error(S: int) -> None:
    layer, batch = Layer("gru", S), pack(some_documents())
    trace = layer.forward(batch)
    zero = np.zeros((S, batch.n_sequences, H))
    d_gates, own = layer.backward(trace, batch, d_final=zero, floor=FLOOR)
    assert not d_gates.any()
    assert not any(value.any() for value in own.values())


@pytest.mark.parametrize("s", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])  # a rectifier's is zero there
def test_a_gradient_that_is_no_number_is_not_taken_for_gone(cell_name: str, s: int) -> None:
    """It reaches the weights, where training finds it; all other gradients have faded by then."""
    layer, batch = Layer(cell_name, 2), pack(some_documents([150, 90]))
    d_final = np.ones((2, 2, H))
    trace = layer.forward(batch)
    sound, _ = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    assert sound.shape[2] < 2 * 90
    row = rows_of(batch, 1)[-2]
    for value in (trace.gates, *trace.states.values()):
        value[..., s, row, :] = np.nan
    d_gates, own = layer.backward(trace, batch, d_final=d_final, floor=FLOOR)
    # Until the document ends, and from there to the next look.
    assert d_gates.shape[2] == batch.offsets[96] < batch.n_tokens
    assert np.isnan(d_gates[:, s, rows_of(batch, 1)[0]]).any()
    assert np.isnan(own["W_h"][:, s]).any()
    assert np.isfinite(own["W_h"][:, 1 - s]).all()

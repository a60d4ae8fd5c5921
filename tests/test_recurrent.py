"""One recurrent layer: documents are independent, directions mirror each other, BPTT may stop."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import CELL_NAMES, mirror, random_documents, rows_of

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Step, TanhRNN, Trace
from textrnn.nn.packed import PackedBatch, pack
from textrnn.typing import Floats, Ids, Params

EXACT = {"rtol": 1e-12, "atol": 1e-12}
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
        W_h = self.params["W_h"]
        W_h *= 0.7 / np.linalg.norm(W_h, ord=2, axis=(-2, -1), keepdims=True)
        self.of_words = rng.standard_normal((self.cell.n_gates, S, V, H)).astype(dtype)

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
        return recurrent.forward(self.cell, self.params, np.stack(products, axis=1), batch)

    def backward(
        self,
        trace: Trace,
        batch: PackedBatch,
        *,
        d_outputs: Floats | None = None,
        d_final: Floats | None = None,
        floor: float = 0.0,
    ) -> tuple[recurrent.InputGradient, Params]:
        return recurrent.backward(
            self.cell,
            self.params,
            trace,
            batch,
            d_outputs=d_outputs,
            d_final=d_final,
            gradient_floor=floor,
        )


def some_documents(lengths: list[int] = LENGTHS) -> list[Ids]:
    return random_documents(np.random.default_rng(1), lengths, V)


def spread(d_inputs: recurrent.InputGradient, batch: PackedBatch) -> Floats:
    """The gradient at all rows, zero at those that were not walked."""
    G, S, _, H = d_inputs.values.shape
    out = np.zeros((G, S, batch.n_tokens, H), dtype=d_inputs.values.dtype)
    out[:, :, slice(None) if d_inputs.rows is None else d_inputs.rows] = d_inputs.values
    return out


class Watched(TanhRNN):
    """A cell that notes the steps it is handed."""

    def __init__(self) -> None:
        self.there: list[Step] = []
        self.back: list[Step] = []

    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        self.there.append(step)
        super().forward(weights, trace, step)

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        self.back.append(step)
        super().backward(weights, trace, step, d_states, d_gates)


def check_step(step: Step, batch: PackedBatch) -> None:
    """Each word comes after the one that stands before it in its own document."""
    for k, row in enumerate(range(step.rows.start, step.rows.stop)):
        own = rows_of(batch, int(batch.documents[row])).tolist()
        place = own.index(row)
        if step.previous is None:
            assert place == 0
        else:
            assert step.previous.start + k == own[place - 1]
            assert place > 0
    if step.previous is not None:
        assert step.previous.stop - step.previous.start == step.rows.stop - step.rows.start


@WAYS
def test_steps_of_a_walk(S: int) -> None:
    """All words, each once, in the order of reading, and the same on the way back."""
    cell, batch = Watched(), pack(some_documents())
    layer = Layer(cell, S)
    trace = layer.forward(batch)
    rows = [row for step in cell.there for row in range(step.rows.start, step.rows.stop)]
    assert rows == list(range(batch.n_tokens))
    for step in cell.there:
        check_step(step, batch)
    layer.backward(trace, batch, d_final=np.ones((S, batch.n_documents, H)))
    assert cell.back == cell.there[::-1]


@WAYS
def test_steps_of_a_walk_that_lost_documents(S: int) -> None:
    """Words whose gradient is gone are not handed to the cell: really skipped."""
    cell, batch = Watched(), pack(some_documents(LONG))
    layer = Layer(cell, S)
    trace = layer.forward(batch)
    d_final = np.ones((S, batch.n_documents, H))
    d_inputs, _ = layer.backward(trace, batch, d_final=d_final, floor=1e-7)
    handed = [row for step in cell.back for row in range(step.rows.start, step.rows.stop)]
    assert d_inputs.rows is not None
    assert sorted(handed) == d_inputs.rows.tolist()
    assert len(handed) < batch.n_tokens / 2
    starts = [step.rows.start for step in cell.back]
    assert starts == sorted(starts, reverse=True)
    for step in cell.back:
        check_step(step, batch)


@WAYS
@ALL_CELLS
def test_batched_equals_one_at_a_time(cell_name: str, S: int) -> None:
    layer, documents = Layer(cell_name, S), some_documents()
    batch = pack(documents)
    rng = np.random.default_rng(2)
    d_outputs = rng.standard_normal((S, batch.n_tokens, H))
    d_final = rng.standard_normal((S, batch.n_documents, H))
    trace = layer.forward(batch)
    d_inputs, gradients = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    total = {name: np.zeros_like(value) for name, value in gradients.items()}
    for place, position in enumerate(batch.order):
        rows = rows_of(batch, place)
        single = pack([documents[position]])
        of_single = layer.forward(single)
        np.testing.assert_allclose(of_single.h, trace.h[:, rows], **EXACT)
        d_single, own = layer.backward(
            of_single,
            single,
            d_outputs=d_outputs[:, rows],
            d_final=d_final[:, place : place + 1],
        )
        np.testing.assert_allclose(d_single.values, d_inputs.values[:, :, rows], **EXACT)
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
    d_final = rng.standard_normal((2, batch.n_documents, H))
    together = layer.forward(batch)
    d_together, own = layer.backward(together, batch, d_outputs=d_outputs, d_final=d_final)
    for s, texts in enumerate([documents, [ids[::-1] for ids in documents]]):
        one_way, alone = layer.direction(s), pack(texts)
        trace = one_way.forward(alone)
        np.testing.assert_allclose(together.h[s], trace.h[0], **EXACT)
        d_inputs, own_alone = one_way.backward(
            trace, alone, d_outputs=d_outputs[s : s + 1], d_final=d_final[s : s + 1]
        )
        np.testing.assert_allclose(d_together.values[:, s], d_inputs.values[:, 0], **EXACT)
        assert set(own) == set(own_alone)
        for name, value in own.items():
            of_direction = value[s : s + 1] if name == "b_q" else value[:, s : s + 1]
            np.testing.assert_allclose(of_direction, own_alone[name], err_msg=name, **EXACT)


@WAYS
@ALL_CELLS
def test_the_way_back_can_be_walked_twice(cell_name: str, S: int) -> None:
    """It leaves the activations, and the gradient it was given, as they were."""
    layer, batch = Layer(cell_name, S), pack(some_documents())
    d_outputs, d_final = np.ones((S, batch.n_tokens, H)), np.ones((S, batch.n_documents, H))
    trace = layer.forward(batch)
    first, of_first = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    again, of_again = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    np.testing.assert_array_equal(first.values, again.values)
    for name, value in of_first.items():
        np.testing.assert_array_equal(value, of_again[name])
    assert (d_outputs == 1.0).all()
    assert (d_final == 1.0).all()


# ------------------------------------------------------------------ gradient floor

LONG = [400, 3, 1, 180, 77, 400, 24, 9]
GIVEN = pytest.mark.parametrize("given", [[1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ids=str)
"""Which of one or two directions have a gradient."""


@GIVEN
@ALL_CELLS
def test_floor_changes_nothing_but_noise(cell_name: str, given: list[float]) -> None:
    """In float32 on long documents; a part of the rows is not walked at all."""
    S = len(given)
    layer, batch = Layer(cell_name, S, H=8, dtype="float32"), pack(some_documents(LONG))
    drawn = np.random.default_rng(4).standard_normal((S, len(LONG), 8))
    d_final = (drawn * np.reshape(given, (S, 1, 1))).astype(np.float32)
    trace = layer.forward(batch)
    full, of_full = layer.backward(trace, batch, d_final=d_final)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=1e-7)

    assert full.rows is None
    assert full.values.shape[2] == batch.n_tokens
    assert cut.rows is not None
    assert len(cut.rows) == cut.values.shape[2] < batch.n_tokens / 2
    assert (np.diff(cut.rows) > 0).all()
    largest = float(np.abs(full.values).max())
    assert largest > 0.01
    np.testing.assert_allclose(spread(cut, batch), full.values, rtol=0, atol=1e-6 * largest)
    for name, value in of_full.items():
        noise = 1e-6 * float(np.abs(value).max())
        np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=noise, err_msg=name)


@GIVEN
@ALL_CELLS
def test_floor_skips_only_what_is_gone(cell_name: str, given: list[float]) -> None:
    """Each document keeps its last read words and loses the far ones, short ones nothing."""
    S = len(given)
    layer, batch = Layer(cell_name, S, H=8, dtype="float32"), pack(some_documents(LONG))
    d_final = np.broadcast_to(np.reshape(given, (S, 1, 1)), (S, len(LONG), 8)).astype(np.float32)
    trace = layer.forward(batch)
    cut, _ = layer.backward(trace, batch, d_final=d_final, floor=1e-7)
    assert cut.rows is not None
    walked = np.zeros(batch.n_tokens, dtype=bool)
    walked[cut.rows] = True
    for place, length in enumerate(batch.lengths):
        own = walked[rows_of(batch, place)][::-1]  # from the gradient's start onwards
        kept = int(own.sum())
        assert own[:kept].all()
        assert kept == length if length < 10 else kept < length or length < 100


@ALL_CELLS
def test_a_document_is_walked_while_either_direction_has_a_gradient(cell_name: str) -> None:
    """What two directions walk together is what the slower to fade would walk alone."""
    layer, batch = Layer(cell_name, 2), pack(some_documents(LONG))
    layer.params["W_h"][:, 0] *= 0.5  # the first forgets sooner
    d_final = np.ones((2, batch.n_documents, H))
    both, _ = layer.backward(layer.forward(batch), batch, d_final=d_final, floor=1e-7)
    walked = []
    for s, texts in enumerate([some_documents(LONG), [i[::-1] for i in some_documents(LONG)]]):
        alone = layer.direction(s)
        mirrored = pack(texts)
        trace = alone.forward(mirrored)
        cut, _ = alone.backward(trace, mirrored, d_final=d_final[:1], floor=1e-7)
        assert cut.rows is not None
        walked.append(set(cut.rows.tolist()))
    assert both.rows is not None
    assert set(both.rows.tolist()) >= walked[0] | walked[1]
    assert walked[0] != walked[1]


@WAYS
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])  # a rectifier's can be zero
def test_floor_of_nothing_gone_is_exact(cell_name: str, S: int) -> None:
    """Bit for bit, when no gradient falls below the floor."""
    layer, batch = Layer(cell_name, S), pack(some_documents())
    d_final = np.ones((S, batch.n_documents, H))
    trace = layer.forward(batch)
    full, of_full = layer.backward(trace, batch, d_final=d_final)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=1e-300)
    assert cut.rows is None
    np.testing.assert_array_equal(full.values, cut.values)
    for name, value in of_full.items():
        np.testing.assert_array_equal(value, of_cut[name])


@WAYS
@ALL_CELLS
def test_floor_rests_when_outputs_have_a_gradient_too(cell_name: str, S: int) -> None:
    """A gradient that is gone may begin anew at any word."""
    layer, batch = Layer(cell_name, S), pack(some_documents(LONG))
    d_final = np.ones((S, batch.n_documents, H))
    d_outputs = np.zeros((S, batch.n_tokens, H))
    d_outputs[:, : batch.n_documents] = 1.0  # at the words that are read first
    trace = layer.forward(batch)
    full, _ = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final)
    cut, _ = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final, floor=1e-7)
    assert cut.rows is None
    np.testing.assert_array_equal(cut.values, full.values)


@GIVEN
def test_documents_without_a_gradient_are_skipped(given: list[float]) -> None:
    """A document of weight nothing costs no work, wherever it stands."""
    S = len(given)
    layer, batch = Layer("lstm", S), pack(some_documents())
    for place in (0, 3, batch.n_documents - 1):
        d_final = np.zeros((S, batch.n_documents, H))
        d_final[:, place] = np.reshape(given, (S, 1))
        trace = layer.forward(batch)
        full, of_full = layer.backward(trace, batch, d_final=d_final)
        cut, of_cut = layer.backward(trace, batch, d_final=d_final, floor=1e-9)
        np.testing.assert_allclose(spread(cut, batch), full.values, rtol=0, atol=1e-8)
        for name, value in of_full.items():
            np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=1e-7, err_msg=name)


@WAYS
def test_no_gradient_at_all_is_no_error(S: int) -> None:
    layer, batch = Layer("gru", S), pack(some_documents())
    trace = layer.forward(batch)
    zero = np.zeros((S, batch.n_documents, H))
    d_inputs, own = layer.backward(trace, batch, d_final=zero, floor=1e-7)
    assert not d_inputs.values.any()
    assert not any(value.any() for value in own.values())


@pytest.mark.parametrize("s", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])  # a rectifier's is zero there
def test_a_gradient_that_is_no_number_is_not_taken_for_gone(cell_name: str, s: int) -> None:
    """It reaches the weights, where training finds it; the first document's has faded by then."""
    layer, batch = Layer(cell_name, 2), pack(some_documents([100, 90]))
    d_final = np.ones((2, 2, H))
    trace = layer.forward(batch)
    row = rows_of(batch, 1)[-2]
    for value in (trace.gates, *trace.states.values()):
        value[..., s, row, :] = np.nan
    d_inputs, own = layer.backward(trace, batch, d_final=d_final, floor=1e-7)
    walked = np.arange(batch.n_tokens) if d_inputs.rows is None else d_inputs.rows
    assert set(rows_of(batch, 1)) <= set(walked)
    assert not set(rows_of(batch, 0)) <= set(walked)
    assert np.isnan(own["W_h"][:, s]).any()
    assert np.isfinite(own["W_h"][:, 1 - s]).all()

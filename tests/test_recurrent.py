"""One recurrent layer: documents are independent, directions mirror each other, BPTT may stop."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import CELL_NAMES, random_documents

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell, Trace
from textrnn.nn.packed import PackedBatch, pack
from textrnn.typing import Floats, Ids, Ints, Params

EXACT = {"rtol": 1e-12, "atol": 1e-12}
DIRECTIONS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
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
        self, cell_name: str, *, H: int = H, dtype: str = "float64", seed: int = 0
    ) -> None:
        self.cell: Cell = CELLS[cell_name]
        rng = np.random.default_rng(seed)
        self.params: Params = {
            name: rng.normal(0.0, 0.5, shape).astype(dtype)
            for name, shape in self.cell.shapes(1, H).items()
        }
        # Of spectral norm 0.7: memory fades, as it does in trained networks.
        for weight in self.params["W_h"]:
            weight *= 0.7 / np.linalg.norm(weight, ord=2)
        self.of_words = rng.standard_normal((self.cell.n_gates, V, H)).astype(dtype)

    def forward(self, batch: PackedBatch, *, reverse: bool) -> Trace:
        products = np.ascontiguousarray(self.of_words[:, batch.ids])
        return recurrent.forward(self.cell, self.params, products, batch, reverse=reverse)

    def backward(
        self,
        trace: Trace,
        batch: PackedBatch,
        *,
        d_outputs: Floats | None = None,
        d_final: Floats | None = None,
        reverse: bool,
        floor: float = 0.0,
    ) -> tuple[recurrent.InputGradient, Params]:
        return recurrent.backward(
            self.cell,
            self.params,
            trace,
            batch,
            d_outputs=d_outputs,
            d_final=d_final,
            reverse=reverse,
            gradient_floor=floor,
        )


def some_documents(lengths: list[int] = LENGTHS) -> list[Ids]:
    return random_documents(np.random.default_rng(1), lengths, V)


def rows_of(batch: PackedBatch, place: int) -> Ints:
    """Rows of one document, given by its place in the batch, first word first."""
    return np.flatnonzero(batch.documents == place)


@DIRECTIONS
def test_reading_steps(reverse: bool) -> None:
    """Each word comes after the one it follows in the direction of reading."""
    batch = pack(some_documents())
    seen: set[int] = set()
    for rows, previous, carried in recurrent.reading_steps(batch, reverse=reverse):
        assert previous.stop - previous.start == carried
        for k, row in enumerate(range(rows.start, rows.stop)):
            own = rows_of(batch, int(batch.documents[row])).tolist()
            before = own.index(row) + (1 if reverse else -1)
            if k < carried:
                assert previous.start + k == own[before]
                assert own[before] in seen
            else:
                assert before in (-1, len(own))
            seen.add(row)
    assert seen == set(range(batch.n_tokens))


def test_final_rows() -> None:
    batch = pack(some_documents())
    for place in range(batch.n_documents):
        own = rows_of(batch, place)
        assert recurrent.final_rows(batch, reverse=False)[place] == own[-1]
        assert recurrent.final_rows(batch, reverse=True)[place] == own[0]


@DIRECTIONS
@ALL_CELLS
def test_batched_equals_one_at_a_time(cell_name: str, reverse: bool) -> None:
    layer, documents = Layer(cell_name), some_documents()
    batch = pack(documents)
    rng = np.random.default_rng(2)
    d_outputs = rng.standard_normal((batch.n_tokens, H))
    d_final = rng.standard_normal((batch.n_documents, H))
    trace = layer.forward(batch, reverse=reverse)
    d_inputs, gradients = layer.backward(
        trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse
    )
    total = {name: np.zeros_like(value) for name, value in gradients.items()}
    for place, position in enumerate(batch.order):
        rows = rows_of(batch, place)
        single = pack([documents[position]])
        of_single = layer.forward(single, reverse=reverse)
        np.testing.assert_allclose(of_single.h, trace.h[rows], **EXACT)
        d_single, own = layer.backward(
            of_single,
            single,
            d_outputs=d_outputs[rows],
            d_final=d_final[place : place + 1],
            reverse=reverse,
        )
        np.testing.assert_allclose(d_single.values, d_inputs.values[:, rows], **EXACT)
        for name, value in own.items():
            total[name] += value
    for name, value in gradients.items():
        np.testing.assert_allclose(total[name], value, err_msg=name, **EXACT)


@ALL_CELLS
def test_backward_reading_is_forward_reading_of_the_reversed_text(cell_name: str) -> None:
    layer, documents = Layer(cell_name), some_documents()
    batch, mirrored = pack(documents), pack([ids[::-1] for ids in documents])
    mirror = np.empty(batch.n_tokens, dtype=np.int64)
    for place in range(batch.n_documents):
        mirror[rows_of(batch, place)] = rows_of(batch, place)[::-1]
    rng = np.random.default_rng(3)
    d_outputs = rng.standard_normal((batch.n_tokens, H))
    d_final = rng.standard_normal((batch.n_documents, H))

    backwards = layer.forward(batch, reverse=True)
    forwards = layer.forward(mirrored, reverse=False)
    np.testing.assert_allclose(backwards.h, forwards.h[mirror], **EXACT)
    d_backwards, own = layer.backward(
        backwards, batch, d_outputs=d_outputs, d_final=d_final, reverse=True
    )
    d_forwards, own_forwards = layer.backward(
        forwards, mirrored, d_outputs=d_outputs[mirror], d_final=d_final, reverse=False
    )
    np.testing.assert_allclose(d_backwards.values, d_forwards.values[:, mirror], **EXACT)
    for name, value in own.items():
        np.testing.assert_allclose(value, own_forwards[name], err_msg=name, **EXACT)


@DIRECTIONS
@ALL_CELLS
def test_the_way_back_can_be_walked_twice(cell_name: str, reverse: bool) -> None:
    """It leaves the activations, and the gradient it was given, as they were."""
    layer, batch = Layer(cell_name), pack(some_documents())
    d_outputs, d_final = np.ones((batch.n_tokens, H)), np.ones((batch.n_documents, H))
    trace = layer.forward(batch, reverse=reverse)
    first, of_first = layer.backward(
        trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse
    )
    again, of_again = layer.backward(
        trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse
    )
    np.testing.assert_array_equal(first.values, again.values)
    for name, value in of_first.items():
        np.testing.assert_array_equal(value, of_again[name])
    assert (d_outputs == 1.0).all()
    assert (d_final == 1.0).all()


# ------------------------------------------------------------------ gradient floor

LONG = [400, 3, 1, 180, 77, 400, 24, 9]


@DIRECTIONS
@ALL_CELLS
def test_floor_changes_nothing_but_noise(cell_name: str, reverse: bool) -> None:
    """In float32 on long documents; a part of the rows is not walked at all."""
    layer, batch = Layer(cell_name, H=8, dtype="float32"), pack(some_documents(LONG))
    d_final = np.random.default_rng(4).standard_normal((len(LONG), 8)).astype(np.float32)
    trace = layer.forward(batch, reverse=reverse)
    full, of_full = layer.backward(trace, batch, d_final=d_final, reverse=reverse)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, reverse=reverse, floor=1e-7)

    assert full.rows is None
    assert full.values.shape[1] == batch.n_tokens
    assert cut.rows is not None
    assert len(cut.rows) == cut.values.shape[1] < batch.n_tokens / 2
    assert (np.diff(cut.rows) > 0).all()
    spread = np.zeros_like(full.values)
    spread[:, cut.rows] = cut.values
    largest = float(np.abs(full.values).max())
    np.testing.assert_allclose(spread, full.values, rtol=0, atol=1e-6 * largest)
    for name, value in of_full.items():
        noise = 1e-6 * float(np.abs(value).max())
        np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=noise, err_msg=name)


@DIRECTIONS
@ALL_CELLS
def test_floor_skips_only_what_is_gone(cell_name: str, reverse: bool) -> None:
    """Each document keeps its last read words and loses the far ones, short ones nothing."""
    layer, batch = Layer(cell_name, H=8, dtype="float32"), pack(some_documents(LONG))
    d_final = np.ones((len(LONG), 8), dtype=np.float32)
    trace = layer.forward(batch, reverse=reverse)
    cut, _ = layer.backward(trace, batch, d_final=d_final, reverse=reverse, floor=1e-7)
    assert cut.rows is not None
    walked = np.zeros(batch.n_tokens, dtype=bool)
    walked[cut.rows] = True
    for place, length in enumerate(batch.lengths):
        own = walked[rows_of(batch, place)]
        own = own if reverse else own[::-1]  # from the gradient's start onwards
        kept = int(own.sum())
        assert own[:kept].all()
        assert kept == length if length < 10 else kept < length or length < 100


@DIRECTIONS
@pytest.mark.parametrize("cell_name", ["rnn", "lstm", "gru"])  # a rectifier's can be zero
def test_floor_of_nothing_gone_is_exact(cell_name: str, reverse: bool) -> None:
    """Bit for bit, when no gradient falls below the floor."""
    layer, batch = Layer(cell_name), pack(some_documents())
    d_final = np.ones((batch.n_documents, H))
    trace = layer.forward(batch, reverse=reverse)
    full, of_full = layer.backward(trace, batch, d_final=d_final, reverse=reverse)
    cut, of_cut = layer.backward(trace, batch, d_final=d_final, reverse=reverse, floor=1e-300)
    assert cut.rows is None
    np.testing.assert_array_equal(full.values, cut.values)
    for name, value in of_full.items():
        np.testing.assert_array_equal(value, of_cut[name])


@DIRECTIONS
@ALL_CELLS
def test_floor_rests_when_outputs_have_a_gradient_too(cell_name: str, reverse: bool) -> None:
    """A gradient that is gone may begin anew at any word."""
    layer, batch = Layer(cell_name), pack(some_documents(LONG))
    d_final = np.ones((batch.n_documents, H))
    d_outputs = np.zeros((batch.n_tokens, H))
    d_outputs[recurrent.final_rows(batch, reverse=not reverse)] = 1.0
    trace = layer.forward(batch, reverse=reverse)
    full, _ = layer.backward(trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse)
    cut, _ = layer.backward(
        trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse, floor=1e-7
    )
    assert cut.rows is None
    np.testing.assert_array_equal(cut.values, full.values)


@DIRECTIONS
def test_documents_without_a_gradient_are_skipped(reverse: bool) -> None:
    """A document of weight nothing costs no work, wherever it stands."""
    layer, batch = Layer("lstm"), pack(some_documents())
    for place in (0, 3, batch.n_documents - 1):
        d_final = np.zeros((batch.n_documents, H))
        d_final[place] = 1.0
        trace = layer.forward(batch, reverse=reverse)
        full, of_full = layer.backward(trace, batch, d_final=d_final, reverse=reverse)
        cut, of_cut = layer.backward(trace, batch, d_final=d_final, reverse=reverse, floor=1e-9)
        values = np.zeros_like(full.values)
        values[:, slice(None) if cut.rows is None else cut.rows] = cut.values
        np.testing.assert_allclose(values, full.values, rtol=0, atol=1e-8)
        for name, value in of_full.items():
            np.testing.assert_allclose(of_cut[name], value, rtol=0, atol=1e-7, err_msg=name)


def test_no_gradient_at_all_is_no_error() -> None:
    layer, batch = Layer("gru"), pack(some_documents())
    trace = layer.forward(batch, reverse=False)
    zero = np.zeros((batch.n_documents, H))
    d_inputs, own = layer.backward(trace, batch, d_final=zero, reverse=False, floor=1e-7)
    assert not d_inputs.values.any()
    assert not any(value.any() for value in own.values())

"""Whether a cell keeps its promises: for cells of your own, and for ours, which pass the same.

A cell is two descriptions of one function, a step and its backward step, and often a third, the
step for one row. ``check_cell`` holds them against each other, over small layers of random
weights in float64, and raises AssertionError with what differs where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, TIME, Cell, Trace
from textrnn.nn.packed import PackedBatch, pack
from textrnn.typing import Floats, Ints, Params

H, V = 3, 5
"""Units, and words, each of which has a random input product."""
LENGTHS = (2, 4, 1, 4)
"""Of the documents: ragged, not sorted, with a single word and two of one length."""
STEP = 1e-5
"""Of a central difference: its two errors, step^2 and 1e-16 / step, are both about 1e-11."""
TRIES = 5
"""Random layers, of which another is tried where a kink is within the step of a difference."""
KINK = 1e-7
"""A change of slope that is none of rounding, which is about 1e-9."""
F64 = np.dtype(np.float64)


class Layer:
    """A layer of random weights over words that have a random input product each."""

    def __init__(self, cell: Cell, n_directions: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.cell, self.n_directions, self._seed = cell, n_directions, seed
        shapes = cell.shapes(n_directions, 1, H)
        self.params: Params = {n: rng.normal(0.0, 0.6, shape) for n, shape in shapes.items()}
        self.of_words = rng.normal(0.0, 0.7, (cell.n_gates, n_directions, V, H))

    def products(self, batch: PackedBatch) -> Floats:
        """The scaled input products of all rows, (G, S, N, H)."""
        scaled = self.of_words * self.cell.gate_scale(F64)
        read = [batch.ids, batch.ids[batch.mirrored_rows]]
        return np.stack([scaled[:, s, read[s]] for s in range(self.n_directions)], axis=1)

    def states(self, B: int) -> Params:
        """Random states of B documents."""
        rng = np.random.default_rng([self._seed, B])
        shape = (self.n_directions, B, H)
        found: Params = {n: rng.normal(0.0, 0.6, shape) for n in self.cell.carried_names}
        if self.cell.needs_times:
            times = rng.integers(0, 9, (B, 1)).astype(np.float64)
            found[TIME] = np.tile(times, (self.n_directions, 1, 1))
        return found

    def forward(self, batch: PackedBatch, initial: Params | None) -> tuple[Trace, Params]:
        """See ``recurrent.forward``."""
        gates, activated = self.cell.activate(self.products(batch))
        trace, final = recurrent.forward(self.cell, self.params, gates, batch, initial=initial)
        return replace(trace, activated=activated), final

    def backward(
        self, trace: Trace, batch: PackedBatch, d_outputs: Floats, d_final: Params
    ) -> tuple[Floats, Params, Params]:
        """See ``recurrent.backward``; the first is the gradient of the input products."""
        d_gates, own, d_initial = recurrent.backward(
            self.cell,
            self.params,
            trace,
            batch,
            d_outputs=d_outputs,
            d_final_state=d_final,
        )
        return self.cell.activate_backward(d_gates, trace.activated), own, d_initial

    def random_gradients(self, batch: PackedBatch) -> tuple[Floats, Params]:
        """Gradients of the outputs of all rows, and of the final states."""
        rng = np.random.default_rng([self._seed, 1])
        S, B = self.n_directions, batch.n_sequences
        d_outputs = rng.standard_normal((S, batch.n_tokens, H))
        d_final: Params = {n: rng.standard_normal((S, B, H)) for n in self.cell.carried_names}
        return d_outputs, d_final


def check_cell(cell: Cell | str) -> None:
    """Run all checks of a cell, or of the one registered under a name.

    Raises:
        AssertionError: what is off.
    """
    for check in CHECKS.values():
        check(CELLS[cell] if isinstance(cell, str) else cell)


def check_gradients(cell: Cell) -> None:
    """All gradients equal central differences.

    Those of the input products, of every parameter and of the initial states, in one and in two
    directions, over a ragged batch. Where they do not, another random layer is tried only if
    there is a kink so near that no difference tells the gradient.
    """
    for n_directions in (1, 2):
        for seed in range(TRIES):
            try:
                _check_gradients(Layer(cell, n_directions, seed))
                break
            except AssertionError:
                if seed == TRIES - 1 or not _is_near_a_kink(Layer(cell, n_directions, seed)):
                    raise


def check_batch(cell: Cell) -> None:
    """Each document of a batch is read, and gets gradients, as it would alone."""
    layer, documents = Layer(cell, 2), _documents()
    batch = pack(documents)
    initial = layer.states(batch.n_sequences)
    d_outputs, d_final = layer.random_gradients(batch)
    trace, final = layer.forward(batch, initial)
    d_gates, own, d_initial = layer.backward(trace, batch, d_outputs, d_final)
    total = {name: np.zeros_like(value) for name, value in own.items()}
    for place, position in enumerate(batch.order.tolist()):
        rows, single = batch.documents == place, pack([documents[position]])
        of_one, final_of_one = layer.forward(single, _some(initial, [place]))
        found = layer.backward(of_one, single, d_outputs[:, rows], _some(d_final, [place]))
        _equal(of_one.h, trace.h[:, rows], "the outputs of a document alone")
        _equal_all(final_of_one, _some(final, [place]), "the final state of a document alone")
        _equal(found[0], d_gates[:, :, rows], "the gradient of the inputs of a document alone")
        _equal_all(found[2], _some(d_initial, [place]), "its gradient of the initial state")
        for name, value in found[1].items():
            total[name] += value
    _equal_all(total, own, "the sum over documents of the gradient")


def check_chunks(cell: Cell) -> None:
    """Documents read some words at a time, the state carried, are read as whole ones.

    So are the gradients, with that of the state carried back.
    """
    layer, documents = Layer(cell, 1), _documents()
    whole = pack(documents)
    initial, order = layer.states(whole.n_sequences), whole.order
    d_outputs, d_final = layer.random_gradients(whole)
    trace, final = layer.forward(whole, initial)
    wanted = layer.backward(trace, whole, d_outputs, d_final)
    longest = max(LENGTHS)
    for k in (*range(1, longest + 1), longest + 2):
        state = {name: value.copy() for name, value in initial.items()}
        chunks = []
        for start in range(0, longest, k):
            left = [i for i in range(len(order)) if whole.lengths[i] > start]
            batch = pack([documents[order[i]][start : start + k] for i in left])
            places = [left[i] for i in batch.order]
            rows = _rows_in_whole(whole, batch, places, start)
            of_chunk, ends = layer.forward(batch, _some(state, places))
            _equal(of_chunk.h, trace.h[:, rows], f"outputs in chunks of {k}")
            for name, value in ends.items():
                state[name][:, places] = value
            chunks.append((batch, places, rows, of_chunk))
        _equal_all(state, final, f"the final state in chunks of {k}")
        d_state = {name: value.copy() for name, value in d_final.items()}
        total = {name: np.zeros_like(value) for name, value in wanted[1].items()}
        for batch, places, rows, of_chunk in reversed(chunks):
            found = layer.backward(of_chunk, batch, d_outputs[:, rows], _some(d_state, places))
            _equal(found[0], wanted[0][:, :, rows], f"gradients of inputs in chunks of {k}")
            for name, value in found[1].items():
                total[name] += value
            for name, value in found[2].items():
                d_state[name][:, places] = value
        _equal_all(total, wanted[1], f"the gradient in chunks of {k}")
        _equal_all(d_state, wanted[2], f"the gradient of the initial state in chunks of {k}")


def check_single(cell: Cell) -> None:
    """The step for one row does what the step for a batch does, from any state, and to it."""
    layer = Layer(cell, 2)
    for n in (1, 2, 5):
        batch = pack([np.random.default_rng(n).integers(0, V, n).astype(np.int32)])
        for initial in (None, layer.states(1)):
            trace, final = layer.forward(batch, initial)
            # A batch begins with its last words.
            products = layer.products(batch)[:, :, ::-1]
            for s in range(2):
                reader = cell.reader(layer.params, s)
                if initial is not None:
                    reader.state = {name: value[s, 0] for name, value in initial.items()}
                rows = products[:, s].transpose(1, 0, 2).reshape(n, -1)
                out = np.empty((n, H))
                reader.read(rows[:1], out[:1])
                taken_up = cell.reader(layer.params, s)
                taken_up.state = reader.state
                taken_up.read(rows[1:], out[1:])
                _equal(out, trace.h[s, ::-1], "the outputs of the step for one row")
                ends = {name: value[s, 0] for name, value in final.items()}
                _equal_all(taken_up.state, ends, "the state of the step for one row")
                taken_up.reset()
                for name, value in taken_up.state.items():
                    _equal(value, np.zeros_like(value), f"after reset, {name}")


CHECKS: dict[str, Callable[[Cell], None]] = {
    "gradient": check_gradients,
    "batch = single": check_batch,
    "chunked = whole": check_chunks,
    "one row": check_single,
}
"""By what they promise."""


def _objective(layer: Layer, batch: PackedBatch, initial: Params) -> Callable[[], float]:
    """Random multiples of all that a layer returns, summed."""
    d_outputs, d_final = layer.random_gradients(batch)

    def objective() -> float:
        trace, final = layer.forward(batch, initial)
        total = float((d_outputs * trace.h).sum())
        return total + sum(float((d * final[name]).sum()) for name, d in d_final.items())

    return objective


def _is_near_a_kink(layer: Layer) -> bool:
    """Whether the slopes on both sides differ by more than the curvature, for any number read.

    What they differ by is as the step where the function is smooth.
    """
    batch = pack(_documents())
    initial = layer.states(batch.n_sequences)
    objective = _objective(layer, batch, initial)
    params = [v for n, v in layer.params.items() if n not in ("W_x", "b")]
    states = [initial[name] for name in layer.cell.carried_names]

    def bend(x: Floats, i: tuple[int, ...], step: float) -> float:
        """How much the slope changes at an element, by differences of such a step."""
        kept = x[i]
        values = []
        for moved in (kept - step, kept, kept + step):
            x[i] = moved
            values.append(objective())
        x[i] = kept
        return (values[0] - 2 * values[1] + values[2]) / step

    return any(
        abs(bend(x, i, STEP) - 2 * bend(x, i, STEP / 2)) > KINK
        for x in (layer.of_words, *params, *states)
        for i in np.ndindex(x.shape)
    )


def _check_gradients(layer: Layer) -> None:
    batch = pack(_documents())
    initial = layer.states(batch.n_sequences)
    d_outputs, d_final = layer.random_gradients(batch)
    objective = _objective(layer, batch, initial)
    trace, _ = layer.forward(batch, initial)
    d_gates, own, d_initial = layer.backward(trace, batch, d_outputs, d_final)
    d_words = np.zeros_like(layer.of_words)
    for s in range(layer.n_directions):
        ids = batch.ids[batch.mirrored_rows] if s else batch.ids
        for row, word in enumerate(ids.tolist()):
            d_words[:, s, word] += d_gates[:, s, row]
    _equal(d_words, numeric_gradient(objective, layer.of_words), "gradient of inputs", 1e-6)
    expected = {n: v for n, v in layer.params.items() if n not in ("W_x", "b")}
    assert set(own) == set(expected), f"gradients of {sorted(own)}, parameters {sorted(expected)}"
    for name, value in expected.items():
        _equal(own[name], numeric_gradient(objective, value), f"gradient of {name}", 1e-6)
    for name in layer.cell.carried_names:
        numeric = numeric_gradient(objective, initial[name])
        _equal(d_initial[name], numeric, f"gradient of the initial {name}", 1e-6)


def numeric_gradient(f: Callable[[], float], x: Floats) -> Floats:
    """Central differences of ``f()`` in every element of ``x``, which f reads."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + STEP
        above = f()
        x[i] = kept - STEP
        below = f()
        x[i] = kept
        gradient[i] = (above - below) / (2 * STEP)
    return gradient


def _documents() -> list[Any]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, V, n).astype(np.int32) for n in LENGTHS]


def _some(states: Params, places: Sequence[int]) -> Params:
    return {name: value[:, places] for name, value in states.items()}


def _rows_in_whole(
    whole: PackedBatch, chunk: PackedBatch, places: Sequence[int], start: int
) -> Ints:
    """Where a chunk's rows stand in the batch of whole documents."""
    of_chunk = np.repeat(np.arange(len(chunk.batch_sizes)), chunk.batch_sizes)
    place = np.array(places)[chunk.documents]
    word = start + chunk.lengths[chunk.documents] - 1 - of_chunk
    rows: Ints = whole.offsets[whole.lengths[place] - 1 - word] + place
    return rows


def _equal(actual: Floats, expected: Floats, what: str, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance / 10, err_msg=what)


def _equal_all(actual: Params, expected: Params, what: str) -> None:
    assert set(actual) == set(expected), f"{what}: {sorted(actual)}, not {sorted(expected)}"
    for name, value in expected.items():
        _equal(actual[name], value, f"{what}: {name}")

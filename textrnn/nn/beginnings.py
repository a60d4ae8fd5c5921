"""A batch in another order: its documents aligned at their beginnings, not at their ends.

Of a cell that depends on time a step may be faster where all of its rows stand at one time. Aligned
at their beginnings, documents of which equally many words were read before do. Step t then holds
word t of each that has one: as many rows as the step t words before the ends, so that the same
offsets serve both orders, and ``PackedBatch.mirrored_rows`` leads from each to the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textrnn.nn.cells import Cell, Step, Trace
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

PART = "beginnings"
"""The part of a workspace for a pass in this order."""


def steps_from_beginnings(batch: PackedBatch, read_before: Ints) -> list[Step]:
    """The steps in the order in which they are read."""
    before = [(0, 0), *batch.steps]
    return [
        Step(
            slice(start, start + size),
            slice(origin, origin + min(size, of_before)),
            min(size, of_before),
            read_before[:size] + t,
        )
        for t, ((origin, of_before), (start, size)) in enumerate(
            zip(before, batch.steps, strict=False)
        )
    ]


def rows_before(batch: PackedBatch) -> Ints:
    """For each row that of the word before it, (N,); -1 for a first word."""
    origins = np.concatenate([[0], batch.offsets[:-2]])
    rows: Ints = np.repeat(origins, batch.batch_sizes) + batch.documents
    rows[: batch.n_sequences] = -1
    return rows


def rearranged(values: Floats, batch: PackedBatch, out: Floats) -> Floats:
    """Rows (..., N, H) in the other order, written into ``out``."""
    for part in np.ndindex(values.shape[:-2]):
        # "clip" skips numpy's check of every index.
        np.take(values[part], batch.mirrored_rows, axis=0, out=out[part], mode="clip")
    return out


def is_worth_it(cell: Cell, batch: PackedBatch, read_before: Ints) -> bool:
    """Whether rows that stand at different times in the usual order share one in this."""
    is_ragged = batch.lengths[0] != batch.lengths[-1]
    share_time = (read_before == read_before[0]).all()
    return cell.prefers_one_time and bool(is_ragged and share_time)


def give_back(found: Trace, batch: PackedBatch, trace: Trace) -> None:
    """Write activations and states into a trace of the usual order."""
    rearranged(found.gates, batch, trace.gates)
    for name, value in trace.states.items():
        rearranged(found.states[name], batch, value)


def from_beginnings(trace: Trace, batch: PackedBatch, space: Workspace) -> Trace:
    """A trace in this order, of the same input products, with room for the states."""
    assert trace.read_before is not None
    gates = space.take("gates", trace.gates.shape, trace.gates.dtype)
    states: Params = {
        name: space.take(name, value.shape, value.dtype) for name, value in trace.states.items()
    }
    of_steps = np.repeat(np.arange(len(batch.batch_sizes)), batch.batch_sizes)
    return replace(
        trace,
        gates=rearranged(trace.gates, batch, gates),
        states=states,
        times=trace.read_before[batch.documents] + of_steps,
    )

"""One step of a packed batch, and the arrays that all steps of a pass share.

The arrays are gate-major: ``gates`` has shape (G, S, N, H), so each gate of a step is one
contiguous block a direction, and an elementwise operation on it runs two to three times faster
than on the columns of an (N, G*H) array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from textrnn.nn.cells.batch_pass import BatchPass
from textrnn.typing import Floats, Ints, Params

TIME = "time"
"""Beside a time-dependent cell's states: how many words were read, float64 of shape (S, B, 1)."""


class Step(NamedTuple):
    """One time step of a packed batch.

    Attributes:
        rows: the step's rows, one for each document that has a token here.
        previous: the rows that hold the states these documents come from, see
            ``Trace.previous``.
        carried: how many of the documents, counted from the first, have such a
            state; the others begin here, with a state of zeros.
        times: for each of the step's rows how many words of its document were read before,
            shape (n,), the same in both directions; None unless the cell asks for it.
        before: the arrays that ``previous`` points into, where documents begin here with a
            state that is not zero; else None, and it points into those of the trace.
    """

    rows: slice
    previous: slice
    carried: int
    times: Ints | None = None
    before: Params | None = None


@dataclass(frozen=True)
class Trace:
    """All that one pass over a batch computes and its backward pass needs.

    Attributes:
        gates: (K, S, N, H): before a step input products, or what else ``Cell.activate`` made of
            them, activations after it.
        states: arrays of shape (S, N, H) by name; ``"h"`` is the output.
        scratch: (K, S, B, H), overwritten at each step.
        initial: the carried states before each document's first word, (S, B, H); None if
            they are zero.
        read_before: words of each document that were read before, (B,); None unless the cell
            asks for times.
        activated: what the backward pass of ``Cell.activate`` needs, of the distinct inputs.
        batch_pass: what went over the batch, if the cell has such a form of its own.
    """

    gates: Floats
    states: Params
    scratch: Floats
    initial: Params | None = None
    read_before: Ints | None = None
    activated: tuple[Floats, ...] = ()
    batch_pass: BatchPass | None = None

    @property
    def h(self) -> Floats:
        return self.states["h"]

    def previous(self, name: str, step: Step) -> Floats:
        """A carried state as the step finds it, (S, k, H), of its k carried documents."""
        return (self.states if step.before is None else step.before)[name][:, step.previous]

"""At which rows of a batch the groups of a clockwork are due, and what they hear there.

A group of period p goes over every p-th word of a document as if it were a document by itself: its
*ticks*. Those of all documents are packed as in ``nn.packed``, documents with more ticks first and
all of them aligned at their last, so that a step is a block of rows, and so are the states before.
In front of the ticks' rows stand B more, of the states before any of them.

From one group to the next slower one it is enough to know, of each row, the state in which that
group was then: it stays in it between its ticks. All of this follows from the documents' lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.typing import Ints

PERIODS = (1, 2, 4, 8)


@cache
def groups(hidden_size: int) -> list[slice]:
    """The units of each group: as equal as can be, the faster ones larger; none is empty."""
    n = min(len(PERIODS), hidden_size)
    ends = np.cumsum([hidden_size // n + (i < hidden_size % n) for i in range(n)]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True)
class Ticks:
    """Of one group, in n rows after the B of initial states.

    Attributes:
        order: the documents in the order in which they stand here, (B,).
        steps: from the last ticks back, of each the first row, the last and one more, and how many
            of the documents have ticks before, which follow there.
        rows: for each tick its row in the batch, (n,).
        before: for each tick the row here of the state before, (n,).
        first: the rows here of the documents' first ticks; as documents without any come last, the
            states before them are in the first rows.
        here: for each row of the batch the row here of the state after it, (N,).
        slower: for each row here that of the next slower group's state then, (B + n,); None of the
            slowest.
    """

    order: Ints
    steps: list[tuple[int, int, int]]
    rows: Ints
    before: Ints
    first: Ints
    here: Ints
    slower: Ints | None

    @property
    def n_rows(self) -> int:
        return len(self.order) + len(self.before)


@dataclass(frozen=True)
class _Packing:
    """Where the ticks of one group stand.

    Attributes:
        last: number of the last tick of each document that is not after its end, (B,); tick i is
            at time i p, and the last may be one that was read before.
        counts: ticks of each document, (B,).
        order: the documents by their counts, (B,).
        places: the place of each document there, (B,).
        sizes: documents with more than k ticks, (K,).
        starts: first row of the k-th ticks from the last, and where they end, (K + 1,).
    """

    last: Ints
    counts: Ints
    order: Ints
    places: Ints
    sizes: Ints
    starts: Ints


def ticks_of(batch: PackedBatch, read_before: Ints, periods: Sequence[int]) -> list[Ticks]:
    """The ticks of each group.

    Args:
        batch: the documents.
        read_before: words of each that were read before, (B,).
        periods: of the groups, from 1 on, each a multiple of the one before.
    """
    final = read_before + batch.lengths - 1
    packings = [_packing(final // p, (read_before - 1) // p) for p in periods]
    found: list[Ticks] = []
    for i, (own, period) in enumerate(zip(packings, periods, strict=True)):
        B, n = batch.n_sequences, int(own.starts[-1]) - batch.n_sequences
        steps = np.arange(len(own.sizes)).repeat(own.sizes)
        places = np.arange(B, B + n) - own.starts[steps]
        documents = own.order[places]
        before, first = _before(own, B + n)
        slower = None
        if i + 1 < len(periods):
            ticks = (own.last[documents] - steps) // (periods[i + 1] // period)
            of_ticks = _rows_at(packings[i + 1], documents, ticks)
            slower = np.concatenate([packings[i + 1].places[own.order], of_ticks])
        rows: Ints = np.arange(n)
        here: Ints = np.arange(B, B + n)
        if i:
            faster = found[-1].slower
            assert faster is not None
            rows = batch.offsets[(final % period)[documents] + steps * period] + documents
            here = faster[found[-1].here]
        ends = own.starts.tolist()
        blocks = list(zip(ends, ends[1:], [*own.sizes[1:].tolist(), 0], strict=False))
        found.append(Ticks(own.order, blocks, rows, before, first, here, slower))
    return found


def _packing(last: Ints, read: Ints) -> _Packing:
    """Where ticks stand of which the last one is given, and the last one that was read before."""
    counts, B = last - read, len(last)
    order = np.argsort(-counts, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(B)
    rising = counts[order][::-1]
    sizes = B - rising.searchsorted(np.arange(rising[-1]), side="right")
    starts = np.concatenate([[B], B + sizes.cumsum()])
    return _Packing(last, counts, order, places, sizes, starts)


def _before(packing: _Packing, n_rows: int) -> tuple[Ints, Ints]:
    """For each tick the row of the state before; and the rows of first ticks."""
    B, sizes = len(packing.order), packing.sizes
    before = np.arange(B, n_rows) + sizes.repeat(sizes)
    begun = np.arange(sizes[0] if len(sizes) else 0)
    first = packing.starts[packing.counts[packing.order[: len(begun)]] - 1] + begun
    before[first - B] = begun
    return before, first


def _rows_at(packing: _Packing, documents: Ints, numbers: Ints) -> Ints:
    """The rows of some documents' ticks; of those that were read before, that of the state then."""
    steps = packing.last[documents] - numbers
    is_here = steps < packing.counts[documents]
    rows: Ints = packing.places[documents] + np.where(is_here, packing.starts[steps], 0)
    return rows

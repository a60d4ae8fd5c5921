"""Batches without padding: the layout every other numeric module relies on.

Documents are sorted by length, longest first, and aligned at their *ends*. Step t holds
the words that stand t words before the end of their document, one contiguous block of
rows; a batch is read from its last step to step 0, and documents join on the way:

    documents   [a b c]  [d e]  [f]
    rows         c e f | b d | a
    batch_sizes  3       2     1

No step works on padding. All documents have their last word in step 0, so that the way
back begins with the whole batch, and where a gradient dies out after some steps it does so
for all of them at about the same step: what is left of the way need not be walked, and what
was walked is one block of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from textrnn.typing import Ids, Ints


@dataclass(frozen=True)
class PackedBatch:
    """Token ids of B documents, time-major and packed.

    Attributes:
        ids: token ids, int32 of shape (N,).
        lengths: words of each document, longest first, shape (B,).
        order: position of each document in the caller's list, shape (B,).
        batch_sizes: documents of more than t tokens, shape (T,).
        offsets: first row of step t, shape (T + 1,); the last entry is N.
        owners: if documents were cut into segments, the place in the caller's list of the
            document that each belongs to, shape (B,). Then B counts segments above, and
            ``order`` is that of the documents again. Else None.
    """

    ids: Ids
    lengths: Ints
    order: Ints
    batch_sizes: Ints
    offsets: Ints
    owners: Ints | None = None

    @property
    def n_sequences(self) -> int:
        """Documents, or segments of them, that are walked side by side."""
        return len(self.lengths)

    @property
    def n_tokens(self) -> int:
        return len(self.ids)

    @cached_property
    def _distinct_and_positions(self) -> tuple[Ints, Ints]:
        # A table over the ids is linear; np.unique would sort all N of them.
        position = np.zeros(int(self.ids.max()) + 1, dtype=np.int32)
        position[self.ids] = 1
        distinct = np.flatnonzero(position)
        position[distinct] = np.arange(len(distinct), dtype=np.int32)
        return distinct, position[self.ids]

    @property
    def distinct(self) -> Ints:
        """The distinct token ids of the batch, ascending, shape (U,)."""
        return self._distinct_and_positions[0]

    @property
    def inverse(self) -> Ints:
        """For each row its place in ``distinct``, shape (N,)."""
        return self._distinct_and_positions[1]

    @cached_property
    def steps(self) -> list[tuple[int, int]]:
        """First row and number of rows of every step."""
        return list(zip(self.offsets.tolist(), self.batch_sizes.tolist(), strict=False))

    @cached_property
    def previous_rows(self) -> Ints:
        """For each row that of the word before it, shape (N,); -1 for a first word."""
        sizes = self.batch_sizes
        joined = np.repeat(np.append(sizes[1:], 0), sizes)
        rows: Ints = np.arange(self.n_tokens) + np.repeat(sizes, sizes)
        rows[self.documents >= joined] = -1
        return rows

    @cached_property
    def mirrored_rows(self) -> Ints:
        """For each row that of the word as far from its document's other end, shape (N,)."""
        step = np.repeat(np.arange(len(self.batch_sizes)), self.batch_sizes)
        mirrored = self.lengths[self.documents] - 1 - step
        rows: Ints = self.offsets[mirrored] + self.documents
        return rows

    @cached_property
    def documents(self) -> Ints:
        """For each row the document (in sorted order) it belongs to, shape (N,)."""
        rows: Ints = np.arange(self.n_tokens) - np.repeat(self.offsets[:-1], self.batch_sizes)
        return rows


def pack(documents: Sequence[Ids], segment_length: int | None = None) -> PackedBatch:
    """Pack documents of token ids, each of at least one token, into one batch.

    Args:
        documents: ids of each.
        segment_length: cut longer documents into segments of at most so many tokens, about
            equally long, which are read side by side: fewer and wider steps.

    Raises:
        ValueError: there is no document, or one has no token.
    """
    if segment_length is None or max(map(len, documents), default=0) <= segment_length:
        return _pack(documents)
    segments: list[Ids] = []
    counts: list[int] = []
    for ids in documents:
        counts.append(-(-len(ids) // segment_length) or 1)
        segments += np.array_split(ids, counts[-1])
    batch = _pack(segments)
    owners = np.repeat(np.arange(len(documents)), counts)[batch.order]
    return replace(batch, owners=owners, order=np.arange(len(documents)))


def _pack(documents: Sequence[Ids]) -> PackedBatch:
    lengths = np.fromiter((len(ids) for ids in documents), dtype=np.int64, count=len(documents))
    if len(lengths) == 0 or lengths.min() == 0:
        raise ValueError("pack needs at least one document, and a token in each")
    order = np.argsort(-lengths, kind="stable")
    lengths = lengths[order]
    # Documents that are longer than t: how many lengths exceed each step.
    batch_sizes = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")
    offsets = np.concatenate([[0], np.cumsum(batch_sizes)])

    step = np.repeat(np.cumsum(lengths), lengths) - 1 - np.arange(lengths.sum())
    rows = offsets[step] + np.repeat(np.arange(len(lengths)), lengths)
    ids = np.empty(len(rows), dtype=np.int32)
    ids[rows] = np.concatenate([documents[i] for i in order])
    return PackedBatch(ids, lengths, order, batch_sizes, offsets)

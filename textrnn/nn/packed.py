"""Batches without padding: the layout every other numeric module relies on.

Documents are sorted by length, longest first, and aligned at their *ends*. Step t holds
the words that stand t words before the end of their document, one contiguous block of
rows; a batch is read from its last step to step 0, and documents join on the way:

    documents   [a b c]  [d e]  [f]
    rows         c e f | b d | a
    batch_sizes  3       2     1

No step works on padding. All documents have their last word in step 0, so that the backward
pass begins with the whole batch, and where a gradient dies out after some steps it does so
for all of them at about the same step: the pass need not go further, and what
it went over is one block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from textrnn.typing import Array, Counts, Floats, Forms, Ids, Ints


@dataclass(frozen=True)
class PackedBatch:
    """Token ids of B documents, time-major and packed.

    Attributes:
        ids: token ids, int32 of shape (N,); of real-valued sequences vectors, (N, D).
        lengths: words of each document, longest first, shape (B,).
        order: position of each document in the caller's list, shape (B,).
        batch_sizes: documents of more than t tokens, shape (T,).
        offsets: first row of step t, shape (T + 1,); the last entry is N.
        begins: the place of the first token of each document among those of all that are packed,
            one after the other in the caller's order, (B,).
        owners: if documents were cut into segments, the place in the caller's list of the
            document that each belongs to, shape (B,). Then the others tell of segments, where it
            says documents, but for ``order``, which is the caller's. Else None.
        forms: what the ids are rows of, where they are of forms; see ``typing``. Else None.
    """

    ids: Ids
    lengths: Ints
    order: Ints
    batch_sizes: Ints
    offsets: Ints
    begins: Ints
    owners: Ints | None = None
    forms: Forms | None = None

    @property
    def n_sequences(self) -> int:
        """Documents, or segments of them, that are read side by side."""
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

    @property
    def distinct_forms(self) -> Forms:
        """What is known of the distinct tokens, (U, 1 + K), where the ids are of forms."""
        assert self.forms is not None
        n = len(self.forms)
        found = self.forms[self.distinct % n]
        found[self.distinct >= n, 0] = 0
        return found

    @cached_property
    def steps(self) -> list[tuple[int, int]]:
        """First row and number of rows of every step."""
        return list(zip(self.offsets.tolist(), self.batch_sizes.tolist(), strict=False))

    def chunks(self, room: int) -> Iterator[tuple[int, int]]:
        """As many steps at a time as ``room`` has rows for, from the last one, read first, back.

        Yields the first of them and the last one and more: it has at least one, of any size.
        """
        last = len(self.batch_sizes)
        while last:
            first = last - 1
            while first and self.offsets[last] - self.offsets[first - 1] <= room:
                first -= 1
            yield first, last
            last = first

    def of_steps(self, first: int, last: int) -> tuple[PackedBatch, slice]:
        """The words in some steps as a batch of their own, and the rows that they have here."""
        rows = slice(*self.offsets[[first, last]].tolist())
        n = self.batch_sizes[first]
        lengths = np.minimum(self.lengths[:n], last) - first
        return replace(
            self,
            ids=self.ids[rows],
            lengths=lengths,
            order=self.order[:n],
            batch_sizes=self.batch_sizes[first:last],
            offsets=self.offsets[first : last + 1] - rows.start,
            begins=self.begins[:n] + self.lengths[:n] - first - lengths,
            owners=None if self.owners is None else self.owners[:n],
        ), rows

    @cached_property
    def previous_rows(self) -> Ints:
        """For each row that of the word before it, shape (N,); -1 for a first word."""
        sizes = self.batch_sizes
        carried = np.repeat(np.append(sizes[1:], 0), sizes)
        rows: Ints = np.arange(self.n_tokens) + np.repeat(sizes, sizes)
        rows[self.documents >= carried] = -1
        return rows

    @cached_property
    def mirrored_rows(self) -> Ints:
        """For each row that of the word as far from its document's other end, shape (N,)."""
        rows: Ints = self.offsets[self.numbers - 1] + self.documents
        return rows

    @cached_property
    def places(self) -> Ints:
        """For each row the place of its token among those packed, in the caller's order, (N,).

        ``values[places]`` puts a value of each token into its row.
        """
        places: Ints = self.begins[self.documents] + self.numbers - 1
        return places

    @cached_property
    def numbers(self) -> Ints:
        """For each row the number of its word in its document, from 1, shape (N,)."""
        from_last = np.repeat(np.arange(len(self.batch_sizes)), self.batch_sizes)
        numbers: Ints = self.lengths[self.documents] - from_last
        return numbers

    @cached_property
    def documents(self) -> Ints:
        """For each row the document (in sorted order) it belongs to, shape (N,)."""
        rows: Ints = np.arange(self.n_tokens) - np.repeat(self.offsets[:-1], self.batch_sizes)
        return rows


def pack_rows(
    ids: Array,
    starts: Counts,
    rows: Ints | None = None,
    *,
    segment_length: int | None = None,
    forms: Forms | None = None,
) -> PackedBatch:
    """Pack some of many documents, each of at least one token, into one batch.

    Args:
        ids: token ids of all documents, one document after the other, int32; or vectors,
            (tokens, D).
        starts: where each document begins among them and the last one ends, (documents + 1,).
        rows: positions of those that are packed, (B,); None packs all.
        segment_length: cut longer documents into segments of at most so many tokens, about
            equally long, which are read side by side: fewer and wider steps.
        forms: what the ids are rows of, if they are of forms.

    Raises:
        ValueError: there is no document, or one has no token.
    """
    rows = np.arange(len(starts) - 1) if rows is None else rows
    starts, ends = starts[rows], starts[rows + 1]
    if segment_length is None or (ends - starts).max(initial=0) <= segment_length:
        return _pack(ids, starts, ends, forms)
    starts, ends, owners = _segments(starts, ends, segment_length)
    batch = _pack(ids, starts, ends, forms)
    return replace(batch, owners=owners[batch.order], order=np.arange(len(rows)))


def pack_spans(
    batch: PackedBatch, documents: Ints, begins: Ints, ends: Ints
) -> tuple[PackedBatch, Ints]:
    """Pack pieces of documents that are packed already.

    Args:
        batch: of whole documents.
        documents: some of them by their places in sorted order, ascending, (n,).
        begins: how many words of each come before its piece, (n,).
        ends: up to which word, from 1, the piece goes, (n,). A piece is no longer than that of a
            document before it.

    Returns:
        The pieces, in the order of the documents, and for each of their rows that of the word in
        ``batch``.
    """
    lengths = ends - begins
    owners = np.repeat(documents, lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    number = np.arange(1, starts[-1] + 1) + np.repeat(begins - starts[:-1], lengths)
    packed = pack_rows(batch.offsets[batch.lengths[owners] - number] + owners, starts)
    rows: Ints = packed.ids
    return replace(packed, ids=batch.ids[rows], forms=batch.forms), rows


def pack(
    documents: Sequence[Ids] | Sequence[Floats], segment_length: int | None = None
) -> PackedBatch:
    """Pack documents that are arrays of their own, (T,) or (T, D); see ``pack_rows``."""
    starts = np.cumsum([0, *map(len, documents)])
    ids: Array = np.concatenate(documents) if len(documents) else np.zeros(0, np.int32)
    return pack_rows(ids, starts, segment_length=segment_length)


def _pack(ids: Array, starts: Counts, ends: Counts, forms: Forms | None) -> PackedBatch:
    """Pack the documents between some places."""
    lengths = ends - starts
    if len(lengths) == 0 or lengths.min() == 0:
        raise ValueError("pack needs at least one document, and a token in each")
    order = np.argsort(-lengths, kind="stable")
    begins = (np.cumsum(lengths) - lengths)[order]
    lengths = lengths[order]
    # Documents that are longer than t: how many lengths exceed each step.
    batch_sizes = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")
    offsets = np.concatenate([[0], np.cumsum(batch_sizes)])
    step = np.repeat(np.arange(len(batch_sizes)), batch_sizes)
    documents = np.arange(offsets[-1]) - offsets[step]
    tokens = ids[ends[order][documents] - 1 - step]
    return PackedBatch(tokens, lengths, order, batch_sizes, offsets, begins, forms=forms)


def _segments(starts: Counts, ends: Counts, limit: int) -> tuple[Counts, Counts, Ints]:
    """Where segments of at most so many tokens begin and end, and the document of each.

    The first ones of a document are a token longer where its length has no equal parts.
    """
    lengths = ends - starts
    counts = np.maximum(-(-lengths // limit), 1)
    owners = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    shorter, longer_ones = lengths // counts, lengths % counts
    begins = starts[owners] + place * shorter[owners] + np.minimum(place, longer_ones[owners])
    return begins, begins + shorter[owners] + (place < longer_ones[owners]), owners

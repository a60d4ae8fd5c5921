"""Texts read from their beginnings, some words at a time: what truncated learning goes by.

After every k1 words there is a *part*: the answers given in them, and a way back from these over at
most k2 words of each text. The states that a part begins with are constants, carried from what was
read before, under the weights that were then. The k2 words themselves are read once more, under the
weights of now, so that a part's gradient is the exact one of a loss that is cut off there.

A readout that pools has all outputs of a text so far: those of the last k2 words as they are read
now, and the earlier ones as they were read, constants, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from textrnn.nn.bodies import BodyCache
from textrnn.nn.cells import TIME
from textrnn.nn.dropout import Dropout
from textrnn.nn.gradients import Gradients, add_gradients
from textrnn.nn.heads import HeadCache
from textrnn.nn.packed import PackedBatch, pack_spans
from textrnn.nn.several import backward_each
from textrnn.nn.workspace import Workspace
from textrnn.training.lesson import Lesson
from textrnn.training.regularisation import Regularisation
from textrnn.typing import Bools, Floats, Ints, Params


@dataclass(frozen=True)
class Part:
    """The answers given in k1 words of some texts, valid until the next part is read.

    Attributes:
        lesson: of these answers, in the order of the logits; others count nothing.
        logits: (answers, C).
        n_words: that were read since the part before, those after the last answer included.
        body: of the words that the way back goes over.
        rows: where these stand in the batch of whole texts.
        head: of the answers.
        answering: the words whose outputs they are made of.
        head_rows: where these stand in the batch of whole texts.
    """

    lesson: Lesson
    logits: Floats
    n_words: int
    body: BodyCache
    rows: Ints
    head: HeadCache
    answering: PackedBatch
    head_rows: Ints

    def backward(self, d_logits: Floats, *, gradient_floor: float = 0.0) -> tuple[Gradients, int]:
        """All gradients, and how many words the way back went over; may be asked for again."""
        network = self.lesson.network
        d_head, d_last, of_head = network.head.backward(
            d_logits, self.head, self.answering, network.params
        )
        found = network.body.backward(
            self.body,
            d_outputs=None if d_head is None else self._of_window(d_head),
            d_last=d_last,
            gradient_floor=gradient_floor,
        )
        return add_gradients(of_head, found.params), found.unrolled[0]

    def backward_each(self, d_logits: Floats) -> list[Gradients]:
        """All gradients for each of some of the logits, (R, answers, C), of a part of one text."""
        network, (_, N, H) = self.lesson.network, self.body.outputs.shape
        d_outputs = np.zeros((len(d_logits), N, H), network.dtype)
        of_heads = []
        for one, d in zip(d_outputs, d_logits, strict=True):
            d_head, d_last, of_head = network.head.backward(
                d, self.head, self.answering, network.params
            )
            if d_head is not None:
                one += self._of_window(d_head)[0]
            if d_last is not None:
                one[:1] += d_last[0]
            of_heads.append(of_head)
        of_bodies = backward_each(network.body, self.body, d_outputs)
        return [add_gradients(*both) for both in zip(of_heads, of_bodies, strict=True)]

    def _of_window(self, d_head: Floats) -> Floats:
        """Gradients of the outputs that the head took, as those of the words gone back over."""
        if self.head_rows is self.rows:
            return d_head
        places = np.full(max(self.rows.max(), self.head_rows.max()) + 1, -1)
        places[self.rows] = np.arange(len(self.rows))
        own = places[self.head_rows]
        d_outputs = np.zeros((1, len(self.rows), d_head.shape[-1]), d_head.dtype)
        d_outputs[:, own[own >= 0]] = d_head[:, own >= 0]
        return d_outputs


class Reading:
    """A batch of whole texts under way; its weights may change between two parts.

    Args:
        lesson: what is asked; its network reads one way.
        k1: words between two parts.
        k2: words that the way back goes over at most, no fewer than k1.
        regularisation: dropout, drawn anew for each part.
        rng: the source of randomness.
        workspace: where a part is kept.
    """

    def __init__(
        self,
        lesson: Lesson,
        k1: int,
        k2: int,
        *,
        regularisation: Regularisation,
        rng: np.random.Generator,
        workspace: Workspace,
    ) -> None:
        self.lesson, self.k1, self.k2 = lesson, k1, k2
        self._regularisation, self._rng, self._workspace = regularisation, rng, workspace
        network, N = lesson.network, lesson.packed.n_tokens
        self._carried, self._n_told = network.cell.carried_names, 0
        # Of every layer, states by name after each word that was read, (1, N, H).
        self._states: list[Params] = [
            {
                name: np.zeros((1, N, network.body.width), network.dtype)
                for name in {"h", *self._carried}
            }
            for _ in network.body.layers
        ]

    @cached_property
    def _numbers(self) -> Ints:
        """After which word of its text each answer is given, from 1, (answers,)."""
        packed = self.lesson.packed
        return packed.numbers if self.lesson.at_tokens else packed.lengths

    @cached_property
    def _documents(self) -> Ints:
        """Of which text each answer is, (answers,)."""
        packed = self.lesson.packed
        return packed.documents if self.lesson.at_tokens else np.arange(packed.n_sequences)

    @cached_property
    def _counts(self) -> Bools:
        """Whether each answer counts for anything; if none does, all are asked for nothing."""
        none = np.ones(len(self._numbers))
        weights, shares = self.lesson.weights, self.lesson.shares
        counts: Bools = (none if weights is None else weights) != 0.0
        counts |= (none if shares is None else shares) != 0.0
        return counts if counts.any() else none.astype(bool)

    @cached_property
    def _last(self) -> Ints:
        """The last word of each text after which an answer counts, or 0, (B,)."""
        last = np.zeros(self.lesson.packed.n_sequences, np.int64)
        np.maximum.at(last, self._documents[self._counts], self._numbers[self._counts])
        return last

    @property
    def starts(self) -> range:
        """After how many words each part begins, up to the last answer."""
        return range(0, int(self._last.max()), self.k1)

    def part(self, start: int) -> Part | None:
        """Read the next k1 words; None if there is no answer in them that counts."""
        end, lengths = start + self.k1, self.lesson.packed.lengths
        asked = self._counts & (self._numbers > start) & (self._numbers <= end)
        documents = np.unique(self._documents[asked])
        dropout = self._regularisation.dropout(self._rng)
        passed_by = np.setdiff1d(np.flatnonzero(self._last > end), documents)
        if len(passed_by):
            begins = np.full(len(passed_by), start)
            self._read(passed_by, begins, begins + self.k1, dropout)
        if not len(documents):
            return None
        ends = np.minimum(end, lengths[documents])
        body, rows = self._read(documents, np.maximum(ends - self.k2, 0), ends, dropout)
        is_last = end >= self._last.max()
        n_words = int((lengths if is_last else np.minimum(end, lengths)).sum()) - self._n_told
        self._n_told += n_words

        lesson, network = self.lesson, self.lesson.network
        first = np.full_like(ends, start if network.head.is_local else 0)
        answering, head_rows = pack_spans(lesson.packed, documents, first, ends)
        h = self._states[-1]["h"][:, head_rows]
        answers = head_rows if self.lesson.at_tokens else documents
        own = replace(
            lesson,
            targets=lesson.targets[answers],
            weights=_counting(lesson.weights, asked, answers, network.dtype),
            shares=_counting(lesson.shares, asked, answers, network.dtype),
        ).sampled(self._regularisation.negatives, self._rng)
        logits, head = own.network.head.forward(h, answering, network.params, dropout)
        return Part(own, logits, n_words, body, rows, head, answering, head_rows)

    def _read(
        self, documents: Ints, begins: Ints, ends: Ints, dropout: Dropout
    ) -> tuple[BodyCache, Ints]:
        """Read some words of some texts and keep their states; return where the words stand."""
        packed, rows = pack_spans(self.lesson.packed, documents, begins, ends)
        body = self.lesson.network.body.forward(
            packed,
            dropout=dropout,
            initial=self._before(documents, begins),
            workspace=self._workspace,
        )
        for states, layer in zip(self._states, body.layers, strict=True):
            for name, values in states.items():
                values[:, rows] = layer.trace.states[name]
        return body, rows

    def _before(self, documents: Ints, begins: Ints) -> list[Params] | None:
        """The states of each layer after so many words of texts; None where all begin."""
        if not begins.any():
            return None
        packed, cell = self.lesson.packed, self.lesson.network.cell
        begun = begins > 0
        rows = packed.offsets[(packed.lengths[documents] - begins)[begun]] + documents[begun]
        found = []
        for states in self._states:
            before = {name: np.zeros_like(states[name][:, : len(begins)]) for name in self._carried}
            for name, values in before.items():
                values[:, begun] = states[name][:, rows]
            if cell.needs_times:
                before[TIME] = begins[np.newaxis, :, np.newaxis].astype(np.float64)
            found.append(before)
        return found


def _counting(
    values: Floats | None, asked: Bools, answers: Ints, dtype: np.dtype[Any]
) -> Floats | None:
    """Weights or shares of some answers, zeros of those that are not asked now; None is ones."""
    counts = asked[answers]
    if values is None:
        return None if counts.all() else counts.astype(dtype)
    found: Floats = values[answers] * counts
    return found

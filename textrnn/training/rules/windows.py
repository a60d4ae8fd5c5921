"""Texts read k1 words at a time where every word is answered for: truncated learning of any length.

As in ``parts``, after every k1 words there is a part: the answers given in them, and a way back
over at most k2 words, which are read once more under the weights of now. But an answer at a word is
made of the output there alone, so nothing is kept of what was read but the state that the next part
begins with: memory is for k2 words of each text, however long it is, and for its ids. All texts
are counted from their beginnings, also where they end before the part does, so with k1 = k2 no word
is read twice; of a text of no more than k2 words every part goes back to its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from textrnn.nn.bodies import BodyCache
from textrnn.nn.cells import TIME
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack_rows, pack_spans
from textrnn.training.batching import drop_to_unknown
from textrnn.training.examples import Examples
from textrnn.training.lesson import Lesson, check_targets, step_weights
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.parts import Part
from textrnn.training.step import Batch
from textrnn.typing import Floats, Ids, Ints, Params


def windows(
    network: Network,
    batch: Batch,
    k1: int,
    k2: int,
    *,
    regularisation: Regularisation,
    loss: str,
) -> Iterator[Part | None]:
    """The parts of a batch, None for one in which nothing is asked.

    Args:
        network: reads one way and answers at every token.
        batch: texts with a target for each token.
        k1: words between two parts.
        k2: words that the way back goes over at most, no fewer than k1.
        regularisation: dropout, drawn anew for each part, and words that become unknown.
        loss: one of ``lesson.LOSSES``.
    """
    reading = _Reading(network, batch, k2, regularisation, loss)
    for start in range(0, int(reading.reach[0]), k1):
        yield reading.part(start, start + k1, max(start + 2 * k1 - k2, 0))


class _Reading:
    """A batch under way, its texts in an order of their own: those that go on longest first."""

    def __init__(
        self, network: Network, batch: Batch, k2: int, regularisation: Regularisation, loss: str
    ) -> None:
        check_targets(network, batch.examples)
        self._network, self._batch, self._k2, self._loss = network, batch, k2, loss
        self._regularisation = regularisation
        texts, unknown = batch.examples.texts, regularisation.unknown_probabilities
        self._ids: Ids = texts.ids
        if unknown is not None:
            self._ids = drop_to_unknown(texts.ids, unknown, batch.rng, texts.forms)
        reach = _reach(batch.examples)
        self._order = np.argsort(-reach, kind="stable")
        self.reach = reach[self._order]
        """Up to which word of each text something is asked, (B,)."""
        self._states: list[Params] | None = None
        self._n_told = 0

    @property
    def _examples(self) -> Examples:
        return self._batch.examples

    @cached_property
    def _totals(self) -> Floats:
        """What the answers of each text weigh together, (texts,), in the caller's order."""
        weights = self._examples.weights
        if weights is None:
            return np.ones(len(self._examples))
        total = np.add.reduceat(weights, self._examples.texts.starts[:-1], dtype=np.float64)
        return np.where(total == 0.0, 1.0, total)

    def part(self, start: int, end: int, next_begin: int) -> Part | None:
        """The answers in the words after ``start`` up to ``end``.

        The next part is to begin after ``next_begin`` words.
        """
        n = int(np.searchsorted(-self.reach, -start))
        stops = np.minimum(self.reach[:n], end)
        begins = np.where(self.reach[:n] <= self._k2, 0, max(end - self._k2, 0))
        by_length = np.argsort(begins - stops, kind="stable")
        begins, stops = begins[by_length], stops[by_length]
        packed, places = self._pack(by_length, begins, stops)
        dropout = self._regularisation.dropout(self._batch.rng)
        body = self._network.body.forward(
            packed,
            dropout=dropout,
            initial=self._before(by_length, begins),
            workspace=self._batch.workspace,
        )
        if next_begin > 0:
            self._keep(body, packed, end, next_begin)
        answering, of_all = packed, np.arange(packed.n_tokens)
        rows: Ints = of_all
        if begins.min() < start:
            answering, rows = pack_spans(packed, np.arange(n), start - begins, packed.lengths)
        lesson = self._lesson(answering, places[rows])
        if self._is_asked and not np.any(lesson.weights):
            return None
        is_last = end >= self.reach[0]  # which tells of the words behind the last answers, too
        read = self._examples.n_tokens if is_last else int(np.minimum(self.reach, end).sum())
        n_words, self._n_told = read - self._n_told, read
        lesson = lesson.sampled(self._regularisation.negatives, self._batch.rng)
        h = body.outputs if answering is packed else body.outputs[:, rows]
        params = self._network.params
        logits, head = lesson.network.head.forward(h, answering, params, dropout)
        return Part(lesson, logits, n_words, body, of_all, head, answering, rows)

    @cached_property
    def _is_asked(self) -> bool:
        """Whether any answer weighs anything; if none does, all are asked for nothing."""
        weights = self._examples.weights
        return weights is None or bool(weights.any())

    def _pack(self, texts: Ints, begins: Ints, stops: Ints) -> tuple[PackedBatch, Ints]:
        """Words of some texts, and the place of each row's among those of all texts."""
        lengths = stops - begins
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        first = self._examples.texts.starts[self._order[texts]] + begins
        places = np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], lengths)
        packed = pack_rows(self._ids[places], bounds, forms=self._examples.texts.forms)
        return packed, places[packed.places]

    def _before(self, texts: Ints, begins: Ints) -> list[Params] | None:
        """The states that some texts begin with; None where all begin at their first words."""
        if not begins.any():
            return None
        assert self._states is not None
        found = [{name: v[:, texts] for name, v in layer.items()} for layer in self._states]
        for layer in found:
            for values in layer.values():
                values[:, begins == 0] = 0.0
            if self._network.cell.needs_times:
                layer[TIME] = begins[np.newaxis, :, np.newaxis].astype(np.float64)
        return found

    def _keep(self, body: BodyCache, packed: PackedBatch, end: int, number: int) -> None:
        """Remember the states after a word, of the texts that go on: the first ones."""
        n = int(np.searchsorted(-self.reach, -end))
        first = packed.offsets[end - number] if n else 0
        names = self._network.cell.carried_names
        self._states = [
            {name: layer.trace.states[name][:, first : first + n].copy() for name in names}
            for layer in body.layers
        ]

    def _lesson(self, answering: PackedBatch, places: Ints) -> Lesson:
        """What is asked at some words, by their places among those of all texts."""
        examples, dtype = self._examples, self._network.dtype
        of_text = np.searchsorted(examples.texts.starts, places, side="right") - 1
        if examples.weights is None:
            numbers = places - examples.texts.starts[of_text] + 1
            lengths = examples.lengths[of_text]
            weights = step_weights(numbers, lengths, self._loss).astype(dtype)
        else:
            weights = examples.weights[places]
        return Lesson(
            self._network,
            answering,
            examples.targets.take(places).values,
            weights,
            weights / self._totals[of_text],
            at_tokens=True,
            size=self._batch.size,
        )


def _reach(examples: Examples) -> Ints:
    """Up to which word of each text something is asked, (B,)."""
    weights, starts = examples.weights, examples.texts.starts
    if weights is None or not weights.any():
        return examples.lengths
    numbers = np.arange(1, len(weights) + 1) * (weights != 0.0)
    reach: Ints = np.maximum(np.maximum.reduceat(numbers, starts[:-1]) - starts[:-1], 0)
    return reach

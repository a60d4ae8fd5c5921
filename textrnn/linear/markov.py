"""Markov chains of order n, whose words depend on the n - 1 before: the language model to beat.

Most n-grams that a text holds never occurred before. What to think of those is all there is to
such a model, and interpolated Kneser-Ney smoothing in its modified form (Chen and Goodman 1999)
is the one that others are measured by. Of each count a discount is taken, one for counts of 1, of
2, and of 3 and more. What was taken after a history h is given to all words in proportion to their
probability after h without its first word:

    p(w | h) = (c(h w) - D(c(h w))) / c(h .) + g(h) p(w | h without its first word)
    g(h) = sum of D(c(h w)) over all w / c(h .)

and in the end to all words alike. The counts of the longest n-grams are how often they occurred,
of the shorter ones how many different words came before them: a word that only ever follows one
other word is not probable in itself.

The numbers are those of KenLM's ``lmplz`` (Heafield et al. 2013): what begins a text has no word
before it, and is counted as it occurred; the beginning is no word; the unknown word has its share
of what goes to all alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from textrnn.linear.markov_counts import Counted, Level, count_ngrams, histories_of, with_ends
from textrnn.system.runs import pieces
from textrnn.typing import Counts, Floats, Ints

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where those of the counts cannot be: as of lmplz --discount_fallback."""
AT_ONCE = 1_000_000
"""Words whose probabilities are made at once: it bounds memory."""


class Discounts(NamedTuple):
    """What is taken of counts of 1, 2 and more.

    Attributes:
        amounts: float64 of shape (3,).
        are_estimated: from counts of counts; if not they are ``FALLBACK``.
    """

    amounts: Floats
    are_estimated: bool


def discounts_of(counts: Ints) -> Discounts:
    """The discounts for some counts, by how many of them are 1, 2, 3 and 4.

    Equation 26 of Chen and Goodman. A small corpus, or one whose rare words were left out, may
    have no n-gram that occurred once; and one that was made up may have discounts that take
    nothing, or less.
    """
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    if n1 and n2 and n3:
        y = n1 / (n1 + 2 * n2)
        amounts = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
        if (amounts > 0.0).all():
            return Discounts(amounts, are_estimated=True)
    return Discounts(np.array(FALLBACK), are_estimated=False)


@dataclass(frozen=True)
class Chain:
    """The n-grams of some texts, and with them the probability of every word after any other.

    Attributes:
        firsts: counts of single marks, shape (V + 1,), the end of a text last.
        levels: of n-grams of two marks and more, as many as the order less one.
        discounts: of each order, float64 of shape (order, 3).
    """

    firsts: Ints
    levels: tuple[Level, ...]
    discounts: Floats

    @property
    def order(self) -> int:
        """Marks of the longest n-gram."""
        return len(self.levels) + 1

    @property
    def n_marks(self) -> int:
        """V + 1, words and the end."""
        return len(self.firsts)

    @property
    def n_ngrams(self) -> int:
        """N-grams of all lengths."""
        return int(np.count_nonzero(self.firsts)) + sum(len(level.words) for level in self.levels)

    @cached_property
    def alone(self) -> Floats:
        """The probability of each mark where nothing is known of what came before, (V + 1,)."""
        total = int(self.firsts.sum(dtype=np.int64))
        taken = _taken(self.firsts, self.discounts[0])
        alone: Floats = (self.firsts - taken + taken.sum() / self.n_marks) / total
        return alone

    @cached_property
    def _smoothed(self) -> list[tuple[Floats, Floats]]:
        """Of each level: c(h .) and g(h) of each history; see ``_of_histories``."""
        return [
            _of_histories(level, amounts)
            for level, amounts in zip(self.levels, self.discounts[1:], strict=True)
        ]

    def log_probabilities(self, ids: Ints, starts: Counts) -> Floats:
        """The natural logarithm of the probability of each word, and of the end of each text.

        Args:
            ids: of the words of each text, shape (N,).
            starts: where each text begins among them and the last one ends, (texts + 1,).

        Returns:
            float64 of shape (N + texts,), the end of a text after its words.
        """
        found = [np.zeros(0)]
        row = 0
        while row < len(starts) - 1:
            fits = int(np.searchsorted(starts, starts[row] + AT_ONCE, side="right")) - 1
            stop = max(fits, row + 1)
            some = starts[row : stop + 1]
            marks = with_ends(ids[some[0] : some[-1]], some - some[0], self.n_marks - 1)
            found.append(np.log(self._probabilities(marks)))
            row = stop
        return np.concatenate(found)

    def _probabilities(self, marks: Ints) -> Floats:
        """The probability of each mark but the first, shape (m - 1,)."""
        before, words = marks[:-1], marks[1:]
        is_end = before == self.n_marks - 1
        probabilities = self.alone[words]
        histories: Ints = before
        for i, level in enumerate(self.levels):
            found = level.find(histories, words)
            total, rest = self._smoothed[i]
            probabilities *= rest[histories]
            known = np.flatnonzero(found >= 0)
            probabilities[known] += self._shares(i, found[known], total[histories[known]])
            histories = histories_of(found, is_end)
        return probabilities

    def begin(self, n: int) -> Ints:
        """The histories of n texts of which nothing was read, int64 of shape (n, order - 1).

        A column for each level: the number of the n-gram that was read last in the level below,
        or -1.
        """
        histories = np.full((n, len(self.levels)), -1, dtype=np.int64)
        histories[:, :1] = self.n_marks - 1
        return histories

    def push(self, histories: Ints, words: Ints) -> Ints:
        """The histories, as in ``begin``, after one more word of each text, shape (n,)."""
        after = np.empty_like(histories)
        after[:, :1] = words[:, np.newaxis]
        for i, level in enumerate(self.levels[:-1]):
            after[:, i + 1] = level.find(histories[:, i], words)
        return after

    def next(self, histories: Ints) -> Floats:
        """The probability of each mark after some histories, float64 of shape (n, V + 1)."""
        probabilities = np.tile(self.alone, (len(histories), 1))
        for i, level in enumerate(self.levels):
            rows = np.flatnonzero(histories[:, i] >= 0)
            numbers = histories[rows, i]
            total, rest = self._smoothed[i]
            probabilities[rows] *= rest[numbers, np.newaxis]
            lengths = np.diff(level.starts)[numbers]
            places = pieces(level.starts[numbers], lengths)
            shares = self._shares(i, places, np.repeat(total[numbers], lengths))
            probabilities[np.repeat(rows, lengths), level.words[places]] += shares
        return probabilities

    def _shares(self, i: int, numbers: Ints, total: Floats) -> Floats:
        """What the counts of some n-grams of a level give them, shape (n,)."""
        counts = self.levels[i].counts[numbers]
        shares: Floats = (counts - _taken(counts, self.discounts[i + 1])) / total
        return shares


def _taken(counts: Ints, amounts: Floats) -> Floats:
    """The discount of each count, 0 of 0, float64 of the same shape."""
    taken: Floats = np.concatenate([[0.0], amounts])[np.minimum(counts, 3)]
    return taken


def _of_histories(level: Level, amounts: Floats) -> tuple[Floats, Floats]:
    """The sum of the counts after each history, and the share of it that was taken.

    Both float64 of shape (histories + 1,); 1 of a history that no word follows. So is the last
    entry: that of the number -1, a history that never occurred.
    """
    total, rest = np.ones((2, len(level.starts)))
    followed = np.flatnonzero(level.starts[1:] > level.starts[:-1])
    begins = level.starts[followed]
    if len(begins):
        total[followed] = np.add.reduceat(level.counts, begins, dtype=np.int64)
        rest[followed] = np.add.reduceat(_taken(level.counts, amounts), begins)
        rest[followed] /= total[followed]
    return total, rest


class Fitted(NamedTuple):
    """A chain, and which of its orders have discounts that are not estimated."""

    chain: Chain
    fallbacks: tuple[int, ...]


def fit_chains(
    ids: Ints, starts: Counts, *, n_marks: int, orders: Sequence[int]
) -> dict[int, Fitted]:
    """Chains of some orders on the same texts, which are counted once.

    Args:
        ids: of the words of each text, below ``n_marks`` - 1, shape (N,).
        starts: where each text begins among them and the last one ends, (texts + 1,); there must
            be a text.
        n_marks: V + 1, words and the end.
        orders: of the chains, each 1 or more.
    """
    counted = count_ngrams(ids, starts, n_marks=n_marks, max_n=max(orders))
    return {order: _of_order(counted, order) for order in orders}


def _of_order(counted: Counted, order: int) -> Fitted:
    """The chain of an order up to the longest n-gram that was counted."""
    levels = list(counted.levels[: order - 1])
    firsts = counted.firsts if levels else counted.raw_firsts
    if levels:
        levels[-1] = levels[-1]._replace(counts=counted.raw[order - 2])
    discounts = [discounts_of(counts) for counts in (firsts, *(level.counts for level in levels))]
    fallbacks = tuple(i for i, found in enumerate(discounts, 1) if not found.are_estimated)
    amounts = np.stack([found.amounts for found in discounts])
    return Fitted(Chain(firsts, tuple(levels), amounts), fallbacks)


def fit_chain(ids: Ints, starts: Counts, *, n_marks: int, order: int) -> Fitted:
    """The chain of one order; see ``fit_chains``."""
    return fit_chains(ids, starts, n_marks=n_marks, orders=[order])[order]


def joint_logits(chains: Sequence[Chain], prior: Floats, ids: Ints, starts: Counts) -> Floats:
    """log p(class) + log p(text | class), float64 of shape (n_texts, C).

    Args:
        chains: of each class.
        prior: of each class, shape (C,).
        ids: of the words of each text, shape (N,).
        starts: where each text begins among them and the last one ends, (n_texts + 1,).
    """
    logits = np.tile(np.log(prior), (len(starts) - 1, 1))
    if len(logits):
        begins = starts[:-1] + np.arange(len(logits))  # each text has its end, so none is empty
        for c, chain in enumerate(chains):
            logits[:, c] += np.add.reduceat(chain.log_probabilities(ids, starts), begins)
    return logits

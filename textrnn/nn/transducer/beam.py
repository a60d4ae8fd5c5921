"""Beam search: the most probable beginnings of a target side by side, for many sources at once.

At each step every one of K beginnings goes on with every word. Of the 2 K best of all, those that
end and are among the K best are finished; the K best of the others go on. A source is done when
none of those that go on can become better than what is finished: as a logarithm of a probability
never rises, that is known exactly, so that of beginnings that were kept the best text is found.

With a length penalty a, texts are compared by log p / ((5 + n) / 6)^a, n their words and the mark
(Wu et al. 2016): else longer ones would always be less probable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.transducer.search import CROWDED, Written, allowed, source_lengths, spread, taken
from textrnn.nn.transducer.transducer import Transducer
from textrnn.nn.transducer.writer import Writer
from textrnn.typing import Array, Floats, Ints


class End(NamedTuple):
    """A text that has ended."""

    score: float
    log_probability: float
    n_words: int
    beginning: int
    """Which of the K beginnings of ``n_words`` words it is."""


@dataclass
class Finished:
    """The best texts of a source that have ended, the best first."""

    ends: list[End]
    n_best: int
    length_penalty: float

    def add(self, log_probability: float, n_words: int, beginning: int) -> None:
        score = log_probability / penalty(n_words + 1, self.length_penalty)
        self.ends.append(End(score, log_probability, n_words, beginning))
        self.ends.sort(key=lambda end: -end.score)
        del self.ends[self.n_best :]

    def is_done(self, reachable: float) -> bool:
        """Whether no text of such a score at best would be among them."""
        return len(self.ends) == self.n_best and self.ends[-1].score >= reachable


class Steps(NamedTuple):
    """All that was gone through, a step each."""

    words: list[Ints]
    """The last words of the beginnings that go on, (B, K)."""
    parents: list[Ints]
    """Which of the beginnings of the step before they go on, (B, K)."""
    weights: list[Floats]
    """What the beginnings before looked at, (B, K, T)."""

    def add(self, words: Ints, parents: Ints, weights: Floats) -> None:
        self.words.append(words)
        self.parents.append(parents)
        self.weights.append(weights)

    def written(self, source: int, end: End, width: int) -> Written:
        """A text that has ended, followed back to its first word."""
        k, n = end.beginning, end.n_words
        ids, alignment = np.empty(n, np.int32), [self.weights[n][source, k, :width]]
        for t in reversed(range(n)):
            ids[t], k = self.words[t][source, k], self.parents[t][source, k]
            alignment.append(self.weights[t][source, k, :width])
        return Written(ids, end.log_probability, np.stack(alignment[::-1]))


def beam(
    transducer: Transducer,
    sources: PackedBatch,
    *,
    width: int,
    max_length: int,
    length_penalty: float = 0.0,
    n_best: int = 1,
    never: tuple[int, ...] = (),
) -> list[list[Written]]:
    """Search for the best targets.

    Args:
        transducer: what writes.
        sources: as ``Transducer.pack_sources`` makes them.
        width: K, beginnings that are kept at each step.
        max_length: words at most.
        length_penalty: a; 0 compares probabilities as they are.
        n_best: how many are searched for, at most ``width``.
        never: ids that are not written; the probabilities of the others sum to one.

    Returns:
        For each source, in the caller's order, what was found, the best first.

    Raises:
        ValueError: there is no such ``n_best`` or ``length_penalty``.
    """
    if not 1 <= n_best <= width:
        raise ValueError(f"n_best is {n_best}, but from 1 to {width} texts can be found")
    if length_penalty < 0.0:
        raise ValueError(f"length_penalty is {length_penalty}, less than 0")
    writer, end = Writer(transducer), transducer.config.target_end
    memory, states = writer.begin(sources)
    B, K = sources.n_sequences, width
    states = taken(states, np.repeat(np.arange(B), K))
    places, words, totals = np.arange(B), np.full((B, K), end), np.full((B, K), -np.inf)
    totals[:, 0] = 0.0  # at first there is one beginning, of no words
    finished, steps = [Finished([], n_best, length_penalty) for _ in range(B)], Steps([], [], [])
    done, highest = np.zeros(B, bool), penalty(max_length + 1, length_penalty)
    for t in range(max_length + 1):
        logits, weights, states = writer.step(memory, words, states, t)
        logarithms = allowed(logits, never, end, t == max_length)
        scores, parents, words = _best(totals, logarithms, 2 * K)
        ended = (words == end) & np.isfinite(scores) & ~done[:, np.newaxis]
        for row, rank in np.argwhere(ended[:, :K]).tolist():
            finished[places[row]].add(scores[row, rank], t, parents[row, rank])
        going = np.argsort(words == end, axis=1, kind="stable")[:, :K]
        totals, parents, words = (_of_rows(values, going) for values in (scores, parents, words))
        steps.add(spread(words, places, B), spread(parents, places, B), spread(weights, places, B))
        reachable = (totals.max(axis=1) / highest).tolist()
        done = np.array([finished[b].is_done(r) for b, r in zip(places, reachable, strict=True)])
        if done.all():
            break
        rows = np.arange(len(places)) if (~done).mean() >= CROWDED else np.flatnonzero(~done)
        states = taken(states, (rows[:, np.newaxis] * K + parents[rows]).ravel())
        if len(rows) < len(places):
            memory, places, done = memory.take(rows), places[rows], done[rows]
            words, totals = words[rows], totals[rows]
    widths = source_lengths(sources)
    return [[steps.written(b, e, widths[b]) for e in f.ends] for b, f in enumerate(finished)]


def penalty(n: int, a: float) -> float:
    """What log-probabilities of texts of n words and marks are divided by."""
    return float(((5.0 + n) / 6.0) ** a)


def _best(totals: Floats, logarithms: Floats, n: int) -> tuple[Floats, Ints, Ints]:
    """The n best ways to go on, the best first: log-probabilities, which beginning, and the word.

    Args:
        totals: log-probabilities of the beginnings, (B, K).
        logarithms: of words after them, (B * K, C).
        n: how many, of K * C at least.
    """
    B, K = totals.shape
    all_ways = (totals[:, :, np.newaxis] + logarithms.reshape(B, K, -1)).reshape(B, -1)
    ways = np.argpartition(-all_ways, n - 1, axis=1)[:, :n]
    scores = _of_rows(all_ways, ways)
    order = np.argsort(-scores, axis=1, kind="stable")
    beginnings, words = np.divmod(_of_rows(ways, order), logarithms.shape[1])
    return _of_rows(scores, order), beginnings, words


def _of_rows(values: Array, columns: Ints) -> Array:
    """Some columns of each row, which are others in every row."""
    found: Array = np.take_along_axis(values, columns, axis=1)
    return found

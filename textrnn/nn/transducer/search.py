"""Greedy search for the targets of many sources: the most probable word at each step.

What is written ends with the mark; after
``max_length`` words there is no other choice, and its probability counts there as anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from textrnn.nn.finite import check_finite
from textrnn.nn.losses import log_softmax
from textrnn.nn.packed import PackedBatch
from textrnn.nn.transducer.transducer import Transducer
from textrnn.nn.transducer.writer import Writer
from textrnn.typing import Array, Floats, Ids, Ints, Params

CROWDED = 0.75
"""Sources that are done are let go of when fewer than this share of all are not: it is a copy."""


class Written(NamedTuple):
    """A target that was found."""

    ids: Ids
    """Its words, without the mark, (n,)."""
    log_probability: float
    """Natural, the mark included."""
    alignment: Floats
    """Weights of the source's words and its mark, a column each, at each word and the mark: a row
    each sums to one, (n + 1, m + 1)."""


def greedy(
    transducer: Transducer,
    sources: PackedBatch,
    *,
    max_length: int,
    never: tuple[int, ...] = (),
) -> list[Written]:
    """Take the most probable word at each step.

    Args:
        transducer: what writes.
        sources: as ``Transducer.pack_sources`` makes them.
        max_length: words at most.
        never: ids that are not written; the probabilities of the others sum to one.

    Returns:
        What was found for each source, in the caller's order.
    """
    writer, end = Writer(transducer), transducer.config.target_end
    memory, states = writer.begin(sources)
    B = sources.n_sequences
    places, done, words = np.arange(B), np.zeros(B, bool), np.full((B, 1), end)
    lengths, total = np.zeros(B, np.int64), np.zeros(B)
    ids, alignments = [], []
    for t in range(max_length + 1):
        logits, weights, states = writer.step(memory, words, states, t)
        logarithms = allowed(logits, never, end, t == max_length)
        chosen = logarithms.argmax(axis=1)
        total[places[~done]] += logarithms[np.arange(len(chosen)), chosen][~done]
        ids.append(spread(chosen, places, B))
        alignments.append(spread(weights[:, 0], places, B))
        ended = (chosen == end) & ~done
        lengths[places[ended]] = t
        done |= ended
        if done.all():
            break
        words = chosen[:, np.newaxis]
        if (~done).mean() < CROWDED:
            rows = np.flatnonzero(~done)
            memory, states = memory.take(rows), taken(states, rows)
            places, words, done = places[rows], words[rows], done[rows]
    found, of_words = np.stack(ids, axis=1), np.stack(alignments, axis=1)
    widths = source_lengths(sources)
    return [
        Written(found[b, :n].astype(np.int32), float(total[b]), of_words[b, : n + 1, : widths[b]])
        for b, n in enumerate(lengths.tolist())
    ]


def allowed(logits: Floats, never: tuple[int, ...], end: int, must_end: bool) -> Floats:
    """Log-probabilities (rows, C); minus infinity of what may not be written.

    Raises:
        ModelError: the weights make numbers that are not finite.
    """
    check_finite(logits, "some texts")
    if never:
        logits[:, list(never)] = -np.inf
    logarithms = log_softmax(logits)
    if must_end:
        logarithms[:, :end] = -np.inf
    return logarithms


def source_lengths(sources: PackedBatch) -> Ints:
    """Words and mark of each source, (B,), in the caller's order."""
    lengths = np.empty_like(sources.lengths)
    lengths[sources.order] = sources.lengths
    return lengths


def spread(values: Array, places: Ints, n: int) -> Array:
    """Values of some sources among those of all."""
    if len(places) == n:
        return values
    found = np.zeros((n, *values.shape[1:]), values.dtype)
    found[places] = values
    return found


def taken(states: Params, rows: Ints) -> Params:
    """The states (1, n, H) in some rows."""
    return {name: value[:, rows] for name, value in states.items()}

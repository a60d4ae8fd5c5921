"""How near answers that are texts themselves come to the right ones.

An answer is a sequence of symbols, words or characters. What is counted: whether all of it is
right; at how many places it has the right symbol; and by how many edits it differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from textrnn.text.encoded import encode_lists
from textrnn.typing import Ints

SIDE_BY_SIDE = 1_000
"""Pairs whose distances are found together: it bounds the memory."""


@dataclass(frozen=True)
class TransductionScores:
    """Scores of answers to n sources.

    Attributes:
        n: pairs.
        exact: share of the answers that are right from the first symbol to the last.
        token_accuracy: share of the places that hold the right symbol, of as many as the longer
            one of an answer and its target has.
        error_rate: edits (a symbol more, less or other) that turn the answers into the targets,
            over the targets' symbols: of characters the character error rate, of words the word
            error rate.
    """

    n: int
    exact: float
    token_accuracy: float
    error_rate: float

    def to_dict(self) -> dict[str, float]:
        """JSON-ready values."""
        return asdict(self)

    def figures(self) -> dict[str, float]:
        """The same without the number of pairs."""
        return {name: value for name, value in asdict(self).items() if name != "n"}


def score_answers(
    answers: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]
) -> TransductionScores:
    """The scores of answers, of which each has a target, both as lists of symbols.

    Where there is no symbol in any target the error rate is the number of edits.

    Raises:
        ValueError: there is none, or not as many answers as targets.
    """
    if not targets:
        raise ValueError("scores need at least one pair")
    exact = right = places = 0
    for answer, target in zip(answers, targets, strict=True):
        exact += list(answer) == list(target)
        right += sum(a == b for a, b in zip(answer, target, strict=False))
        places += max(len(answer), len(target))
    edits = int(edit_distances(answers, targets).sum())
    symbols = sum(map(len, targets))
    return TransductionScores(
        n=len(targets),
        exact=exact / len(targets),
        token_accuracy=right / places if places else 1.0,
        error_rate=edits / max(symbols, 1),
    )


def edit_distances(first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> Ints:
    """The fewest symbols to insert, leave out or change to make of each sequence the other, (n,).

    Levenshtein's, by dynamic programming (Wagner and Fischer 1974) over many pairs at once.

    Raises:
        ValueError: there are not as many of the one as of the other.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} sequences cannot be compared with {len(second)}")
    found = np.zeros(len(first), dtype=np.int64)
    order = np.argsort([len(a) for a in first], kind="stable")
    for begin in range(0, len(order), SIDE_BY_SIDE):
        rows = order[begin : begin + SIDE_BY_SIDE]
        found[rows] = _distances([first[i] for i in rows], [second[i] for i in rows])
    return found


def _distances(first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> Ints:
    """The same, of pairs that are padded to the longest."""
    n = len(first)
    both = encode_lists([*first, *second])
    ids = [both.ids_of(i) for i in range(len(both))]
    a, b = _padded(ids[:n], -1), _padded(ids[n:], -2)
    places = np.arange(b.shape[1] + 1)
    row = np.tile(places, (n, 1))  # of the first 0 symbols of a, to the first j of b
    lengths = np.array([len(one) for one in first])
    ends = np.array([len(one) for one in second])
    found: Ints = row[np.arange(n), ends]
    for i in range(a.shape[1]):
        changed = row[:, :-1] + (b != a[:, i : i + 1])
        best = np.concatenate([row[:, :1] + 1, np.minimum(changed, row[:, 1:] + 1)], axis=1)
        # One more symbol of b costs 1: the least of all that end before it, and the way from there.
        row = np.minimum.accumulate(best - places, axis=1) + places
        found = np.where(lengths == i + 1, row[np.arange(n), ends], found)
    return found


def _padded(sequences: Sequence[Ints], filler: int) -> Ints:
    """Ids as rows of one array, (n, longest)."""
    longest = max((len(one) for one in sequences), default=0)
    table = np.full((len(sequences), longest), filler, dtype=np.int64)
    for row, ids in enumerate(sequences):
        table[row, : len(ids)] = ids
    return table

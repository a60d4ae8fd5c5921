"""A language model that can be reckoned with a pencil: a table of what follows what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from textrnn.inference.language import encode
from textrnn.inference.protocol import Contents
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text
from textrnn.text.tokenizers import Tokenizer, WordTokenizer
from textrnn.text.vocabulary import UNKNOWN, Vocabulary
from textrnn.typing import Floats, Ints


@dataclass(frozen=True)
class Table:
    """Probabilities of the next word by the last one, shape (labels or 1, V + 1, V + 1).

    Rows are of the last word, the last row of the beginning; columns of the next one, the last
    column of the end.
    """

    vocabulary: Vocabulary
    probabilities: Floats
    labels: tuple[str, ...] = ()
    label_shares: Floats = field(default_factory=lambda: np.ones(0))
    tokenizer: Tokenizer = field(default_factory=WordTokenizer)
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        return encode(self.tokenizer, self.vocabulary, texts, self.max_length)

    def log_probabilities(self, texts: EncodedTexts, labels: Ints | None = None) -> Floats:
        found = []
        for row in range(len(texts)):
            table = self.probabilities[0 if labels is None else labels[row]]
            ids = [-1, *texts.ids_of(row), -1]
            found += [np.log(table[a, b]) for a, b in pairwise(ids)]
        return np.array(found)

    def begin(self, n: int, labels: Ints | None = None) -> tuple[Ints, Ints]:
        return np.zeros(n, dtype=int) if labels is None else labels, np.full(n, -1)

    def next(self, state: tuple[Ints, Ints]) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities[state])

    def push(self, state: tuple[Ints, Ints], ids: Ints) -> tuple[Ints, Ints]:
        return state[0], ids

    def take(self, state: tuple[Ints, Ints], rows: Ints) -> tuple[Ints, Ints]:
        return state[0][rows], state[1][rows]

    def save(self, write: Callable[[Contents], None]) -> None:
        raise NotImplementedError


def words(*tokens: str) -> Vocabulary:
    return Vocabulary((UNKNOWN, *tokens), np.ones(len(tokens) + 1, dtype=np.int64))


CATS = Table(
    words("the", "cat", "sat"),
    #          unknown the  cat  sat  end
    np.array(
        [
            [
                [0.2, 0.2, 0.2, 0.2, 0.2],  # after an unknown word
                [0.1, 0.0, 0.8, 0.1, 0.0],  # after "the"
                [0.1, 0.1, 0.0, 0.6, 0.2],  # after "cat"
                [0.0, 0.1, 0.0, 0.1, 0.8],  # after "sat"
                [0.1, 0.7, 0.1, 0.0, 0.1],  # at the beginning
            ]
        ]
    ),
)
"""A model of no labels."""
MOODS = Table(
    words("good", "bad"),
    np.array(
        [
            [[0.25] * 4, [0, 0.5, 0.1, 0.4], [0, 0.5, 0.1, 0.4], [0, 0.7, 0.2, 0.1]],
            [[0.25] * 4, [0, 0.1, 0.5, 0.4], [0, 0.1, 0.5, 0.4], [0, 0.2, 0.7, 0.1]],
        ]
    ),
    labels=("happy", "sad"),
    label_shares=np.array([0.75, 0.25]),
)
"""A model of two labels."""

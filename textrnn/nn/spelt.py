"""Words by what they mean and how they are spelt: two vectors, side by side.

The second is the sum of those of the word's pieces, and is there for words, too, of which
nothing else is known: so that unknown words are told apart (Ling et al. 2015, Lample et al. 2016,
who read the characters by a network; a sum of hashed pieces as in Bojanowski et al. 2017 takes a
fraction of the time). Both are made once for each distinct form in a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.gradients import Gradients, summed
from textrnn.nn.inputs import EMBEDDING, EMBEDDING_STD, Embedding
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Forms, Params

PIECES = "pieces.weight"


class SpeltWords(Embedding):
    """Each word has a vector that is learnt, and so has each piece of its spelling.

    The ids of a batch are of forms, see ``typing``.

    Args:
        vocabulary_size: V.
        word_size: of the vectors of words.
        n_pieces: numbers that pieces may have.
        piece_size: of the vectors of pieces.
    """

    def __init__(
        self, vocabulary_size: int, word_size: int, *, n_pieces: int, piece_size: int
    ) -> None:
        super().__init__(vocabulary_size, word_size)
        self.size = word_size + piece_size
        self._word_size, self._of_pieces = word_size, (n_pieces, piece_size)

    @property
    def tables(self) -> tuple[str, ...]:
        return (EMBEDDING, PIECES)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(), PIECES: self._of_pieces}

    def initialise(
        self, rng: np.random.Generator, dtype: np.dtype[Any], vectors: Floats | None
    ) -> Params:
        drawn = super().initialise(rng, dtype, vectors)
        return {**drawn, PIECES: rng.normal(0.0, EMBEDDING_STD, self._of_pieces).astype(dtype)}

    def read(self, params: Params, batch: PackedBatch) -> Floats:
        return self.of_document(params, batch.distinct_forms)

    def of_document(self, params: Params, ids: Forms) -> Floats:
        """What a document reads, of its forms, (T, 1 + K), in place of ids."""
        words, pieces = params[EMBEDDING][ids[:, 0]], params[PIECES][ids[:, 1:]]
        return np.concatenate([words, pieces.sum(axis=1)], axis=1)

    def own_gradients(self, d_x: Floats, batch: PackedBatch) -> Gradients:
        forms = batch.distinct_forms
        of_words, of_pieces = d_x[:, : self._word_size], d_x[:, self._word_size :]
        return {
            EMBEDDING: summed(of_words, forms[:, :1], self.vocabulary_size),
            PIECES: summed(of_pieces, forms[:, 1:], self._of_pieces[0]),
        }

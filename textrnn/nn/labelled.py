"""Words that are read with a label each: the label's vector is added to the word's.

What is read is a pair, and has a number as a word has: that of the word, and as many times the
size of the table as the label's number from 1 on. All that goes by the distinct words of a batch
then goes by the distinct pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.gradients import Gradients, summed
from textrnn.nn.inputs import EMBEDDING, Embedding
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ids, Ints, Params


def pairs_have_numbers(vocabulary_size: int, n_labels: int) -> bool:
    """Whether the pairs of so many words and labels, or no label, have numbers that are ids."""
    return (1 + n_labels) * vocabulary_size <= 2**31


def shifts(labels: Ints, vocabulary_size: int) -> Ids:
    """What makes the id of a word that of its pair with each of some labels."""
    return ((1 + labels.astype(np.int64)) * vocabulary_size).astype(np.int32)


class LabelledEmbedding(Embedding):
    """Each word has a vector that is learnt, and so has each label.

    Args:
        vocabulary_size: V, rows of the table: words and marks, the last of them the labels.
        size: D.
        n_labels: how many.
    """

    def __init__(self, vocabulary_size: int, size: int, n_labels: int) -> None:
        super().__init__(vocabulary_size, size)
        self.n_labels = n_labels

    def rows(self, pairs: Ints) -> tuple[Ints, Ints]:
        """The row of the word, and that of the label, of each pair."""
        label, word = np.divmod(pairs, self.vocabulary_size)
        return word, self.vocabulary_size - self.n_labels - 1 + label

    def of_document(self, params: Params, ids: Any) -> Floats:
        word, label = self.rows(ids)
        vectors: Floats = params[EMBEDDING][word] + params[EMBEDDING][label]
        return vectors

    def own_gradients(self, d_x: Floats, batch: PackedBatch) -> Gradients:
        rows = np.stack(self.rows(batch.distinct), axis=1)
        return {EMBEDDING: summed(d_x, rows, self.vocabulary_size)}

"""Which documents are trained on together, and the words they lose at random."""

from __future__ import annotations

import math

import numpy as np

from textrnn.errors import UsageError
from textrnn.typing import Floats, Forms, Ids, Ints

POOL_BATCHES = 50
"""Batches that are sorted by length together: enough for batches of like length,
few enough that an epoch's order stays random."""


def epoch_batches(
    lengths: Ints,
    *,
    batch_size: int,
    batch_tokens: int | None = None,
    shuffle: bool,
    rng: np.random.Generator,
) -> list[Ints]:
    """Split documents into the batches of one epoch, each of documents of like length.

    Args:
        lengths: words of each document, shape (n,).
        batch_size: documents in a batch.
        batch_tokens: words in a batch, instead: a batch is closed by the document in which
            the epoch's count of words reaches a further multiple of it.
        shuffle: draw a new order; otherwise the documents keep theirs.
        rng: the source of randomness.

    Returns:
        Arrays of document positions; each document occurs once.
    """
    n = len(lengths)
    if n == 0:
        return []
    if batch_tokens is not None:
        batch_size = max(round(batch_tokens / lengths.mean()), 1)  # of a batch on average
    order = np.arange(n)
    if shuffle:
        order = rng.permutation(n)
        pool = batch_size * POOL_BATCHES
        for start in range(0, n, pool):
            part = order[start : start + pool]
            part[...] = part[np.argsort(lengths[part], kind="stable")]
    if batch_tokens is None:
        batch = np.arange(n) // batch_size
    else:
        in_order = lengths[order]
        batch = (np.cumsum(in_order) - in_order) // batch_tokens
    batches: list[Ints] = np.split(order, np.flatnonzero(np.diff(batch)) + 1)
    return [batches[i] for i in rng.permutation(len(batches))] if shuffle else batches


def batch_count(
    n_documents: int, n_words: int, *, batch_size: int, batch_tokens: int | None = None
) -> int:
    """Batches of an epoch; with ``batch_tokens`` the most there can be.

    That is one too many where the last document fills two, and more where many documents
    are longer than ``batch_tokens``.
    """
    if batch_tokens is None:
        return math.ceil(n_documents / batch_size)
    return min(math.ceil(n_words / batch_tokens), n_documents)


def drop_to_unknown(
    ids: Ids, probabilities: Floats, rng: np.random.Generator, forms: Forms | None = None
) -> Ids:
    """Replace words by the unknown word (id 0) with their own probability.

    A form loses its word, and stays as it is spelt.

    Rare words go most often, so the unknown word is trained in the places where
    unknown words will stand (Kiperwasser and Goldberg 2016).

    Args:
        ids: token ids of any number of documents.
        probabilities: for each id of the vocabulary the probability to be replaced, (V,).
        rng: the source of randomness.
        forms: what the ids are rows of, if they are of forms.

    Raises:
        UsageError: these are no ids but real-valued vectors.
    """
    if ids.ndim != 1:
        raise UsageError("real-valued sequences have no words to drop; set no word dropout.")
    drawn = rng.random(len(ids), dtype=np.float32)
    if forms is None:
        return ids * (drawn >= probabilities[ids])
    dropped = drawn < probabilities[forms[ids, 0]]
    without: Ids = ids + dropped * np.int32(len(forms))
    return without

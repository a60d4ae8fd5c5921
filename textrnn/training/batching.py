"""Which documents are trained on together, and the words they lose by chance."""

from __future__ import annotations

import numpy as np

from textrnn.typing import Floats, Ids, Ints

POOL_BATCHES = 50
"""Batches that are sorted by length together: enough for batches of like length,
few enough that an epoch's order stays random."""


def epoch_batches(
    lengths: Ints, *, batch_size: int, shuffle: bool, rng: np.random.Generator
) -> list[Ints]:
    """Split documents into the batches of one epoch, each of documents of like length.

    Args:
        lengths: words of each document, shape (n,).
        batch_size: documents in a batch.
        shuffle: draw a new order; otherwise the documents keep theirs.
        rng: the source of chance.

    Returns:
        Arrays of document positions; each document occurs once.
    """
    n = len(lengths)
    if not shuffle:
        return [np.arange(i, min(i + batch_size, n)) for i in range(0, n, batch_size)]
    order = rng.permutation(n)
    pool = batch_size * POOL_BATCHES
    batches: list[Ints] = []
    for start in range(0, n, pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches.extend(part[i : i + batch_size] for i in range(0, len(part), batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def drop_to_unknown(ids: Ids, probabilities: Floats, rng: np.random.Generator) -> Ids:
    """Replace words by the unknown word (id 0) with their own probability.

    Rare words go most often, so the unknown word is trained in the places where
    unknown words will stand (Kiperwasser and Goldberg 2016).

    Args:
        ids: token ids of one document.
        probabilities: for each id of the vocabulary the chance to be replaced, (V,).
        rng: the source of chance.
    """
    kept = rng.random(len(ids), dtype=np.float32) >= probabilities[ids]
    return ids * kept

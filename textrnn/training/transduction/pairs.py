"""Sources with their targets, as a transducer learns from them and is judged by them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from textrnn.text.encoded import EncodedTexts
from textrnn.typing import Counts, Floats, Ids, Ints


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Texts with ids of a model's two vocabularies; see ``trainable.Material``.

    Attributes:
        sources: what is read.
        targets: what is to be written of each.
    """

    sources: EncodedTexts
    targets: EncodedTexts

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.sources)

    @property
    def lengths(self) -> Counts:
        """Symbols of both sides of each pair and the marks behind them, (n,)."""
        lengths: Counts = self.sources.lengths + self.targets.lengths + 2
        return lengths

    @property
    def n_tokens(self) -> int:
        """Symbols and marks of all pairs."""
        return self.sources.n_tokens + self.targets.n_tokens + 2 * len(self)

    def take(self, rows: Ints) -> EncodedPairs:
        """The pairs at some positions."""
        return replace(self, sources=self.sources.take(rows), targets=self.targets.take(rows))

    def bare(self) -> EncodedPairs:
        """The same without the symbols themselves, which no transducer reads."""
        return EncodedPairs(replace(self.sources, words=()), replace(self.targets, words=()))


def drop_to_unknown(
    pairs: EncodedPairs, probabilities: Floats, twins: Ids, rng: np.random.Generator
) -> EncodedPairs:
    """Replace symbols of sources by the unknown one, and the same symbols of their targets.

    As a symbol that was never seen would: wherever it stands in a pair, on both sides. So the
    decoder learns where to write that it knows a symbol only by its place in the source, from
    which it can then be copied (Luong et al. 2015).

    Args:
        pairs: of a batch.
        probabilities: for each id of the sources that to be replaced in a pair, (V,).
        twins: for each id of the sources the id that targets have of the same symbol, 0 where
            they have none, (V,).
        rng: the source of randomness.
    """
    V, n_targets = len(probabilities), int(twins.max(initial=0)) + 1
    owners = np.repeat(np.arange(len(pairs)), pairs.sources.lengths)
    kinds, inverse = np.unique(owners * V + pairs.sources.ids, return_inverse=True)
    is_dropped = rng.random(len(kinds), dtype=np.float32) < probabilities[kinds % V]
    if not is_dropped.any():
        return pairs
    ids = np.where(is_dropped[inverse], 0, pairs.sources.ids).astype(np.int32)
    # Of ids 0 are none among the twins that are looked for, nor is there any harm in them.
    dropped = kinds[is_dropped]
    twins_dropped = dropped // V * n_targets + twins[dropped % V]
    owners = np.repeat(np.arange(len(pairs)), pairs.targets.lengths)
    known = pairs.targets.ids < n_targets
    keys = owners * n_targets + pairs.targets.ids
    gone = known & np.isin(keys, twins_dropped)
    targets = np.where(gone, 0, pairs.targets.ids).astype(np.int32)
    return EncodedPairs(replace(pairs.sources, ids=ids), replace(pairs.targets, ids=targets))

"""Runs of equal values, as sorting leaves them, and other pieces of arrays that are used whole."""

from __future__ import annotations

import numpy as np

from textrnn.typing import Bools, Counts, Ints


def differs(values: Ints) -> Bools:
    """Say of each value (n,) whether it differs from the one before it; the first one does."""
    result = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=result[1:])
    return result


def runs(values: Ints) -> tuple[Counts, Counts]:
    """Where the runs of values (n,) begin and how long they are, both int64 of shape (runs,)."""
    starts = np.flatnonzero(differs(values))
    return starts, np.diff(starts, append=len(values))


def pieces(starts: Ints, lengths: Ints) -> Ints:
    """The places in pieces of some lengths that begin at some places, one after the other."""
    places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    places += np.arange(len(places))
    return places


def sort_pairs(keys: Ints, places: Ints) -> tuple[Ints, Ints]:
    """Sort pairs of key and place, neither negative; the keys, int64, are used up."""
    bits = int(places.max(initial=0)).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > 63:
        order = np.lexsort((places, keys))
        return keys[order], places[order]
    # Both in one number: NumPy sorts values in a third of the time of finding their order.
    keys <<= bits
    keys |= places
    keys.sort()
    places = (keys & ((1 << bits) - 1)).astype(places.dtype)
    keys >>= bits
    return keys, places

"""Runs of equal values, as sorting leaves them: where they begin and how long they are."""

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

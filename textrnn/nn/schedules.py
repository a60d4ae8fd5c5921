"""How the learning rate changes over the updates of a run: warm-up, then decay."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "linear", "cosine", "slanted")
SLANTED_FLOOR = 1 / 32
"""Of the slanted triangle: where it begins and ends, as a share of the highest rate."""


def learning_rate_at(
    update: int, *, base: float, schedule: str, warmup_updates: int, total_updates: int
) -> float:
    """Learning rate of one update.

    Args:
        update: number of the update, from 0.
        base: the highest learning rate.
        schedule: ``"constant"``, or from ``base`` to nothing: ``"linear"``, ``"cosine"``
            (Loshchilov and Hutter 2017). Or ``"slanted"`` (Howard and Ruder 2018): the
            rise and the linear fall begin and end at ``base / 32``.
        warmup_updates: updates over which the rate first rises in equal steps to ``base``.
        total_updates: updates of the whole run.
    """
    if schedule == "slanted":
        height = learning_rate_at(
            update,
            base=1.0,
            schedule="linear",
            warmup_updates=warmup_updates,
            total_updates=total_updates,
        )
        return base * (SLANTED_FLOOR + (1.0 - SLANTED_FLOOR) * height)
    if update < warmup_updates:
        return base * (update + 1) / warmup_updates
    if schedule == "constant":
        return base
    span = max(total_updates - warmup_updates, 1)
    done = min((update - warmup_updates) / span, 1.0)
    if schedule == "linear":
        return base * (1.0 - done)
    return base * 0.5 * (1.0 + math.cos(math.pi * done))

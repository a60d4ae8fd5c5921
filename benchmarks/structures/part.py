"""What the command was asked for, and how its tables write shares of many answers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.evaluation.significance import wilson_interval

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Attributes:
        seeds: of each model; none takes the part's own.
        words: further options of each training of a network, for a quick look.
        model: a language model that is trained already, for the part that needs one.
    """

    seeds: Sequence[int] = ()
    words: tuple[str, ...] = ()
    model: Path | None = None


def share(right: int, n: int) -> str:
    """A share with its 95 % interval (Wilson), as Markdown."""
    low, high = wilson_interval(right, n)
    return f"{right / n:.3f} ({low:.3f}–{high:.3f})"


def of_seeds(values: Sequence[float], digits: int = 4) -> str:
    """The mean of what several seeds gave, with the least and the most."""
    mean, least, most = statistics.mean(values), min(values), max(values)
    return f"{mean:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"

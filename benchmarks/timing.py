"""Fair timing: jobs take turns, a warm-up is left out, ratios are of neighbours in time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each turn of one job."""

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "median": self.median, "seconds": self.seconds}


def take_turns(
    jobs: dict[str, Callable[[], object]],
    turns: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Run all jobs once to warm up, then ``turns`` times in turn: A B C A B C ...

    By ``time.process_time`` jobs of one thread are timed fairly on a machine that others use, too.
    """
    for job in jobs.values():
        job()
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(turns):
        for name, job in jobs.items():
            start = clock()
            job()
            seconds[name].append(clock() - start)
    return {name: Timing(name, values) for name, values in seconds.items()}


def ratio(peer: Timing, ours: Timing) -> float:
    """How many times longer the peer takes: the median of the ratios turn by turn."""
    pairs = zip(peer.seconds, ours.seconds, strict=True)
    return statistics.median(a / b for a, b in pairs)

"""What each learning rule costs: time and memory a word, by the size of the network."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from benchmarks.family.learning import Learner
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.sine import LENGTH
from benchmarks.family.sine import TASKS as SINE

RULES = (
    {"rule": "bptt"},
    {"rule": "tbptt", "k1": 10, "k2": 20},
    {"rule": "rtrl"},
    {"rule": "ekf", "k1": 10, "k2": 20},
)
SIZES = (4, 8, 16, 32)
N_WAVES, REPEATS = 8, 3
RATE = 1e-3


def cost(number: int, hidden_size: int) -> Run:
    """Of the simple network on sine waves: the fastest update of some, and its largest memory."""
    by = RULES[number]
    learner = Learner(SINE[0], "rnn", by=by, hidden_size=hidden_size)
    waves = SINE[0].draw(np.random.default_rng(0), N_WAVES)
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        learner.update(waves, RATE)
        seconds.append(time.perf_counter() - began)
    tracemalloc.start()
    Learner(SINE[0], "rnn", by=by, hidden_size=hidden_size).update(waves, RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "rule": by["rule"],
        "hidden_size": hidden_size,
        "microseconds": round(1e6 * min(seconds) / (N_WAVES * LENGTH), 1),
        "kib": round(peak / 1024),
    }


def jobs(options: Options) -> list[Job]:
    """Every rule at every size."""
    del options
    return [Job(cost, (i, size)) for i in range(len(RULES)) for size in SIZES]


def table(runs: list[Run]) -> str:
    """Microseconds a word, and KiB in all, by rule and hidden size."""
    sizes = sorted({run["hidden_size"] for run in runs})
    found = {(run["rule"], run["hidden_size"]): run for run in runs}
    lines = [f"| rule | {' | '.join(f'H = {size}' for size in sizes)} |", "|---" * 5 + "|"]
    for by in RULES:
        of = [found.get((by["rule"], size)) for size in sizes]
        cells = [f"{run['microseconds']} µs, {run['kib']:,} KiB" if run else "" for run in of]
        lines.append(f"| `{by['rule']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


PART = Part(jobs, table, ("rule", "hidden_size"))

"""Accuracy by distance: how far back a network knows which of twelve kinds of car it was.

A sentence is "the getaway van ... sped off": its second word is asked for, and between it and the
end come as many words of no account as it takes. Read one way and answered of the last state, so
that memory and nothing else decides. Learnt on distances of 2 to 60 words between the car and the
end, all as often; asked by distance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.family.learning import learn
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.corpora import cars
from textrnn.training.rules import RULES
from textrnn.typing import Floats, Ints

NEAREST, FARTHEST = 2, 60
BUCKETS = ((2, 10), (11, 20), (21, 30), (31, 40), (41, 50), (51, 60))
KINDS = (*cars.COMEDY, *cars.CRIME)
VEHICLES = tuple(sorted(set(cars.VEHICLES)))
ENDING = ("sped", "off")
FILLERS = tuple(sorted({word for phrase in cars.DETOUR for word in re.findall(r"\w+", phrase)}))
WORDS = tuple(dict.fromkeys(("the", *KINDS, *VEHICLES, *ENDING, *FILLERS)))
"""The vocabulary: an id is a place in it."""
N_BEFORE = 3
"""Words up to the car, itself among them."""


def sentence(rng: np.random.Generator, distance: int) -> list[str]:
    """The words of a sentence with so many after the car."""
    fillers = [_pick(rng, FILLERS) for _ in range(distance - len(ENDING))]
    return ["the", _pick(rng, KINDS), _pick(rng, VEHICLES), *fillers, *ENDING]


def _pick(rng: np.random.Generator, pool: Sequence[str]) -> str:
    return pool[int(rng.integers(len(pool)))]


def draw(rng: np.random.Generator, distances: Ints) -> Drawn:
    """Sentences as ids, and their kinds of car."""
    drawn = [sentence(rng, int(distance)) for distance in distances]
    ids = [np.array([WORDS.index(word) for word in words], np.int32) for words in drawn]
    return Drawn(list(ids), np.array([KINDS.index(words[1]) for words in drawn], np.int64))


def of_any_distance(rng: np.random.Generator, n: int) -> Drawn:
    """What is learnt from, and what is asked."""
    return draw(rng, rng.integers(NEAREST, FARTHEST + 1, size=n))


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The share that is right, of all and by distance."""
    right = logits.argmax(axis=1) == drawn.targets
    distances = np.array([len(ids) - N_BEFORE for ids in drawn.documents])
    found = {"right": float(right.mean())}
    for low, high in BUCKETS:
        found[f"{low} to {high}"] = float(right[(distances >= low) & (distances <= high)].mean())
    return found


TASK = Task(
    name="distance",
    network={"n_classes": len(KINDS), "vocabulary_size": len(WORDS)},
    recipe=Recipe(steps=600, batch_size=32, learning_rate=3e-3),
    draw=of_any_distance,
    held_out=of_any_distance,
    measure=measure,
    key="right",
    solved_at=0.98,
    stop_at=0.999,
    criterion="0.98 of the sentences right",
    published="none",
)
RULES_BY_NAME: dict[str, dict[str, Any]] = {
    "bptt": {"rule": "bptt"},
    "tbptt, 5": {"rule": "tbptt", "k1": 5, "k2": 5},
}
TRUNCATED = ("rnn", "lstm", "gru", "clockwork", "mingru")
"""Cells that learn by other rules than ``bptt``, too."""
SEEDS = (0,)


def run(cell: str, by: str, seed: int, options: Options) -> Run:
    """One network learns by one rule."""
    steps, n = options.max_steps, options.n_held_out
    found = learn(TASK, cell, seed, by=RULES_BY_NAME[by], max_steps=steps, n_held_out=n)
    return {**found, "rule": by}


def jobs(options: Options) -> list[Job]:
    """Every cell by the usual rule, some by the others."""
    known = [name for name, by in RULES_BY_NAME.items() if by["rule"] in RULES]
    return [
        Job(run, (cell, by, seed, options))
        for by in known
        for cell in options.cells
        for seed in options.seeds or SEEDS
        if by == "bptt" or cell in TRUNCATED
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a cell and rule, a column a bucket of distances; chance is 1/12."""
    names = [f"{low} to {high}" for low, high in BUCKETS]
    lines = [
        f"| cell | rule | {' | '.join(names)} | steps |",
        "|---" * (len(names) + 3) + "|",
    ]
    lines += [
        f"| {run['cell']} | {run['rule']} | {' | '.join(f'{run[name]:.3f}' for name in names)} "
        f"| {run['steps']:,} |"
        for run in runs
    ]
    return "\n".join(lines)


PART = Part(jobs, table, ("rule", "cell", "seed"))

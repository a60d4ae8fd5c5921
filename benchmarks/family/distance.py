"""Accuracy by distance: how far back a network knows which of twelve kinds of car it was.

A sentence is "getaway van ... sped off": its first word is asked for, and between the car and the
end come as many words of no account as it takes. Read one way and answered of the last state, so
that memory and nothing else decides. Learnt on distances of 2 to 60 words between the car and the
end, all as often, or on the far ones alone, which a truncated gradient never reaches; asked by
distance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.family.learning import learn
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.corpora import cars
from textrnn.nn.cells import CELLS
from textrnn.training.rules import RULES
from textrnn.typing import Floats, Ints

NEAREST, FARTHEST = 2, 60
BUCKETS = ((2, 10), (11, 20), (21, 30), (31, 40), (41, 50), (51, 60))
KINDS = (*cars.COMEDY, *cars.CRIME)
VEHICLES = tuple(sorted(set(cars.VEHICLES)))
ENDING = ("sped", "off")
FILLERS = tuple(sorted({word for phrase in cars.DETOUR for word in re.findall(r"\w+", phrase)}))
WORDS = tuple(dict.fromkeys((*KINDS, *VEHICLES, *ENDING, *FILLERS)))
"""The vocabulary: an id is a place in it."""
N_BEFORE = 2
"""Words up to the car, itself among them."""


def sentence(rng: np.random.Generator, distance: int) -> list[str]:
    """The words of a sentence with so many after the car."""
    fillers = [_pick(rng, FILLERS) for _ in range(distance - len(ENDING))]
    return [_pick(rng, KINDS), _pick(rng, VEHICLES), *fillers, *ENDING]


def _pick(rng: np.random.Generator, pool: Sequence[str]) -> str:
    return pool[int(rng.integers(len(pool)))]


def draw(rng: np.random.Generator, distances: Ints) -> Drawn:
    """Sentences as ids, and their kinds of car."""
    drawn = [sentence(rng, int(distance)) for distance in distances]
    ids = [np.array([WORDS.index(word) for word in words], np.int32) for words in drawn]
    return Drawn(list(ids), np.array([KINDS.index(words[0]) for words in drawn], np.int64))


def from_on(nearest: int, rng: np.random.Generator, n: int) -> Drawn:
    """Sentences of all distances from some on, each as often."""
    return draw(rng, rng.integers(nearest, FARTHEST + 1, size=n))


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The share that is right, of all and by distance."""
    right = logits.argmax(axis=1) == drawn.targets
    distances = np.array([len(ids) - N_BEFORE for ids in drawn.documents])
    found = {"right": float(right.mean())}
    for low, high in BUCKETS:
        found[f"{low} to {high}"] = float(right[(distances >= low) & (distances <= high)].mean())
    return found


def learnt_from(nearest: int) -> Task:
    """The task, asked at all distances, learnt on those from some on."""
    return Task(
        name="distance",
        network={"n_classes": len(KINDS), "vocabulary_size": len(WORDS)},
        recipe=Recipe(steps=1_000, batch_size=32, learning_rate=3e-3),
        draw=partial(from_on, nearest),
        held_out=partial(from_on, NEAREST),
        measure=measure,
        key="right",
        solved_at=0.98,
        stop_at=0.999,
        criterion="0.98 of the sentences right",
        published="",
    )


FAR = 12
"""Distances beyond what a truncated gradient goes back over."""
BY: dict[str, dict[str, Any]] = {
    "bptt": {"rule": "bptt"},
    "tbptt": {"rule": "tbptt", "k1": 5, "k2": 5},
    "rtrl": {"rule": "rtrl"},
    "ekf": {"rule": "ekf"},
}
"""Settings of each rule; the truncated one goes back over five words."""
TRUNCATED = ("rnn", "lstm", "gru", "clockwork", "mingru")
"""Cells that are learnt by truncated backpropagation, too."""
SMALL = 16
"""Units of the networks that learn by rules whose cost grows with the square of the weights."""
FILTER_STEPS = 300
"""Updates of the Kalman filter at most: one takes sixty times that of a gradient."""
SEEDS = (0,)


def run(cell: str, rule: str, nearest: int, hidden_size: int, seed: int, options: Options) -> Run:
    """One network learns by one rule."""
    most = FILTER_STEPS if rule == "ekf" else None
    found = learn(
        learnt_from(nearest),
        cell,
        seed,
        by=BY[rule],
        hidden_size=hidden_size,
        max_steps=options.max_steps or most,
        n_held_out=options.n_held_out,
    )
    return {**found, "rule": rule, "nearest": nearest, "hidden_size": hidden_size}


def jobs(options: Options) -> list[Job]:
    """Every cell by the usual rule, some by the others."""
    H = learnt_from(NEAREST).recipe.hidden_size
    wanted = [
        *((cell, "bptt", NEAREST, H) for cell in CELLS),
        *((cell, "tbptt", nearest, H) for cell in TRUNCATED for nearest in (NEAREST, FAR)),
        ("lstm", "bptt", FAR, H),
        *(("rnn", rule, NEAREST, SMALL) for rule in ("bptt", "rtrl", "ekf")),
    ]
    return [
        Job(run, (*of, seed, options))
        for of in wanted
        for seed in options.seeds or SEEDS
        if of[0] in options.cells and of[0] in CELLS and of[1] in RULES
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a network, a column a bucket of distances; chance is 1/12."""
    names = [f"{low} to {high}" for low, high in BUCKETS]
    lines = [
        f"| cell | H | rule | learnt on | {' | '.join(names)} | steps |",
        "|---" * (len(names) + 5) + "|",
    ]
    order = [(rule, nearest, cell) for rule in BY for nearest in (NEAREST, FAR) for cell in CELLS]
    of = {place: number for number, place in enumerate(order)}
    lines += [
        f"| {run['cell']} | {run['hidden_size']} | {run['rule']} "
        f"| {run['nearest']} to {FARTHEST} | {' | '.join(f'{run[name]:.3f}' for name in names)} "
        f"| {run['steps']:,} |"
        for run in sorted(runs, key=lambda run: of[run["rule"], run["nearest"], run["cell"]])
    ]
    return "\n".join(lines)


PART = Part(jobs, table, ("rule", "nearest", "hidden_size", "cell", "seed"))

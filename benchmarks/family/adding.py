"""The adding problem: the sum of the two numbers that are marked, told once at the end.

Hochreiter and Schmidhuber 1997, in the form of Arjovsky et al. 2016: numbers from 0 to 1, the
first mark in the first half, the second in the second. To answer 1 always has a mean squared error
of 1/6.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.typing import Floats

SHORTEST = 20
NEAR = 0.04
"""Of 0.5 + (X_1 + X_2) / 4 with numbers X from -1 to 1, which is half of the sum here."""


def draw(rng: np.random.Generator, n: int, length: int) -> Drawn:
    """Sequences (T, 2) of a number and a mark, and their sums."""
    numbers, marks = rng.random((n, length)), np.zeros((n, length))
    rows, half = np.arange(n), length // 2
    marks[rows, rng.integers(half, size=n)] = 1.0
    marks[rows, rng.integers(half, length, size=n)] = 1.0
    sequences = np.stack([numbers, marks], axis=2).astype(np.float32)
    return Drawn(list(sequences), (numbers * marks).sum(axis=1).astype(np.float32))


def of_mixed_lengths(rng: np.random.Generator, n: int, longest: int) -> Drawn:
    """Sequences of one length, as often from 25 to 50 as from 50 to 100: a curriculum by chance."""
    return draw(rng, n, round(SHORTEST * (longest / SHORTEST) ** rng.random()))


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The mean squared error, and the share that is near as the paper of 1997 counts it."""
    errors = logits[:, 0].astype(np.float64) - drawn.targets
    return {
        "mse": float(np.mean(errors**2)),
        "near": float(np.mean(np.abs(errors) / 2 < NEAR)),
    }


def adding(length: int, recipe: Recipe, published: str) -> Task:
    """The task at one length."""
    return Task(
        name=f"adding {length}",
        network={"n_classes": 1, "regression": True, "n_inputs": 2},
        recipe=recipe,
        draw=partial(of_mixed_lengths, longest=length),
        held_out=partial(draw, length=length),
        measure=measure,
        key="mse",
        solved_at=0.04,
        stop_at=0.01,
        criterion="mean squared error on 2,000 sequences below 0.04 (told)",
        published=published,
    )


TASKS = (
    adding(
        100,
        Recipe(steps=800, batch_size=32, learning_rate=5e-3),
        "LSTM, after 74,000 sequences (Hochreiter and Schmidhuber 1997, marks in the first half)",
    ),
    adding(
        400,
        Recipe(steps=600, batch_size=32, learning_rate=5e-3),
        "LSTM, and a ReLU network begun at the identity about as well (Le et al. 2015)",
    ),
)

"""A sine wave: the next value of each, from those before.

Waves of unit height, any phase, and a period of 10 to 30 steps: the first values tell which. A
network that answers 0 always has a mean squared error of 1/2.
"""

from __future__ import annotations

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.typing import Floats

LENGTH, GIVEN = 60, 10
"""Steps of a wave, and those at first that are not asked."""
PERIODS = (10.0, 30.0)


def waves(rng: np.random.Generator, n: int, length: int) -> Floats:
    """Values (n, length), each row with a period and a phase of its own."""
    periods = rng.uniform(*PERIODS, size=(n, 1))
    phases = rng.uniform(0.0, 2.0 * np.pi, size=(n, 1))
    values: Floats = np.sin(2.0 * np.pi * np.arange(length) / periods + phases)
    return values


def draw(rng: np.random.Generator, n: int) -> Drawn:
    """Sequences (60, 1) and the values that follow; the first ten are not asked."""
    values = waves(rng, n, LENGTH + 1).astype(np.float32)
    weights = np.full((n, LENGTH), 1.0 / (LENGTH - GIVEN), np.float32)
    weights[:, :GIVEN] = 0.0
    return Drawn(list(values[:, :-1, np.newaxis]), values[:, 1:].ravel(), weights.ravel())


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The mean squared error where it is asked."""
    assert drawn.weights is not None
    errors = (logits[:, 0].astype(np.float64) - drawn.targets) ** 2
    return {"mse": float(np.average(errors, weights=drawn.weights))}


TASKS = (
    Task(
        name="sine",
        network={"n_classes": 1, "regression": True, "n_inputs": 1, "head": "token"},
        recipe=Recipe(steps=1_000, batch_size=32, learning_rate=5e-3, hidden_size=32),
        draw=draw,
        held_out=draw,
        measure=measure,
        key="mse",
        solved_at=1e-3,
        stop_at=5e-4,
        criterion="mean squared error below 0.001 (told)",
        published="none is known for these waves",
    ),
)

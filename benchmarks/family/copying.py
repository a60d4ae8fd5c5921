"""Copy memory: ten symbols, a silence of T steps, then the ten symbols again.

Hochreiter and Schmidhuber 1997, in the form of Arjovsky et al. 2016: symbols of eight kinds,
blanks, and a mark from which on they are asked. To recall nothing costs 10 ln 8 / (T + 20) nats a
step.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.nn.losses import cross_entropy
from textrnn.typing import Floats

N_KINDS, N_SYMBOLS = 8, 10
BLANK, MARK = N_KINDS, N_KINDS + 1


def draw(rng: np.random.Generator, n: int, delay: int) -> Drawn:
    """Ids (delay + 20,), and at each step the symbol to be told: mostly the blank."""
    symbols = rng.integers(N_KINDS, size=(n, N_SYMBOLS), dtype=np.int32)
    ids = np.full((n, delay + 2 * N_SYMBOLS), BLANK, dtype=np.int32)
    targets = ids.astype(np.int64)
    ids[:, :N_SYMBOLS] = symbols
    ids[:, delay + N_SYMBOLS - 1] = MARK
    targets[:, -N_SYMBOLS:] = symbols
    return Drawn(list(ids), targets.ravel())


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The loss a step, that of a network without memory, and the share of symbols recalled."""
    steps = len(drawn.documents[0])
    right = (logits.argmax(axis=1) == drawn.targets).reshape(-1, steps)[:, -N_SYMBOLS:]
    return {
        "loss": cross_entropy(logits, drawn.targets)[0],
        "baseline": N_SYMBOLS * math.log(N_KINDS) / steps,
        "recalled": float(right.mean()),
        "whole": float(right.all(axis=1).mean()),
    }


def copying(delay: int, recipe: Recipe) -> Task:
    """The task with one silence."""
    return Task(
        name=f"copy {delay}",
        network={"n_classes": N_KINDS + 1, "vocabulary_size": N_KINDS + 2, "head": "token"},
        recipe=recipe,
        draw=partial(draw, delay=delay),
        held_out=partial(draw, delay=delay),
        measure=measure,
        key="recalled",
        solved_at=0.98,
        stop_at=0.995,
        criterion="0.98 of the symbols recalled (told)",
        published="a unitary network (Arjovsky et al. 2016), a linear one of random orthogonal "
        "weights (Henaff et al. 2016); LSTM hardly",
    )


TASKS = (
    copying(50, Recipe(steps=400, batch_size=32, learning_rate=1e-3, hidden_size=128)),
    copying(100, Recipe(steps=500, batch_size=32, learning_rate=1e-3, hidden_size=128)),
)

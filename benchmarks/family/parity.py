"""Parity: whether the number of ones is odd, told once at the end, of more bits than were learnt.

Trained on 1 to 20 bits, asked of 50. Each bit may turn the answer over, so no bit can be left out,
and short strings are the way to long ones: the mixture of lengths is the curriculum.
"""

from __future__ import annotations

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.typing import Floats, Ints

LEARNT, ASKED = 20, 50


def draw(rng: np.random.Generator, lengths: Ints) -> Drawn:
    """Bits, as ids, of some lengths, and their parities."""
    documents = [rng.integers(2, size=length, dtype=np.int32) for length in lengths]
    return Drawn(list(documents), np.array([bits.sum() % 2 for bits in documents], np.int64))


def of_mixed_lengths(rng: np.random.Generator, n: int) -> Drawn:
    """What is learnt from."""
    return draw(rng, rng.integers(1, LEARNT + 1, size=n))


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """The share of strings that are told right."""
    return {"right": float(np.mean(logits.argmax(axis=1) == drawn.targets))}


TASKS = (
    Task(
        name="parity",
        network={"n_classes": 2, "vocabulary_size": 2},
        recipe=Recipe(steps=3_000, batch_size=64, learning_rate=3e-3),
        draw=of_mixed_lengths,
        held_out=lambda rng, n: draw(rng, np.full(n, ASKED)),
        measure=measure,
        key="right",
        solved_at=0.98,
        stop_at=0.998,
        criterion="0.98 of strings of 50 bits right (told), learnt from 1 to 20",
        published="simple networks and LSTM, of 500 bits, trained on 40 (Delétang et al. 2023)",
    ),
)

"""Dyck-2: two kinds of brackets, nested up to eight deep; which closing bracket is legal now?

At each step the answer is the kind of the innermost open bracket, or that none is open: what a
stack would have on top. Learnt on strings of 40 brackets, asked of such and of longer ones.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.typing import Array, Floats, Ints

DEPTH = 8
LEARNT, LONGER = 40, 80
ROUND, SQUARE = 0, 1
"""Opening brackets are 0 and 1, closing ones 2 and 3; nothing open is answer 2."""
NOTHING = 2


def string(rng: np.random.Generator, length: int) -> Array:
    """Brackets as ids, (length,), an even number; all are closed at the end."""
    ids, stack = np.empty(length, dtype=np.int32), list[int]()
    for t in range(length):
        left = length - t
        must_open, must_close = not stack, len(stack) in (DEPTH, left)
        if must_open or (not must_close and rng.random() < 0.5):
            stack.append(int(rng.integers(2)))
            ids[t] = stack[-1]
        else:
            ids[t] = 2 + stack.pop()
    return ids


def innermost(ids: Array) -> Ints:
    """After each bracket the kind of the innermost open one, or ``NOTHING``."""
    stack, found = list[int](), np.empty(len(ids), dtype=np.int64)
    for t, bracket in enumerate(ids):
        if bracket < 2:
            stack.append(int(bracket))
        else:
            stack.pop()
        found[t] = stack[-1] if stack else NOTHING
    return found


def draw(rng: np.random.Generator, lengths: Ints) -> Drawn:
    """Strings of some lengths, and the answer at each step."""
    documents = [string(rng, length) for length in lengths]
    return Drawn(list(documents), np.concatenate([innermost(ids) for ids in documents]))


def held_out(rng: np.random.Generator, n: int) -> Drawn:
    """As many of the length learnt as of the longer one."""
    return draw(rng, np.repeat([LEARNT, LONGER], n // 2))


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """Shares of strings that are right at every step, and of right steps, by length."""
    hits = logits.argmax(axis=1) == drawn.targets
    starts = np.cumsum([0, *map(len, drawn.documents)])
    found = {}
    for name, length in (("", LEARNT), ("longer ", LONGER)):
        of = [hits[a:b] for a, b in pairwise(starts) if b - a == length]
        found[f"{name}right"] = float(np.mean([one.all() for one in of]))
        found[f"{name}steps right"] = float(np.mean(of))
    return found


TASKS = (
    Task(
        name="dyck",
        network={"n_classes": 3, "vocabulary_size": 4, "head": "token"},
        recipe=Recipe(steps=1_500, batch_size=32, learning_rate=5e-3),
        draw=lambda rng, n: draw(rng, np.full(n, LEARNT)),
        held_out=held_out,
        measure=measure,
        key="right",
        solved_at=0.95,
        stop_at=0.98,
        criterion="0.95 of strings of 40 brackets right at every step (told)",
        published="unbounded, with a stack beside the network (Suzgun et al. 2019); to a depth, an "
        "LSTM of enough units can (Hewitt et al. 2020)",
    ),
)

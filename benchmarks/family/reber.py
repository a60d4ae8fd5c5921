"""The embedded Reber grammar: which symbols may come next, the last but one by the second.

Reber 1967; embedded by Cleeremans et al. 1989 and Fahlman 1991, as in Hochreiter and Schmidhuber
1997. A string is B, then T or P, then a string of the inner grammar, the same T or P again, and E.
The inner string says nothing of the second symbol, which must be remembered over all of it.
"""

from __future__ import annotations

import numpy as np

from benchmarks.family.task import Drawn, Measures, Recipe, Task
from textrnn.typing import Array, Floats

SYMBOLS = "BTPSXVE"
INNER: tuple[dict[str, int], ...] = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
"""For each state of the inner grammar where each legal symbol leads; the last is the end."""


def string(rng: np.random.Generator) -> str:
    """A string of the embedded grammar; of two ways on, each is taken as often."""
    outer, inner, state = "TP"[rng.integers(2)], "", 0
    while state < len(INNER):
        choices = sorted(INNER[state])
        inner += choices[rng.integers(len(choices))]
        state = INNER[state][inner[-1]]
    return f"B{outer}{inner}{outer}E"


def draw(rng: np.random.Generator, n: int) -> Drawn:
    """Strings as ids without their last symbols, and the symbol that follows each."""
    written = [string(rng) for _ in range(n)]
    ids = [np.array([SYMBOLS.index(symbol) for symbol in one], dtype=np.int32) for one in written]
    following = np.concatenate([one[1:] for one in ids]).astype(np.int64)
    return Drawn([one[:-1] for one in ids], following)


def legal_symbols(ids: Array) -> list[list[int]]:
    """For each symbol of a string (ids, the E left out) those that may follow it."""
    outer, state, found = int(ids[1]), 0, [["T", "P"], ["B"]]
    for symbol in ids[2:-1]:
        state = INNER[state][SYMBOLS[symbol]]
        found.append(sorted(INNER[state]) if state < len(INNER) else [SYMBOLS[outer]])
    return [[SYMBOLS.index(one) for one in legal] for legal in [*found, ["E"]]]


def measure(logits: Floats, drawn: Drawn) -> Measures:
    """Shares of strings: the legal symbols first at every step, and at the step that remembers."""
    order = np.argsort(-logits, axis=1)
    right, remembered, at = [], [], 0
    for ids in drawn.documents:
        legal = legal_symbols(ids)
        hits = [set(order[at + t, : len(one)]) == set(one) for t, one in enumerate(legal)]
        right.append(all(hits))
        remembered.append(hits[-2])
        at += len(ids)
    return {"right": float(np.mean(right)), "remembered": float(np.mean(remembered))}


TASKS = (
    Task(
        name="reber",
        network={"n_classes": len(SYMBOLS), "vocabulary_size": len(SYMBOLS), "head": "token"},
        recipe=Recipe(steps=2_000, batch_size=32, learning_rate=5e-3),
        draw=draw,
        held_out=draw,
        measure=measure,
        key="right",
        solved_at=0.98,
        stop_at=0.995,
        criterion="0.98 of the strings right (told): at each step the legal symbols come first",
        published="LSTM, after 8,440 to 39,740 strings; RTRL sometimes, Elman's network never "
        "(Hochreiter and Schmidhuber 1997)",
    ),
)

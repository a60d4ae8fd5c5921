"""What a task is: sequences drawn from a seed, a network to learn them, and what is "solved".

Training sequences are drawn afresh for every step, so that none is seen twice; the verdict is on a
set that is drawn once, from a seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.nn.config import NetworkConfig
from textrnn.typing import Array, Floats

Measures = dict[str, float]


@dataclass(frozen=True)
class Drawn:
    """Sequences, with what is to be told of them.

    Attributes:
        documents: ids (T,) or vectors (T, D) of each.
        targets: one of each document, or one of each token, one document after the other.
        weights: of the targets in the loss, 1 in all for each document, or None for equal ones; a
            target of weight 0 is not asked.
    """

    documents: list[Array]
    targets: Array
    weights: Floats | None = None


@dataclass(frozen=True)
class Recipe:
    """How a task is trained: the same for every cell.

    Attributes:
        steps: updates at most.
        batch_size: sequences of one.
        learning_rate: of Adam at first; it falls to nothing as half a cosine.
        max_grad_norm: longer gradients are scaled down.
        hidden_size: H.
        check_every: updates between two looks at whether the task is solved.
    """

    steps: int
    batch_size: int
    learning_rate: float
    max_grad_norm: float = 1.0
    hidden_size: int = 64
    check_every: int = 50


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: as the command and the tables call it.
        network: what its configuration has beside cell and hidden size.
        recipe: how it is trained.
        draw: sequences to learn from, of a generator and a number.
        held_out: those of the verdict, likewise.
        measure: of logits, in the order of the targets, what they are worth.
        key: the measure that decides.
        solved_at: where it is solved; below it if ``stop_at`` is below, else above.
        stop_at: where training ends, on sequences that the verdict does not see.
        criterion: both in words.
        published: what others report of it, with the source.
    """

    name: str
    network: Mapping[str, Any]
    recipe: Recipe
    draw: Callable[[np.random.Generator, int], Drawn]
    held_out: Callable[[np.random.Generator, int], Drawn]
    measure: Callable[[Floats, Drawn], Measures]
    key: str
    solved_at: float
    stop_at: float
    criterion: str
    published: str

    def reaches(self, measures: Measures, level: float) -> bool:
        """Whether the deciding measure is as good as some level."""
        value = measures[self.key]
        return value < level if self.stop_at < self.solved_at else value >= level

    def config(self, cell: str, hidden_size: int | None = None) -> NetworkConfig:
        """The network: one layer, one way, of the text's last state or of every token's."""
        given: dict[str, Any] = {
            "vocabulary_size": 0,
            "embedding_dim": None,
            "num_layers": 1,
            "bidirectional": False,
            "readout": "last",
            "dtype": "float32",
        }
        size = hidden_size or self.recipe.hidden_size
        return NetworkConfig(**{**given, **self.network, "cell": cell, "hidden_size": size})

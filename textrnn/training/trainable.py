"""What can be trained, and what it learns from: all that a training knows of either.

A network over texts is one, with its ``Examples``; a structure with parameters of other shapes
another, with examples of its own. The loop, the executors, the optimisers, the average and the
checkpoint ask for no more than this. What it takes to make gradients of the one and the other
together knows a learning rule alone, and what is right a measure (``training/measure.py``).
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np

from textrnn.typing import Counts, Ints, Params


class Shapes(Protocol):
    """What fixes the shapes of parameters."""

    @property
    def dtype(self) -> str:
        """The name of their type."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each."""

    def tables(self) -> tuple[str, ...]:
        """Names of those of which a batch touches some rows, the others resting."""


class Trainable(Protocol):
    """What is trained: parameters by name, and what fixes their shapes.

    It reads its parameters through ``params`` at each pass, as a training may move them to memory
    that processes share; and it can be made of these two again.
    """

    def __init__(self, config: Any, params: Params) -> None: ...

    @property
    def config(self) -> Shapes:
        """What fixes the shapes, one that can be pickled."""

    @property
    def params(self) -> Params:
        """The parameters by name, which change in place."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of all parameters."""


class Material(Protocol):
    """What is learned from or judged by: examples, told by how long each is."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> Counts:
        """Words of each example, by which batches are made and dealt out, (n,)."""

    @property
    def n_tokens(self) -> int:
        """Words of all together."""

    def take(self, rows: Ints) -> Self:
        """The examples at some positions."""

    def bare(self) -> Self:
        """The same without what nobody needs to learn from it, as it goes to other processes."""

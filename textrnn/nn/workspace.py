"""Buffers that outlive a batch, so that a training step asks the system for no memory.

A batch of reviews needs some 50 MB of arrays. Fresh ones are mapped and zeroed page by
page each time; ``benchmarks/ceilings.py`` prints what that costs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from textrnn.typing import Floats

SPARE = 1.25
"""Growth beyond what is asked for, so that slightly larger batches find room."""


class Workspace:
    """Named buffers. What is taken is valid until the same name is taken again."""

    def __init__(self) -> None:
        self._buffers: dict[str, Floats] = {}
        self._parts: dict[str, Workspace] = {}

    def part(self, name: str) -> Workspace:
        """A workspace of its own for one part of a pass, such as a layer."""
        return self._parts.setdefault(name, Workspace())

    def take(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
        """Return an array of unknown content, contiguous, in the buffer of that name."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.dtype != dtype or len(buffer) < size:
            buffer = np.empty(size if buffer is None else int(size * SPARE), dtype=dtype)
            self._buffers[name] = buffer
        return buffer[:size].reshape(shape)

    def zeros(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
        """The same, of zeros."""
        found = self.take(name, shape, dtype)
        found[...] = 0.0
        return found

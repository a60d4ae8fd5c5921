"""Arrays that several processes see at once, in memory that goes with the last of them.

The memory has no name: nothing is left of it however its processes end.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.typing import Ids


class SharedArray:
    """An array in anonymous shared memory that can be handed to a new process."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        import multiprocessing  # here, as a prediction in one process starts without it

        self.shape, self.dtype = shape, np.dtype(dtype)
        size = max(int(np.prod(shape)) * self.dtype.itemsize, 1)
        self._memory = multiprocessing.get_context("spawn").RawArray("B", size)

    @classmethod
    def of(cls, array: Any) -> SharedArray:
        """A shared copy of an array."""
        shared = cls(array.shape, array.dtype)
        shared.array[...] = array
        return shared

    @property
    def array(self) -> Any:
        """The memory as an array."""
        count = int(np.prod(self.shape))
        return np.frombuffer(self._memory, self.dtype, count).reshape(self.shape)


@dataclass(frozen=True)
class SharedDocuments:
    """Documents one after the other in one shared array."""

    ids: SharedArray
    starts: SharedArray

    @classmethod
    def of(cls, documents: Sequence[Ids]) -> SharedDocuments:
        """A shared copy of documents."""
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in documents])])
        ids = np.concatenate(documents) if len(documents) else np.zeros(0, np.int32)
        return cls(SharedArray.of(ids), SharedArray.of(starts.astype(np.int64)))

    def views(self) -> list[Ids]:
        """Each document as a view of the shared array."""
        ids, starts = self.ids.array, self.starts.array.tolist()
        return [ids[a:b] for a, b in itertools.pairwise(starts)]

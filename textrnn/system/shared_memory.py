"""Values whose arrays several processes see at once, in memory that goes with the last of them.

Each value has memory of its own, which is never used for another: a process may go on reading what
its parent has let go. The memory has no name: nothing is left of it however its processes end.
"""

from __future__ import annotations

import io
import os
import pickle
import weakref
from itertools import accumulate
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textrnn.errors import WorkerError, reason
from textrnn.system.spawning import is_defined_elsewhere, standard_streams_taken

if TYPE_CHECKING:  # imported where memory is shared: a prediction in one process does without
    from multiprocessing.heap import Arena

T = TypeVar("T")

ALIGNMENT = 64
"""Arrays begin at multiples of so many bytes, those of a cache line."""


class Shared(Generic[T]):
    """A value to be handed to new processes.

    Its arrays, if they are contiguous, are not copied there: what one process writes, all see.
    What else it holds is pickled.

    Args:
        value: what is copied into the memory.

    Raises:
        WorkerError: there is no such memory, or the value holds what cannot be sent.
    """

    def __init__(self, value: T) -> None:
        pickled, arrays = _pickled(value)
        parts = [memoryview(pickled), *(array.raw() for array in arrays)]
        self._sizes = [part.nbytes for part in parts]
        try:
            self._memory = _new_memory(self._starts()[-1])
        except (OSError, MemoryError, ImportError) as error:
            raise WorkerError(f"there is no shared memory: {reason(error)}") from error
        for part, place in zip(parts, self._places(), strict=True):
            place[:] = part

    def open(self) -> T:
        """The value, as another object each time, with the same arrays."""
        pickled, *arrays = self._places()
        value: T = pickle.loads(pickled, buffers=arrays)
        return value

    def _starts(self) -> list[int]:
        """Where each part begins, and the last one ends."""
        return [0, *accumulate(-(-size // ALIGNMENT) * ALIGNMENT for size in self._sizes)]

    def _places(self) -> list[memoryview]:
        """The memory of each part, which stays as long as anybody looks at it."""
        whole = memoryview(self._memory.buffer)
        starts = self._starts()[:-1]
        return [whole[a : a + n] for a, n in zip(starts, self._sizes, strict=True)]


def _pickled(value: Any) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """A value's pickle without its arrays, and these.

    Raises:
        WorkerError: it holds what another process would not find.
    """
    file, arrays = io.BytesIO(), list[pickle.PickleBuffer]()
    try:
        _Pickler(file, protocol=5, buffer_callback=arrays.append).dump(value)
    except (pickle.PicklingError, AttributeError) as error:  # defined inside a function
        raise WorkerError(reason(error)) from error
    return file.getvalue(), arrays


class _Pickler(pickle.Pickler):
    """Refuses classes and functions of the caller's script, which our processes do not read."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType) and not is_defined_elsewhere(obj):
            raise WorkerError(
                f"{obj.__qualname__} is defined in the script that runs, which they do not read; "
                "put it into a module of its own"
            )
        return NotImplemented


def _new_memory(size: int) -> Arena:
    """Anonymous memory of its own that can be handed to a new process.

    Linux has some that no file system bounds; elsewhere, and where that is forbidden, it is as
    multiprocessing makes it: a file without a name, or the page file.

    Raises:
        OSError: there is none.
    """
    from multiprocessing.heap import Arena

    with standard_streams_taken():
        try:
            file = os.memfd_create("textrnn")
        except (AttributeError, OSError):
            memory = Arena(size)
            if hasattr(os, "posix_fallocate"):  # or a full file system would kill who writes
                os.posix_fallocate(memory.fd, 0, size)
            return memory
        try:
            os.truncate(file, size)
            memory = Arena(size, file)
        except BaseException:
            os.close(file)
            raise
        weakref.finalize(memory, os.close, file)
        return memory

"""Files of a folder that anybody may have made: only regular ones, and no larger than agreed.

A pipe would be waited for for ever, a device never ends, and a sparse file of a terabyte takes no
room on the disk.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

# A pipe that appears after the look at it is opened without a wait; Windows has no such pipes.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def open_regular(path: Path, most: int | None = None) -> Iterator[tuple[FileIO, int]]:
    """Open a file to read; yields it, without a buffer, and its size in bytes.

    Args:
        path: of the file; links are followed.
        most: the largest size.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no regular file, or larger.
    """
    _check(os.stat(path), most)
    with open(os.open(path, _FLAGS), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        _check(status, most)
        yield file, status.st_size


def read_regular(path: Path, most: int) -> bytes:
    """All of a file of at most so many bytes; see ``open_regular`` for the errors."""
    with open_regular(path, most) as (file, size):
        content = file.read(size)
        if len(content) != size:
            raise ValueError("it is cut off")
        return content


def _check(status: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"it is {_kind(status.st_mode)}, not a file")
    if most is not None and status.st_size > most:
        raise ValueError(f"it has {status.st_size:,} bytes, of at most {most:,}")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")

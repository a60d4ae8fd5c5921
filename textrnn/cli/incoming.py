"""Texts that a command answers one by one, from wherever its user has them, as they come.

Arguments, a file, or standard input: the answer to a record is not to wait for the next one.
"""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from textrnn.errors import UsageError
from textrnn.wording.quoting import shell_word

READ_AHEAD = 4
"""Chunks that are read while others are answered."""


def incoming(
    texts: list[str] | None,
    file: Path | None,
    read: Callable[[Path | IO[bytes]], Iterable[str]],
    *,
    of_files: Mapping[str, str | None],
    example: str,
) -> Iterator[list[str]]:
    """Chunks of texts, as they come from a fast source or a slow one.

    Args:
        texts: the arguments of the command; ``-`` alone is standard input, as are none.
        file: of ``--file``.
        read: makes texts of a file, or of standard input.
        of_files: options that say how, and their values.
        example: of the command with a text, for who gave nothing.

    Raises:
        UsageError: two sources were given, or none.
    """
    from textrnn.inference.pool import chunks

    if file is not None and texts:
        raise UsageError("texts were given both as arguments and with --file; give one.")
    if texts and texts != ["-"]:
        if "-" in texts:
            raise UsageError("- (standard input) cannot be mixed with texts.")
        for option, value in of_files.items():
            if value is not None:
                raise UsageError(
                    f"{option} {shell_word(value)} is for --file and standard input, but texts "
                    "were given; leave it out."
                )
        return chunks(texts)
    if sys.stdin is None and str(file or "-") == "-":
        raise UsageError("standard input is closed; give texts, or --file.")
    if file is None and not texts and sys.stdin.isatty():
        raise UsageError(f"nothing to predict; give a text: {example}")
    if file is not None and str(file) != "-":
        return chunks(read(file))
    return _chunks_as_they_come(read(_standard_input()))


def _standard_input() -> IO[bytes]:
    """Open standard input once more, under a buffer of our own.

    The thread that waits for input holds the lock of its buffer, and Python aborts if it ends
    (after Ctrl-C) while that is the buffer of ``sys.stdin``.
    """
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:  # a test's stdin has no descriptor
        return sys.stdin.buffer


def _chunks_as_they_come(records: Iterable[str]) -> Iterator[list[str]]:
    """Chunks of what is there: many records of a fast stream, one at a time of a slow one.

    A thread reads ahead, so that a reader of our output never waits for a chunk to fill. An
    empty chunk says that nothing more is there yet.
    """
    import threading

    from textrnn.inference.pool import GrowingChunk, chunks

    changed = threading.Condition()
    waiting: deque[GrowingChunk[str]] = deque()
    end: list[BaseException | None] = []  # why the reading ended, once it has

    def read() -> None:
        why: BaseException | None = None
        try:
            for record in records:
                with changed:
                    if not waiting or waiting[-1].is_full:
                        changed.wait_for(lambda: len(waiting) < READ_AHEAD)
                        waiting.append(GrowingChunk())
                    waiting[-1].add(record)
                    changed.notify()
        except BaseException as error:
            why = error
        with changed:
            end.append(why)
            changed.notify()

    try:
        threading.Thread(target=read, daemon=True).start()
    except RuntimeError:  # the system has no room for one: records come when a chunk is full
        yield from chunks(records)
        return
    while True:
        with changed:
            is_empty = not waiting and not end
        if is_empty:
            yield []
        with changed:
            changed.wait_for(lambda: waiting or end)
            chunk = waiting.popleft().texts if waiting else []
            changed.notify()
        if chunk:
            yield chunk
        elif end[0] is not None:
            raise end[0]
        else:
            return

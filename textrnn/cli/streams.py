"""Standard output and standard error as a command needs them, whatever the shell made of them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

STDOUT, STDERR = 1, 2


class _Forgiving(io.FileIO):
    """A file that takes what cannot be written, too.

    What is told on the way is no result: a full disk or a closed pipe under it stops no work.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(memoryview(data).cast("B"))


def settle() -> None:
    """Make both streams what the commands count on.

    One that was closed (``>&-``) is there: results cannot be written to it, and the first one will
    say so. Any character can be written: where the terminal has no Unicode, others are escaped.
    Nothing fails that is written to standard error.
    """
    sys.stdout = sys.stdout or _opened(os.O_RDONLY, STDOUT)
    sys.stderr = sys.stderr or _opened(os.O_WRONLY, STDERR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=_encoding(stream), errors="backslashreplace")
    with contextlib.suppress(AttributeError, OSError):  # a test's has no descriptor
        raw = _Forgiving(sys.stderr.fileno(), "w", closefd=False)
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )


def _encoding(stream: TextIO) -> str:
    """The terminal's own encoding, or the one asked for; files and pipes get UTF-8."""
    if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
        return stream.encoding
    return "utf-8"


def _opened(flags: int, descriptor: int) -> TextIO:
    """Nothing, in the place of a closed stream; processes that are started have it, too."""
    nothing = os.open(os.devnull, flags)
    if nothing != descriptor:
        os.dup2(nothing, descriptor)
        os.close(nothing)
    os.set_inheritable(descriptor, True)
    return open(descriptor, "w", closefd=False)


def abandon(stream: TextIO) -> None:
    """Send what is left to nowhere, so that Python does not complain at its exit."""
    with contextlib.suppress(OSError, ValueError):  # a test's stdout has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flush() -> None:
    """Write what is left of the results, if that can be done."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        abandon(sys.stdout)

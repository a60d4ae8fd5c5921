"""How every command ends: errors become one line on stderr and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from textrnn.errors import TextRNNError

INTERRUPTED = 130
INTERNAL = 70

_debug = False


def _set_debug(value: bool) -> None:
    global _debug
    _debug = _debug or value


Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_set_debug, is_eager=True, help="Show tracebacks of errors."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Offline = Annotated[
    bool,
    typer.Option("--offline", help="Never ask the hub; fail at once where it would be needed."),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="Column with the text, if it is not found.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column with the label, if it is not found.")
]


def say(line: str) -> None:
    """Tell something about the work on stderr."""
    typer.echo(line, err=True)


def silent(line: str) -> None:
    """Tell nothing (``--quiet``)."""
    del line


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command end with one line and an exit code instead of a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, typer.Exit | typer.BadParameter) or _is_typers_own(error):
                raise
            if _debug and not isinstance(error, BrokenPipeError):
                raise
            _end(error)

    return run


def _is_typers_own(error: BaseException) -> bool:
    """Whether typer (or click under it) has its own way to show an error."""
    return hasattr(error, "exit_code") and not isinstance(error, TextRNNError)


def _end(error: BaseException) -> None:
    if isinstance(error, BrokenPipeError):
        # The reader has seen enough (``| head``); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0)
    if isinstance(error, KeyboardInterrupt):
        say("textrnn: interrupted")
        raise typer.Exit(INTERRUPTED)
    if isinstance(error, TextRNNError):
        say(f"textrnn: {one_line(str(error))}")
        raise typer.Exit(error.exit_code)
    if isinstance(error, MemoryError):
        say("textrnn: out of memory; lower --batch-size, --max-length or --max-features")
        raise typer.Exit(INTERNAL)
    kind = type(error).__name__
    say(f"textrnn: {kind}: {one_line(str(error))} (run again with --debug for the traceback)")
    raise typer.Exit(INTERNAL)


def one_line(text: str) -> str:
    """A message without line breaks, and not endless."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 1_000 else joined[:1_000] + " ..."

"""How every command looks in its help, and how it ends: one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from textrnn.cli.options import say, silent
from textrnn.errors import DataError, TextRNNError, UsageError

INTERRUPTED = 130
INTERNAL = 70


class Command(TyperCommand):
    """A command whose help groups its options, as train has too many for one list."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for the arguments and one for each group of options."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                kind = "Arguments" if param.param_type_name == "argument" else "Options"
                title = getattr(param, "rich_help_panel", None) or kind
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class CommandLine(TyperGroup):
    """All commands; a mistake in the options is told in one line like any other."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command line and exit with its code (return it if not standalone)."""
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except Exception as error:
            code = _tell_usage(error) if hasattr(error, "format_message") else _tell(error)
        code = code if isinstance(code, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


def _tell_usage(error: Any) -> int:
    """Tell what typer (or click under it) found wrong with the arguments."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        message = one_line(error.format_message()).rstrip(".")
        command = error.ctx.command_path if getattr(error, "ctx", None) else "textrnn"
        hint = f"see {command} --help"
        if type(error).__name__ == "NoSuchOption" and command.endswith(" predict"):
            hint = f"put -- before texts that begin with a dash, or {hint}"
        say(f"textrnn: {message[:1].lower()}{message[1:]}; {hint}")
    return UsageError.exit_code


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command end with one line and an exit code instead of a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with _warnings_as_notes(silent if kwargs.get("quiet") else say):
                command(*args, **kwargs)
            sys.stdout.flush()  # here, where a full disk can still be told
        except typer.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if hasattr(error, "format_message"):
                raise
            if kwargs.get("debug") and not isinstance(error, BrokenPipeError):
                import traceback

                traceback.print_exc()
            raise typer.Exit(_tell(error)) from None

    return run


@contextlib.contextmanager
def _warnings_as_notes(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell what the package warns of in a line each, and of one thing once."""
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if category is not UserWarning:  # of another package, for who writes programs
            usual(message, category, *where, **more)
        elif str(message) not in told:
            told.add(str(message))
            tell(f"note: {one_line(str(message))}")

    with warnings.catch_warnings():
        usual, warnings.showwarning = warnings.showwarning, show
        yield


def _tell(error: BaseException) -> int:
    """Tell what ended a command and return its exit code."""
    if isinstance(error, BrokenPipeError):
        _abandon_stdout()  # the reader has seen enough (``| head``): no mistake
        return 0
    if isinstance(error, TextRNNError):
        say(f"textrnn: {one_line(str(error))}")
        return error.exit_code
    if isinstance(error, OSError):
        closed = error.errno == errno.EBADF
        reason = "it is closed" if closed else error.strerror or str(error)
        if error.filename is None:  # files have names: this was standard output
            _abandon_stdout()
            say(f"textrnn: cannot write the results to standard output: {one_line(reason)}")
        else:
            say(f"textrnn: cannot read or write {one_line(repr(error.filename))}: {reason}")
        return DataError.exit_code
    if isinstance(error, KeyboardInterrupt):
        say("textrnn: interrupted")
        return INTERRUPTED
    if isinstance(error, MemoryError) or _is_too_big(error):
        say(
            "textrnn: out of memory; lower --hidden, --embedding-dim, --batch-size, --max-length "
            "or --max-features"
        )
        return INTERNAL
    kind = type(error).__name__
    say(f"textrnn: {kind}: {one_line(str(error))} (run again with --debug for the traceback)")
    return INTERNAL


def _is_too_big(error: BaseException) -> bool:
    """Return whether an array was asked for that no machine could hold: NumPy has other errors."""
    messages = ("array is too big", "Maximum allowed dimension exceeded", "too large to convert")
    is_kind = isinstance(error, ValueError | OverflowError)
    return is_kind and any(message in str(error) for message in messages)


def _abandon_stdout() -> None:
    """Send what is left to nowhere, so that Python does not complain at its exit."""
    with contextlib.suppress(OSError, ValueError):  # a test's stdout has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def one_line(text: str) -> str:
    """A message without line breaks, and not endless."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 1_000 else joined[:1_000] + " ..."

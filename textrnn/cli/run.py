"""How every command looks in its help, and how it ends: one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import errno
import functools
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from textrnn.cli import interrupts
from textrnn.cli.option_names import in_options, options_of
from textrnn.cli.options import say, silent
from textrnn.cli.streams import abandon
from textrnn.errors import DataError, TextRNNError, UsageError, reason
from textrnn.wording.messages import Advice, Message, Parameter
from textrnn.wording.quoting import quoted

INTERNAL = 70
UNWRITABLE = DataError.exit_code
"""The code where results cannot be written to standard output, as if it were any other file."""
LONGEST = 1_000
"""Characters of a message that are told."""
OUT_OF_MEMORY = Message(
    "textrnn: out of memory",
    Advice(
        "; lower ",
        Parameter("hidden_size"),
        ", ",
        Parameter("embedding_dim"),
        ", ",
        Parameter("batch_size"),
        ", ",
        Parameter("max_length"),
        " or ",
        Parameter("max_features"),
        otherwise=Advice("; lower ", Parameter("n_jobs")),
    ),
)


class Command(TyperCommand):
    """A command whose help groups its options, as train has too many for one list."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for the arguments and one for each group of options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                kind = "Arguments" if param.param_type_name == "argument" else "Options"
                title = getattr(param, "rich_help_panel", None) or kind
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            if not records:
                continue
            with formatter.section(title):
                formatter.write_dl(records)

    def invoke(self, ctx: Any) -> Any:
        """Call the command; meanwhile messages name its options."""
        with options_of(self):
            return super().invoke(ctx)


class CommandLine(TyperGroup):
    """All commands; a mistake in the options is told in one line like any other."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command line and exit with its code (return it if not standalone)."""
        code: Any = 0
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except BrokenPipeError as error:
            code = code or _tell(error)  # a gate has failed whoever reads of it
        except SystemExit as error:  # typer ends so where the reader of its help has gone
            code = _tell(BrokenPipeError()) if error.code == 1 else error.code
        except (Exception, KeyboardInterrupt) as error:
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
        message = short(error.format_message()).rstrip(".")
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
            with _warnings_told(silent if kwargs.get("quiet") else say):
                command(*args, **kwargs)
            sys.stdout.flush()  # here, where a full disk can still be told
        except typer.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if hasattr(error, "format_message"):
                raise
            if kwargs.get("debug") and not isinstance(error, BrokenPipeError):
                import traceback

                for line in traceback.format_exc().splitlines():
                    say(line)
            raise typer.Exit(_tell(error)) from None

    return run


@contextlib.contextmanager
def _warnings_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell of each warning once, in a line as of anything else.

    Those of the package are notes, which can be silenced; others are for who writes programs.
    """
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        del where, more
        of_package = category is UserWarning
        what = message.args[0] if isinstance(message, Warning) and message.args else str(message)
        if str(message) not in told:
            told.add(str(message))
            (tell if of_package else say)(Message("note: " if of_package else "warning: ", what))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _tell(error: BaseException) -> int:
    """Tell what ended a command and return its exit code."""
    if isinstance(error, KeyboardInterrupt) or interrupts.came():
        say("textrnn: interrupted")
        return interrupts.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        abandon(sys.stdout)  # the reader has seen enough (``| head``): no mistake
        return 0
    if isinstance(error, TextRNNError):
        say(f"textrnn: {short(in_options(error.message))}")
        return error.exit_code
    if isinstance(error, OSError):
        closed = error.errno == errno.EBADF
        why = "it is closed" if closed else reason(error)
        if error.filename is None:  # files have names: this was standard output
            abandon(sys.stdout)
            say(f"textrnn: cannot write the results to standard output: {short(why)}")
            return UNWRITABLE
        say(f"textrnn: cannot read or write {quoted(error.filename)}: {short(why)}")
        return DataError.exit_code
    if isinstance(error, MemoryError) or _is_too_big(error):
        say(OUT_OF_MEMORY)
        return INTERNAL
    kind = type(error).__name__
    say(f"textrnn: {kind}: {short(str(error))} (run again with --debug for the traceback)")
    return INTERNAL


def _is_too_big(error: BaseException) -> bool:
    """Return whether an array was asked for that no machine could hold: NumPy has other errors."""
    messages = ("array is too big", "Maximum allowed dimension exceeded", "too large to convert")
    is_kind = isinstance(error, ValueError | OverflowError)
    return is_kind and any(message in str(error) for message in messages)


def short(text: str) -> str:
    """A message on one line, and not endless; spaces stay as they are but around its breaks."""
    line = re.sub(r"[^\S\n]*\n\s*", " ", text.strip())
    return line if len(line) <= LONGEST else line[:LONGEST] + " ..."

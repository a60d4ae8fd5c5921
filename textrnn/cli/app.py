"""The ``textrnn`` command: its sub-commands and what they share."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from textrnn.cli import interrupts, streams
from textrnn.cli.run import Command, CommandLine, guarded
from textrnn.system.version import __version__

COMMANDS = (
    *("train", "predict", "evaluate", "compare", "tune"),
    *("gradients", "models", "shrink", "corpora", "inspect"),
)
"""Each is the function of that name in the module of that name."""

EPILOG = """Begin with: textrnn train cars, then textrnn predict "The clown car sped into the
arena."

Exit codes: 0 done, 1 a gate failed, 2 usage, 3 data, or results that cannot be written, 4 model,
5 training, 6 a package is missing, 70 a fault in textrnn or no memory left, 130 interrupted.

Ctrl-C ends a command in order and keeps what was done; pressed again after two seconds, at once."""


class LazyCommandLine(CommandLine):
    """Imports a command when it is called: the options of all take 15 ms to set up."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        function = getattr(import_module(f"textrnn.cli.{cmd_name}"), cmd_name)
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        alone.command(cmd_name, cls=Command)(guarded(function))
        return typer.main.get_command(alone)


# Plain help: rich would double the time that --help takes.
app = typer.Typer(
    name="textrnn",
    cls=LazyCommandLine,
    help="Recurrent text classification on a CPU: train, evaluate, predict.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"textrnn {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Recurrent text classification on a CPU: train, evaluate, predict."""
    del version


def main() -> None:
    """Run the command line of this process, and end it."""
    interrupts.watch()
    streams.settle()
    code: Any = interrupts.INTERRUPTED
    try:
        code = typer.main.get_command(app).main(standalone_mode=False)
        streams.flush()
    except KeyboardInterrupt:
        streams.abandon(sys.stdout)
    interrupts.no_more()
    gc.freeze()  # all memory goes now: a last look for garbage would take 10 ms
    sys.exit(interrupts.INTERRUPTED if interrupts.came() else code)

"""The ``textrnn`` command: its sub-commands and what they share."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from textrnn import __version__
from textrnn.cli.compare import compare
from textrnn.cli.corpora import corpora
from textrnn.cli.evaluate import evaluate
from textrnn.cli.inspect import inspect
from textrnn.cli.predict import predict
from textrnn.cli.run import Command, CommandLine, guarded
from textrnn.cli.train import train

EPILOG = """Begin with: textrnn train cars, then textrnn predict "The clown car sped into the
arena."

Exit codes: 0 done, 1 a gate failed, 2 usage, 3 data, 4 model, 5 training, 6 a package is
missing, 70 a fault in textrnn or no memory left, 130 interrupted."""

# Plain help: rich would double the time that --help takes.
app = typer.Typer(
    name="textrnn",
    cls=CommandLine,
    help="Recurrent text classification on a CPU: train, evaluate, predict.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, predict, evaluate, compare, corpora, inspect):
    app.command(cls=Command)(guarded(command))


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
    """Entry point of the console script."""
    # Closed by the caller (``>&-``): there is nobody to tell, but the work can be done.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # A corpus or a text may hold any character, whatever the locale says.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()

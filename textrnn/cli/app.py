"""The ``textrnn`` command: its sub-commands and what they share."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from textrnn.cli import interrupts, streams
from textrnn.cli.run import Command, CommandLine, guarded
from textrnn.system.version import __version__


class Group(NamedTuple):
    """Commands that belong together.

    Attributes:
        help: what they are for.
        commands: the name of each, and of the function in the module of its name.
    """

    help: str
    commands: Mapping[str, str]


COMMANDS = (
    *("train", "predict", "evaluate", "compare", "tune"),
    *("gradients", "models", "shrink", "corpora", "inspect"),
)
"""Each is the function of that name in the module of that name."""
GROUPS: dict[str, Group] = {
    "lm": Group(
        "Language models: train one, then ask it.",
        {
            "train": "train",
            "score": "score",
            "next": "next_words",
            "generate": "generate",
            "evaluate": "evaluate",
        },
    ),
    "tag": Group(
        "Tag the tokens of texts: train a tagger, then use it.",
        {"train": "train", "predict": "predict", "evaluate": "evaluate"},
    ),
    "transduce": Group(
        "Texts of texts: train an encoder-decoder on pairs of them.",
        {name: name for name in ("train", "predict", "evaluate")},
    ),
}
"""Commands of models of a kind of its own: the package of that name holds a module for each."""


EPILOG = """Begin with: textrnn train cars, then textrnn predict "The clown car sped into the
arena."

Exit codes: 0 done, 1 a gate failed, 2 usage, 3 data, or results that cannot be written, 4 model,
5 training, 6 a package is missing, 70 a fault in textrnn or no memory left, 130 interrupted.

Ctrl-C ends a command in order and keeps what was done; pressed again after two seconds, at once."""


def command_of(name: str, module: str, function: str) -> Any:
    """A command, imported now: the options of all together take 15 ms to set up."""
    called = getattr(import_module(f"textrnn.cli.{module}"), function)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=Command)(guarded(called))
    return typer.main.get_command(alone)


class LazyGroup(TyperGroup):
    """The commands of a group, each imported when it is called.

    Args:
        name: of the group, and of the package in which each of them is a module.
        group: what it is for, and which they are.
    """

    def __init__(self, name: str, group: Group) -> None:
        super().__init__(name=name, help=group.help, no_args_is_help=True, rich_markup_mode=None)
        self._functions = group.commands

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of the help."""
        del ctx
        return list(self._functions)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        del ctx
        if cmd_name not in self._functions:
            return None
        return command_of(cmd_name, f"{self.name}.{cmd_name}", self._functions[cmd_name])


class LazyCommandLine(CommandLine):
    """All commands, each imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of the help."""
        del ctx
        return [*COMMANDS, *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command or the group of that name, or None."""
        del ctx
        if cmd_name in GROUPS:
            return LazyGroup(cmd_name, GROUPS[cmd_name])
        return command_of(cmd_name, cmd_name, cmd_name) if cmd_name in COMMANDS else None


# Plain help: rich would double the time that --help takes.
app = typer.Typer(
    name="textrnn",
    cls=LazyCommandLine,
    help="Recurrent networks over text on a CPU: classify, tag, tell the next word, transduce.",
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
    """Recurrent networks over text on a CPU: classify, tag, tell the next word, transduce."""
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

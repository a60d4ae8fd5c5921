"""Messages about parameters, told in the words of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted, shell_word

if TYPE_CHECKING:
    from textrnn.training.declaration import Declared

OTHERS = {
    "max_seconds": "--time",  # where it is not --budget
    **{
        name: "--" + name.replace("_", "-")
        for name in (
            *("preset", "seed", "resume", "regression", "unlabelled", "condition", "markov"),
            *("test", "validation", "test_fraction"),
            *("split", "text_column", "label_column", "label_separator", "format", "which"),
            *("max_words", "max_ngrams", "top_k", "min_accuracy", "limit"),
            *("label", "n", "max_tokens", "temperature", "top_p", "strength"),
        )
    },
}
"""The option behind each parameter that is no setting, and another command's for one that is."""


def declared(parameter: str) -> Declared | None:
    """What is declared of a setting, of a classifier or else of whatever has it; None if none."""
    # Where it is asked for: most runs do without.
    from textrnn.training.declaration import declared_by
    from textrnn.training.settings import Settings

    kinds = (Settings, *Settings.__subclasses__())
    return next((found[parameter] for found in map(declared_by, kinds) if parameter in found), None)


class Options:
    """A command's words for parameters: those of its options, and no others.

    Args:
        known: its options; None if every option may be named.
    """

    def __init__(self, known: frozenset[str] | None = None) -> None:
        self.known = known

    def name(self, parameter: str) -> str | None:
        """The option behind a parameter, if the command has it."""
        setting = declared(parameter)
        for option in (setting and f"--{setting.option}", OTHERS.get(parameter)):
            if option and (self.known is None or option in self.known):
                return option
        return None

    def value(self, parameter: str, value: Any) -> str | None:
        """A value as it is written after the option; of a flag whether it is on.

        For None there is no word, unless the option takes 0 for it: it is then not given.
        """
        setting = declared(parameter)
        if setting and setting.flag:
            return "on" if value == setting.flag.value else "off"
        if isinstance(value, bool):
            return "on" if value else "off"
        if value is None:
            return "0" if setting and setting.zero_is_none else None
        return quoted(value)

    def setting(self, parameter: str, value: Any) -> str | None:
        """The option with its value, or the flag for it."""
        option, setting = self.name(parameter), declared(parameter)
        if option is None:
            return None
        if setting:
            given = as_option(setting, value)
            if given is None or (self.known is not None and given[0] not in self.known):
                return f"no {option}" if setting.flag else None
            return " ".join([given[0], *map(shell_word, given[1:])])
        if isinstance(value, bool):
            return option if value else f"no {option}"
        return f"{option} {shell_word(str(value))}"


def as_option(setting: Declared, value: Any) -> list[str] | None:
    """The words that give a setting a value on a command line; None if none do."""
    if setting.flag and value == setting.flag.value:
        return [f"--{setting.option}"]
    if setting.flag:
        return [f"--{setting.flag.contrary}"] if setting.flag.contrary else None
    if setting.word and value == setting.word.value:
        return [f"--{setting.word.option}", value]
    if value is None:
        return [f"--{setting.option}", "0"] if setting.zero_is_none else None
    return [f"--{setting.option}", str(value)]


_at_hand = Options()


@contextlib.contextmanager
def options_of(command: Any) -> Iterator[None]:
    """Let messages name the options of a command, and advise no others."""
    global _at_hand
    before = _at_hand
    names = (name for param in command.params for name in (*param.opts, *param.secondary_opts))
    _at_hand = Options(frozenset(names))
    try:
        yield
    finally:
        _at_hand = before


def in_options(message: str) -> str:
    """A message in the words of the command at hand."""
    return message.told(_at_hand) if isinstance(message, Message) else message

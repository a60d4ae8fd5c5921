"""Messages about settings, told in the words of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted, shell_word

if TYPE_CHECKING:
    import typer

    from textrnn.training.settings import Settings

OPTIONS = {
    "hidden_size": "--hidden",
    "num_layers": "--layers",
    "learning_rate_init": "--lr",
    "learning_rate": "--schedule",
    "max_iter": "--epochs",
    "max_seconds": "--budget",
    "n_iter_no_change": "--patience",
    "dropout_readout": "--dropout",
    "n_jobs": "--jobs",
    "lowercase": "--keep-case",
    "class_weight": "--balanced",
    **{
        name: "--" + name.replace("_", "-")
        for name in (
            *("cell", "readout", "segment_length", "embedding", "embedding_dim"),
            *("freeze_embedding", "tokenizer"),
            *("min_df", "max_features", "max_length", "solver", "alpha", "max_grad_norm"),
            *("gradient_floor", "batch_size", "batch_tokens", "validation_fraction", "seed"),
            *("dropout_input", "dropout_recurrent", "dropout_embedding"),
            *("label_smoothing", "adversarial", "ema_decay", "ngrams"),
            *("max_steps", "unknown_alpha", "unknown_words", "preset", "threshold"),
            *("bidirectional", "early_stopping", "unlabelled"),
        )
    },
}
"""The option behind each setting."""
SWITCHED_OFF_BY_0 = ("--segment-length", "--max-features", "--max-length", "--max-grad-norm")
"""Options that are 0 where a script says None."""
FLAGS: dict[str, tuple[Any, str]] = {
    "lowercase": (False, ""),
    "class_weight": ("balanced", ""),
    "freeze_embedding": (True, ""),
    "bidirectional": (True, "--one-way"),
    "early_stopping": (True, "--no-early-stopping"),
    "resume": (True, ""),
}
"""Settings whose option takes no value: what it sets, and the option for the contrary."""

ELSEWHERE = {
    "tune_threshold": "--tune-threshold",
    "max_seconds": "--time",
    "resume": "--resume",
    "test": "--test",
    "test_fraction": "--test-fraction",
    "split": "--split",
    "text_column": "--text-column",
    "label_column": "--label-column",
    "label_separator": "--label-separator",
    "format": "--format",
    "which": "--which",
    "max_words": "--max-words",
    "max_ngrams": "--max-ngrams",
    "top_k": "--top-k",
    "min_accuracy": "--min-accuracy",
}
"""Parameters that are no settings of a training, and another command's name for one that is."""


class Options:
    """A command's words for parameters: those of its options, and no others.

    Args:
        known: its options; None if every option may be named.
    """

    def __init__(self, known: frozenset[str] | None = None) -> None:
        self.known = known

    def name(self, parameter: str) -> str | None:
        """The option behind a parameter, if the command has it."""
        for option in (OPTIONS.get(parameter), ELSEWHERE.get(parameter)):
            if option is not None and (self.known is None or option in self.known):
                return option
        return None

    def value(self, parameter: str, value: Any) -> str | None:
        """A value as it is written after the option; of a flag whether it is on.

        For None there is no word, unless the option takes 0 for it: it is then not given.
        """
        if parameter in FLAGS:
            return "on" if value == FLAGS[parameter][0] else "off"
        if value is None:
            return "0" if OPTIONS.get(parameter) in SWITCHED_OFF_BY_0 else None
        return quoted(value)

    def setting(self, parameter: str, value: Any) -> str | None:
        """The option with its value, or the flag for it."""
        if (parameter, value) == ("threshold", "f1"):
            parameter = "tune_threshold"
        option = self.name(parameter)
        if option is None:
            return None
        if parameter in FLAGS:
            return option if value == FLAGS[parameter][0] else FLAGS[parameter][1] or f"no {option}"
        told = self.value(parameter, None) if value is None else shell_word(str(value))
        return told and f"{option} {told}"


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


def given_settings(ctx: typer.Context, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings whose options stand on the command line; a preset says the others."""
    given = {
        option
        for param in ctx.command.params
        if (source := ctx.get_parameter_source(param.name or "")) and source.name == "COMMANDLINE"
        for option in param.opts
    }
    return {name: value for name, value in settings.items() if OPTIONS[name] in given}


def as_options(settings: Settings, preset: Settings) -> list[str]:
    """The arguments of ``textrnn train`` that turn a preset's settings into others.

    Raises:
        KeyError: a setting that has no option is another.
    """
    arguments: list[str] = []
    for name, value in settings.to_dict().items():
        if value == preset.to_dict()[name]:
            continue
        option = "--tune-threshold" if (name, value) == ("threshold", "f1") else OPTIONS[name]
        if name in FLAGS:
            arguments.append(option if value == FLAGS[name][0] else FLAGS[name][1])
        else:
            arguments += [option, "0" if value is None else str(value)]
    return arguments

"""Messages about settings, told in the words of the command line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from textrnn.errors import TextRNNError

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
}
"""Settings whose option takes no value: what it sets, and the option for the contrary."""

_WHOLE_WORD = r"(?<![\w/.'-]){}(?![\w/'-]|\.\w)"
_PLAIN = "|".join(name for name in OPTIONS if "_" not in name)
_PATTERNS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Limits that only a script has.
    (r"min_df=(\S+) and max_df=\S+ exclude ", r"min_df is \1, which excludes "),
    (r"(Lower min_df) or raise max_df", r"\1"),
    (r" of documents or a share from 0\.0 to 1\.0", " from 1"),
    (r", or a callable\b", ""),
    (r" or a lower min_count", ""),
    # Two hashes say no more than that they differ.
    (r"\bcorpus was '\w{64}' and is '\w{64}' now", "the corpus has changed"),
    # Flags are on or off.
    (r"\bclass_weight was None and is \S+ now", "class_weight was off and is on now"),
    (r"\bclass_weight was \S+ and is None now", "class_weight was on and is off now"),
    (r"\blowercase was True and is False now", "lowercase was off and is on now"),
    (r"\blowercase was False and is True now", "lowercase was on and is off now"),
    (r"\b(\w+) was True and is False now", r"\1 was on and is off now"),
    (r"\b(\w+) was False and is True now", r"\1 was off and is on now"),
    # Names with a _ are settings wherever they stand, others only where their value follows.
    *((_WHOLE_WORD.format(name), option) for name, option in OPTIONS.items() if "_" in name),
    (_WHOLE_WORD.format(f"({_PLAIN})") + r"(?= (?:is|was) )", lambda m: OPTIONS[m[1]]),
    # None is 0, or an option that is not given.
    (rf"({'|'.join(SWITCHED_OFF_BY_0)}) (is|was) None\b", r"\1 \2 0"),
    (rf"({'|'.join(SWITCHED_OFF_BY_0)}) was (\S+) and is None\b", r"\1 was \2 and is 0"),
    (r"(--\S+) was None\b", r"\1 was not given"),
    (r"(--\S+ was \S+|--\S+ was not given) and is None now", r"\1 and is not given now"),
    (rf"^((?:{'|'.join(SWITCHED_OFF_BY_0)}) .*), or None\.", r"\1, or 0."),
    (r", or None\.", "."),
    (r"--threshold is 'f1'", "--tune-threshold is f1"),
    (r", 'f1' or None\.", "."),
)


@contextlib.contextmanager
def options_named() -> Iterator[None]:
    """Tell of a setting by the option that the user wrote."""
    try:
        yield
    except TextRNNError as error:
        raise type(error)(in_options(str(error))) from error


def in_options(message: str) -> str:
    """Return a message about settings as one about options."""
    for pattern, told in _PATTERNS:
        message = re.sub(pattern, told, message)
    return message


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

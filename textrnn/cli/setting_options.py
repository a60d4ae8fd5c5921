"""The options of a command for the settings of a training: made of what each setting declares."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar, get_args

import typer

from textrnn.cli.durations import seconds_of
from textrnn.cli.option_names import as_option
from textrnn.errors import UsageError, did_you_mean
from textrnn.training.declaration import Declared, Duration, declared_by
from textrnn.training.declared import GROUPS
from textrnn.training.presets import DEFAULT, PRESETS, changes_of
from textrnn.training.settings import DECLARED, Settings
from textrnn.wording.quoting import quoted

S = TypeVar("S", bound=Settings)
_PRESETS = ", ".join(
    name if name == DEFAULT else f"{name} ({preset.summary})" for name, preset in PRESETS.items()
)
Preset = Annotated[
    str,
    typer.Option(help=f"Settings to begin with; options beside it count more: {_PRESETS}."),
]


RARELY_NEEDED = frozenset({"baselines", "cache", "offline", "test_fraction"})
"""Options of a command's own that ``--help`` does not show, either."""


def takes_settings(
    kind: type[Settings] = Settings, *, but: Collection[str] = ()
) -> Callable[..., Callable[..., Any]]:
    """Give a command an option for each setting of a kind but some.

    It receives the settings that were given as a dictionary, ``given``. A parameter of it that is
    a dataclass stands for the options that are its fields. Options that few people need are not
    shown by ``--help``, but by ``--help-all``.
    """

    declared = declared_by(kind)

    def wrapped(command: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(command, eval_str=True).parameters
        groups: dict[str, Any] = {
            name: one.annotation for name, one in own.items() if is_dataclass(one.annotation)
        }
        options = {
            option.name: option
            for setting in sorted(declared.values(), key=lambda one: GROUPS.index(one.group))
            if setting.name not in but and not setting.is_fixed
            for option in _options_of(setting)
        }

        @functools.wraps(command)
        def run(help_all: bool = False, **values: Any) -> None:
            del help_all
            given = given_settings({name: values.pop(name) for name in options}, declared)
            for name, group in groups.items():
                values[name] = group(**{one.name: values.pop(one.name) for one in fields(group)})
            command(given=given, **values)

        singles = [one for name, one in own.items() if name not in {*groups, "given"}]
        grouped = [one for group in groups.values() for one in _fields_of(group)]
        parameters = [*map(_as_option, [*grouped, *singles]), *options.values(), _HELP_ALL]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    return wrapped


def _fields_of(group: Any) -> Iterable[inspect.Parameter]:
    """The fields of a dataclass, as parameters."""
    return inspect.signature(group, eval_str=True).parameters.values()


def _as_option(own: inspect.Parameter) -> inspect.Parameter:
    """A parameter of a command's own, not shown if it is rarely needed."""
    if own.name in RARELY_NEEDED:
        kind, told = get_args(own.annotation)
        told = copy(told)
        told.hidden = True
        own = own.replace(annotation=Annotated[kind, told])
    return own.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _options_of(setting: Declared) -> Iterator[inspect.Parameter]:
    """The option of a setting, and that of its value that has one of its own."""
    kind, told = setting.check.kind, setting.help_of_option
    if setting.flag:
        contrary = f"/--{setting.flag.contrary}" if setting.flag.contrary else ""
        yield _option(setting, setting.name, bool, f"--{setting.option}{contrary}", told)
        return
    kind = str if kind is Duration else kind
    yield _option(setting, setting.name, kind, f"--{setting.option}", told)
    if setting.word:
        name = f"{setting.name}_word"
        yield _option(setting, name, str, f"--{setting.word.option}", setting.word.help)


def _option(setting: Declared, name: str, kind: type, option: str, help: str) -> inspect.Parameter:
    """An option whose value is None where it is not given: a preset may say another default."""
    if name == setting.name and (default := _shown_default(setting)):
        help = f"{help}  [default: {default}]"
    told = typer.Option(
        option, help=help, rich_help_panel=setting.group, hidden=not setting.is_common
    )
    return _parameter(name, Annotated[kind | None, told], None)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _shown_default(setting: Declared) -> str:
    """The default as the help shows it; nothing where it is said in the text, or goes without."""
    default = setting.option_default
    if setting.flag and setting.flag.contrary:
        on = default == setting.flag.value
        return setting.option if on else setting.flag.contrary
    return "" if default is None or setting.flag else str(default)


def _show_all(ctx: typer.Context, value: bool) -> None:
    """Print the help with all options, and end."""
    if value:
        for param in ctx.command.params:
            param.hidden = False  # type: ignore[attr-defined]
        typer.echo(ctx.get_help())
        raise typer.Exit


_HELP_ALL = _parameter(
    "help_all",
    Annotated[
        bool,
        typer.Option("--help-all", is_eager=True, callback=_show_all, help="Show all options."),
    ],
    False,
)


def given_settings(
    values: Mapping[str, Any], declared: Mapping[str, Declared] = DECLARED
) -> dict[str, Any]:
    """The settings that options give, by name.

    Args:
        values: of all options, None for those that are not on the command line.
        declared: what there is to give.

    Raises:
        UsageError: two options give one setting, or a value is none.
    """
    given = {}
    for setting in declared.values():
        value, word = values.get(setting.name), values.get(f"{setting.name}_word")
        if setting.word and word is not None:
            value = _checked_word(setting, word, value)
        is_off = setting.flag and not setting.flag.contrary and not value
        if value is not None and not is_off:
            given[setting.name] = _read(setting, value)
    return given


def _checked_word(setting: Declared, word: str, value: Any) -> str:
    """The value that has an option of its own, if that is what it was given, and nothing else."""
    assert setting.word
    option = f"--{setting.word.option}"
    if value is not None:
        raise UsageError(
            f"--{setting.option} is {quoted(value)} and {option} {quoted(word)}; give one of them."
        )
    if word != setting.word.value:
        hint = did_you_mean(word, [setting.word.value])
        raise UsageError(f"{option} is {quoted(word)}, but must be {setting.word.value}.{hint}")
    return word


def _read(setting: Declared, value: Any) -> Any:
    """A setting's value from that of its option."""
    if setting.flag:
        return setting.flag.value if value else not setting.flag.value
    if setting.zero_is_none and value == 0:
        return None
    if setting.check.kind is Duration and isinstance(value, str):
        return seconds_of(value, f"--{setting.option}")
    if setting.option_most is not None and value > setting.option_most:
        raise UsageError(
            f"--{setting.option} is {quoted(value)}, but must be at most {setting.option_most:,}."
        )
    return value


def settings_of(preset: str, given: Mapping[str, Any]) -> Settings:
    """Checked settings: those given, else a preset's, else the defaults of the command line.

    Raises:
        UsageError: there is no such preset, or a value cannot work.
    """
    return checked_settings(Settings, {**changes_of(preset), **given}, given)


def checked_settings(kind: type[S], values: Mapping[str, Any], given: Collection[str] = ()) -> S:
    """Settings of a kind, of some values, else the defaults of the command line.

    Args:
        kind: which.
        values: by name.
        given: those of them that were given on purpose.

    Raises:
        UsageError: a value cannot work.
    """
    from textrnn.text.tokenizers import make_tokenizer

    defaults = {name: setting.option_default for name, setting in declared_by(kind).items()}
    settings = kind(**{**defaults, **values})
    settings.validate(given)
    make_tokenizer(settings.tokenizer)
    return settings


def as_options(settings: Settings, preset: Settings) -> list[str]:
    """The arguments of ``textrnn train`` that turn a preset's settings into others.

    Raises:
        ValueError: a setting has a value that no option gives.
    """
    arguments: list[str] = []
    begun_with = preset.to_dict()
    for name, value in settings.to_dict().items():
        if value != begun_with[name]:
            words = as_option(DECLARED[name], value)
            if words is None:
                raise ValueError(f"no option gives {name} the value {quoted(value)}")
            arguments += words
    return arguments

"""What a setting declares of itself, once, and from which all else about it follows.

A setting is a field of a dataclass, made by `setting`: its default, check, help, group, option, and
whether a search may vary it. Nothing heavy is imported here: the command line reads what is
declared before it knows whether there is anything to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar

from textrnn.errors import did_you_mean
from textrnn.system.numerals import is_real, is_whole
from textrnn.wording.messages import Advice, Message, Value, stated
from textrnn.wording.quoting import listed

T = TypeVar("T")

# ------------------------------------------------------------------------- checks


class Duration(float):
    """Seconds, which people write as 90s, 10m or 1h30m."""


@dataclass(frozen=True)
class Check:
    """Which values can work, and how that is told.

    Attributes:
        wanted: what could, as in "must be a whole number from 1".
        is_valid: whether a value does.
        kind: what an option of the command line reads.
        words: names that can work, too; asked for each time, as there may be more of them by then.
        or_none: whether None can.
    """

    wanted: str = ""
    is_valid: Callable[[Any], bool] = lambda _: False
    kind: type = str
    words: Callable[[], Sequence[str]] = tuple
    or_none: bool = False

    def complaint(self, name: str, value: Any) -> Message | None:
        """Why a setting of that name cannot have a value; None if it can."""
        words = self.words()
        is_word = isinstance(value, str) and value in words
        if is_word or (self.or_none and value is None) or self.is_valid(value):
            return None
        hint = did_you_mean(str(value), words) if words else ""
        return Message(stated(name, value), ", but must be ", self.told(name), ".", hint)

    def told(self, name: str) -> Message:
        """What a setting of that name can be."""
        words = self.words()
        one_of = f"one of {listed(words)}" if words else ""
        or_none = Advice(", or ", Value(name, None)) if self.or_none else ""
        return Message(one_of, " or " if words and self.wanted else "", self.wanted, or_none)


def optional(check: Check) -> Check:
    """The same, and None."""
    return replace(check, or_none=True)


def one_of(words: Callable[[], Sequence[str]]) -> Check:
    """Some names and nothing else."""
    return Check(words=words)


def _is_share(value: Any) -> bool:
    return is_real(value) and 0.0 <= value < 1.0


WHOLE = Check("a whole number from 1", lambda value: is_whole(value) and value >= 1, int)
FLAG = Check("True or False", lambda value: type(value).__name__ in ("bool", "bool_"), bool)
SHARE = Check("a number from 0 to below 1", _is_share, float)
PART = Check("a number above 0 and below 1", lambda value: _is_share(value) and value > 0, float)
FROM_0 = Check(
    "a number from 0", lambda value: is_real(value) and 0.0 <= value < float("inf"), float
)
ABOVE_0 = Check(
    "a number above 0", lambda value: is_real(value) and 0.0 < value < float("inf"), float
)

# ------------------------------------------------------------------- declarations


class Flag(NamedTuple):
    """An option that takes no value.

    Attributes:
        value: what it sets.
        contrary: the option that sets a boolean to the other value; empty for none.
        help: what it does, where that is not what the setting is.
    """

    value: Any = True
    contrary: str = ""
    help: str = ""


class Word(NamedTuple):
    """A value that has an option of its own, which takes it as a word.

    Attributes:
        value: which.
        option: for it.
        help: what the value does.
    """

    value: str
    option: str
    help: str


@dataclass(frozen=True)
class Declared:
    """All about a setting.

    Attributes:
        name: in Python.
        default: its value where nothing else is said.
        check: which values can work.
        help: what it is, in a sentence, with ``{none}`` where None is spoken of.
        group: heading under which it stands with others.
        option: its name at the command line, without dashes.
        flag: if that takes no value.
        word: a value that has an option of its own, or None.
        zero_is_none: whether 0 stands for None there.
        option_default: what stands for the default there, if it is another.
        option_most: above it a number given there is a typing error.
        is_common: one of the options that most people need.
        searched: values that a search tries; none if it leaves the setting alone.
        is_fixed: it means nothing here: it has its default, no option, and no other value.
    """

    name: str
    default: Any
    check: Check
    help: str
    group: str
    option: str
    flag: Flag | None
    word: Word | None
    zero_is_none: bool
    option_default: Any
    option_most: int | None
    is_common: bool
    searched: tuple[Any, ...]
    is_fixed: bool

    @property
    def help_in_python(self) -> str:
        """What it is, for scripts."""
        return self.help.replace("{none}", "None")

    @property
    def help_of_option(self) -> str:
        """What it is, or what its flag does, at the command line."""
        told = self.flag.help if self.flag else ""
        return told or self.help.replace("{none}", "0")


UNSAID: Any = object()


def setting(
    default: T,
    check: Check,
    help: str,
    *,
    group: str,
    option: str = "",
    flag: Flag | None = None,
    word: Word | None = None,
    zero_is_none: bool = False,
    option_default: Any = UNSAID,
    option_most: int | None = None,
    common: bool = False,
    searched: Sequence[Any] = (),
) -> T:
    """A field of a dataclass of settings; see `Declared` for what is said of it.

    Its option is its name unless another is given; the contrary of a boolean is "no-" and that.
    """
    declared = {
        "check": check,
        "help": help,
        "group": group,
        "option": option,
        "flag": flag,
        "word": word,
        "zero_is_none": zero_is_none,
        "option_default": default if option_default is UNSAID else option_default,
        "option_most": option_most,
        "is_common": common,
        "searched": tuple(searched),
        "is_fixed": False,
    }
    return field(default=default, metadata=declared)


def redeclared(name: str, default: Any, *, of: Any, **said: Any) -> Any:
    """A setting that others have, too, with another default in a class that is derived from theirs.

    Args:
        name: its name.
        default: the other default, also of its option.
        of: the class that declares it.
        said: what else is said otherwise, see `Declared`.
    """
    before = next(one.metadata for one in fields(of) if one.name == name)
    return field(default=default, metadata={**before, "option_default": default, **said})


def fixed(name: str, value: Any, *, of: Any) -> Any:
    """A setting of others that means nothing in a derived class; it can have this value alone."""
    return redeclared(name, value, of=of, is_fixed=True, searched=())


def declared_by(settings: Any) -> dict[str, Declared]:
    """What a dataclass of settings declares, by name."""
    return {
        one.name: Declared(name=one.name, default=one.default, **_completed(one.name, one.metadata))
        for one in fields(settings)
    }


def is_meant(settings: Any, name: str, given: Collection[str]) -> bool:
    """Whether a setting was given on purpose, be it with its default, or is not the default."""
    return name in given or getattr(settings, name) != declared_by(settings)[name].default


def _completed(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of a setting, and what goes without saying."""
    option, flag = said["option"] or name.replace("_", "-"), said["flag"]
    if said["check"].kind is bool and flag is None:
        flag = Flag(True, f"no-{option}")
    return {**said, "option": option, "flag": flag}

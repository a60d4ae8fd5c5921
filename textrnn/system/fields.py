"""A table of fields, from which both the check of what a file says and its refusal follow."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from textrnn.system.strict_json import shown

MOST = 2**53
"""The largest whole number that every reader of JSON takes for itself."""


class Field(NamedTuple):
    """What a value may be.

    Attributes:
        is_valid: whether a value is.
        wanted: what it must be, in words.
        required: it must be there.
    """

    is_valid: Callable[[Any], bool]
    wanted: str
    required: bool = True

    def or_none(self) -> Field:
        """The same, or null."""
        return self._replace(
            is_valid=lambda value: value is None or self.is_valid(value),
            wanted=f"{self.wanted}, or null",
        )

    def maybe(self) -> Field:
        """The same, which need not be there."""
        return self._replace(required=False)


def check_fields(
    values: Any, table: Mapping[str, Field], where: str, *, others: bool = False
) -> None:
    """Check the values of an object by a table.

    Args:
        values: as JSON gives them.
        table: what each may be.
        where: what the object is called in messages; may be empty.
        others: fields that are not in the table may be there, too.

    Raises:
        ValueError: the first that is missing, unknown or out of its range, and what it must be.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where or 'it'} is {shown(values)}, but must be an object")
    prefix = f"{where}." if where else ""
    for name, (is_valid, wanted, required) in table.items():
        if name not in values:
            if required:
                raise ValueError(f"{prefix}{name} is missing")
        elif not is_valid(values[name]):
            raise ValueError(f"{prefix}{name} is {shown(values[name])}, but must be {wanted}")
    if not others:
        for name in values.keys() - table.keys():
            raise ValueError(f"{prefix or 'it '}has the unknown field {shown(name)}")


def whole(least: int = 0, most: int = MOST) -> Field:
    """A whole number within a range."""
    span = f"a whole number from {least}" + ("" if most == MOST else f" to {most}")
    return Field(lambda value: type(value) is int and least <= value <= most, span)


def number(least: float = -math.inf, most: float = math.inf) -> Field:
    """A finite number within a range."""
    span = f" from {least:g}" if least > -math.inf else ""
    span += f" to {most:g}" if most < math.inf else ""
    return Field(lambda value: is_number(value) and least <= value <= most, f"a number{span}")


def text(most: int = 10_000) -> Field:
    """A string of at most so many characters."""
    return Field(
        lambda value: isinstance(value, str) and len(value) <= most,
        f"a text of at most {most:,} characters",
    )


def choice(*values: str) -> Field:
    """One of some strings."""
    return Field(
        lambda value: isinstance(value, str) and value in values, f"one of {', '.join(values)}"
    )


def registered(table: Collection[str]) -> Field:
    """One of the strings that a table has, when it is looked at: more may come."""
    return Field(
        lambda value: isinstance(value, str) and value in table,
        f"one of {', '.join(table)}",
    )


def flag() -> Field:
    """True or false."""
    return Field(lambda value: isinstance(value, bool), "true or false")


def mapping() -> Field:
    """An object of any fields."""
    return Field(lambda value: isinstance(value, dict), "an object")


def digest() -> Field:
    """A SHA-256."""
    return Field(
        lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
        "64 hexadecimal digits",
    )


def is_number(value: Any) -> bool:
    """Whether a value is a finite number that a float holds."""
    if type(value) is int:
        return abs(value) < 2**1000
    return type(value) is float and math.isfinite(value)

"""How a part of a network is made known by its name, from outside the package, too."""

from __future__ import annotations

from typing import Any


def register(table: dict[str, Any], kind: type[Any]) -> None:
    """Put an instance of a class under its ``name``.

    A class that is defined anew, as in a notebook, takes the place of what it was before.

    Raises:
        ValueError: another class has that name.
    """
    known = type(table.get(kind.name))
    is_same = (known.__module__, known.__qualname__) == (kind.__module__, kind.__qualname__)
    if kind.name in table and not is_same:
        raise ValueError(f"{kind.name} is the name of {known.__qualname__} already")
    table[kind.name] = kind()

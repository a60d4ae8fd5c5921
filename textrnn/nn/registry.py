"""How a part of a network is made known by its name, from outside the package, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def register(
    table: dict[str, Any], kind: type[Any], entry: Callable[[type[Any]], Any] = lambda kind: kind()
) -> None:
    """Put a class under its ``name``: an instance of it, or what else ``entry`` makes of it.

    A class that is defined anew, as in a notebook, takes the place of what it was before.

    Raises:
        ValueError: another class has that name.
    """
    found = table.get(kind.name)
    known = found if isinstance(found, type) else type(found)
    is_same = (known.__module__, known.__qualname__) == (kind.__module__, kind.__qualname__)
    if kind.name in table and not is_same:
        raise ValueError(f"{kind.name} is the name of {known.__qualname__} already")
    table[kind.name] = entry(kind)

"""How our processes start: like all that are spawned, but without the caller's script.

A new process usually runs the main module of its parent once more, to know what that defines, and
takes over its start method. Ours need neither, as what they run is in this package: so a script
needs no guard, prints nothing twice, and may itself run in a process of joblib's, whose start
method ("loky") is known nowhere else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FunctionType
from typing import Any

MAIN = {"__main__", "__mp_main__"}
"""Names of the module that a process of ours does not have; the second one is what others call
it who were spawned."""
STANDARD_STREAMS = 3

_here = threading.local()


@contextmanager
def without_main() -> Iterator[None]:
    """Processes that this thread spawns meanwhile do without the main module.

    Other threads, which may be starting processes of the caller's, are not concerned.
    """
    _look_at_preparation()
    _here.without_main = True
    try:
        yield
    finally:
        _here.without_main = False


@cache
def _look_at_preparation() -> None:
    """See what a new process is told: multiprocessing has no other way to say it."""
    from multiprocessing import spawn

    usual = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        told = usual(name)
        if getattr(_here, "without_main", False):
            told.pop("init_main_from_name", None)
            told.pop("init_main_from_path", None)
            told["start_method"] = "spawn"
        return told

    spawn.get_preparation_data = get_preparation_data


def is_known_elsewhere(values: Iterable[Any]) -> bool:
    """Whether a process without the main module can be sent values: it knows their classes."""
    return all(map(is_defined_elsewhere, set(map(type, values))))


def is_defined_elsewhere(defined: type | FunctionType) -> bool:
    """Whether a class or function is of another module than the main one."""
    return defined.__module__ not in MAIN


@contextmanager
def standard_streams_taken() -> Iterator[None]:
    """Let what is opened meanwhile not take the place of a standard stream that is closed.

    A process closes its standard input, and may write to the others, whatever they are.
    """
    taken: list[int] = []
    try:
        while not taken or taken[-1] < STANDARD_STREAMS:
            taken.append(os.open(os.devnull, os.O_RDWR))
        yield
    finally:
        for number in taken:
            with suppress(OSError):
                os.close(number)

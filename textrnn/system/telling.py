"""Warnings of the library: each points at who called it, and comes once in a call."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PACKAGE = __name__.partition(".")[0]

_told: ContextVar[set[str] | None] = ContextVar("_told", default=None)
_quiet: ContextVar[bool] = ContextVar("_quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Warn of nothing meanwhile, as of what will be told later."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


@contextmanager
def telling_once() -> Iterator[None]:
    """Warn of one thing once meanwhile, as where the trainings of one call all meet it."""
    token = _told.set(set())
    try:
        yield
    finally:
        _told.reset(token)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn the caller of the package, however deep in it the reason was found.

    Args:
        message: what to tell.
        category: its kind; those of another kind than this are for who writes programs.
    """
    if _quiet.get():
        return
    told = _told.get()
    if told is not None:
        if message in told:
            return
        told.add(message)
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)

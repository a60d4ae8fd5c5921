"""Ctrl-C: what the first press does, and what further ones do.

The first press ends the work in order: it is raised as ``KeyboardInterrupt``, and whoever is at
work keeps what is worth keeping. Fingers press more than once, so presses within the next moments
say no more than the first. Whoever presses again after them does not want to wait: the process ends
at once. Whatever is on the disk is whole even then, as files are replaced whole or not at all.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

INTERRUPTED = 130
PATIENCE = 2.0
"""Seconds from the first press in which others say no more than it."""
AGAIN = 0.02
"""Seconds until an interrupt is raised again that came where nothing can be raised."""

_first: float | None = None


def watch() -> None:
    """Take Ctrl-C over, unless whoever started this process wants it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    signal.signal(signal.SIGINT, _pressed)
    sys.unraisablehook = _unraisable
    sys.excepthook = _uncaught


def came() -> bool:
    """Whether Ctrl-C was pressed."""
    return _first is not None


def no_more() -> None:
    """Ignore Ctrl-C from now on: all is done and told, and Python takes itself apart."""
    if signal.getsignal(signal.SIGINT) is _pressed:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _pressed(number: int, frame: object) -> None:
    """What a press does."""
    del number, frame
    global _first
    now = time.monotonic()
    if _first is None:
        _first = now
        raise KeyboardInterrupt
    if now - _first > PATIENCE:
        os._exit(INTERRUPTED)


def _raise_again() -> None:
    global _first
    _first = None
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # it may be asleep


def _unraisable(what: Any) -> None:
    """An interrupt that came while an object was deleted is raised a little later, not printed."""
    if issubclass(what.exc_type, KeyboardInterrupt):
        again = threading.Timer(AGAIN, _raise_again)
        again.daemon = True
        again.start()
    elif not came():
        sys.__unraisablehook__(what)


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """After an interrupt that nobody has caught there is nothing to print, only the code.

    Compiled modules call this themselves when it cuts off their import.
    """
    if came():
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, error, trace)

"""One training a folder: the second is refused before it touches anything of the first.

A file ``.NAME.lock`` beside the folder is locked by the system for as long as the training runs,
and freed by the system however it ends; it says who holds it. Where a file system has no locks
(some of those over a network), the process that the file names must be alive.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textrnn.errors import ModelError
from textrnn.system.files import DAY, real_path, writing
from textrnn.system.regular_file import read_regular
from textrnn.system.strict_json import parse_json
from textrnn.wording.quoting import quoted

NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EINVAL")
    if hasattr(errno, name)
}
"""What a file system says that cannot lock files."""
TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
SUFFIX = ".lock"
TRIES = 50
MOST = 10_000
FAR = 2**30
"""A byte that nobody reads: on Windows what is locked cannot be read."""

TURN = ".turn"
LONGEST_TURN = 60.0
"""Seconds after which the one whose turn it was must have died in it; it takes milliseconds."""

_held: set[str] = set()
"""Tokens of this process: its number alone may be that of a dead one before it."""


@contextlib.contextmanager
def training_at(folder: Path | None) -> Iterator[None]:
    """Keep a model folder, and the checkpoint beside it, for one training.

    Args:
        folder: None where nothing is written.

    Raises:
        ModelError: another training has it, or the file that says so cannot be written.
    """
    with contextlib.ExitStack() as stack:
        for path in lock_paths(folder) if folder else ():
            with writing(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
                taken = _take(path)
            stack.callback(_give_back, path, *taken)
        yield


def lock_paths(folder: Path) -> list[Path]:
    """The files to lock: beside the folder, and beside the link that it is given by.

    Two names may lead to one folder, and one link to two: a checkpoint lies beside the link.
    """
    places = {real_path(folder), real_path(folder.parent) / folder.name}
    return sorted(place.with_name(f".{place.name}{SUFFIX}") for place in places)


def _take(path: Path) -> tuple[str, int | None]:
    """Make and lock a file; the token in it, and its descriptor, None where there are no locks.

    Raises:
        ModelError: another training has it.
    """
    for _ in range(TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in TAKEN:
                raise _in_use(path) from error
            if error.errno not in NO_LOCKS:
                raise
            return _take_without_locks(path), None
        if _is_there(descriptor, path):
            return _sign(descriptor), descriptor
        os.close(descriptor)  # the one who had it has just removed it
    raise _in_use(path)


def _lock(descriptor: int) -> None:
    """Lock an open file, which another process or thread may not have locked.

    Raises:
        OSError: it has, or files cannot be locked here.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        return
    try:
        import fcntl
    except ImportError as error:
        raise OSError(errno.ENOSYS, "files cannot be locked") from error
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_there(descriptor: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _sign(descriptor: int) -> str:
    """Write who holds a lock, for those who come later; the token that only this one has."""
    token = os.urandom(16).hex()
    _held.add(token)
    who = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "token": token}).encode()
    with contextlib.suppress(OSError):  # a full disk is told when it matters
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, who)
    return token


def _give_back(path: Path, token: str, descriptor: int | None) -> None:
    """Remove the file and free the lock, in this order: nobody locks what is about to go."""
    with contextlib.suppress(OSError):  # Windows removes no open file
        path.unlink()
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            path.unlink()
    _held.discard(token)  # the last: till now nobody takes the file for that of a dead one


def _in_use(path: Path) -> ModelError:
    who = _holder(path)
    told = f" (process {who['pid']} on {who['host']})" if who else ""
    folder = path.with_name(path.name[1 : -len(SUFFIX)])
    return ModelError(
        f"{quoted(folder)} is in use by another training{told}; wait for its end, or choose "
        "another folder."
    )


def _holder(path: Path) -> dict[str, Any] | None:
    """Who holds a lock, as its file says; None if it says nothing."""
    try:
        who = parse_json(read_regular(path, MOST))
    except (OSError, ValueError):
        return None
    is_whole = isinstance(who, dict) and type(who.get("pid")) is int and 0 < who["pid"] < 2**31
    is_named = is_whole and isinstance(who.get("host"), str) and who["host"].isprintable()
    return who if is_named else None


# ---------------------------------------------------------- file systems without locks


def _take_without_locks(path: Path) -> str:
    """Write the file, unless it names a process that is alive; the token in it.

    To look and to write is one step: others wait for their turn.

    Raises:
        ModelError: it does, or the turn of others does not end.
    """
    with _turn(path):
        if _is_alive(path):
            raise _in_use(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            return _sign(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Be the only one that looks at a file and writes it: who makes another file beside it."""
    turn = path.with_name(path.name + TURN)
    for _ in range(TRIES):
        try:
            os.close(os.open(turn, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            break
        except FileExistsError:
            with contextlib.suppress(OSError):
                if turn.stat().st_mtime < time.time() - LONGEST_TURN:
                    turn.unlink()
            time.sleep(0.01)
    else:
        raise _in_use(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            turn.unlink()


def _is_alive(path: Path) -> bool:
    """Whether the process that a file names is alive; on another machine, for a day."""
    who = _holder(path)
    if who is None:
        return False
    if who["host"] != socket.gethostname():
        with contextlib.suppress(OSError):
            return path.stat().st_mtime > time.time() - DAY
        return False
    if who["pid"] == os.getpid():
        return str(who.get("token")) in _held
    if sys.platform == "win32":  # where a signal would end it
        return True
    try:
        os.kill(who["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True

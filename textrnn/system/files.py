"""Files and folders that are replaced whole or not at all, whoever else reads or writes them.

A new folder is written beside the old one, under a name of its own, and two renames
swap them. Between the renames the old one waits as ``.NAME.previous``, where readers find it.
Readers never rename; only writers do, and they try again if another was quicker.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from textrnn.errors import ModelError, reason
from textrnn.wording.quoting import quoted

T = TypeVar("T")

PAUSE = 0.05
"""Seconds that another writer is given to finish its two renames."""
PATIENCE = 20.0
"""Seconds for which a folder is read again that others replace faster than it is read."""
SWAPS = 6
DAY = 24 * 60 * 60


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into a ModelError that names the place and the cause."""
    try:
        yield
    except OSError as error:
        remedy = "Free some space or choose" if error.errno == errno.ENOSPC else "Choose"
        raise ModelError(
            f"cannot write {quoted(path)}: {reason(error)}. {remedy} another folder."
        ) from error


def real_path(path: str | os.PathLike[str]) -> Path:
    """Where a path leads through links: renaming a link would leave its target as it was."""
    return Path(os.path.realpath(path))


def previous(path: Path) -> Path:
    """Where the old folder waits between the two renames of a replacement."""
    real = real_path(path) if os.path.islink(path) else path
    return real.with_name(f".{real.name}.previous")


def temporary_name(path: Path) -> Path:
    """A new hidden name beside ``path``, as long as the name of ``previous``."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}")


def _other_place(path: Path) -> Path:
    """Where a folder is that is not in its place: set aside, or back from there."""
    aside = re.fullmatch(r"\.(.+)\.previous", path.name)
    return path.with_name(aside[1]) if aside else previous(path)


def find_folder(path: Path) -> Path:
    """Where to read a folder: itself, or the old one if its replacement was cut short.

    Of one that was set aside and is gone it is the one that took its place.
    """
    other = _other_place(path)
    if os.path.isdir(path) or not os.path.isdir(other):
        return path
    time.sleep(PAUSE)  # a replacement that is under way is over by now
    return path if os.path.isdir(path) or not os.path.isdir(other) else other


def read_folder(path: Path, read: Callable[[Path], T]) -> T:
    """Let ``read`` have a folder, and again for as long as it fails and others replace it.

    Raises:
        ModelError: from ``read``, of a folder that stays as it is.
    """
    return while_replaced(path, lambda: read(find_folder(path)))


def while_replaced(path: Path, act: Callable[[], T]) -> T:
    """Do something with a folder, and again for as long as it fails and others replace it."""
    until = time.monotonic() + PATIENCE
    while True:
        before = _identity(path)
        try:
            return act()
        except ModelError:
            if time.monotonic() > until or not _is_another(path, before):
                raise


def _identity(path: Path) -> tuple[int, ...] | None:
    """What tells a folder from the one that takes its place; None if there is none."""
    # Twice, as it may go from one place to the other between two looks.
    for place in (path, _other_place(path)) * 2:
        with contextlib.suppress(OSError):
            found = os.stat(place)
            return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
    return None


def _is_another(path: Path, before: tuple[int, ...] | None) -> bool:
    """Whether a folder has been replaced since, or has come to be."""
    if before is None:
        time.sleep(PAUSE)
    return _identity(path) != before


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: it cannot be written; an old file is as it was.
    """
    remove_leftovers(path)
    temporary = temporary_name(path)
    try:
        write_durably(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def replace_folder(path: Path, files: dict[str, bytes], check: Callable[[Path], None]) -> None:
    """Write a folder whole or not at all.

    Args:
        path: the folder; no link.
        files: content by name. The last one marks the folder as whole.
        check: raises if what is at ``path`` must not be replaced.

    Raises:
        OSError: the files cannot be written.
        ModelError: they are written, but the old folder does not give way. The new one
            stays; the message says where.
    """
    import shutil  # only where something is written: readers start without it

    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path, whole=list(files)[-1])
    temporary = temporary_name(path)
    temporary.mkdir()
    try:
        for name, content in files.items():
            write_durably(temporary / name, content)
        sync_folder(temporary)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    try:
        _swap(temporary, path, check)
    except KeyboardInterrupt:
        if temporary.exists():  # all is written: what is left takes a moment
            _swap(temporary, path, check)
        raise
    except (OSError, ModelError) as error:
        raise ModelError(
            f"cannot replace {quoted(path)} ({reason(error)}). Nothing is lost: the new one is "
            f"whole in {quoted(temporary)}; rename that folder."
        ) from error
    sync_folder(path.parent)
    shutil.rmtree(previous(path), ignore_errors=True)


def _swap(new: Path, path: Path, check: Callable[[Path], None]) -> None:
    import shutil  # only where something is written: readers start without it

    old = previous(path)
    for left in reversed(range(SWAPS)):
        try:
            check(path)
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
                path.rename(old)
            new.rename(path)
        except OSError:  # another writer came between, or a reader holds the folder open
            if not left:
                raise
            time.sleep(PAUSE * os.urandom(1)[0] / 255)  # so that two do not keep in step
        else:
            return


def remove_leftovers(path: Path, whole: str = "") -> None:
    """Delete what killed writers left half-written beside ``path`` more than a day ago.

    A folder that holds the file ``whole`` is somebody's work and stays.
    """
    import shutil  # only where something is written: readers start without it

    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    with contextlib.suppress(OSError):
        for entry in path.parent.iterdir():
            if not name.fullmatch(entry.name) or entry.stat().st_mtime > time.time() - DAY:
                continue
            if entry.is_file():
                entry.unlink()
            elif not (entry / whole).exists():
                shutil.rmtree(entry, ignore_errors=True)

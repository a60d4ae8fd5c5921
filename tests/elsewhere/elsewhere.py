"""Another system, for textrnn and its tests: what macOS or Windows lack is not there.

    PYTHONPATH=tests/elsewhere TEXTRNN_ELSEWHERE=spawn,posix python -m pytest -p elsewhere_skips

``spawn``: processes are started by spawning alone; ``os.fork`` is nobody's. ``posix``: calls,
constants and modules that Windows or macOS lack are hidden from textrnn and its tests; the
standard library and other packages, which know what system they are on, go on seeing them. It
holds in every process that is started with this environment. A test that itself asks for what is
hidden is skipped and says so; where textrnn asks for it, the test fails.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import ModuleType
from typing import Any, NoReturn

HIDDEN = {
    "os": "fork forkpty getuid geteuid getgid getegid getgroups getpgid getpgrp getsid setpgid "
    "setsid setuid setgid killpg chown lchown fchown fchmod mkfifo mknod nice sched_getaffinity "
    "sched_setaffinity sched_yield getloadavg sysconf statvfs fstatvfs posix_spawn posix_spawnp "
    "posix_fadvise posix_fallocate pread pwrite preadv pwritev readv writev sendfile "
    "copy_file_range memfd_create eventfd splice pidfd_open register_at_fork uname wait wait3 "
    "wait4 waitid WNOHANG O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK O_NOCTTY O_SYNC O_DSYNC "
    "O_PATH O_TMPFILE O_NOATIME openpty ttyname ctermid getpriority setpriority lockf sync",
    "signal": "SIGKILL SIGHUP SIGQUIT SIGALRM SIGCHLD SIGSTOP SIGTSTP SIGCONT SIGUSR1 SIGUSR2 "
    "SIGPIPE SIGXFSZ SIGXCPU SIGTTIN SIGTTOU SIGWINCH SIG_BLOCK SIG_UNBLOCK SIG_SETMASK alarm "
    "pause pthread_kill pthread_sigmask setitimer getitimer siginterrupt sigpending sigwait "
    "sigwaitinfo sigtimedwait",
    "time": "tzset clock_gettime clock_settime clock_getres pthread_getcpuclockid",
    "select": "poll epoll kqueue devpoll",
}
"""Module to the names in it that some system lacks."""
MODULES = {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "crypt", "nis"}
"""Modules that some system lacks."""
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_import = builtins.__import__


class HiddenNameError(AttributeError):
    """What is asked for is hidden."""


class HiddenModuleError(ModuleNotFoundError):
    """The module that is asked for is hidden."""


def hidden(what: str, asker: dict[str, Any], kind: type[Exception] = HiddenNameError) -> Exception:
    """The error that tells so, and whether a test has asked (``by_test``)."""
    error = kind(f"{what} is not on this system (hidden by tests/elsewhere)")
    error.by_test = str(asker.get("__file__", "")).startswith(TESTS)  # type: ignore[attr-defined]
    return error


def sees_less(asker: dict[str, Any]) -> bool:
    """Whether the module with these globals is textrnn's or a test's."""
    name = str(asker.get("__name__", ""))
    ours = name.partition(".")[0] == "textrnn" or asker.get("__package__") == "textrnn"
    return ours or (str(asker.get("__file__", "")).startswith(TESTS) and name != __name__)


class Watched(ModuleType):
    """A module that answers some askers only."""

    def __getattribute__(self, name: str) -> Any:
        module = ModuleType.__getattribute__(self, "__name__")
        if name in _NAMES[module]:
            asker = sys._getframe(1).f_globals
            if sees_less(asker):
                raise hidden(f"{module}.{name}", asker)
        return ModuleType.__getattribute__(self, name)


_NAMES = {module: frozenset(names.split()) for module, names in HIDDEN.items()}


def begin() -> None:
    """Hide what ``TEXTRNN_ELSEWHERE`` names, in this process."""
    wanted = set(filter(None, os.environ.get("TEXTRNN_ELSEWHERE", "").split(",")))
    if wanted - {"spawn", "posix"}:
        raise SystemExit(f"TEXTRNN_ELSEWHERE may name spawn and posix, not {sorted(wanted)}")
    if "posix" in wanted:
        for module in HIDDEN:
            __import__(module)
            sys.modules[module].__class__ = Watched
    if "spawn" in wanted:
        os.fork, os.forkpty = _no_fork, _no_fork
    if wanted:
        builtins.__import__ = _importer(wanted)


def _no_fork() -> NoReturn:
    raise hidden("os.fork", sys._getframe(1).f_globals)


def _importer(wanted: set[str]) -> Any:
    def importer(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        if "posix" in wanted and name in MODULES and level == 0 and sees_less(globals or {}):
            raise hidden(name, globals, HiddenModuleError)
        module = _import(name, globals, locals, fromlist, level)
        context = sys.modules.get("multiprocessing.context")
        if "spawn" in wanted and hasattr(context, "_default_context"):
            _spawn_alone(context)
        return module

    return importer


def _spawn_alone(context: Any) -> None:
    """Leave one way to start a process, as Windows has it."""
    if set(context._concrete_contexts) == {"spawn"}:
        return
    spawn = context._concrete_contexts["spawn"]
    context._concrete_contexts = {"spawn": spawn}
    context._default_context._default_context = spawn
    context.DefaultContext.get_all_start_methods = lambda _: ["spawn"]
    package = sys.modules["multiprocessing"]
    package.get_all_start_methods = lambda: ["spawn"]  # type: ignore[attr-defined]

"""One BLAS thread a process, whatever the environment says.

The products of a recurrent step are too small to share: on a busy machine a second
thread made the same work over 50 times slower.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock
from typing import Any

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""What NumPy's BLAS reads when it is loaded."""


def limit_from_the_start() -> None:
    """Set the environment so; of use only before NumPy is imported."""
    for variable in VARIABLES:
        os.environ[variable] = "1"


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS has one thread; the number before is put back after it.

    Where contexts of several threads overlap, it is put back after the last one.
    """
    if all(os.environ.get(variable) == "1" for variable in VARIABLES):
        return nullcontext()  # limited from the start; saves an import
    return _LIMIT


class _SharedLimit(AbstractContextManager[None]):
    """The limit, on while anybody wants it: BLAS has one number of threads for the process."""

    def __init__(self) -> None:
        self._renew_lock()
        self._wanted = 0
        self._limiter: Any = None
        if hasattr(os, "register_at_fork"):  # another thread may have held it just then
            os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._wanted == 0:
                self._limiter = _controller().limit(limits=1, user_api="blas")
            self._wanted += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._wanted -= 1
            if self._wanted == 0:
                self._limiter.restore_original_limits()


_LIMIT = _SharedLimit()


@cache
def _controller() -> Any:
    """Of the BLAS libraries: finding them takes a hundred times longer than limiting them."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

"""One BLAS thread while anybody wants it, and afterwards as many as before."""

from __future__ import annotations

from typing import Any

import pytest

from textrnn.system import blas
from textrnn.system.blas import VARIABLES, one_blas_thread


class Library:
    """A BLAS library that has a number of threads; limited as ``threadpoolctl`` does it."""

    n_threads = 4

    def limit(self, *, limits: int, user_api: str) -> Any:
        assert user_api == "blas"
        return _Limiter(self, limits)


class _Limiter:
    def __init__(self, library: Library, limits: int) -> None:
        self.library, self.before = library, library.n_threads
        library.n_threads = limits

    def restore_original_limits(self) -> None:
        self.library.n_threads = self.before


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(blas, "_controller", lambda: library)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return library


def test_the_number_of_threads_is_put_back(library: Library) -> None:
    with one_blas_thread():
        assert library.n_threads == 1
        with one_blas_thread():
            assert library.n_threads == 1
        assert library.n_threads == 1
    assert library.n_threads == 4


def test_contexts_that_overlap_end_with_the_last(library: Library) -> None:
    """As two threads have them, neither inside the other."""
    one, two = one_blas_thread(), one_blas_thread()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert library.n_threads == 1
    two.__exit__(None, None, None)
    assert library.n_threads == 4
    with one_blas_thread():
        assert library.n_threads == 1


def test_an_error_puts_the_number_back(library: Library) -> None:
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert library.n_threads == 4


def test_nothing_is_done_where_the_environment_says_one(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "1")
    with one_blas_thread():
        assert library.n_threads == 4


def test_the_real_library_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    def blas() -> list[int]:
        return [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]

    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    before = blas()
    with one_blas_thread():
        assert set(blas()) == {1}
    assert blas() == before

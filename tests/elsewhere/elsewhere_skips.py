"""The pytest plugin beside ``elsewhere``: a test that asks for what is hidden is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from elsewhere import HiddenModuleError, HiddenNameError

HIDING = os.environ["TEXTRNN_ELSEWHERE"]


def pytest_report_header() -> str:
    return f"elsewhere: {HIDING}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    yield from _skipping()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    yield from _skipping()


def _skipping() -> Iterator[None]:
    try:
        yield
    except (HiddenNameError, HiddenModuleError) as error:
        if not error.by_test:  # type: ignore[union-attr]
            raise
        pytest.skip(str(error))

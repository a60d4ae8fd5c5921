"""Runs of equal values: those of ``itertools.groupby``."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.system.runs import differs, runs


@given(st.lists(st.integers(0, 3)))
def test_runs_are_those_of_groupby(values: list[int]) -> None:
    starts, lengths = runs(np.array(values, dtype=np.int64))
    expected = [len(list(group)) for _, group in groupby(values)]
    assert lengths.tolist() == expected
    assert starts.tolist() == np.cumsum([0, *expected])[:-1].tolist()


@pytest.mark.parametrize("dtype", [np.uint64, np.int32])
def test_the_first_value_differs_from_what_is_not_there(dtype: type) -> None:
    assert differs(np.array([0, 0, 5, 5, 0], dtype=dtype)).tolist() == [1, 0, 1, 0, 1]
    assert differs(np.array([], dtype=dtype)).tolist() == []

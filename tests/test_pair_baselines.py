"""Baselines of a transducer, by what they must answer."""

from __future__ import annotations

import pytest

from textrnn.linear import pair_baselines as baselines
from textrnn.linear.pair_baselines import COPY, FREQUENT, NEAREST, nearest, pair_baselines


def test_each_answers_as_its_name_says() -> None:
    found = pair_baselines(
        ["abc", "xyz", "abb"],
        ["cba", "zyx", "bba"],
        ["abd", "yz", ""],
        source_symbols=list,
        target_symbols=list,
    )
    assert found == {
        COPY: [list("abd"), list("yz"), []],
        # "ab" is shared with "abc" and "abb"; the latter has "b" twice.
        NEAREST: [list("bba"), list("zyx"), list("cba")],
        FREQUENT: [list("bbb"), list("bb"), []],
    }


def test_the_most_frequent_symbol_is_no_answer_where_lengths_differ() -> None:
    found = pair_baselines(
        ["ab", "a b"], ["ba", "b"], ["ab"], source_symbols=list, target_symbols=list
    )
    assert set(found) == {COPY, NEAREST}


def test_the_nearest_is_itself_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "AT_ONCE", 2)
    known = [["twenty", "one"], ["one"], ["one", "twenty"], ["two"], []]
    assert nearest(known, known[:4]) == [0, 1, 2, 3]


def test_pieces_of_several_symbols_are_not_taken_for_symbols() -> None:
    assert nearest([["a", "b"], ["a b"]], [["a b"], ["a", "b"]]) == [1, 0]


def test_no_more_are_looked_through_than_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "NEIGHBOURS", 1)
    found = pair_baselines(["a", "b"], ["1", "2"], ["b"], source_symbols=list, target_symbols=list)
    assert found[NEAREST] == [["1"]]

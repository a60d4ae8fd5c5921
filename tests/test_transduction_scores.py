"""Scores of answers that are texts, against what is counted by hand and by a plain recursion."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.evaluation.transduction import edit_distances, score_answers


def by_recursion(a: str, b: str) -> int:
    """Levenshtein's distance as it is defined."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return of(len(a), len(b))


@given(st.lists(st.tuples(st.text("abc", max_size=7), st.text("abcd", max_size=7)), max_size=12))
def test_distances_of_many_pairs_are_those_of_each(pairs: list[tuple[str, str]]) -> None:
    found = edit_distances([list(a) for a, _ in pairs], [list(b) for _, b in pairs])
    assert found.tolist() == [by_recursion(a, b) for a, b in pairs]


def test_more_pairs_than_are_compared_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textrnn.evaluation.transduction.SIDE_BY_SIDE", 2)
    first = [list(text) for text in ("kitten", "", "flaw", "same", "ab")]
    second = [list(text) for text in ("sitting", "abc", "lawn", "same", "")]
    assert edit_distances(first, second).tolist() == [3, 3, 2, 0, 2]


def test_scores_count_whole_answers_places_and_edits() -> None:
    found = score_answers([list("abc"), list("abd"), list("bc")], [list("abc")] * 3)
    assert found.to_dict() == {
        "n": 3,
        "exact": pytest.approx(1 / 3),
        # All 3 places, 2 of 3, and none of 3: the one that is left out moves the others.
        "token_accuracy": pytest.approx(5 / 9),
        "error_rate": pytest.approx(2 / 9),
    }


def test_an_answer_that_goes_on_is_not_right_at_more_places() -> None:
    found = score_answers([list("abcxyz")], [list("abc")])
    assert (found.exact, found.token_accuracy, found.error_rate) == (0.0, 0.5, 1.0)


def test_empty_targets_can_be_answered_rightly() -> None:
    found = score_answers([[], ["a"]], [[], []])
    assert (found.exact, found.token_accuracy, found.error_rate) == (0.5, 0.0, 1.0)


def test_there_must_be_as_many_answers_as_targets() -> None:
    with pytest.raises(ValueError, match=r"longer|shorter"):
        score_answers([["a"]], [["a"], ["b"]])
    with pytest.raises(ValueError, match="at least one"):
        score_answers([], [])
    with pytest.raises(ValueError, match="compared"):
        edit_distances([["a"]], [])

"""Scores of taggers against what a person counts, and the baselines that they must beat."""

from __future__ import annotations

import numpy as np
import pytest

from textrnn.errors import DataError
from textrnn.evaluation.tags import (
    check_entities,
    entity_scores,
    evaluate_tags,
    mark_entities,
    paired_tokens,
    recommended_of,
    right_tokens,
)
from textrnn.linear.tag_baselines import LinearTagger, UsualTag
from textrnn.text.encoded import encode_lists

RIGHT = [["N", "V", "N"], ["D", "N"]]
GIVEN = [["N", "N", "N"], ["D", "X"]]


def test_scores_are_those_that_a_person_counts() -> None:
    report = evaluate_tags(
        RIGHT,
        GIVEN,
        unknown=np.array([False, True, True, False, False]),
        baseline_right=np.array([True, False, False, False, False]),
        with_entities=True,
    )
    assert (report.n_texts, report.n_tokens) == (2, 5)
    assert report.accuracy == 3 / 5
    assert report.exact == 0.0
    assert (report.unknown, report.unknown_accuracy) == (2 / 5, 1 / 2)
    assert report.baseline_accuracy == 1 / 5
    lines = {line.label: line for line in report.per_tag}
    noun, verb, other = lines["N"], lines["V"], lines["X"]
    assert (noun.precision, noun.recall, noun.f1, noun.support) == (2 / 3, 2 / 3, 2 / 3, 3)
    assert (verb.precision, verb.recall, verb.f1, verb.support) == (None, 0.0, 0.0, 1)
    assert (other.precision, other.recall, other.f1, other.support) == (0.0, None, 0.0, 0)
    assert report.macro_f1 == pytest.approx((2 / 3 + 0.0 + 1.0 + 0.0) / 4)
    assert report.entities is None
    assert "entity_f1" not in report.figures
    assert report.to_dict()["entity_f1"] is None


def test_texts_with_all_tags_right() -> None:
    found = evaluate_tags(
        RIGHT,
        [RIGHT[0], ["N", "N"]],
        unknown=np.zeros(5, bool),
        baseline_right=np.ones(5, bool),
        with_entities=False,
    )
    assert (found.exact, found.unknown_accuracy) == (0.5, None)
    assert "unknown_accuracy" not in found.figures


@pytest.mark.parametrize(
    ("tags", "are"),
    [
        ([["O", "B-X"], ["I-X"]], True),
        ([["B-X-Y"]], True),
        ([["O"]], False),
        ([["O", "I-X"]], False),
        ([["B-X", "N"]], False),
        ([["B-"]], False),
    ],
)
def test_which_tags_mark_entities(tags: list[list[str]], are: bool) -> None:
    assert mark_entities(tags) == are
    if not are:
        with pytest.raises(DataError, match="no entities to score"):
            check_entities(tags)


def test_entities_are_right_with_all_their_tokens() -> None:
    pytest.importorskip("seqeval", reason="seqeval is not installed")
    right = [["B-P", "I-P", "O", "B-L"], ["B-P", "O"]]
    given = [["B-P", "O", "O", "B-L"], ["B-P", "B-L"]]
    found = entity_scores(right, given)
    assert (found.precision, found.recall) == (2 / 4, 2 / 3)
    assert found.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert [(line.label, line.support) for line in found.per_type] == [("L", 1), ("P", 2)]
    assert found.per_type[1].recall == 1 / 2


def test_a_difference_is_one_of_texts() -> None:
    lengths = np.array([4] * 50)
    ours = np.ones(200, bool)
    theirs = np.repeat(np.arange(50) % 5 > 0, 4)
    paired = paired_tokens(ours, theirs, lengths)
    assert paired.difference == pytest.approx(0.2)
    low, high = paired.interval
    assert 0.05 < low < 0.2 < high < 0.35  # as wide as that of 50 texts, not of 200 tokens
    assert recommended_of(paired, "linear") == ("network", recommended_of(paired, "linear")[1])
    name, told = recommended_of(paired_tokens(theirs, ours, lengths), "linear")
    assert name == "linear"
    assert "linear: it has 0.2000 more" in told
    assert "+0.0" in told or "+0.1" in told
    name, told = recommended_of(paired_tokens(ours, ours, lengths), "linear")
    assert (name, "no clear difference" in told) == ("linear", True)


def test_right_tokens_are_in_the_order_of_the_texts() -> None:
    assert right_tokens(RIGHT, GIVEN).tolist() == [True, False, True, True, False]
    with pytest.raises(ValueError, match="argument 2 is"):
        right_tokens([["a", "b"]], [["a"]])


def test_the_usual_tag_of_each_word() -> None:
    texts = encode_lists([["a", "a", "b"], ["a", "b", "c", "b"]])
    usual = UsualTag.fit(texts, np.array([1, 0, 2, 1, 2, 2, 0]))
    assert usual.predict(encode_lists([["b", "a"], ["zzz"]])).tolist() == [2, 1, 2]
    assert UsualTag.fit(texts, np.array([1, 0, 2, 2, 2, 2, 0])).of_word["a"] == 0  # of equals


def test_the_linear_tagger_looks_at_neighbours_and_at_how_words_are_spelt() -> None:
    rng = np.random.default_rng(0)
    tokens = [[f"{a}{i}x", f"w{i}"] for i, a in enumerate(rng.choice(["p", "q"], 200))]
    tags = np.array([k for a, _ in tokens for k in (2, int(a[0] == "p"))])
    texts = encode_lists(tokens)
    fitted = LinearTagger.fit(texts.take(np.arange(150)), tags[:300], random_state=0)
    found = fitted.predict(texts.take(np.arange(150, 200)))
    assert (found == tags[300:]).mean() > 0.98  # a word before that was never seen decides
    alone = fitted.predict(encode_lists([["w7"], ["p7x", "w7"]]))
    assert alone[2] == 1
    assert fitted.predict(encode_lists([])).tolist() == []

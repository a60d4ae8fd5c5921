"""What a language model says next, and the texts that it writes."""

from __future__ import annotations

import tracemalloc
from itertools import islice

import numpy as np
import pytest

from tests.tiny_language import CATS, MOODS
from textrnn.errors import UsageError
from textrnn.inference.generation import (
    AT_ONCE,
    TOGETHER,
    Sampling,
    _chances,
    draw,
    generate,
    next_words,
)
from textrnn.inference.language import score
from textrnn.text.vocabulary import UNKNOWN

P = np.array([[0.3, 0.1, 0.25, 0.25, 0.1]])
"""Of the unknown word, three words and the end."""


def test_the_next_words_are_the_most_probable_without_the_unknown() -> None:
    found = next_words(CATS, "the cat", top_k=2)
    assert [word for word, _ in found.words] == ["sat", "the"]
    assert [p for _, p in found.words] == pytest.approx([0.6, 0.1])
    assert [found.end, found.unknown] == pytest.approx([0.2, 0.1])
    everything = next_words(CATS, "")
    assert UNKNOWN not in dict(everything.words)
    assert sum(dict(everything.words).values()) + everything.end + everything.unknown == (
        pytest.approx(1.0)
    )


def test_without_a_label_the_beginning_decides_which_one_speaks() -> None:
    weights = np.array([0.75 * 0.2, 0.25 * 0.7])
    weights /= weights.sum()
    found = next_words(MOODS, "bad")
    assert dict(found.words)["good"] == pytest.approx(weights @ [0.5, 0.1])
    assert dict(next_words(MOODS, "bad", label="sad").words)["good"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0, 1, 2.5, 2.5, 1]),  # the unknown word goes, the rest stays in proportion
        (Sampling(temperature=0.5), [0, 1, 6.25, 6.25, 1]),
        (Sampling(temperature=0.0), [0, 0, 1, 0, 0]),  # of equal ones the first
        (Sampling(top_k=1), [0, 0, 1, 0, 0]),
        (Sampling(top_k=3), [0, 1, 2.5, 2.5, 0]),
        (Sampling(top_k=99), [0, 1, 2.5, 2.5, 1]),
        # The words have 1/7, 5/14, 5/14 and 1/7 of what is left without the unknown one.
        (Sampling(top_p=0.35), [0, 0, 1, 0, 0]),
        (Sampling(top_p=0.36), [0, 0, 1, 1, 0]),
        (Sampling(top_p=0.72), [0, 1, 2.5, 2.5, 0]),
        (Sampling(top_p=1.0), [0, 1, 2.5, 2.5, 1]),
        # Of the three that are left to it, 5/12 and 10/12 are reached by one and two.
        (Sampling(top_k=3, top_p=0.83), [0, 0, 1, 1, 0]),
    ],
)
def test_what_may_be_drawn(sampling: Sampling, expected: list[float]) -> None:
    weights = sampling.weights(np.log(P))[0]
    np.testing.assert_allclose(
        weights / weights.sum(), np.array(expected) / np.sum(expected), rtol=1e-12
    )


def test_rows_are_each_for_themselves() -> None:
    both = np.concatenate([P, P[:, [0, 4, 3, 2, 1]]])
    for sampling in (Sampling(top_k=2), Sampling(top_p=0.4), Sampling(temperature=0.0)):
        together = sampling.weights(np.log(both))
        for row in range(2):
            np.testing.assert_array_equal(together[row], sampling.weights(np.log(both))[row])
            assert (together[row] > 0).sum() == (sampling.weights(np.log(P)) > 0).sum()


def test_draws_are_as_often_as_the_weights_say() -> None:
    weights = np.tile(Sampling().weights(np.log(P)), (70_000, 1))
    uniform = (np.arange(70_000) + 0.5) / 70_000
    counts = np.bincount(draw(weights, uniform), minlength=5)
    np.testing.assert_allclose(counts, [0, 10_000, 25_000, 25_000, 10_000], atol=1)


def test_the_largest_and_the_least_chance_draw_what_may_be_drawn() -> None:
    weights = np.array([[0.0, 0.1, 0.7, 0.0]] * 2)
    assert draw(weights, np.array([0.0, 1.0 - 2.0**-53])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"temperature": "x"}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"top_k": "a"}, "top_k"),
        ({"top_p": "a"}, "top_p"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, float], parameter: str) -> None:
    with pytest.raises(UsageError) as refused:
        Sampling(**options)  # type: ignore[arg-type]
    assert refused.value.parameter == parameter


def test_texts_are_written_as_the_model_has_them() -> None:
    texts = list(generate(CATS, 4000, seed=1))
    assert len(texts) == 4000
    assert not [one for one in texts if UNKNOWN in one.words]
    first = [one.words[0] if one.words else "" for one in texts]
    # 0.7, 0.1 and 0.1 of 0.9, three standard errors.
    for word, share in (("the", 7 / 9), ("cat", 1 / 9), ("", 1 / 9)):
        assert first.count(word) / 4000 == pytest.approx(share, abs=3 * (share / 4000) ** 0.5)
    assert all(one.ended for one in texts)
    assert score(CATS, [one.text for one in texts]).n_unknown.sum() == 0


def test_a_text_of_a_seed_does_not_depend_on_how_many_there_are() -> None:
    many = list(generate(MOODS, TOGETHER + 3, seed=5))
    few = list(generate(MOODS, 3, seed=5))
    assert many[:3] == few
    assert list(islice(generate(MOODS, TOGETHER + 3, seed=5), TOGETHER, None)) == many[TOGETHER:]
    assert [one.text for one in generate(MOODS, 20, seed=6)] != [one.text for one in many[:20]]


def test_texts_go_on_from_their_beginning() -> None:
    for one in generate(CATS, 5, beginning="Dog the", sampling=Sampling(temperature=0.0)):
        assert one.text == "dog the cat sat"
        assert one.words == ["cat", "sat"]
        assert one.ended


def test_a_text_is_cut_at_the_most_words() -> None:
    (cut,) = generate(CATS, beginning="the", max_tokens=1, sampling=Sampling(top_k=1))
    assert (cut.words, cut.ended) == (["cat"], False)
    (none,) = generate(CATS, beginning="the", max_tokens=0)
    assert (none.text, none.ended) == ("the", False)
    assert list(generate(CATS, 0)) == []


def test_room_is_taken_for_the_words_that_are_written_alone() -> None:
    tracemalloc.start()
    written = list(generate(CATS, 2, max_tokens=10**9, seed=3))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written == list(generate(CATS, 2, seed=3))
    assert all(one.ended for one in written)
    assert most < 2**20


def test_chances_are_those_of_one_draw_of_them_all() -> None:
    n = 2 * AT_ONCE + 3
    blocks = list(islice(_chances([np.random.default_rng([7, i]) for i in range(2)]), n))
    for i in range(2):
        once = np.random.default_rng([7, i]).random(n)
        np.testing.assert_array_equal([column[i] for column in blocks], once)


def test_labels_are_given_or_drawn() -> None:
    assert {one.label for one in generate(MOODS, 50, label="sad")} == {"sad"}
    drawn = [one.label for one in generate(MOODS, 2000, max_tokens=0)]
    assert drawn.count("happy") / 2000 == pytest.approx(0.75, abs=0.03)
    after_bad = [one.label for one in generate(MOODS, 2000, beginning="bad bad", max_tokens=0)]
    share = 0.75 * 0.2 * 0.1 / (0.75 * 0.2 * 0.1 + 0.25 * 0.7 * 0.5)
    assert after_bad.count("happy") / 2000 == pytest.approx(share, abs=0.03)
    assert {one.label for one in generate(CATS, 2)} == {None}


@pytest.mark.parametrize("name", ["n", "max_tokens", "seed"])
def test_negative_numbers_of_texts_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        generate(CATS, **{name: -1})  # type: ignore[arg-type]
    assert refused.value.parameter == name

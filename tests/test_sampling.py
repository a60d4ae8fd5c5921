"""Held-out rows are by class, also where equal texts carry several labels."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from textrnn.corpora import Corpus, Split, holdout, stratified_split
from textrnn.corpora.sampling import drawn_rows, shares
from textrnn.estimator.inputs import check_labelled
from textrnn.estimator.preparation import examples_of, hold_out
from textrnn.experiments.data import prepare
from textrnn.nn.targets import Targets
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.in_time import drawn
from textrnn.training.settings import Settings
from textrnn.training.validation_split import validation_rows


def test_the_same_rows_as_ever_where_no_text_has_several_labels() -> None:
    """Held-out texts, and so trained models and results, stay as they were in 0.1.0."""
    digest = sha256()
    for seed in range(60):
        chance = random.Random(seed)
        n, C = chance.choice([5, 20, 100, 700]), chance.choice([2, 3, 7, 40])
        texts: list[str] = []
        labels: list[int] = []
        label_of: dict[str, int] = {}
        for _ in range(n):
            text = str(chance.randrange(max(2, int(n * chance.choice([0.3, 1, 3])))))
            label_of.setdefault(text, chance.randrange(C))
            texts.append(text)
            labels.append(label_of[text])
        fraction = chance.uniform(0.03, 0.9)
        digest.update(holdout(texts, labels, fraction, random_state=seed).tobytes())
    assert digest.hexdigest() == "4691ec620a8557ce7177796d671d5d35c7cbee3c7c6c20b3b35f6451f4344044"


def counts_of(labels: Sequence[Hashable], held: np.ndarray) -> Counter[Hashable]:
    return Counter(label for label, out in zip(labels, held, strict=True) if out)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("sizes", [(500, 500), (800, 150, 50), (970, 30)])
def test_shares_are_right_with_many_empty_texts_of_all_labels(
    sizes: tuple[int, ...], fraction: float
) -> None:
    """A third of the texts are empty, in one group: the others make up for them."""
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    random.Random(0).shuffle(labels)
    texts = ["" if i % 10 < 3 else str(i) for i in range(len(labels))]
    for seed in range(5):
        held = holdout(texts, labels, fraction, random_state=seed)
        found = counts_of(labels, held)
        assert held.sum() == round(fraction * len(labels))
        for label, size in enumerate(sizes):
            assert abs(found[label] - fraction * size) <= 1
        assert len({out for text, out in zip(texts, held, strict=True) if text == ""}) == 1


def test_no_class_vanishes_in_a_group_of_another() -> None:
    texts = ["", "", "", *map(str, range(27))]
    labels = ["a", "rare", "b", *["a", "b", "c"] * 9]
    for seed in range(20):
        for fraction in (0.1, 0.5, 0.9):
            held = holdout(texts, labels, fraction, random_state=seed)
            assert set(labels) == set(counts_of(labels, ~held))


def test_texts_of_several_labels_are_held_out_in_proportion() -> None:
    """Else all of them would be in one part: the contradictory texts decide, or none does."""
    texts = [f"both {i // 2}" for i in range(200)] + [f"one {i}" for i in range(800)]
    labels = [i % 2 for i in range(1_000)]
    held = holdout(texts, labels, 0.1, random_state=0)
    assert counts_of(labels, held) == {0: 50, 1: 50}
    assert held[:200].sum() == 20


def test_where_all_texts_have_several_labels() -> None:
    texts, labels = [str(i // 2) for i in range(400)], [i % 2 for i in range(400)]
    assert counts_of(labels, holdout(texts, labels, 0.1, random_state=0)) == {0: 20, 1: 20}
    few = holdout(texts[:10], labels[:10], 0.1, random_state=0)
    assert counts_of(labels[:10], few) == {0: 1, 1: 1}  # half a group cannot be held out


ROWS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abcd")), min_size=1, max_size=60)


@settings(deadline=None)
@given(ROWS, st.floats(0.05, 0.95), st.integers(0, 3))
def test_shares_are_as_near_as_groups_allow(
    rows: list[tuple[int, str]], fraction: float, seed: int
) -> None:
    texts, labels = [str(text) for text, _ in rows], [label for _, label in rows]
    held = holdout(texts, labels, fraction, random_state=seed)
    gone = {text for text, out in zip(texts, held, strict=True) if out}
    kept = {text for text, out in zip(texts, held, strict=True) if not out}
    assert not gone & kept
    assert set(counts_of(labels, ~held)) == set(labels)
    # No class has more than its share by more than what one group brings.
    largest = max(Counter(texts).values())
    for label, count in counts_of(labels, held).items():
        assert count <= fraction * list[Hashable](labels).count(label) + 1 + largest
    # No single group could be given or taken to come nearer, without a class being lost.
    classes = sorted(set(labels))
    wanted = np.array(shares([labels.count(label) for label in classes], fraction))
    now = np.array([counts_of(labels, held)[label] for label in classes])
    for text in sorted(kept):
        group = [label for t, label in rows if str(t) == text]
        more = np.array([group.count(label) for label in classes])
        keeps = set(counts_of(labels, ~held) - Counter(group)) == set(labels)
        is_mixed = len(set(group)) > 1
        if keeps and is_mixed and (now <= wanted).all():
            assert abs(wanted - now - more).sum() >= abs(wanted - now).sum()


def test_rows_do_not_depend_on_hashes_or_on_the_kind_of_labels() -> None:
    texts = [str(i) for i in range(40)]
    numbers: list[Hashable] = [i % 3 for i in range(40)]
    words: list[Hashable] = [str(i % 3) for i in range(40)]
    one, two = (holdout(texts, labels, 0.2, random_state=1) for labels in (numbers, words))
    assert np.array_equal(one, two)
    mixed: list[Hashable] = [1 if i % 2 else "1" for i in range(40)]
    other = [*mixed[1:], mixed[0]]
    first = holdout(texts, mixed, 0.2, random_state=1)
    again = holdout([*texts[1:], texts[0]], other, 0.2, random_state=1)
    assert counts_of(mixed, first) == counts_of(other, again) == {1: 4, "1": 4}


def test_validation_texts_are_those_of_a_split_whatever_the_classes_are_called() -> None:
    """Of twelve classes, too, whose numbers sort otherwise than their names."""
    texts, labels = [f"w{i}" for i in range(300)], [f"c{i % 12:02}" for i in range(300)]
    split = Split(texts, labels)
    numbers = Targets.hard([split.classes.index(label) for label in labels], 12)
    for seed in range(3):
        held = validation_rows(texts, numbers, 0.2, seed=seed)
        assert np.array_equal(held, split.holdout(0.2, random_state=seed))


# Each of b0, b1, ... has two rows, one of which has the label a, too: a is the rarest nowhere.
TAGS = [tags for i in range(6) for tags in ([f"b{i}", "a"], [f"b{i}"])]
TAGGED = [str(i) for i in range(len(TAGS))]


def test_every_label_of_many_stays_in_training() -> None:
    split = Split(TAGGED, ["|".join(tags) for tags in TAGS], "|")
    lost = 0
    for seed in range(60):
        train, held = stratified_split(split, 0.5, random_state=seed)
        assert len(held)
        assert train.classes == split.classes
        lost += "a" not in {
            label
            for i in np.flatnonzero(~holdout(split.texts, split.strata, 0.5, random_state=seed))
            for label in TAGS[i]
        }
    assert lost  # without their sets of labels


def test_every_label_stays_in_training_wherever_texts_are_held_out() -> None:
    split = Split(TAGGED, ["|".join(tags) for tags in TAGS], "|")
    for seed in range(40):
        data = prepare(
            Corpus("c", split, test=split),
            make_tokenizer("word"),
            validation_fraction=0.5,
            seed=seed,
            cache=False,
        )
        assert data.train.classes == split.classes


# ------------------------------------------------------------------ drawing a part


LABEL_SETS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=3, unique=True), max_size=40)


@settings(deadline=None)
@given(LABEL_SETS, st.integers(1, 40), st.integers(0, 3))
def test_rows_drawn_have_every_label(label_sets: list[list[str]], n: int, seed: int) -> None:
    rows = drawn_rows(label_sets, n, np.random.default_rng(seed))
    assert np.array_equal(rows, drawn_rows(label_sets, n, np.random.default_rng(seed)))
    assert rows.tolist() == sorted(set(rows.tolist()))
    every = {label for labels in label_sets for label in labels}
    assert {label for row in rows for label in label_sets[row]} == every
    assert min(n, len(label_sets)) <= len(rows) <= max(n, len(every))


def test_rows_are_drawn_by_class() -> None:
    labels = [[label] for label in "a" * 700 + "b" * 290 + "c" * 9 + "d"]
    for n in (4, 10, 100, 999):
        rows = drawn_rows(labels, n, np.random.default_rng(0))
        found = Counter(labels[row][0] for row in rows)
        assert sum(found.values()) == n
        assert min(found[label] for label in "abcd") >= 1
        assert abs(found["b"] - 0.29 * n) <= 2


def test_texts_that_there_is_time_for_keep_every_class() -> None:
    """``--max-seconds`` leaves texts out, but no class."""
    targets = np.array([0] * 900 + [1] * 95 + [2] * 4 + [3])
    texts = examples([["w"]] * 1_000, targets)
    for n in (5, 20, 100, 999):
        counts = np.bincount(drawn(texts, n).targets.values, minlength=4)
        assert counts.sum() == n
        assert counts.min() >= 1
        assert abs(counts[1] - 0.095 * n) <= 2
    assert len(drawn(texts, 2)) == 4  # one of each all the same
    rng = np.random.default_rng(0)
    labels = (rng.random((1_000, 5)) < [0.5, 0.3, 0.1, 0.01, 0.0]).astype(int)
    labels[7, 4] = 1
    for n in (6, 20, 100):
        part = drawn(examples([["w"]] * 1_000, labels), n).targets.values
        assert len(part) == n
        assert part.any(axis=0).all()


def test_fit_holds_back_texts_of_every_class_in_proportion() -> None:
    """The library, too: a third of the texts are empty, and of all classes."""
    texts = ["" if i % 3 == 0 else f"w{i % 7} x{i}" for i in range(90)]
    labels = [i % 2 for i in range(90)]
    data = examples_of(*check_labelled(texts, labels), [0, 1], Settings())
    for seed in range(5):
        train, held = hold_out(data, texts, Settings(), seed, np.random.default_rng())
        assert held is not None
        assert np.bincount(held.targets.values).tolist() in ([4, 5], [5, 4])
        assert len(train) + len(held) == 90

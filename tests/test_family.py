"""The tasks of the family: each target is found once more, by other means; the command runs."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.family import (
    adding,
    copying,
    distance,
    dyck,
    early,
    early_bags,
    parity,
    reber,
    reviews,
    sine,
)
from benchmarks.family.__main__ import PARTS
from benchmarks.family.learning import N_CHECK, Learner, learn
from benchmarks.family.part import merged
from benchmarks.family.task import Drawn
from benchmarks.family.tasks import TASKS, table
from textrnn import TextRNNClassifier
from textrnn.typing import Floats

ROOT = Path(__file__).parents[1]
LOOP = "(?:XT*VP)*(?:XT*VV|S)"
REBER = re.compile(rf"B([TP])B(?:TS*X{LOOP}|PT*V(?:P{LOOP}|V))E\1E")
"""The embedded grammar as a regular expression."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sure_of(targets: object, n_classes: int) -> Floats:
    """The logits of a network that knows all targets."""
    logits: Floats = np.eye(n_classes)[np.asarray(targets)] * 9.0
    return logits


def test_adding_asks_for_the_sum_of_the_two_marked_numbers(rng: np.random.Generator) -> None:
    drawn = adding.draw(rng, 50, 11)
    for sequence, target in zip(drawn.documents, drawn.targets, strict=True):
        (first, second) = [t for t in range(11) if sequence[t, 1]]
        assert first < 5 <= second
        assert target == pytest.approx(sequence[first, 0] + sequence[second, 0], rel=1e-6)
    found = adding.measure(drawn.targets[:, np.newaxis] + 0.07, drawn)
    assert found["mse"] == pytest.approx(0.07**2, rel=1e-4)
    assert found["near"] == 1.0
    assert adding.measure(drawn.targets[:, np.newaxis] + 0.09, drawn)["near"] == 0.0


def test_copying_asks_for_the_symbols_after_the_mark(rng: np.random.Generator) -> None:
    drawn = copying.draw(rng, 20, 7)
    targets = drawn.targets.reshape(20, 27)
    for ids, wanted in zip(drawn.documents, targets, strict=True):
        assert ids.tolist() == [*wanted[-10:], *[8] * 6, 9, *[8] * 10]
        assert set(wanted[:-10]) == {8}
    found = copying.measure(sure_of(drawn.targets, 9), drawn)
    assert (found["recalled"], found["whole"]) == (1.0, 1.0)
    said = targets.copy()
    said[0, -1] = (said[0, -1] + 1) % 8  # one of 200 symbols
    said[:, 0] = 0  # where nothing is to be recalled
    found = copying.measure(sure_of(said.ravel(), 9), drawn)
    assert found["recalled"] == pytest.approx(199 / 200)
    assert found["whole"] == pytest.approx(19 / 20)


def test_to_recall_nothing_costs_the_baseline(rng: np.random.Generator) -> None:
    drawn = copying.draw(rng, 2_000, 50)
    sure = sure_of(np.full(70, 8), 9) * 5.0
    sure[-10:] = [0.0] * 8 + [-99.0]
    found = copying.measure(np.tile(sure, (2_000, 1)), drawn)
    assert found["loss"] == pytest.approx(found["baseline"], rel=1e-6)
    assert found["recalled"] == pytest.approx(1 / 8, abs=0.02)


def test_reber_strings_are_those_of_the_grammar(rng: np.random.Generator) -> None:
    drawn = [reber.string(rng) for _ in range(20_000)]
    assert all(REBER.fullmatch(one) for one in drawn)
    after: dict[str, set[str]] = defaultdict(set)
    for one in drawn:
        for t in range(1, min(len(one), 8)):
            after[one[:t]].add(one[t])
    for one in drawn[:100]:
        ids = np.array([reber.SYMBOLS.index(symbol) for symbol in one[:-1]])
        legal = [{reber.SYMBOLS[i] for i in each} for each in reber.legal_symbols(ids)]
        assert len(legal) == len(ids)
        assert legal[:7] == [after[one[:t]] for t in range(1, min(len(one), 8))]
        assert legal[-2:] == [{one[1]}, {"E"}]


def test_a_reber_string_is_right_if_all_that_is_legal_comes_first(rng: np.random.Generator) -> None:
    drawn = reber.draw(rng, 30)
    legal = [one for ids in drawn.documents for one in reber.legal_symbols(ids)]
    logits = np.zeros((len(legal), 7))
    for row, one in enumerate(legal):
        logits[row, one] = rng.uniform(1.0, 2.0, len(one))
    assert reber.measure(logits, drawn) == {"right": 1.0, "remembered": 1.0}
    starts = np.cumsum([0, *map(len, drawn.documents)])
    logits[starts[1] - 2] = logits[starts[1] - 2, ::-1]  # T and P, 1 and 2, are no longer first
    logits[starts[2] + 1] *= -1.0
    found = reber.measure(logits, drawn)
    assert found == {"right": pytest.approx(28 / 30), "remembered": pytest.approx(29 / 30)}
    assert [reber.SYMBOLS[i] for i in drawn.targets[: len(drawn.documents[0])]] == [
        *(reber.SYMBOLS[i] for i in drawn.documents[0][1:]),
        "E",
    ]


def test_parity_is_that_of_the_ones(rng: np.random.Generator) -> None:
    drawn = parity.of_mixed_lengths(rng, 400)
    assert {len(bits) for bits in drawn.documents} == set(range(1, 21))
    for bits, odd in zip(drawn.documents, drawn.targets, strict=True):
        assert odd == (bits.tolist().count(1) % 2 == 1)
    asked = TASKS["parity"].held_out(rng, 10)
    assert {len(bits) for bits in asked.documents} == {50}
    found = parity.measure(sure_of(np.append(asked.targets[:9], 1 - asked.targets[9]), 2), asked)
    assert found == {"right": pytest.approx(0.9)}


def test_dyck_asks_for_the_innermost_bracket(rng: np.random.Generator) -> None:
    drawn = dyck.held_out(rng, 40)
    deepest, at = 0, 0
    for ids in drawn.documents:
        written = ""
        for bracket in ids:
            written = (written + "([)]"[bracket]).replace("()", "").replace("[]", "")
            assert drawn.targets[at] == ("([".index(written[-1]) if written else dyck.NOTHING)
            deepest, at = max(deepest, len(written)), at + 1
        assert not written
    assert at == len(drawn.targets)
    assert deepest == dyck.DEPTH
    learnt = TASKS["dyck"].draw(rng, 200)
    assert {len(ids) for ids in learnt.documents} == {40}


def test_dyck_counts_strings_and_steps_by_length(rng: np.random.Generator) -> None:
    drawn = dyck.held_out(rng, 20)
    logits = sure_of(drawn.targets, 3)
    logits[-1] = logits[-1, [1, 2, 0]]
    found = dyck.measure(logits, drawn)
    assert (found["right"], found["steps right"]) == (1.0, 1.0)
    assert found["longer right"] == pytest.approx(0.9)
    assert found["longer steps right"] == pytest.approx(1 - 1 / 800)


def test_a_wave_follows_from_its_last_two_values(rng: np.random.Generator) -> None:
    drawn = sine.draw(rng, 20)
    for sequence, targets in zip(drawn.documents, drawn.targets.reshape(20, -1), strict=True):
        x = np.append(sequence[:, 0], targets[-1]).astype(np.float64)
        np.testing.assert_array_equal(x[1:], targets)
        t = np.abs(x[1:-1]).argmax() + 1
        c = (x[t - 1] + x[t + 1]) / x[t]  # 2 cos w
        np.testing.assert_allclose(x[2:], c * x[1:-1] - x[:-2], atol=1e-5)
        assert 10 <= 2 * np.pi / np.arccos(c / 2) <= 30
    assert drawn.weights is not None
    assert drawn.weights.reshape(20, -1)[:, :11].tolist() == [[0.0] * 10 + [np.float32(0.02)]] * 20
    logits = drawn.targets[:, np.newaxis].astype(np.float64)
    logits[drawn.weights == 0] += 5.0
    logits[drawn.weights > 0] += 0.1
    assert sine.measure(logits, drawn)["mse"] == pytest.approx(0.01)


def test_the_kind_of_car_is_as_far_from_the_end_as_is_said(rng: np.random.Generator) -> None:
    for n in (2, 3, 60):
        words = distance.sentence(rng, n)
        assert words[1] in distance.VEHICLES
        assert len(words[2:]) == n
        assert not {*words[2:]} & {*distance.KINDS, *distance.VEHICLES}
    drawn = distance.from_on(2, rng, 2_000)
    for ids, kind in zip(drawn.documents, drawn.targets, strict=True):
        assert distance.WORDS[ids[0]] == distance.KINDS[kind]
    assert len(set(distance.WORDS)) == len(distance.WORDS)
    assert {len(ids) - 2 for ids in drawn.documents} == set(range(2, 61))
    far = distance.learnt_from(12).draw(rng, 1_000)
    assert {len(ids) - 2 for ids in far.documents} == set(range(12, 61))
    said = np.where([len(ids) <= 12 for ids in drawn.documents], drawn.targets, -1)
    found = distance.measure(sure_of(np.maximum(said, 0), 12), drawn)
    assert found["2 to 10"] == 1.0
    assert found["51 to 60"] < 0.2


def test_training_ends_early_where_a_task_is_solved() -> None:
    """And the verdict is on other sequences than those that end it."""
    task = TASKS["sine"]
    asked: list[Drawn] = []

    def held_out(rng: np.random.Generator, n: int) -> Drawn:
        asked.append(task.held_out(rng, n))
        return asked[-1]

    recipe = replace(task.recipe, check_every=2)
    easy = replace(task, stop_at=1.0, solved_at=2.0, recipe=recipe, held_out=held_out)
    found = learn(easy, "gru", max_steps=9, n_held_out=N_CHECK)
    assert (found["steps"], found["solved"]) == (2, True)
    check, verdict = (each.documents for each in asked)
    assert not {one.tobytes() for one in check} & {one.tobytes() for one in verdict}
    never = learn(task, "gru", max_steps=3, n_held_out=20)
    assert (never["steps"], never["solved"]) == (3, False)


def test_the_targets_of_a_step_are_those_of_its_rows(rng: np.random.Generator) -> None:
    """Documents of several lengths are sorted; a network that learns anything has them right."""
    task = TASKS["parity"]
    learner, few = Learner(task, "gru", hidden_size=8), parity.of_mixed_lengths(rng, 4)
    losses = [learner.update(few, 0.02) for _ in range(150)]
    assert losses[-1] < 0.01
    assert learner.measured(few)["right"] == 1.0


def test_a_measure_is_reached_from_its_side() -> None:
    assert TASKS["adding 100"].reaches({"mse": 0.039}, 0.04)
    assert not TASKS["adding 100"].reaches({"mse": 0.041}, 0.04)
    assert TASKS["reber"].reaches({"right": 0.98}, 0.98)
    assert not TASKS["reber"].reaches({"right": 0.97}, 0.98)


def test_runs_made_again_replace_the_earlier_ones() -> None:
    earlier = [{"cell": "rnn", "x": 1}, {"cell": "gru", "x": 1}]
    again = {"cell": "rnn", "x": 2}
    assert merged(earlier, [again], ("cell",)) == [earlier[1], again]


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    given = [
        "--cells",
        "rnn",
        "gru",
        "--max-steps",
        "1",
        "--held-out",
        "10",
        "--out",
        str(tmp_path),
    ]
    ran = run_command("tasks", *given)
    runs = json.loads((tmp_path / "family_tasks.json").read_text())["runs"]
    assert {(run["task"], run["cell"]) for run in runs} == {
        (task, cell) for task in TASKS for cell in ("rnn", "gru")
    }
    assert ran.strip() == table(runs)
    assert run_command("tasks", "--show", *given) == ran


def test_every_part_of_our_own_data_runs(tmp_path: Path) -> None:
    parts = ["distance", "waves", "cars"]
    few = ["--cells", "rnn", "--seeds", "0", "--max-steps", "1", "--held-out", "200"]
    ran = run_command(*parts, *few, "--out", str(tmp_path))
    for part in parts:
        runs = json.loads((tmp_path / f"family_{part}.json").read_text())["runs"]
        assert {run["cell"] for run in runs} == {"rnn"}
        assert PARTS[part].table(runs) in ran


def run_command(*given: str) -> str:
    command = [sys.executable, "-m", "benchmarks.family", *given]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_how_early_is_asked_after_shares_of_the_words() -> None:
    """As a stream answers when it has read so much, rounded up, of each text."""
    texts = ["good w w w w bad", "w bad", "w", "w w w good good w w w w w w"] * 4
    labels = ["good", "bad", "bad", "good"] * 4
    model = TextRNNClassifier(
        loss="every",
        bidirectional=False,
        ngrams="none",
        hidden_size=4,
        embedding_dim=4,
        max_iter=1,
        random_state=0,
    ).fit(texts, labels)
    classes = np.searchsorted(model.classes_, labels[:4])
    found = early.accuracy_by_share(model.model_, model.model_.encode(texts[:4]), classes)
    stream = model.stream()
    for share, accuracy in zip(reviews.SHARES, found, strict=True):
        right = []
        for text, k in zip(texts[:4], classes, strict=True):
            words = text.split()
            stream.reset()
            answers = [
                stream.feed(word).argmax() for word in words[: math.ceil(share * len(words))]
            ]
            right.append(answers[-1] == k)
        assert accuracy == np.mean(right)


def test_the_table_of_early_answers_is_of_test_texts() -> None:
    """Networks by what they learnt in, seeds together, then the bags of words."""
    one = {"model": "lstm", "learnt": "every", "readout": "max", "seed": 0, "epochs": 4}
    one |= {"accuracies": [0.5] * 5, "texts": "test"}
    runs = [
        {"model": "tfidf_lr", "learnt": "whole reviews", "readout": "", "seed": 0}
        | {"accuracies": [0.7] * 5, "texts": "test"},
        {**one, "texts": "held out", "accuracies": [0.1] * 5},
        one,
        {**one, "seed": 1, "accuracies": [0.6] * 5},
        {**one, "learnt": "once", "accuracies": [0.4] * 5},
    ]
    rows = ["lstm | max | once | 4", "lstm | max | every | 4", "tfidf_lr |  | whole reviews | "]
    figures = [(0.4, 1), (0.55, 2), (0.7, 1)]
    assert early.table(runs).split("\n")[2:] == [
        f"| {row} | {' | '.join([f'{value:.3f}'] * 5)} | {seeds} |"
        for row, (value, seeds) in zip(rows, figures, strict=True)
    ]


def test_a_bag_of_words_is_asked_after_shares_of_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts whose last word tells: nothing is known before the end, whatever was learnt from."""
    texts = [f"w{i % 7} w{i % 5} w w w w w w {'good' if i % 2 else 'bad'}" for i in range(80)]
    labels = ["good" if i % 2 else "bad" for i in range(80)]
    found = reviews.Reviews(texts, labels, texts, labels)
    monkeypatch.setattr(early_bags, "load_reviews", lambda **_: found)
    for learnt_from in early_bags.LEARNT_FROM:
        *before, end = early_bags.run("tfidf_lr", learnt_from)["accuracies"]
        assert end == 1.0
        assert max(before) < 0.7
    cut = early_bags.shortened([["a", "b", "c"]])
    assert cut == [[["a"]], [["a"]], [["a", "b"]], [["a", "b", "c"]], [["a", "b", "c"]]]

"""Tokenising in several processes: the tokens of one, and an error where one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from textrnn.errors import WorkerError
from textrnn.system.processes import Processes
from textrnn.text import tokenise as module
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenise import tokenise
from textrnn.text.tokenizers import CharTokenizer, Tokenizer, WordTokenizer

TEXTS = [f"Text {i % 7}: don't read {'it ' * (i % 5)}twice \ud800é!" for i in range(3_000)]


@pytest.fixture(autouse=True)
def small_corpora_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHARACTERS_A_PROCESS", 1)


@pytest.fixture
def given_away(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Wait for the start of each process; how many texts each was given."""
    sizes: list[int] = []

    class Patient(Processes):
        def is_ready(self, i: int) -> bool:
            while not super().is_ready(i):
                time.sleep(0.01)
            return True

        def send(self, i: int, message: Sequence[str]) -> None:
            sizes.append(len(message))
            super().send(i, message)

    monkeypatch.setattr(module, "Processes", Patient)
    return sizes


def same(one: EncodedTexts, two: EncodedTexts) -> bool:
    return (
        one.words == two.words
        and one.ids.tolist() == two.ids.tolist()
        and one.starts.tolist() == two.starts.tolist()
    )


@pytest.mark.parametrize("tokenizer", [WordTokenizer(), CharTokenizer(lowercase=False)])
@pytest.mark.parametrize("n_jobs", [2, 3])
def test_the_result_is_that_of_one_process(
    tokenizer: Tokenizer, n_jobs: int, given_away: list[int]
) -> None:
    found = tokenise(tokenizer, TEXTS, n_jobs=n_jobs)
    assert same(found, encode_lists(map(tokenizer, TEXTS)))
    assert len(given_away) == n_jobs - 1
    fair = len(TEXTS) / n_jobs
    assert all(0.8 * fair < size < 1.2 * fair for size in given_away)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("n_texts", [0, 1, 2, 3])
def test_few_texts(n_texts: int, given_away: list[int]) -> None:
    found = tokenise(WordTokenizer(), TEXTS[:n_texts], n_jobs=3)
    assert same(found, encode_lists(map(WordTokenizer(), TEXTS[:n_texts])))
    assert sum(given_away) < max(n_texts, 1)


@pytest.mark.parametrize("ready_from", [64, 128])
def test_texts_are_not_read_twice_where_the_rest_is_empty(
    monkeypatch: pytest.MonkeyPatch, ready_from: int
) -> None:
    """A process that starts late is given no text that this one has read already."""
    texts = ["a b", "c", *[""] * 200]

    class Late(Processes):
        asked = 0

        def is_ready(self, i: int) -> bool:
            Late.asked += 1
            while Late.asked > ready_from // module.LOOK_EVERY and not super().is_ready(i):
                time.sleep(0.01)
            return Late.asked > ready_from // module.LOOK_EVERY

    monkeypatch.setattr(module, "Processes", Late)
    assert list(tokenise(WordTokenizer(), texts, n_jobs=2)) == [["a", "b"], ["c"], *[[]] * 200]


def test_a_slow_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Processes):
        def is_ready(self, _: int) -> bool:
            return False

    monkeypatch.setattr(module, "Processes", Slow)
    found = tokenise(WordTokenizer(), TEXTS, n_jobs=2)
    assert same(found, encode_lists(map(WordTokenizer(), TEXTS)))


@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_cannot_start_is_done_without(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    class Failing(Processes):
        def __init__(self, *arguments: Any) -> None:
            if when == "at once":
                raise WorkerError("cannot start")
            super().__init__(*arguments)

        def is_ready(self, _: int) -> bool:
            raise WorkerError("died as it started")

    monkeypatch.setattr(module, "Processes", Failing)
    found = tokenise(WordTokenizer(), TEXTS, n_jobs=2)
    assert same(found, encode_lists(map(WordTokenizer(), TEXTS)))
    assert not multiprocessing.active_children()


def test_a_process_that_dies_at_its_work_is_an_error(
    monkeypatch: pytest.MonkeyPatch, given_away: list[int]
) -> None:
    patched: Any = module  # which waits for the start of each process

    class Doomed(patched.Processes):  # type: ignore[misc]
        def send(self, i: int, message: Sequence[str]) -> None:
            (child,) = multiprocessing.active_children()
            os.kill(child.pid or 0, signal.SIGSTOP)
            super().send(i, message[:100])  # fits into the pipe: nobody reads it
            os.kill(child.pid or 0, signal.SIGKILL)

    monkeypatch.setattr(module, "Processes", Doomed)
    with pytest.raises(WorkerError, match="a worker process died"):
        tokenise(WordTokenizer(), TEXTS, n_jobs=2)
    assert not multiprocessing.active_children()
    assert given_away == [100]


@dataclass(frozen=True)
class Shouting:
    """A tokenizer of somebody's own, which only this process may know."""

    def __call__(self, text: str) -> list[str]:
        return text.upper().split()


def test_a_tokenizer_without_a_name_stays_in_this_process(given_away: list[int]) -> None:
    assert list(tokenise(Shouting(), ["a b", "c"], n_jobs=2)) == [["A", "B"], ["C"]]
    assert given_away == []


def test_small_corpora_start_no_process(
    monkeypatch: pytest.MonkeyPatch, given_away: list[int]
) -> None:
    monkeypatch.setattr(module, "CHARACTERS_A_PROCESS", sum(map(len, TEXTS)))
    tokenise(WordTokenizer(), TEXTS, n_jobs=8)
    assert given_away == []


def test_a_script_without_a_guard_does_without_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from textrnn.text import tokenise as module\n"
        "from textrnn.text.tokenizers import WordTokenizer\n"
        "module.CHARACTERS_A_PROCESS = 1\n"
        "found = module.tokenise(WordTokenizer(), ['a b', 'c d'] * 200_000, n_jobs=2)\n"
        "print(found)\n"
    )
    found = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "EncodedTexts(400000 texts, 800000 tokens)" in found.stdout

"""The benchmark of the structures: what it measures by, what its tables say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.structures import agreement, tagging, transduction
from benchmarks.structures.__main__ import PARTS
from benchmarks.structures.command import textrnn
from benchmarks.structures.part import Options, of_seeds, share
from textrnn.corpora import Pairs, TaggedTexts
from textrnn.corpora.generated.agreement import pairs as pairs_of_agreement

TRAIN = TaggedTexts([["a", "b"], ["a", "c"], ["a"]], [["X", "Y"], ["X", "X"], ["Z"]])
TEST = TaggedTexts([["a", "b", "d"]], [["Z", "Y", "X"]])


def test_the_most_frequent_tag_of_each_word() -> None:
    found = tagging.most_frequent(TRAIN, TEST)
    assert found == [["X", "Y", "X"]]
    assert tagging.accuracy(TEST, found) == pytest.approx(2 / 3)
    assert tagging.ambiguous(TRAIN) == {"a"}
    assert tagging.accuracy(TEST, found, {"a"}) == 0.0
    assert tagging.accuracy(TEST, [["Z", "X", "O"]], {"a"}) == 1.0


def test_exact_is_to_the_letter() -> None:
    assert transduction.exact(Pairs(["a", "b"], ["x", "yz"]), ["x", "yz "]) == 0.5


def test_the_alignment_of_a_reversal_runs_backwards() -> None:
    backwards = {"target_symbols": ["c", "b", "a"], "alignment": np.eye(4)[[2, 1, 0, 3]].tolist()}
    forwards = {"target_symbols": ["a", "b", "c"], "alignment": np.eye(4).tolist()}
    still = {"target_symbols": ["a", "b", "c"], "alignment": np.eye(4)[[1, 1, 1, 3]].tolist()}
    none = {"target_symbols": [], "alignment": [[1.0]]}
    assert transduction.direction([backwards, still, none]) == pytest.approx(-1.0)
    assert transduction.direction([forwards, backwards]) == pytest.approx(0.0)


def test_a_pair_is_preferred_by_its_log_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model to which the plural is likelier prefers the right sentence of half of the pairs."""

    class Done:
        def __init__(self, given: str) -> None:
            self.records = [
                {"text": text, "log_probability": -float(text.count("s "))}
                for text in given.splitlines()
            ]

    def scored(*words: object, given: str) -> Done:
        assert words == ("lm", "score", "--model", Path("m"), "--json", "-")
        return Done(given)

    monkeypatch.setattr(agreement, "textrnn", scored)
    found = agreement.preferred(Path("m"))
    assert [len(one) for one in found.values()] == [167, 167, 167, 167, 166, 166]
    pairs = iter(pairs_of_agreement())
    for i in range(1_000):
        one = next(pairs)
        is_right = one.text.count("s ") < one.mistaken.count("s ")
        assert found[one.n_between][i // 6] == is_right


def test_a_command_that_fails_says_why() -> None:
    assert textrnn("corpora", "--json").printed.startswith("[")
    with pytest.raises(RuntimeError, match=r"textrnn train agreement: .*language model"):
        textrnn("train", "agreement")


def test_shares_have_intervals() -> None:
    assert share(1, 2) == "0.500 (0.095–0.905)"
    assert of_seeds([0.5, 0.7]) == "0.6000 (0.5000–0.7000)"


RUNS: dict[str, list[dict[str, Any]]] = {
    "tagging": [
        {
            "task": "far",
            "seed": seed,
            "n_tokens": 36_519,
            "seconds": 30.0,
            "accuracy": 0.99,
            "ambiguous": 0.98,
            "most_frequent": 0.79,
        }
        for seed in (0, 1)
    ],
    "transduction": [
        {
            "task": "dates",
            "seed": 0,
            "n": 1_000,
            "seconds": 30.0,
            "greedy": 0.99,
            "beam": 1.0,
            "token_accuracy": 0.999,
            "direction": -0.5,
        }
    ],
    "agreement": [
        {
            "order": order,
            "seed": 0,
            "perplexity": 20.5,
            "right": {str(d): 100 - order for d in range(1, 7)},
            "pairs": {str(d): 100 for d in range(1, 7)},
        }
        for order in (0, 3)
    ],
}


@pytest.mark.parametrize("part", RUNS)
def test_a_table_has_a_row_for_each_of_what_was_run(part: str) -> None:
    head, rule, *rows = PARTS[part].table(RUNS[part]).splitlines()
    assert len({line.count("|") for line in (head, rule, *rows)}) == 1
    assert len(rows) == {"tagging": 1, "transduction": 1, "agreement": 2}[part]
    if part == "agreement":
        assert rows[0].startswith("| network | 20.50 (20.50–20.50) | 1.000 ")
        assert rows[1].startswith("| chain of order 3 | 20.50 | 0.970 ")


def test_seeds_and_further_options_reach_the_jobs() -> None:
    options = Options([4], ("--max-steps", "9"))
    for part in (tagging, transduction):
        assert all(job.args[1:] == (4, options.words) for job in part.jobs(options))
    network, *chains = agreement.jobs(options)
    assert network.args == (0, 4, options.words)
    assert [chain.args[0] for chain in chains] == [2, 3, 4, 5, 6]


def test_the_command_shows_what_is_on_file(tmp_path: Path) -> None:
    runs = {"machine": {}, "runs": RUNS["tagging"]}
    (tmp_path / "structures_tagging.json").write_text(json.dumps(runs))
    command = [sys.executable, "-m", "benchmarks.structures", "--show", "--out", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert PARTS["tagging"].table(RUNS["tagging"]) in found.stdout
    assert "agreement: nothing is on file; run it first." in found.stdout
    found = subprocess.run([*command, "cars"], capture_output=True, text=True, check=False)
    assert "no part is called cars; there is tagging" in found.stderr

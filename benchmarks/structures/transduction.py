"""Whole targets written right, greedily and by beam search, and how reversal is aligned."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.family.part import Job, Part, Run
from benchmarks.structures.command import textrnn
from benchmarks.structures.part import SEEDS, Options, of_seeds
from textrnn.corpora import Pairs, load_pairs

TASKS = ("reversal", "numbers", "dates")
BEAM = 5


def exact(test: Pairs, found: list[str]) -> float:
    """The share of targets that are written to the letter."""
    return sum(map(str.__eq__, test.targets, found)) / len(test)


def direction(records: Sequence[Mapping[str, Any]]) -> float:
    """How the most regarded place of the source moves as a target is written, mean over texts.

    1 is forwards, step by step, -1 backwards: the correlation of both places, of texts with three
    symbols or more and some movement.
    """
    found = []
    for record in records:
        weights = np.array(record["alignment"])[: len(record["target_symbols"])]
        places = weights[:, :-1].argmax(axis=1) if len(weights) else np.zeros(0)
        if len(places) > 2 and len(set(places.tolist())) > 1:
            found.append(np.corrcoef(np.arange(len(places)), places)[0, 1])
    return float(np.mean(found))


def run(task: str, seed: int, words: tuple[str, ...]) -> Run:
    """One training, and what it writes of the test's sources."""
    corpus = load_pairs(task)
    assert corpus.test is not None
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        own = ("--out", model, "--seed", seed, "-q")
        trained = textrnn("transduce", "train", task, *own, *words)
        judged = textrnn("transduce", "evaluate", model, task, "--json").record
        given = "".join(f"{source}\n" for source in corpus.test.sources)
        predict = ("transduce", "predict", "--model", model, "--json", "-")
        greedy = textrnn(*predict, "--alignment", given=given).records
        beam = textrnn(*predict, "--beam", BEAM, given=given).records
    return {
        "task": task,
        "seed": seed,
        "words": list(words),
        "n": len(corpus.test),
        "exact": judged["exact"],
        "token_accuracy": judged["token_accuracy"],
        "greedy": exact(corpus.test, [record["target"] for record in greedy]),
        "beam": exact(corpus.test, [record["target"] for record in beam]),
        "direction": direction(greedy),
        "seconds": trained.seconds,
    }


def jobs(options: Options) -> list[Job]:
    """Every task with every seed."""
    return [
        Job(run, (task, seed, options.words)) for task in TASKS for seed in options.seeds or SEEDS
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a task."""
    lines = [
        f"| task | texts | exact, greedy | exact, {BEAM} beams | tokens right "
        "| direction of the alignment | seeds | processor seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        of = [run for run in runs if run["task"] == task]
        if of:
            lines.append(
                f"| {task} | {of[0]['n']:,} | {of_seeds([run['greedy'] for run in of])} "
                f"| {of_seeds([run['beam'] for run in of])} "
                f"| {of_seeds([run['token_accuracy'] for run in of])} "
                f"| {of_seeds([run['direction'] for run in of], 3)} | {len(of)} "
                f"| {max(run['seconds'] for run in of):.0f} |"
            )
    return "\n".join(lines)


PART: Part[Options] = Part(jobs, table, ("task", "seed"))

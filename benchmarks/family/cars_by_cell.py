"""The built-in sentences by cell: what ``textrnn train cars --cell X --ngrams none`` reaches."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.family.part import Job, Options, Part, Run
from textrnn.corpora import load_corpus
from textrnn.experiments.experiment import Experiment
from textrnn.experiments.run import run_experiment
from textrnn.nn.cells import CELLS
from textrnn.training.settings import Settings

SEEDS = (0, 1, 2)
SETTINGS: dict[str, dict[str, Any]] = {}
"""Of cells for which the defaults are not enough."""


def run(cell: str, seed: int, max_steps: int | None) -> Run:
    """One training by the default settings, and what it scores on the test texts."""
    corpus = load_corpus("cars", offline=True, random_state=seed)
    changes = SETTINGS.get(cell, {})
    settings = Settings(cell=cell, ngrams="none", n_jobs=1, max_steps=max_steps, **changes)
    report = run_experiment(Experiment(corpus, settings, seed=seed, baselines=()))
    return {
        "cell": cell,
        "seed": seed,
        "settings": changes,
        "accuracy": report["test"]["accuracy"],
        "epochs": report["epochs"],
        "seconds": round(report["seconds"], 1),
    }


def jobs(options: Options) -> list[Job]:
    """Every cell with every seed."""
    return [
        Job(run, (cell, seed, options.max_steps))
        for cell in options.cells
        for seed in options.seeds or SEEDS
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a cell."""
    lines = ["| cell | settings | seeds | accuracy | least | epochs |", "|---|---|---|---|---|---|"]
    for cell in CELLS:
        of = [run for run in runs if run["cell"] == cell]
        if not of:
            continue
        told = " ".join(f"{name}={value}" for name, value in of[0]["settings"].items())
        scores, epochs = [run["accuracy"] for run in of], [run["epochs"] for run in of]
        lines.append(
            f"| {cell} | {told or 'default'} | {len(of)} | {statistics.mean(scores):.4f} "
            f"| {min(scores):.4f} | {statistics.mean(epochs):.0f} |"
        )
    return "\n".join(lines)


PART = Part(jobs, table, ("cell", "seed"))

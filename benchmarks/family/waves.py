"""The sine wave by rule: how near small networks come by each, and after how many batches."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.family.learning import learn
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.rules import RULES
from benchmarks.family.sine import TASKS
from benchmarks.family.task import Recipe

CELLS = ("rnn", "gru", "lstm")
RECIPE = Recipe(steps=400, batch_size=8, learning_rate=2e-2, hidden_size=10, check_every=10)
TASK = replace(TASKS[0], recipe=RECIPE)
BY = {str(by["rule"]): by for by in RULES}
SEEDS = (0,)


def run(cell: str, rule: str, seed: int, options: Options) -> Run:
    """One small network learns by one rule."""
    steps, n = options.max_steps, options.n_held_out
    found = learn(TASK, cell, seed, by=BY[rule], max_steps=steps, n_held_out=n)
    return {**found, "rule": rule}


def jobs(options: Options) -> list[Job]:
    """Every rule with each of some cells."""
    return [
        Job(run, (cell, rule, seed, options))
        for rule in BY
        for cell in CELLS
        for seed in options.seeds or SEEDS
        if cell in options.cells
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a rule, a column a cell: the error, and the batches it took."""
    found = {(run["rule"], run["cell"]): run for run in runs}
    lines = [f"| rule | {' | '.join(CELLS)} |", "|---" * (len(CELLS) + 1) + "|"]
    lines += [
        f"| {rule} | {' | '.join(_entry(found.get((rule, cell))) for cell in CELLS)} |"
        for rule in BY
    ]
    return "\n".join(lines)


def _entry(run: Run | None) -> str:
    if run is None:
        return ""
    value = f"{run['mse']:.5f}"
    return f"**{value}** ({run['steps']})" if run["solved"] else f"{value} ({run['steps']})"


PART = Part(jobs, table, ("rule", "cell", "seed"))

"""The tasks by cell: every cell learns every task by the same recipe."""

from __future__ import annotations

from benchmarks.family import adding, copying, dyck, parity, reber, sine
from benchmarks.family.learning import learn
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.task import Task
from textrnn.nn.cells import CELLS

TASKS: dict[str, Task] = {
    task.name: task
    for module in (adding, copying, reber, parity, dyck, sine)
    for task in module.TASKS
}

SEEDS = (0,)


def run(task: str, cell: str, seed: int, options: Options) -> Run:
    """One network learns one task."""
    steps, n = options.max_steps, options.n_held_out
    return learn(TASKS[task], cell, seed, max_steps=steps, n_held_out=n)


def jobs(options: Options) -> list[Job]:
    """All cells on all tasks."""
    return [
        Job(run, (task, cell, seed, options))
        for task in TASKS
        for cell in options.cells
        for seed in options.seeds or SEEDS
    ]


def table(runs: list[Run]) -> str:
    """Markdown: what the tasks are, and how each cell does."""
    return f"{about()}\n\n{results(runs)}"


def about() -> str:
    """Markdown: a row a task."""
    lines = ["| task | solved | sequences at most | H | published |", "|---|---|---|---|---|"]
    lines += [
        f"| {task.name} | {task.criterion} | {task.recipe.steps * task.recipe.batch_size:,} "
        f"| {task.recipe.hidden_size} | {task.published} |"
        for task in TASKS.values()
    ]
    return "\n".join(lines)


def results(runs: list[Run]) -> str:
    """Markdown: a row a cell, a column a task: the deciding measure, and the steps it took."""
    lines = [
        f"| cell | {' | '.join(TASKS)} |",
        "|---" * (len(TASKS) + 1) + "|",
    ]
    lines += [
        f"| {cell} | {' | '.join(_entry(runs, cell, task) for task in TASKS)} |"
        for cell in CELLS
        if any(run["cell"] == cell for run in runs)
    ]
    return "\n".join(lines)


def _entry(runs: list[Run], cell: str, task: str) -> str:
    """The worst seed's measure, bold where it is solved, and its steps."""
    of = [run for run in runs if (run["cell"], run["task"]) == (cell, task)]
    if not of:
        return ""
    key, falls = TASKS[task].key, TASKS[task].stop_at < TASKS[task].solved_at
    worst = (max if falls else min)(of, key=lambda run: run[key])
    value = f"{worst[key]:.4f}" if falls else f"{worst[key]:.3f}"
    return f"**{value}** ({worst['steps']:,})" if worst["solved"] else value


PART = Part(jobs, table, ("task", "cell", "seed"))

"""What a part of the command is: jobs that are run side by side, and the table of their results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.machine import machine
from textrnn.system.plain_json import plain

RESULTS = Path(__file__).parents[1] / "results"
Run = dict[str, Any]
"""One trained network: what it was and what it scored, as it stands in the JSON."""


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Attributes:
        cells: names of the cells.
        seeds: of each network; none takes the part's own.
        n_jobs: processes.
        max_steps: of each training; None takes what the task's recipe says.
        n_held_out: sequences of a verdict.
    """

    cells: Sequence[str]
    seeds: Sequence[int] = ()
    n_jobs: int = 2
    max_steps: int | None = None
    n_held_out: int = 2_000


@dataclass(frozen=True)
class Job:
    """A call in a process of its own; it returns one run."""

    call: Callable[..., Run]
    args: tuple[Any, ...]


Asked = TypeVar("Asked")
"""What a command was asked for."""


@dataclass(frozen=True)
class Part(Generic[Asked]):
    """One table of a page.

    Attributes:
        jobs: what is to be run.
        table: Markdown of the runs on file.
        key: entries of a run that say what it is of: run again it takes the earlier one's place.
    """

    jobs: Callable[[Asked], list[Job]]
    table: Callable[[list[Run]], str]
    key: tuple[str, ...]


def carry_out(jobs: Sequence[Job], n_jobs: int) -> Iterable[Run]:
    """The runs, as they are ready; each is told on stderr."""
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(job.call, *job.args) for job in jobs]
        for future in as_completed(waiting):
            print(json.dumps(plain(future.result())), file=sys.stderr, flush=True)
            yield future.result()


def merged(earlier: list[Run], new: Iterable[Run], key: tuple[str, ...]) -> list[Run]:
    """All runs in the order of their keys, the new ones in place of what they repeat."""
    found = {tuple(run[name] for name in key): run for run in (*earlier, *new)}
    return [found[of] for of in sorted(found)]


def on_file(name: str, folder: Path = RESULTS, page: str = "family") -> list[Run]:
    """The runs of a part of a page, or none."""
    path = folder / f"{page}_{name}.json"
    runs: list[Run] = json.loads(path.read_text())["runs"] if path.exists() else []
    return runs


def write(name: str, runs: list[Run], folder: Path = RESULTS, page: str = "family") -> None:
    """Put the runs of a part of a page on file, with the machine and the date of the newest."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(plain({"machine": machine(), "runs": runs}), indent=1, allow_nan=False)
    (folder / f"{page}_{name}.json").write_text(text + "\n")

"""Whole processes from nothing to the end: ``predict`` and ``--help`` against bare imports.

    python -m benchmarks.cold_start

Needs no data. The three take turns, 21 times each, with one BLAS thread and then in a default
environment; a ratio is the median of the ratios turn by turn. The target is 1.4 times
``import numpy, typer``. Writes benchmarks/results/cold_start.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.made_up import default_model
from benchmarks.timing import Timing, ratio, take_turns
from textrnn.storage.writing import save_model
from textrnn.system.blas import VARIABLES
from textrnn.system.plain_json import plain

OUT = Path(__file__).parent / "results" / "cold_start.json"
TARGET = 1.4
TURNS = 21
WORDS = 20_000
BARE, PREDICT, HELP = "import numpy, typer", "textrnn predict", "textrnn --help"
THREADS: dict[str, str | None] = {"one BLAS thread": "1", "default environment": None}


def installed() -> dict[str, str]:
    """The environment of somebody who installed textrnn: its bytecode is kept from run to run."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def environment(blas_threads: str | None) -> dict[str, str]:
    """That with a number of BLAS threads, or none said."""
    free = {name: value for name, value in installed().items() if name not in VARIABLES}
    return free if blas_threads is None else {**free, "OPENBLAS_NUM_THREADS": blas_threads}


def process(arguments: list[str], variables: dict[str, str]) -> Callable[[], object]:
    """A job that runs Python with such arguments from its start to its end."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True, env=variables)


def measure(model: Path, blas_threads: str | None) -> dict[str, Timing]:
    """Seconds of each of the three."""
    textrnn = ["-m", "textrnn"]
    commands = {
        BARE: ["-c", BARE],
        PREDICT: [*textrnn, "predict", "w1 w2 w3", "--model", str(model)],
        HELP: [*textrnn, "--help"],
    }
    variables = environment(blas_threads)
    return take_turns(
        {name: process(command, variables) for name, command in commands.items()}, TURNS
    )


def summary(timings: dict[str, Timing]) -> dict[str, Any]:
    """Medians and the ratios to the bare imports, with the seconds of every turn."""
    return {
        name: {**timing.to_dict(), "times_bare": ratio(timing, timings[BARE])}
        for name, timing in timings.items()
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown of the medians and ratios."""
    lines = [
        "| environment | process | milliseconds | times bare | target |",
        "|---|---|---|---|---|",
    ]
    for where, found in results.items():
        for name, result in found.items():
            target = "" if name == BARE else f"{TARGET}"
            lines.append(
                f"| {where} | {name} | {1000 * result['median']:.0f} "
                f"| {result['times_bare']:.2f} | {target} |"
            )
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m"
        save_model(default_model([f"w{i}" for i in range(WORDS)]), model)
        results = {name: summary(measure(model, threads)) for name, threads in THREADS.items()}
    print(table(results))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps(
            plain({"machine": machine(), "target": TARGET, **results}), indent=1, allow_nan=False
        )
        + "\n"
    )


if __name__ == "__main__":
    main()

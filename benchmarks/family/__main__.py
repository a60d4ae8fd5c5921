"""Measure what each cell and each learning rule can do, and print the tables of docs/family.md.

    python -m benchmarks.family [PART ...] [--cells gru lstm] [--seeds 0] [--n-jobs 2]

Every part writes benchmarks/results/family_PART.json; cells that are not named keep the runs that
are on file. ``--show`` prints the tables of what is on file and runs nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.family import cars_by_cell, distance, early, rules, tasks, waves
from benchmarks.family.part import RESULTS, Options, Part, carry_out, merged, on_file, write
from textrnn.nn.cells import CELLS

PARTS: dict[str, Part[Options]] = {
    "tasks": tasks.PART,
    "distance": distance.PART,
    "waves": waves.PART,
    "cars": cars_by_cell.PART,
    "early": early.PART,
    "rules": rules.PART,
}
"""A new part is a file and a row."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.family", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--cells", nargs="+", choices=sorted(CELLS), default=sorted(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[], help="a part has its own")
    parser.add_argument("--n-jobs", type=int, default=2, help="processes")
    parser.add_argument("--max-steps", type=int, help="of each training, for a quick look")
    parser.add_argument("--held-out", type=int, default=2_000, help="sequences of a verdict")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--show", action="store_true", help="print what is on file")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    options = Options(given.cells, given.seeds, given.n_jobs, given.max_steps, given.held_out)
    for name in given.parts or PARTS:
        part, runs = PARTS[name], on_file(name, given.out)
        if not given.show:
            for run in carry_out(part.jobs(options), options.n_jobs):
                runs = merged(runs, [run], part.key)
                write(name, runs, given.out)  # what is done is kept if a later one fails
        told = part.table(runs) if runs else f"{name}: nothing is on file; run it first."
        print(f"\n{told}", flush=True)


if __name__ == "__main__":
    main()

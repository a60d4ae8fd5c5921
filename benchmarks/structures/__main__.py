"""Measure what each structure of inputs and outputs can do, and print the tables of its page.

    python -m benchmarks.structures [PART ...] [--seeds 0 1] [--n-jobs 2]

Every part trains by the public command line and writes benchmarks/results/structures_PART.json;
runs with seeds that are not named stay on file. ``--show`` prints the tables of what is on file and
runs nothing. What comes after ``--`` are further options of every training of a network.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.family.part import RESULTS, Part, carry_out, merged, on_file, write
from benchmarks.structures import agreement, begun, conditioned, tagging, transduction
from benchmarks.structures.part import Options

PAGE = "structures"
PARTS: dict[str, Part[Options]] = {
    "tagging": tagging.PART,
    "transduction": transduction.PART,
    "agreement": agreement.PART,
    "conditioned": conditioned.PART,
    "begun": begun.PART,
}
"""A new part is a file and a row."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.structures", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[], help="a part has its own")
    parser.add_argument("--n-jobs", type=int, default=2, help="trainings side by side")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument(
        "--language-model", type=Path, help="of begun: one of IMDB's texts that is trained already"
    )
    parser.add_argument("--show", action="store_true", help="print what is on file")
    own, words = _parted(sys.argv[1:])
    given = parser.parse_args(own)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    options = Options(given.seeds, tuple(words), given.language_model)
    for name in given.parts or PARTS:
        part, runs = PARTS[name], on_file(name, given.out, PAGE)
        if not given.show:
            for run in carry_out(part.jobs(options), given.n_jobs):
                runs = merged(runs, [run], part.key)
                write(name, runs, given.out, PAGE)  # what is done is kept if a later one fails
        told = part.table(runs) if runs else f"{name}: nothing is on file; run it first."
        print(f"\n{told}", flush=True)


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before ``--`` and what after it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


if __name__ == "__main__":
    main()

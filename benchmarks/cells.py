"""Every registered cell on the networks of J1 to J3, against our own LSTM and against PyTorch.

    TEXTRNN_DATA=DIR python -m benchmarks.cells [CELL ...] [--documents 256] [--turns 3]

Needs the ``bench`` extra. Each cell takes the LSTM's place in the network, everything else as in
``benchmarks.speed``: the same texts, batches and optimiser. One process and one thread for all, so
that the figures are of the cell and not of how work is shared. A cell takes turns with the LSTM
and, where PyTorch has it, with PyTorch's in texts of like lengths, padded; of these the first
losses must agree. Warm-up is left out, ratios are medians of neighbouring turns. Writes
benchmarks/results/cells.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.speed import (
    JOBS,
    LEARNING_RATE,
    OurTrainer,
    documents_of,
    examples_of,
    fresh_network,
    same_losses,
)
from benchmarks.timing import Timing, ratio, take_turns
from textrnn.inference.batches import length_batches, predict_proba
from textrnn.nn.cells import CELLS
from textrnn.nn.network import Network
from textrnn.system.plain_json import plain
from textrnn.training.batching import epoch_batches
from textrnn.training.examples import Examples
from textrnn.typing import Ints

OUT = Path(__file__).parent / "results" / "cells.json"
NETWORKS = ("J1", "J2", "J3")
LSTM, TORCH = "lstm", "torch"
IDIOM, EXACT = "bucketed", "packed"
TASKS = ("training", "prediction")


class Contest:
    """One network in which any cell may stand, and the texts that it reads.

    Args:
        name: in ``JOBS``.
        documents: how many of the corpus's texts.
    """

    def __init__(self, name: str, documents: int) -> None:
        self.job = JOBS[name]
        self.data: Examples = examples_of(self.job.corpus, documents, self.job.max_length)
        self.documents = documents_of(self.data.texts)
        lengths, rng = self.data.texts.lengths, np.random.default_rng(1)
        self.batches: list[Ints] = epoch_batches(
            lengths, batch_size=self.job.batch_size, shuffle=True, rng=rng
        )
        self.of_prediction = list(length_batches(lengths))

    def network(self, cell: str) -> Network:
        return fresh_network(replace(self.job.config, cell=cell))

    def ours(self, cell: str) -> dict[str, Callable[[], object]]:
        """What is timed of a cell of ours, by task."""
        trainer = OurTrainer(self.network(cell), self.data, 1)
        network = self.network(cell)
        network.freeze()  # as a loaded model's is
        return {
            "training": lambda: trainer.epoch(self.batches),
            "prediction": lambda: predict_proba(network, self.data.texts),
        }

    def theirs(self, cell: str) -> dict[str, Callable[[], object]]:
        """The same of PyTorch's."""
        from benchmarks.torch_peer import TorchTrainer

        network, targets = self.network(cell), self.data.targets.values
        few = [rows[:16] for rows in self.batches[:1]] * 2
        exact = TorchTrainer(network, EXACT, LEARNING_RATE)
        own = OurTrainer(self.network(cell), self.data, 1)
        same_losses(own.epoch(few), exact.epoch(self.documents, targets, few))
        peer = TorchTrainer(network, IDIOM, LEARNING_RATE)
        reader = TorchTrainer(network, IDIOM, LEARNING_RATE)
        return {
            "training": lambda: peer.epoch(self.documents, targets, self.batches),
            "prediction": lambda: reader.predict(self.documents, self.of_prediction),
        }

    def measure(self, cell: str, turns: int) -> dict[str, Any]:
        """Seconds of each turn, and the ratios to the LSTM and to PyTorch, by task."""
        from benchmarks.torch_peer import KINDS

        sides = {name: partial(self.ours, name) for name in dict.fromkeys((cell, LSTM))}
        if cell in KINDS:
            sides[TORCH] = partial(self.theirs, cell)
        jobs = {side: make() for side, make in sides.items()}
        return {task: self._of_task(cell, task, jobs, turns) for task in TASKS}

    def _of_task(
        self, cell: str, task: str, jobs: dict[str, dict[str, Callable[[], object]]], turns: int
    ) -> dict[str, Any]:
        timings: dict[str, Timing] = take_turns({side: j[task] for side, j in jobs.items()}, turns)
        words = self.data.texts.n_tokens
        return {
            "microseconds_a_word": timings[cell].median / words * 1e6,
            "ratios": {
                side: ratio(timings[side], timings[cell]) for side in (LSTM, TORCH) if side in jobs
            },
            "timings": [t.to_dict() for t in timings.values()],
        }


def table(results: dict[str, Any]) -> str:
    """Markdown: how many times as fast as our LSTM, and as the same cell of PyTorch."""
    titles = [f"{name} {task}" for name in NETWORKS for task in TASKS]
    lines = [f"| cell | against | {' | '.join(titles)} |", "|---|---|" + "---|" * len(titles)]
    for cell, of_cell in results["cells"].items():
        for side, called in ((LSTM, "our LSTM"), (TORCH, "PyTorch's")):
            found = [of_cell[name][task]["ratios"].get(side) for name in NETWORKS for task in TASKS]
            if None not in found and (cell, side) != (LSTM, LSTM):
                lines.append(f"| {cell} | {called} | {' | '.join(f'{x:.2f}' for x in found)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help="all that are registered")
    parser.add_argument("--documents", type=int, default=256, help="of IMDB's, in $TEXTRNN_DATA")
    parser.add_argument("--turns", type=int, default=3, help="of which the median counts")
    options = parser.parse_args()
    if unknown := set(options.cells) - set(CELLS):
        parser.error(f"no cell is called {', '.join(sorted(unknown))}; there is {', '.join(CELLS)}")
    from benchmarks.torch_peer import prepare_threads

    prepare_threads(1)
    cells = options.cells or list(CELLS)
    found: dict[str, dict[str, Any]] = {cell: {} for cell in cells}
    for name in NETWORKS:
        contest = Contest(name, options.documents)
        for cell in cells:
            found[cell][name] = contest.measure(cell, options.turns)
            told = {task: of["ratios"] for task, of in found[cell][name].items()}
            print(name, cell, json.dumps(told), flush=True)
    earlier = json.loads(OUT.read_text())["cells"] if OUT.exists() else {}
    results = {
        "documents": options.documents,
        "cells": {cell: (earlier | found)[cell] for cell in CELLS if cell in earlier | found},
        "machine": machine(),
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()

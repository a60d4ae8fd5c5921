"""Whether a group of the clockwork network costs nothing where it is not due.

    python -m benchmarks.groups [--turns 15]

Steps a second of the clockwork and of the simple network of as many units, forward and backward:
256 units, in four groups, over 32 texts; in one process with one thread of the linear algebra. Once
the layer alone, its outputs given random gradients, and once in a network with embedding and head.
The two take turns, and the time is the processor's, so that other work counts little. The ratios
are medians of neighbouring turns. Writes benchmarks/results/groups.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Trace
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.workspace import Workspace
from textrnn.system.plain_json import plain

OUT = Path(__file__).parent / "results" / "groups.json"
SIMPLE, GROUPS = "rnn", "clockwork"
UNITS, TEXTS, WORDS, DIM = 256, 32, 10_001, 100
LENGTHS = {"128 words": (128, 128), "20 to 236 words": (20, 236), "5 to 40 words": (5, 40)}
FLOOR = 1e-7
Passes = tuple[Callable[[], Any], Callable[[Any], object]]


def batch_of(shortest: int, longest: int) -> PackedBatch:
    """Texts of such lengths, of words as frequent as words are."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(shortest, longest + 1, TEXTS)
    return pack([np.minimum(rng.zipf(1.25, n), WORDS - 1).astype(np.int32) for n in lengths])


def layer(cell_name: str, batch: PackedBatch) -> Passes:
    """Forward and backward over input products that are there."""
    cell, rng, space = CELLS[cell_name], np.random.default_rng(1), Workspace()
    params = cell.initialise(rng, cell.shapes(1, DIM, UNITS), np.dtype(np.float32))
    shape = (1, batch.n_tokens, UNITS)
    products, d_outputs = rng.normal(0.0, 0.5, (2, *shape)).astype(np.float32)
    room = np.empty((1, *shape), np.float32)

    def forward() -> Trace:
        room[0] = products
        return recurrent.forward(cell, params, room, batch, workspace=space)[0]

    def backward(trace: Trace) -> object:
        return recurrent.backward(cell, params, trace, batch, d_outputs=d_outputs, workspace=space)

    return forward, backward


def network(readout: str, cell_name: str, batch: PackedBatch) -> Passes:
    """The same of a whole network, from ids to logits."""
    config = NetworkConfig(2, WORDS, DIM, cell_name, UNITS, 1, False, readout, "float32")
    whole, space = Network.initialise(config, np.random.default_rng(0)), Workspace()

    def forward() -> Any:
        return whole.forward(batch, workspace=space)

    def backward(found: Any) -> object:
        logits, cache = found
        return whole.backward(np.ones_like(logits) / TEXTS, cache, gradient_floor=FLOOR)

    return forward, backward


def seconds(passes: Passes) -> tuple[float, float]:
    forward, backward = passes
    start = time.thread_time()
    found = forward()
    middle = time.thread_time()
    backward(found)
    return middle - start, time.thread_time() - middle


def measure(passes: dict[str, Passes], n_steps: int, turns: int) -> dict[str, Any]:
    """Steps a second, and how many times those of the simple network they are, by way."""
    turns_of: dict[str, list[tuple[float, float]]] = {name: [] for name in passes}
    for turn in range(turns + 1):
        for name, of_cell in passes.items():
            taken = seconds(of_cell)
            if turn:  # the first one warms up
                turns_of[name].append(taken)
    pairs = list(zip(turns_of[SIMPLE], turns_of[GROUPS], strict=True))
    ways: dict[str, Callable[[tuple[float, float]], float]] = {
        "forward": lambda taken: taken[0],
        "backward": lambda taken: taken[1],
        "both": sum,
    }
    return {
        way: {
            **{
                name: n_steps / statistics.median(map(of_way, taken))
                for name, taken in turns_of.items()
            },
            "ratio": statistics.median(of_way(a) / of_way(b) for a, b in pairs),
        }
        for way, of_way in ways.items()
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: steps a second of both, and how many times the simple network's."""
    lines = [
        "| texts | what | way | rnn, steps a second | clockwork, steps a second | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for row in results["runs"]:
        for way in ("forward", "backward", "both"):
            found = row[way]
            figures = f"{found[SIMPLE]:,.0f} | {found[GROUPS]:,.0f} | {found['ratio']:.2f}"
            lines.append(f"| {row['texts']} | {row['what']} | {way} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    runs = []
    with threadpool_limits(1):
        for texts, (shortest, longest) in LENGTHS.items():
            batch = batch_of(shortest, longest)
            made: dict[str, Callable[[str, PackedBatch], Passes]] = {
                "layer": layer,
                "network, last": partial(network, "last"),
                "network, max": partial(network, "max"),
            }
            for what, make in made.items():
                passes = {name: make(name, batch) for name in (SIMPLE, GROUPS)}
                found = measure(passes, len(batch.steps), options.turns)
                runs.append({"texts": texts, "what": what, **found})
        results = {"units": UNITS, "rows": TEXTS, "runs": runs, "machine": machine()}
    OUT.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()

"""How near the engine is to what the machine can do: products in GFLOP/s, calls in microseconds.

    python -m benchmarks.ceilings

Needs no data. One process, one BLAS thread; each figure is the best of several rounds, all
within a few seconds, as the machine's own speed drifts. Writes benchmarks/results/ceilings.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from textrnn.inference.stream import Stream
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.workspace import Workspace
from textrnn.system.plain_json import plain
from textrnn.text.vocabulary import Vocabulary

TITLES = ("GFLOP/s", "share of a forward pass in recurrent products", "microseconds")
OUT = Path(__file__).parent / "results" / "ceilings.json"
RNG = np.random.default_rng(0)


def best_seconds(job: Callable[[], object], *, calls: int, rounds: int = 15) -> float:
    """Seconds of one call, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            job()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def normal(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return RNG.standard_normal(shape).astype(np.float32)


def products() -> dict[str, float]:
    """GFLOP/s of one large product, and of the recurrent product of an LSTM's step."""
    a = normal(2048, 2048)
    found = {"one product of 2048 x 2048": 2 * 2048**3 / best_seconds(lambda: a @ a, calls=1) / 1e9}
    for rows, H in ((256, 100), (128, 100), (32, 100), (16, 100), (32, 64), (1, 100)):
        h, W, out = normal(1, rows, H), normal(4, 1, H, H), normal(4, 1, rows, H)
        seconds = best_seconds(partial(np.matmul, h, W, out=out), calls=100)
        found[f"a step's product, {rows} rows, {H} units"] = 8 * rows * H * H / seconds / 1e9
    return found


def share_in_products() -> dict[str, float]:
    """Share of the forward pass of a batch of 128 texts of 240 words that its products take."""
    config = NetworkConfig(2, 10_000, 32, "lstm", 100, 1, False, "last", "float32")
    network, workspace = Network.initialise(config, RNG), Workspace()
    batch = pack([RNG.integers(0, 10_000, 240).astype(np.int32) for _ in range(128)])
    h, W, out = normal(1, 128, 100), normal(4, 1, 100, 100), normal(4, 1, 128, 100)
    step = best_seconds(lambda: np.matmul(h, W, out=out), calls=100)
    training = best_seconds(lambda: network.forward(batch, workspace=workspace), calls=1)
    reading = best_seconds(lambda: network.predict_proba(batch, workspace), calls=1)
    fresh = best_seconds(lambda: network.forward(batch, workspace=Workspace()), calls=1)
    return {
        "in training": 239 * step / training,
        "in prediction": 239 * step / reading,
        "in training, fresh buffers each time": 239 * step / fresh,
    }


def calls() -> dict[str, float]:
    """Microseconds of a NumPy call on few numbers, and of a streamed word."""
    a, b, out = normal(100), normal(100), normal(100)
    found = {"multiply 100 numbers": best_seconds(lambda: np.multiply(a, b, out=out), calls=2000)}
    vocabulary = Vocabulary.build([["a"]])
    for H in (64, 128):
        config = NetworkConfig(2, 10_000, 100, "lstm", H, 1, False, "last", "float32")
        stream = Stream(Network.initialise(config, RNG), vocabulary)
        found[f"a streamed word, {H} units"] = best_seconds(partial(stream.feed_id, 7), calls=2000)
    return {name: seconds * 1e6 for name, seconds in found.items()}


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown of the figures."""
    lines = ["| | figure | |", "|---|---|---|"]
    for title in TITLES:
        lines += [f"| {name} | {value:.2f} | {title} |" for name, value in results[title].items()]
    return "\n".join(lines)


def main() -> None:
    results = {
        title: measure()
        for title, measure in zip(TITLES, (products, share_in_products, calls), strict=True)
    }
    print(table(results))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps(plain({"machine": machine(), **results}), indent=1, allow_nan=False) + "\n"
    )


if __name__ == "__main__":
    main()

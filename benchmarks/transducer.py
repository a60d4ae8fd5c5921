"""An encoder and decoder with attention against PyTorch: training, and greedy search.

    python -m benchmarks.transducer [--texts 1280] [--turns 5] [--cell lstm gru]

Needs the ``bench`` extra. The job is to reverse strings of 10 to 20 letters: 64 a batch, vectors of
64, 128 units in each direction of the encoder and in the decoder, attention of 128. Both begin with
the same weights and see the same batches; the losses must agree. One process and one thread each,
turn by turn, by the processor's time, warm-up left out; ratios are medians of neighbouring turns.
Beam search, five texts wide, is timed beside it, which the peer has not. Weights are those of the
first updates, so that search writes as many letters as it may. Writes
benchmarks/results/transducer.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.timing import Timing, ratio, take_turns
from textrnn.nn.losses import cross_entropy
from textrnn.nn.optimizers import Adam
from textrnn.nn.transducer import Transducer, TransducerConfig, beam, greedy
from textrnn.nn.workspace import Workspace
from textrnn.system.plain_json import plain
from textrnn.typing import Counts, Ids, Ints

OUT = Path(__file__).parent / "results" / "transducer.json"
LETTERS, SHORTEST, LONGEST = 26, 10, 20
BATCH_SIZE, LEARNING_RATE, WIDTH = 64, 1e-3, 5


class Job:
    """Strings to reverse, and the transducer that begins to learn it.

    Args:
        cell: of the encoder and of the decoder.
        texts: how many strings.
    """

    def __init__(self, cell: str, texts: int) -> None:
        rng = np.random.default_rng(0)
        lengths = rng.integers(SHORTEST, LONGEST + 1, texts)
        self.starts: Counts = np.concatenate([[0], np.cumsum(lengths)])
        self.sources: Ids = rng.integers(1, LETTERS + 1, self.starts[-1]).astype(np.int32)
        ends = np.repeat(self.starts[:-1] + self.starts[1:] - 1, lengths)
        self.targets: Ids = self.sources[ends - np.arange(self.starts[-1])]
        self.batches: list[Ints] = np.array_split(np.arange(texts), max(texts // BATCH_SIZE, 1))
        self.config = TransducerConfig(
            source_vocabulary_size=LETTERS + 2,
            target_vocabulary_size=LETTERS + 2,
            embedding_dim=64,
            cell=cell,
            hidden_size=128,
            num_layers=1,
            bidirectional=True,
            attention_size=128,
            dtype="float32",
        )

    def transducer(self) -> Transducer:
        return Transducer.initialise(self.config, np.random.default_rng(1))


def ours(job: Job) -> dict[str, Callable[[], Any]]:
    """What is timed of ours, by task."""

    def training() -> list[float]:
        transducer, losses, space = job.transducer(), [], Workspace()
        optimizer = Adam(transducer.params)
        for rows in job.batches:
            sources = transducer.pack_sources(job.sources, job.starts, rows)
            targets, wanted = transducer.pack_targets(job.targets, job.starts, rows)
            logits, cache = transducer.forward(sources, targets, workspace=space)
            loss, d_logits = cross_entropy(logits, wanted)
            gradients = transducer.backward(d_logits, cache)
            optimizer.update(transducer.params, gradients, LEARNING_RATE)
            losses.append(loss)
        return losses

    writer = job.transducer()

    def search() -> None:
        for rows in job.batches:
            sources = writer.pack_sources(job.sources, job.starts, rows)
            greedy(writer, sources, max_length=LONGEST)

    def wide_search() -> None:
        for rows in job.batches:
            sources = writer.pack_sources(job.sources, job.starts, rows)
            beam(writer, sources, width=WIDTH, max_length=LONGEST)

    return {"training": training, "greedy": search, "beam": wide_search}


def theirs(job: Job) -> dict[str, Callable[[], Any]]:
    """The same of PyTorch's."""
    import torch

    from benchmarks.torch_peer import prepare_threads
    from benchmarks.transducer_peer import TorchTransducer, state_of

    prepare_threads(1)
    params = {name: torch.from_numpy(p) for name, p in job.transducer().params.items()}

    def fresh() -> TorchTransducer:
        model = TorchTransducer(job.config)
        model.load_state_dict(state_of(params, job.config))
        return model

    def texts(ids: Ids, rows: Ints, *marks: int) -> list[torch.Tensor]:
        some = [ids[job.starts[row] : job.starts[row + 1]].tolist() for row in rows]
        return [torch.tensor([*text, *marks]) for text in some]

    def training() -> list[float]:
        model, losses = fresh(), []
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
        for rows in job.batches:
            optimizer.zero_grad(set_to_none=True)
            loss = model(texts(job.sources, rows, job.config.source_end), texts(job.targets, rows))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    writer = fresh()

    def search() -> None:
        with torch.inference_mode():
            for rows in job.batches:
                writer.greedy(texts(job.sources, rows, job.config.source_end), LONGEST + 1)

    return {"training": training, "greedy": search}


def measure(cell: str, n_texts: int, turns: int) -> dict[str, Any]:
    """Texts a second, and how many times longer PyTorch takes, by task."""
    job = Job(cell, n_texts)
    of_us, of_them = ours(job), theirs(job)
    np.testing.assert_allclose(of_us["training"](), of_them["training"](), rtol=1e-3)
    found: dict[str, Any] = {}
    for task, run in of_us.items():
        jobs = {"ours": run} | ({"torch": of_them[task]} if task in of_them else {})
        timings: dict[str, Timing] = take_turns(jobs, turns, time.process_time)
        found[task] = {
            "texts_a_second": n_texts / timings["ours"].median,
            "ratio": ratio(timings["torch"], timings["ours"]) if "torch" in timings else None,
            "timings": [timing.to_dict() for timing in timings.values()],
        }
    return found


def table(results: dict[str, Any]) -> str:
    """Markdown of all results on file."""
    lines = ["| cell | task | texts a second | times as fast as PyTorch |", "|---|---|---|---|"]
    for cell, of_cell in results["cells"].items():
        for task, found in of_cell.items():
            peer = "" if found["ratio"] is None else f"{found['ratio']:.1f}"
            lines.append(f"| {cell} | {task} | {found['texts_a_second']:,.0f} | {peer} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_280)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cell", nargs="+", default=["lstm", "gru"], choices=["lstm", "gru"])
    options = parser.parse_args()
    cells = {cell: measure(cell, options.texts, options.turns) for cell in options.cell}
    results = {"texts": options.texts, "cells": cells, "machine": machine()}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()

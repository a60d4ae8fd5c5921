"""How much memory prediction and training take at their highest, over all their processes.

    TEXTRNN_DATA=DIR python -m benchmarks.memory [stream] [training] [--megabytes 1024]

Needs Linux. Real commands run, and the proportional set size of each process and of all its
descendants is read every 50 ms: what processes share is counted once, libraries of other
programs by their share. ``stream`` sends JSON lines of made-up reviews through a pipe to
``textrnn predict``, and needs no data; ``training`` is an epoch on IMDB, without the baselines
and with them. Writes benchmarks/results/memory.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.made_up import default_model
from textrnn.storage.writing import save_model
from textrnn.system.plain_json import plain

OUT = Path(__file__).parent / "results" / "memory.json"
PAUSE = 0.05
TARGETS = {"stream": 300, "training": 1536}
"""Megabytes."""
WORDS = [f"w{i}" for i in range(30_000)]
BLOCK_TEXTS = 4_096


@dataclass(frozen=True)
class Peak:
    """The highest sum over the processes of a command.

    Attributes:
        title: what ran.
        megabytes: of proportional set size, all processes together.
        processes: most at a time.
        seconds: from its start to its end.
        quarters: the highest sum in each quarter of the time: does it grow?
        target: megabytes.
    """

    title: str
    megabytes: float
    processes: int
    seconds: float
    quarters: list[float]
    target: float


def family(root: int) -> list[int]:
    """A process and its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found


def proportional_set_size(pid: int) -> float:
    """Megabytes of a process, what it shares divided among those who share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def watch(
    title: str, command: list[str], target: float, feed: Iterator[bytes] | None = None
) -> Peak:
    """Run a command to its end, and look at its memory meanwhile."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    threading.Thread(target=write, args=(process.stdin, feed or iter(())), daemon=True).start()
    told: list[bytes] = []
    threading.Thread(target=told.extend, args=(process.stderr,), daemon=True).start()
    samples = []
    while process.poll() is None:
        sizes = [size for pid in family(process.pid) if (size := proportional_set_size(pid))]
        samples.append((time.perf_counter() - start, sum(sizes), len(sizes)))
        time.sleep(PAUSE)
    if process.returncode:
        raise SystemExit(b"".join(told).decode())
    seconds = time.perf_counter() - start
    quarters = [
        max(size for at, size, _ in samples if i <= 4 * at / seconds <= i + 1) for i in range(4)
    ]
    most = max(n for _, _, n in samples)
    return Peak(title, max(quarters), most, seconds, quarters, target)


def write(stream: Any, blocks: Iterator[bytes]) -> None:
    """Write all blocks and close the stream."""
    with stream:
        for block in blocks:
            stream.write(block)


def reviews(megabytes: int) -> Iterator[bytes]:
    """JSON lines of texts of 230 words on average, the frequent ones often."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, len(WORDS) + 1)
    lengths = rng.lognormal(5.1, 0.7, BLOCK_TEXTS).astype(int) + 10
    drawn = rng.choice(WORDS, lengths.sum(), p=frequency / frequency.sum())
    texts = np.split(drawn, np.cumsum(lengths)[:-1])
    block = "".join(json.dumps({"text": " ".join(text)}) + "\n" for text in texts).encode()
    for _ in range(round(megabytes * 2**20 / len(block))):
        yield block


def stream(options: argparse.Namespace) -> list[Peak]:
    """``textrnn predict`` on a long stream, with a default model of 30,000 words."""
    with tempfile.TemporaryDirectory() as folder:
        save_model(default_model(WORDS), Path(folder) / "m")
        command = [sys.executable, "-m", "textrnn", "predict", "-", "--format", "jsonl", "--json"]
        command += ["-m", f"{folder}/m", "--jobs", str(options.jobs)]
        title = f"prediction on a JSONL stream of {options.megabytes:,} MB"
        return [watch(title, command, TARGETS["stream"], reviews(options.megabytes))]


def training(options: argparse.Namespace) -> list[Peak]:
    """``textrnn train imdb``, one epoch."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for how in ("--no-baselines", "--baselines"):
            command = [sys.executable, "-m", "textrnn", "train", "imdb", "--offline", "--quiet"]
            command += ["--epochs", "1", "--jobs", str(options.jobs), how, "-o", f"{folder}/m"]
            title = f"an epoch on IMDB, {how.removeprefix('--').replace('-', ' ')}"
            peaks.append(watch(title, command, TARGETS["training"]))
    return peaks


def table(results: dict[str, Any]) -> str:
    """Markdown of all results on file."""
    lines = ["| what | peak, MB | in each quarter | processes | target |", "|---|---|---|---|---|"]
    for name in sorted(RUNNERS.keys() & results.keys()):
        for peak in results[name]["peaks"]:
            quarters = ", ".join(f"{size:.0f}" for size in peak["quarters"])
            lines.append(
                f"| {peak['title']} | {peak['megabytes']:.0f} | {quarters} | {peak['processes']} "
                f"| {peak['target']:,} |"
            )
    return "\n".join(lines)


RUNNERS: dict[str, Callable[[argparse.Namespace], list[Peak]]] = {
    "stream": stream,
    "training": training,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(RUNNERS))
    parser.add_argument("--megabytes", type=int, default=1_024)
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in options.names:
        peaks = [asdict(peak) for peak in RUNNERS[name](options)]
        results[name] = {"peaks": peaks, "machine": machine()}
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()

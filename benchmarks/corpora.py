"""textrnn and the baselines on the named corpora, each run in a fresh process.

    TEXTRNN_DATA=DIR python -m benchmarks.corpora [NAME ...] [--seeds 0 1 2] [--preset minute]
                                                  [--unlabelled]

The test texts are read once for each seed; nothing is chosen by them. Corpora that are
not on this machine are left out. Tokens are made anew, not taken from the cache. Writes
benchmarks/results/corpora.json and prints the tables of README.md and docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from textrnn.corpora import describe_corpora, load_corpus
from textrnn.errors import DataError
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.linear.baselines import BASELINES
from textrnn.system.plain_json import plain
from textrnn.training.presets import DEFAULT, settings
from textrnn.training.progress import Progress

OUT = Path(__file__).parent / "results" / "corpora.json"
OURS = "textrnn"
MODELS = (OURS, *BASELINES)
KEPT = ("accuracy", "accuracy_interval", "macro_f1", "log_loss", "calibration_error")
MEGABYTE_OF_RUSAGE = 1024 if sys.platform != "darwin" else 1024**2


def run(name: str, seed: int, preset: str, *, unlabelled: bool) -> dict[str, Any]:
    """One training of the network and the baselines; the figures of the test texts."""
    corpus = load_corpus(name, offline=True, random_state=seed, unlabelled=unlabelled)
    after_training: list[float] = []

    def say(line: str) -> None:
        print(line, file=sys.stderr)
        if not after_training and line.partition(":")[0] in BASELINES:
            after_training.append(peak_megabytes())

    report = run_experiment(
        Experiment(
            corpus,
            settings(preset, n_jobs=-1),
            seed=seed,
            unlabelled=corpus.unlabelled or () if unlabelled else (),
            cache=False,
            callbacks=(Progress(),),
            say=say,
        )
    )
    results = {OURS: report["test"], **report["baselines"]}
    return {
        "corpus": name,
        "preset": preset,
        "unlabelled": unlabelled,
        "seed": seed,
        "n_train": report["n_train"],
        "n_test": report["n_test"],
        "epochs": report["epochs"],
        "seconds": report["seconds"],
        "megabytes": round((after_training or [peak_megabytes()])[0]),
        "verdict": report["verdict"],
        "p_value": report["paired"]["p_value"],
        "parts": report["parts"],
        "models": {m: {k: results[m][k] for k in KEPT} for m in MODELS},
    }


def peak_megabytes() -> float:
    """Peak resident memory of this process and its largest child so far."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_maxrss for who in whose) / MEGABYTE_OF_RUSAGE


def in_a_fresh_process(name: str, seed: int, preset: str, *, unlabelled: bool) -> dict[str, Any]:
    """The same, so that no run profits from another."""
    command = [sys.executable, "-m", "benchmarks.corpora", name, "--preset", preset]
    command += ["--unlabelled"] if unlabelled else []
    done = subprocess.run(
        [*command, "--seeds", str(seed), "--here"], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _groups(runs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Runs of one corpus and preset together."""
    return [[r for r in runs if _kind(r) == kind] for kind in dict.fromkeys(map(_kind, runs))]


def _kind(found: dict[str, Any]) -> tuple[str, str]:
    """What was run: the corpus, and the preset with what else it learned from."""
    more = ", unlabelled" if found.get("unlabelled") else ""
    return found["corpus"], found["preset"] + more


def _mean(group: list[dict[str, Any]], of: Callable[[dict[str, Any]], float]) -> str:
    """Mean over the seeds, with the standard deviation where it varies."""
    values = [of(r) for r in group]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    mean = f"{statistics.mean(values):.4f}"
    return f"{mean} ± {spread:.4f}" if spread else mean


def _accuracy(model: str) -> Callable[[dict[str, Any]], float]:
    return lambda r: float(r["models"][model]["accuracy"])


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown: accuracies by default settings."""
    lines = [
        f"| corpus | train | test | {' | '.join(MODELS)} | seconds |",
        f"|---|---|---|{'---|' * len(MODELS)}---|",
    ]
    for group in _groups([r for r in runs if _kind(r)[1] == DEFAULT]):
        first, seconds = group[0], statistics.mean(r["seconds"] for r in group)
        cells = " | ".join(_mean(group, _accuracy(model)) for model in MODELS)
        lines.append(
            f"| {first['corpus']} | {first['n_train']:,} | {first['n_test']:,} | {cells} | "
            f"{seconds:.0f} |"
        )
    return "\n".join(lines)


def details(runs: list[dict[str, Any]]) -> str:
    """Markdown: what each part gives, against the best baseline; cost."""
    lines = [
        "| corpus | preset | seeds | textrnn | 95 % interval | network alone | n-grams alone "
        "| best baseline | difference | calibration error | seconds | MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for group in _groups(runs):
        first = group[0]
        best = max(
            BASELINES, key=lambda m: statistics.mean(r["models"][m]["accuracy"] for r in group)
        )
        gain = statistics.mean(_accuracy(OURS)(r) - _accuracy(best)(r) for r in group)
        low, high = first["models"][OURS]["accuracy_interval"]
        parts = [
            _mean(group, lambda r, p=part: float(r["parts"][p])) if first["parts"] else ""  # type: ignore[misc]
            for part in ("network", "ngrams")
        ]
        error = statistics.mean(r["models"][OURS]["calibration_error"] for r in group)
        seconds = statistics.mean(r["seconds"] for r in group)
        lines.append(
            f"| {' | '.join(_kind(first))} | {len(group)} "
            f"| {_mean(group, _accuracy(OURS))} | {low:.3f} to {high:.3f} "
            f"| {' | '.join(parts)} | {best} {_mean(group, _accuracy(best))} | {gain:+.4f} "
            f"| {error:.3f} | {seconds:.0f} | {max(r['megabytes'] for r in group):,} |"
        )
    return "\n".join(lines)


def has_unlabelled(name: str) -> bool:
    """Whether a corpus has unlabelled texts."""
    try:
        return load_corpus(name, offline=True, unlabelled=True).read_unlabelled is not None
    except DataError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--preset", default=DEFAULT)
    parser.add_argument("--unlabelled", action="store_true", help="with the corpus's own")
    parser.add_argument("--here", action="store_true", help="run one and print its JSON")
    options = parser.parse_args()
    if options.here:
        found = run(
            options.names[0], options.seeds[0], options.preset, unlabelled=options.unlabelled
        )
        print(json.dumps(plain(found), allow_nan=False))
        return
    here = [info.name for info in describe_corpora() if info.is_local]
    if options.unlabelled:
        here = [name for name in here if has_unlabelled(name)]
    OUT.parent.mkdir(exist_ok=True)
    for seed in options.seeds:
        for name in options.names or here:
            found = in_a_fresh_process(name, seed, options.preset, unlabelled=options.unlabelled)
            # A run over some corpora leaves the figures of the others in place.
            runs = json.loads(OUT.read_text())["runs"] if OUT.exists() else []
            new = (_kind(found), seed)
            runs = [r for r in runs if (_kind(r), r["seed"]) != new] + [found]
            runs.sort(key=lambda r: (_kind(r)[1], r["n_train"], r["seed"]))
            OUT.write_text(
                json.dumps(plain({"machine": machine(), "runs": runs}), indent=1, allow_nan=False)
                + "\n"
            )
    runs = json.loads(OUT.read_text())["runs"]
    print(table(runs), details(runs), sep="\n\n")


if __name__ == "__main__":
    main()

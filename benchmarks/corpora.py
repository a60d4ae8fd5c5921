"""Network and baselines on the named corpora, by default settings.

    TEXTRNN_DATA=DIR python -m benchmarks.corpora [--seeds 0 1 2] [NAME ...]

The test texts are read once for each seed; nothing is chosen by them. Corpora that are
not on this machine are left out. Writes benchmarks/results/corpora.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from textrnn.baselines import BASELINES
from textrnn.corpora import describe_corpora, load_corpus
from textrnn.experiment import Experiment, run_experiment
from textrnn.training.progress import Progress
from textrnn.training.settings import Settings

OUT = Path(__file__).parent / "results" / "corpora.json"
MODELS = ("textrnn", *BASELINES)


def run(name: str, seed: int) -> dict[str, Any]:
    """One training of the network and the baselines; the figures of the test texts."""
    report = run_experiment(
        Experiment(
            load_corpus(name, offline=True, random_state=seed),
            Settings(n_jobs=-1),
            seed=seed,
            callbacks=(Progress(),),
            say=print,
        )
    )
    kept = ("accuracy", "accuracy_interval", "macro_f1", "log_loss", "calibration_error")
    results = {"textrnn": report["test"], **report["baselines"]}
    return {
        "corpus": name,
        "seed": seed,
        "n_train": report["n_train"],
        "n_test": report["n_test"],
        "epochs": report["epochs"],
        "seconds": report["seconds"],
        "verdict": report["verdict"],
        "p_value": report["paired"]["p_value"],
        "models": {m: {k: results[m][k] for k in kept} for m in MODELS},
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown: mean accuracy over the seeds, with the standard deviation where it varies."""
    lines = [
        f"| corpus | train | test | {' | '.join(MODELS)} | seconds |",
        f"|---|---|---|{'---|' * len(MODELS)}---|",
    ]
    for name in dict.fromkeys(r["corpus"] for r in runs):
        of_corpus = [r for r in runs if r["corpus"] == name]
        cells = []
        for model in MODELS:
            scores = [r["models"][model]["accuracy"] for r in of_corpus]
            spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
            mean = f"{statistics.mean(scores):.4f}"
            cells.append(f"{mean} ± {spread:.4f}" if spread else mean)
        seconds = statistics.mean(r["seconds"] for r in of_corpus)
        first = of_corpus[0]
        lines.append(
            f"| {name} | {first['n_train']:,} | {first['n_test']:,} | {' | '.join(cells)} | "
            f"{seconds:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    here = [info.name for info in describe_corpora() if info.is_local]
    runs = [run(name, seed) for name in options.names or here for seed in options.seeds]
    OUT.parent.mkdir(exist_ok=True)
    # A run over some corpora leaves the figures of the others in place.
    earlier = json.loads(OUT.read_text())["runs"] if OUT.exists() else []
    done = {(r["corpus"], r["seed"]) for r in runs}
    runs = [r for r in earlier if (r["corpus"], r["seed"]) not in done] + runs
    OUT.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")
    print(table(runs))


if __name__ == "__main__":
    main()

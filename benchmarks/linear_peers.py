"""The whole job against linear models: raw texts in memory to a model and its test accuracy.

    TEXTRNN_DATA=DIR python -m benchmarks.linear_peers [sst2 imdb ...] [--seeds 0 1 2]
        [--models network nbsvm tfidf floret small_floret]

Needs the ``bench`` extra. Same texts and cores for all: textrnn's network may use a process
a core, floret a thread a core; the two that are scikit-learn's fit sparse rows in one thread.
Each model is trained once for each seed; those without randomness differ only in their time.
The test texts are predicted in one call, tokenising included. Size is that of the saved
model: a folder, a pickle, floret's own file. Runs that are not asked for stay in place.
Writes benchmarks/results/linear_peers.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.linear_models import CONTENDERS
from benchmarks.machine import machine
from textrnn.corpora import load_corpus, stratified_split
from textrnn.evaluation.significance import wilson_interval
from textrnn.system.plain_json import plain

OUT = Path(__file__).parent / "results" / "linear_peers.json"
CORPORA = ("sst2", "imdb")
COLUMNS = (
    *("corpus", "model", "runs", "preparing, s", "training, s", "test accuracy (95 %)"),
    *("prediction, µs a text", "saved, MB"),
)


def run(corpus_name: str, model: str, seed: int) -> dict[str, Any]:
    """One contender on one corpus: train, predict the test texts, save."""
    corpus = load_corpus(corpus_name, offline=True)
    train, validation, test = corpus.train, corpus.validation, corpus.test
    if test is None:
        raise SystemExit(f"{corpus_name} has no test texts; choose a corpus that has.")
    if validation is None:
        train, validation = stratified_split(train, 0.1, random_state=seed)
    trained = CONTENDERS[model].train(train, validation, seed)
    began = time.perf_counter()
    predicted = trained.predict(test.texts)
    predicting = time.perf_counter() - began
    correct = int(np.sum(np.asarray(predicted) == np.asarray(test.labels)))
    with tempfile.TemporaryDirectory() as folder:
        trained.save(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    result = {
        "corpus": corpus_name,
        "model": model,
        "seed": seed,
        "n_train": len(train) + len(validation),
        "n_test": len(test),
        "preparing_seconds": trained.preparing,
        "training_seconds": trained.training,
        "accuracy": correct / len(test),
        "accuracy_interval": wilson_interval(correct, len(test)),
        "prediction_microseconds": predicting / len(test) * 1e6,
        "bytes": size,
        "machine": machine(),
    }
    print(
        f"{corpus_name}, {CONTENDERS[model].title}, seed {seed}: {correct / len(test):.4f}, "
        f"prepared in {trained.preparing:.1f} s, trained in {trained.training:.1f} s",
        flush=True,
    )
    return result


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown, a row for each corpus and model: medians of times, mean accuracy of the seeds.

    The interval is for the choice of the test texts, at that mean.
    """
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for corpus in dict.fromkeys(r["corpus"] for r in runs):
        for model, contender in CONTENDERS.items():
            of_model = [r for r in runs if (r["corpus"], r["model"]) == (corpus, model)]
            if of_model:
                cells = (corpus, contender.title, str(len(of_model)), *_figures(of_model))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """The cells of one model on one corpus."""

    def median(key: str) -> float:
        return float(statistics.median(r[key] for r in runs))

    accuracy, n = statistics.mean(r["accuracy"] for r in runs), runs[0]["n_test"]
    low, high = wilson_interval(round(accuracy * n), n)
    return (
        f"{median('preparing_seconds'):.2f}",
        f"{median('training_seconds'):.2f}",
        f"{accuracy:.4f} ({low:.4f} to {high:.4f})",
        f"{median('prediction_microseconds'):.0f}",
        f"{median('bytes') / 1e6:.1f}",
    )


def merged(earlier: list[dict[str, Any]], runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Earlier runs, but for those made again, and the new ones."""

    def key(r: dict[str, Any]) -> tuple[str, str, int]:
        return r["corpus"], r["model"], r["seed"]

    again = {key(r) for r in runs}
    return [r for r in earlier if key(r) not in again] + runs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpora", nargs="*", default=list(CORPORA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    runs = json.loads(OUT.read_text())["runs"] if OUT.exists() else []
    OUT.parent.mkdir(exist_ok=True)
    for corpus in options.corpora:
        for seed in options.seeds:
            for model in options.models:
                runs = merged(runs, [run(corpus, model, seed)])
                OUT.write_text(json.dumps(plain({"runs": runs}), indent=1, allow_nan=False) + "\n")
    print(table(runs))


if __name__ == "__main__":
    main()

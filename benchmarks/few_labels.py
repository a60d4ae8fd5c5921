"""What texts without labels are worth where labels are few.

    TEXTRNN_DATA=DIR python -m benchmarks.few_labels [NAME ...] [--labels 1000] [--seeds 0 1 2]

Of the training texts some keep their labels, drawn by the seed; the others are read without.
Accuracy is on the test texts, which are read once for each run. Writes
benchmarks/results/few_labels.json and prints the table of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from textrnn import TextRNNClassifier
from textrnn.corpora import load_corpus
from textrnn.corpora.sampling import one_of_each
from textrnn.system.plain_json import plain

OUT = Path(__file__).parent / "results" / "few_labels.json"
NAMES = ("sst2", "mr", "trec", "ag_news")
PARTS = ("all", "network", "ngrams")


def run(name: str, n_labels: int, seed: int) -> list[dict[str, Any]]:
    """Two trainings on the same labels, without and with the other texts."""
    corpus = load_corpus(name, offline=True)
    assert corpus.test is not None
    order = np.random.default_rng(seed).permutation(len(corpus.train))
    kept = one_of_each(corpus.train.label_sets, order.tolist())
    kept.update([row for row in order.tolist() if row not in kept][: n_labels - len(kept)])
    is_kept = np.isin(order, list(kept))
    labelled = corpus.train.take(order[is_kept])
    tested = set(corpus.test.texts)
    others = [text for text in corpus.train.take(order[~is_kept]).texts if text not in tested]
    found = []
    for unlabelled in ([], others):
        classifier = TextRNNClassifier(random_state=seed, n_jobs=-1)
        classifier.fit(labelled.texts, labelled.labels, unlabelled=unlabelled)
        accuracy = accuracies(classifier, corpus.test.texts, corpus.test.labels)
        found.append(
            {
                "corpus": name,
                "n_labels": n_labels,
                "n_unlabelled": len(unlabelled),
                "seed": seed,
                "accuracy": accuracy,
            }
        )
    return found


def accuracies(
    classifier: TextRNNClassifier, texts: list[str], labels: list[str]
) -> dict[str, float]:
    """Of the classifier and of its two parts, each with its factor."""
    model = classifier.model_
    alone = replace(model, ngrams=None).predict_proba(texts)
    by_ngrams = model.ngram_logits(model.tokens(texts))
    scores = dict(zip(PARTS, (model.predict_proba(texts), alone, by_ngrams), strict=True))
    classes, right = np.array(model.classes), np.array(labels)
    return {
        part: float(np.mean(classes[score.argmax(axis=1)] == right))
        for part, score in scores.items()
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown: means and standard deviations over the seeds."""
    lines = [
        "| corpus | labels | texts without | seeds | textrnn | network alone | n-grams alone |",
        "|---|---|---|---|---|---|---|",
    ]
    kinds = dict.fromkeys((r["corpus"], r["n_labels"], r["n_unlabelled"] > 0) for r in runs)
    for kind in kinds:
        group = [r for r in runs if (r["corpus"], r["n_labels"], r["n_unlabelled"] > 0) == kind]
        cells = [_mean([r["accuracy"][part] for r in group]) for part in PARTS]
        lines.append(
            f"| {kind[0]} | {kind[1]:,} | {group[0]['n_unlabelled']:,} | {len(group)} "
            f"| {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _mean(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--labels", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    runs = []
    for name in options.names or NAMES:
        for seed in options.seeds:
            runs += run(name, options.labels, seed)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps(plain({"machine": machine(), "runs": runs}), indent=1, allow_nan=False) + "\n"
    )
    print(table(runs))


if __name__ == "__main__":
    main()

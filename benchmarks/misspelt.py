"""What misspelt words cost: accuracy on test texts of which every tenth word is misspelt.

    TEXTRNN_DATA=DIR python -m benchmarks.misspelt --models FOLDER [--seeds 0 1 2] [NAME ...]

A word is misspelt by one random edit: two letters change places, one is dropped, doubled or
replaced. Models are trained on the texts as they are. ``--split validation`` scores on held-out
training texts, by which a setting may be chosen. Writes benchmarks/results/misspelt.json.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from textrnn.corpora import Corpus, load_corpus, stratified_split
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.inference.classifier import NEAREST, SAME, TextModel
from textrnn.inference.pool import predict_many
from textrnn.storage.loading import load_model
from textrnn.system.plain_json import plain
from textrnn.system.processes import process_count
from textrnn.training.settings import Settings

OUT = Path(__file__).parent / "results" / "misspelt.json"
SHARE = 0.1
DRAWS = 5
"""Times that the texts are misspelt anew: of one text in a hundred the answer changes."""
KINDS = ("none", "words", "characters", "auto")
"""Values of the setting ``ngrams``."""
WORDS_ALONE = ("none", SAME)
"""n-grams and unknown words of the model that others are held to."""
WORD = re.compile(r"[^\W\d_]{2,}")


def misspelt(text: str, rng: np.random.Generator, share: float = SHARE) -> str:
    """A text in which each word of two letters or more has, with some probability, one edit."""
    return WORD.sub(lambda m: _slip(m[0], rng) if rng.random() < share else m[0], text)


def _slip(word: str, rng: np.random.Generator) -> str:
    kind, i = int(rng.integers(4)), int(rng.integers(len(word)))
    if kind == 0:
        i = min(i, len(word) - 2)
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + string.ascii_lowercase[int(rng.integers(26))] + word[i + 1 :]


def accuracy(model: TextModel, texts: list[str], labels: list[str]) -> float:
    """Share of the texts whose label a model gives."""
    p = predict_many(model, texts, process_count(-1))
    return float(np.mean([str(model.classes[i]) for i in p.argmax(axis=1)] == np.array(labels)))


def run(name: str, kind: str, seed: int, split: str, folder: Path) -> list[dict[str, Any]]:
    """Train one model; score it both ways of reading unknown words."""
    corpus = load_corpus(name, offline=True, random_state=seed)
    if split == "validation":
        corpus = _without_test(corpus, seed)
    assert corpus.test is not None
    out = folder / f"{name}-{kind}-{seed}-{split}"
    if not (out / "config.json").exists():
        settings = Settings(ngrams=kind, n_jobs=-1)
        run_experiment(Experiment(corpus, settings, out=out, seed=seed, baselines=()))
    trained = load_model(out)
    texts, labels = corpus.test.texts, corpus.test.labels
    drawn = [np.random.default_rng([seed, draw]) for draw in range(DRAWS)]
    worse = [[misspelt(text, rng) for text in texts] for rng in drawn]
    found = []
    for unknown_words in (SAME, NEAREST):
        model = replace(trained, unknown_words=unknown_words)
        found.append(
            {
                "corpus": name,
                "ngrams": kind,
                "unknown_words": unknown_words,
                "seed": seed,
                "split": split,
                "clean": accuracy(model, texts, labels),
                "misspelt": statistics.mean(accuracy(model, each, labels) for each in worse),
            }
        )
    return found


def _without_test(corpus: Corpus, seed: int) -> Corpus:
    """The training texts alone, a tenth of them in the place of the test texts."""
    train, test = stratified_split(corpus.train, 0.1, random_state=1_000 + seed)
    return replace(corpus, train=train, test=test)


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown: mean accuracies over the seeds, and each loss against that of words alone."""
    lines = [
        "| corpus | n-grams | unknown words | accuracy | 10 % misspelt | loss | of words alone |",
        "|---|---|---|---|---|---|---|",
    ]
    of: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for r in runs:
        of.setdefault((r["corpus"], r["ngrams"], r["unknown_words"]), []).append(r)
    for (corpus, ngrams, unknown_words), group in of.items():
        clean, worse = (statistics.mean(r[key] for r in group) for key in ("clean", "misspelt"))
        base = of.get((corpus, *WORDS_ALONE), [])
        lost = statistics.mean(r["clean"] - r["misspelt"] for r in base) if base else 0.0
        ratio = f"{(clean - worse) / lost:.2f}" if lost > 0 else "–"
        lines.append(
            f"| {corpus} | {ngrams} | {unknown_words} | {clean:.4f} | {worse:.4f} | "
            f"{clean - worse:.4f} | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["sst2", "mr"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--split", choices=["test", "validation"], default="test")
    parser.add_argument("--models", type=Path, required=True, help="folder that keeps the models")
    options = parser.parse_args()
    runs = [
        scored
        for name in options.names
        for kind in options.kinds
        for seed in options.seeds
        for scored in run(name, kind, seed, options.split, options.models)
    ]
    if options.split == "test":
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(
            json.dumps(plain({"machine": machine(), "runs": runs}), indent=1, allow_nan=False)
            + "\n"
        )
    print(table(runs))


if __name__ == "__main__":
    main()

"""A classifier of few labels, begun from a language model of the texts that have none.

1,000 reviews of IMDB with labels, drawn for each seed; the network alone reads one way, and begins
with random weights, with word2vec of the unlabelled reviews, or with a language model of them.
What is told is its accuracy on test reviews.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.family.part import Job, Part, Run
from benchmarks.structures.command import textrnn
from benchmarks.structures.conditioned import written_to
from benchmarks.structures.part import SEEDS, Options, of_seeds
from textrnn.corpora import Split, load_corpus
from textrnn.text.encoded import encode_lists
from textrnn.text.tokenizers import WordTokenizer
from textrnn.text.vectors import train_word2vec

STARTS = ("random", "word2vec", "language model")
N_LABELLED, N_TEST = 1_000, 5_000
UNITS = 256
BUDGET = "30m"
"""For the language model, which all seeds share."""


def drawn(rows: Split, n: int, seed: int) -> Split:
    """So many of the rows, as many of each of two classes."""
    rng, labels = np.random.default_rng(seed), np.array(rows.labels)
    each = [np.flatnonzero(labels == label) for label in rows.classes]
    return rows.take(np.concatenate([rng.permutation(own)[: n // len(each)] for own in each]))


def vectors_of(texts: list[str], path: Path, size: int) -> Path:
    """A file of word vectors of some texts."""
    encoded = encode_lists(map(WordTokenizer(), texts))
    vectors = train_word2vec(encoded, vector_size=size, min_count=5, random_state=0)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{len(vectors)} {size}\n")
        for word, vector in zip(vectors.words, vectors.vectors, strict=True):
            file.write(f"{word} {' '.join(f'{value:.6g}' for value in vector)}\n")
    return path


def trained(folder: Path, budget: str, words: tuple[str, ...]) -> Path:
    """A language model of the texts in a folder."""
    size = ("--hidden", UNITS, "--embedding-dim", UNITS)
    textrnn(
        *("lm", "train", folder / "texts.csv", "--out", folder / "lm", "--budget", budget, *size),
        *("--no-baselines", "-q", *words),
    )
    return folder / "lm"


def run(
    budget: str, seeds: tuple[int, ...], words: tuple[str, ...], model: Path | None = None
) -> Run:
    """One language model and vectors of the same texts; from each start a classifier a seed."""
    imdb = load_corpus("imdb", unlabelled=True)
    assert imdb.test is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = imdb.unlabelled or []
        with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text",), *((text,) for text in texts)])
        test = written_to(folder / "t.csv", drawn(imdb.test, N_TEST, 0))
        model = model or trained(folder, budget, words)
        told = textrnn("inspect", model, "--json").record
        network = told["network"]
        size = ("--hidden", network["hidden_size"], "--embedding-dim", network["embedding_dim"])
        vectors = vectors_of(texts, folder / "vectors.txt", network["embedding_dim"])
        starts = {
            "random": (),
            "word2vec": ("--embedding", vectors),
            "language model": ("--init-from", model),
        }
        found: dict[str, list[float]] = {start: [] for start in starts}
        for seed in seeds:
            few = written_to(folder / "few.csv", drawn(imdb.train, N_LABELLED, seed))
            for start, options in starts.items():
                scored = textrnn(
                    *("train", few, "--test", test, "--out", folder / "m", "--seed", seed),
                    *("--one-way", "--ngrams", "none", "--no-baselines", "--json", "-q"),
                    *(*size, *options),
                ).record
                found[start].append(scored["test"]["accuracy"])
    return {
        "budget": budget,
        "seeds": list(seeds),
        "words": list(words),
        "perplexity": told["metrics"]["figures"]["perplexity"],
        "accuracy": found,
    }


def jobs(options: Options) -> list[Job]:
    """All in one: the language model is trained once."""
    return [Job(run, (BUDGET, tuple(options.seeds or SEEDS), options.words, options.model))]


def table(runs: list[Run]) -> str:
    """Markdown: a row a start."""
    lines = [
        f"| begun from | accuracy with {N_LABELLED:,} labels | over random | perplexity | seeds |",
        "|---|---|---|---|---|",
    ]
    for one in runs:
        random = one["accuracy"]["random"]
        for start, values in one["accuracy"].items():
            gains = [a - b for a, b in zip(values, random, strict=True)]
            perplexity = f"{one['perplexity']:.1f}" if start == "language model" else ""
            gain = of_seeds(gains) if start != "random" else ""
            lines.append(
                f"| {start} | {of_seeds(values)} | {gain} | {perplexity} | {len(values)} |"
            )
    return "\n".join(lines)


PART: Part[Options] = Part(jobs, table, ("budget",))

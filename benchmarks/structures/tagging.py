"""Tagging by a network and by each word's most frequent tag, where words do not say their tags."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.family.part import Job, Part, Run
from benchmarks.structures.command import textrnn
from benchmarks.structures.part import SEEDS, Options, of_seeds
from textrnn.corpora import TaggedTexts, load_tagged

TASKS = ("far", "grammar")


def most_frequent(train: TaggedTexts, test: TaggedTexts) -> list[list[str]]:
    """The tag that each test word has most often in training, or the most frequent one of all."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for tokens, tags in zip(train.tokens, train.tags, strict=True):
        for token, tag in zip(tokens, tags, strict=True):
            counts[token][tag] += 1
    (other, _), *_ = Counter(tag for tags in train.tags for tag in tags).most_common()
    best = {token: found.most_common(1)[0][0] for token, found in counts.items()}
    return [[best.get(token, other) for token in tokens] for tokens in test.tokens]


def ambiguous(train: TaggedTexts) -> set[str]:
    """Words that have more than one tag in training."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for tokens, tags in zip(train.tokens, train.tags, strict=True):
        for token, tag in zip(tokens, tags, strict=True):
            kinds[token].add(tag)
    return {token for token, tags in kinds.items() if len(tags) > 1}


def accuracy(test: TaggedTexts, found: list[list[str]], among: set[str] | None = None) -> float:
    """The share of tokens with the right tag, of all or of some words."""
    right = [
        tag == answer
        for tokens, tags, answers in zip(test.tokens, test.tags, found, strict=True)
        for token, tag, answer in zip(tokens, tags, answers, strict=True)
        if among is None or token in among
    ]
    return sum(right) / len(right)


def run(task: str, seed: int, words: tuple[str, ...]) -> Run:
    """One training, and what its predictions are worth."""
    corpus = load_tagged(task)
    assert corpus.test is not None
    with tempfile.TemporaryDirectory() as folder:
        model, file = Path(folder) / "model", Path(folder) / "test.txt"
        trained = textrnn("tag", "train", task, "--out", model, "--seed", seed, "-q", *words)
        judged = textrnn("tag", "evaluate", model, task, "--json").record
        file.write_text("\n\n".join(map("\n".join, corpus.test.tokens)) + "\n")
        told = textrnn("tag", "predict", "--model", model, "--json", "--file", file).records
    found = [record["tags"] for record in told]
    hard = ambiguous(corpus.train)
    by_word = most_frequent(corpus.train, corpus.test)
    return {
        "task": task,
        "seed": seed,
        "words": list(words),
        "n_tokens": sum(map(len, corpus.test.tokens)),
        "accuracy": judged["accuracy"],
        "accuracy_of_predictions": accuracy(corpus.test, found),
        "ambiguous": accuracy(corpus.test, found, hard),
        "most_frequent": accuracy(corpus.test, by_word),
        "most_frequent_ambiguous": accuracy(corpus.test, by_word, hard),
        "seconds": trained.seconds,
    }


def jobs(options: Options) -> list[Job]:
    """Both tasks with every seed."""
    return [
        Job(run, (task, seed, options.words)) for task in TASKS for seed in options.seeds or SEEDS
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a task."""
    lines = [
        "| task | tokens | most frequent tag | network | of ambiguous words | seeds "
        "| processor seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        of = [run for run in runs if run["task"] == task]
        if of:
            lines.append(
                f"| {task} | {of[0]['n_tokens']:,} | {of[0]['most_frequent']:.4f} "
                f"| {of_seeds([run['accuracy'] for run in of])} "
                f"| {of_seeds([run['ambiguous'] for run in of])} | {len(of)} "
                f"| {max(run['seconds'] for run in of):.0f} |"
            )
    return "\n".join(lines)


PART: Part[Options] = Part(jobs, table, ("task", "seed"))

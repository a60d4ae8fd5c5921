"""Texts that are written for a label: do others take them for it, are they varied, are they new?

A language model learns nine tenths of a corpus's training texts with their labels; a classifier,
the judge, learns the test texts, which the language model never sees. Beside the texts that are
written for each label at temperature 1 stands the tenth of the training texts that was held out:
the judge's verdict on it, its share of distinct pairs of words, of equally many pairs, and how many
of its runs of eight words stand in what the language model learned.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.family.part import Job, Part, Run
from benchmarks.structures.command import textrnn
from benchmarks.structures.part import Options, share
from textrnn.corpora import Split, load_corpus, stratified_split
from textrnn.text.tokenizers import WordTokenizer

CORPORA = ("cars", "imdb")
PLACES = ("each", "first")
STRENGTHS = (0.0, 1.0)
N = 200
"""Texts that are written for each label."""
LONGEST = 400
COPIED = 8
Words = list[list[str]]


def runs_of(words: Words, n: int) -> Iterator[tuple[str, ...]]:
    """All runs of n words within texts."""
    for text in words:
        yield from (tuple(text[i : i + n]) for i in range(len(text) - n + 1))


def distinct(words: Words, most: int) -> float:
    """The share of distinct ones among the first pairs of words."""
    pairs = [pair for pair, _ in zip(runs_of(words, 2), range(most), strict=False)]
    return len(set(pairs)) / len(pairs)


def written_to(path: Path, rows: Split) -> Path:
    """A table with these rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(rows.texts, rows.labels, strict=True)])
    return path


def judged(judge: Path, texts: Sequence[str]) -> list[str]:
    """The label that the judge gives each text."""
    given = "".join(f"{' '.join(text.split())}\n" for text in texts)
    records = textrnn("predict", "--model", judge, "--json", "-q", "-", given=given).records
    return [record["label"] for record in records]


def told_of(
    texts: Sequence[str], labels: Sequence[str], judge: Path, seen: set[tuple[str, ...]], most: int
) -> Run:
    """What is measured of some texts and the labels that they should have."""
    words = [WordTokenizer()(text) for text in texts]
    right = sum(a == b for a, b in zip(judged(judge, texts), labels, strict=True))
    longer = list(runs_of(words, COPIED))
    copied = sum(run in seen for run in longer)
    return {
        "right": right,
        "n": len(texts),
        "pairs": sum(1 for _ in runs_of(words, 2)),
        "distinct": distinct(words, most),
        "copied": copied / max(len(longer), 1),
    }


def run(corpus: str, place: str, seed: int, words: tuple[str, ...]) -> Run:
    """One language model, and what the judge says of what it writes."""
    loaded = load_corpus(corpus)
    assert loaded.test is not None
    learned, held = stratified_split(loaded.train, 0.1, random_state=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts, other = (
            written_to(folder / f"{part}.csv", rows)
            for part, rows in (("learned", learned), ("judge", loaded.test))
        )
        model, judge = folder / "model", folder / "judge"
        trained = textrnn(
            *("lm", "train", texts, "--condition", "label", "--label-at", place, "--out", model),
            *("--seed", seed, "--no-baselines", "--json", "-q", *words),
        )
        textrnn("train", other, "--out", judge, "--seed", seed, "--no-baselines", "-q")
        written = {
            strength: [
                (record["text"], label)
                for label in learned.classes
                for record in textrnn(
                    *("lm", "generate", "--model", model, "--label", label, "--n", N, "--json"),
                    *("--strength", strength, "--max-tokens", LONGEST, "--seed", seed),
                ).records
            ]
            for strength in STRENGTHS
        }
        seen = set(runs_of([WordTokenizer()(text) for text in learned.texts], COPIED))
        columns = {str(s): tuple(zip(*rows, strict=True)) for s, rows in written.items()}
        columns["held out"] = (tuple(held.texts), tuple(held.labels))
        sizes = [
            sum(max(len(WordTokenizer()(text)) - 1, 0) for text in texts)
            for texts, _ in columns.values()
        ]
        found = {
            name: told_of(texts, labels, judge, seen, min(sizes))
            for name, (texts, labels) in columns.items()
        }
    return {
        "corpus": corpus,
        "place": place,
        "seed": seed,
        "words": list(words),
        "perplexity": trained.record["figures"]["perplexity"],
        "seconds": trained.seconds,
        "found": found,
    }


def jobs(options: Options) -> list[Job]:
    """Each corpus, the label read at each place."""
    return [
        Job(run, (corpus, place, seed, options.words))
        for corpus in CORPORA
        for place in PLACES
        for seed in options.seeds or (0,)
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row for each corpus, place of the label and strength."""
    lines = [
        "| corpus | label read | strength | judged as their label | held out | distinct pairs, "
        f"over those held out | runs of {COPIED} words copied | held out | seed |",
        "|---" * 9 + "|",
    ]
    for one in sorted(runs, key=lambda one: (one["corpus"], one["place"], one["seed"])):
        real = one["found"]["held out"]
        for strength, of in one["found"].items():
            if strength != "held out":
                lines.append(
                    f"| {one['corpus']} | {one['place']} | {strength} "
                    f"| {share(of['right'], of['n'])} | {share(real['right'], real['n'])} "
                    f"| {of['distinct'] / real['distinct']:.2f} | {of['copied']:.4f} "
                    f"| {real['copied']:.4f} | {one['seed']} |"
                )
    return "\n".join(lines)


PART: Part[Options] = Part(jobs, table, ("corpus", "place", "seed"))

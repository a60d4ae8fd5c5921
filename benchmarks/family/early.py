"""How early a network answers IMDB's reviews, by the loss that it was trained with.

    TEXTRNN_DATA=DIR python -m benchmarks.family early [--cells mingru] [--seeds 0 1 2]
    TEXTRNN_DATA=DIR python -m benchmarks.family.early --readouts max mean

One network, reading one way, alone, is trained once, at every word, and at every word with growing
weights: how much is right when it has read some of the words of each test review, of those that
are read at all. Beside it stands what a bag of words makes of the same words
(``benchmarks.family.early_bags``). The second command judges readouts by a fifth of the training
reviews, held out, and prints what it finds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.family import early_bags
from benchmarks.family.part import Job, Options, Part, Run
from benchmarks.family.reviews import SHARES, load_reviews, words_read
from textrnn import TextRNNClassifier
from textrnn.corpora import load_corpus
from textrnn.errors import DataError
from textrnn.inference.batches import length_batches
from textrnn.inference.classifier import TextModel
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.training.lesson import EVERY, LOSSES, ONCE
from textrnn.typing import Ints

SETTINGS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "mingru": {
        "embedding": "onehot",
        "hidden_size": 250,
        "learning_rate_init": 4e-3,
        "dropout_input": 0.0,
    },
}
"""Of a cell's network, where they are not the usual ones: what suits a minimal GRU on reviews."""


class Contender(NamedTuple):
    """A cell with a readout, the losses it is trained with, and its updates; None are the usual."""

    cell: str
    readout: str
    max_steps: int | None
    losses: tuple[str, ...] = LOSSES


CONTENDERS = (
    Contender("lstm", "max", None, (ONCE, EVERY)),
    Contender("lstm", "mean", 1408, (ONCE, EVERY)),
    Contender("mingru", "max", 1408),
    Contender("mingru", "mean", 1408),
)
BAGS = (
    ("tfidf_lr", early_bags.WHOLE),
    ("tfidf_lr", early_bags.CUT),
    ("nbsvm", early_bags.WHOLE),
)
"""Baselines, and what each learns from."""


def accuracy_by_share(model: TextModel, texts: EncodedTexts, classes: Ints) -> list[float]:
    """Of a model's texts and their classes, after each of ``SHARES`` of their words."""
    network = model.network.at_every_step()
    right = np.zeros(len(SHARES))
    with one_blas_thread():
        for rows in length_batches(texts.lengths, max_tokens=32_768):
            batch = network.pack_rows(texts.ids, texts.starts, rows)
            logits = network.predict_logits(batch)
            lengths = texts.lengths[rows]
            starts = np.cumsum(lengths) - lengths
            answers = logits[starts + words_read(lengths) - 1].argmax(axis=-1)
            right += (answers == classes[rows]).sum(axis=1)
    found: list[float] = (right / len(texts)).tolist()
    return found


def run(contender: Contender, loss: str, seed: int, held_out: bool = False) -> Run:
    """One training; of the training reviews a fifth may stand for the test reviews."""
    reviews = load_reviews(held_out=held_out)
    cell, readout, max_steps, _ = contender
    started = time.perf_counter()
    model = TextRNNClassifier(
        cell=cell,
        loss=loss,
        readout=readout,
        bidirectional=False,
        ngrams="none",
        max_steps=max_steps,
        random_state=seed,
        verbose=True,
        **SETTINGS.get(cell, {}),
    ).fit(reviews.texts, reviews.labels)
    seconds = time.perf_counter() - started
    network = model.model_
    classes = np.searchsorted(model.classes_, reviews.judged_labels)
    accuracies = accuracy_by_share(network, network.encode(reviews.judged_texts), classes)
    return {
        "model": cell,
        "learnt": loss,
        "readout": readout,
        "seed": seed,
        "texts": "held out" if held_out else "test",
        "shares": SHARES,
        "accuracies": accuracies,
        "epochs": model.n_iter_,
        "max_steps": max_steps,
        "seconds": seconds,
    }


def jobs(options: Options) -> list[Job]:
    """Every contender of the cells, loss and seed, and every bag; none where there is no IMDB."""
    try:
        load_corpus("imdb", offline=True)
    except DataError as error:
        print(f"early: left out, as {error}", file=sys.stderr)
        return []
    networks = [
        Job(
            run,
            (contender._replace(max_steps=options.max_steps or contender.max_steps), loss, seed),
        )
        for contender in CONTENDERS
        if contender.cell in options.cells
        for loss in contender.losses
        for seed in options.seeds or (0,)
    ]
    bags = [Job(early_bags.run, bag) for bag in BAGS]
    return bags + networks


def table(runs: list[Run]) -> str:
    """Markdown: a row a model and what it learnt by, a column a share; means over the seeds."""
    of_test = [one for one in runs if one["texts"] == "test"]
    read = " | ".join(f"{share:.0%} read" for share in SHARES)
    lines = [
        f"| model | readout | learnt | epochs | {read} | seeds |",
        "|---" * (len(SHARES) + 5) + "|",
    ]
    groups = [
        (one["model"], one["readout"], one["learnt"], one.get("epochs", "")) for one in of_test
    ]
    for group in sorted(set(groups), key=_place):
        own = [one["accuracies"] for one, of in zip(of_test, groups, strict=True) if of == group]
        means = " | ".join(f"{statistics.fmean(found):.3f}" for found in zip(*own, strict=True))
        lines.append(f"| {' | '.join(map(str, group))} | {means} | {len(own)} |")
    return "\n".join(lines)


def _place(group: tuple[str, str, str, Any]) -> tuple[Any, ...]:
    model, readout, learnt, _ = group
    return (learnt not in LOSSES, model, readout, (*LOSSES, *early_bags.LEARNT_FROM).index(learnt))


PART = Part(jobs, table, ("model", "readout", "learnt", "seed", "texts"))


def main(arguments: Sequence[str] | None = None) -> None:
    """The runs by which cell and readout were chosen."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.family.early", description="Choose a readout."
    )
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--readouts", nargs="+", default=["max", "mean"])
    parser.add_argument("--losses", nargs="+", default=["every"], choices=LOSSES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-steps", type=int)
    given = parser.parse_args(arguments)
    for readout in given.readouts:
        contender = Contender(given.cell, readout, given.max_steps)
        for loss in given.losses:
            print(run(contender, loss, given.seed, held_out=True), flush=True)


if __name__ == "__main__":
    main()

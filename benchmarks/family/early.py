"""How early a network answers IMDB's reviews, by the loss that it was trained with.

    TEXTRNN_DATA=DIR python -m benchmarks.family early [--seeds 0 1 2]
    TEXTRNN_DATA=DIR python -m benchmarks.family.early --readouts max mean

One network, reading one way, alone, otherwise with the usual settings, is trained once, at every
word, and at every word with growing weights: how much is right when it has read some of the words
of each test review, of those that are read at all. The second command judges readouts by a fifth
of the training reviews, held out, and prints what it finds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.family.part import Job, Options, Part, Run
from textrnn import TextRNNClassifier
from textrnn.corpora import load_corpus
from textrnn.errors import DataError
from textrnn.inference.batches import length_batches
from textrnn.inference.classifier import TextModel
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.training.lesson import LOSSES
from textrnn.typing import Ints

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the words of a review."""
READOUTS = ("max", "mean")
HELD_OUT = 0.2


def accuracy_by_share(model: TextModel, texts: EncodedTexts, classes: Ints) -> list[float]:
    """Of a model's texts and their classes, after each of ``SHARES`` of their words."""
    network = model.network.at_every_step()
    shares = np.array(SHARES)[:, np.newaxis]
    right = np.zeros(len(SHARES))
    with one_blas_thread():
        for rows in length_batches(texts.lengths, max_tokens=32_768):
            batch = network.pack_rows(texts.ids, texts.starts, rows)
            logits = network.predict_logits(batch)
            lengths = texts.lengths[rows]
            read = np.maximum(np.ceil(shares * lengths).astype(int), 1)
            answers = logits[np.cumsum(lengths) - lengths + read - 1].argmax(axis=-1)
            right += (answers == classes[rows]).sum(axis=1)
    found: list[float] = (right / len(texts)).tolist()
    return found


def run(loss: str, readout: str, seed: int, max_steps: int | None, held_out: bool = False) -> Run:
    """One training; of the training reviews a fifth may stand for the test reviews."""
    corpus = load_corpus("imdb", offline=True)
    train, judged = corpus.train, corpus.test
    assert judged is not None
    texts, labels = list(train.texts), np.array(train.labels)
    if held_out:
        order = np.random.default_rng(0).permutation(len(texts))
        rest, few = np.split(order, [round((1.0 - HELD_OUT) * len(texts))])
        judged_texts, judged_labels = [texts[i] for i in few], labels[few]
        texts, labels = [texts[i] for i in rest], labels[rest]
    else:
        judged_texts, judged_labels = list(judged.texts), np.array(judged.labels)
    started = time.perf_counter()
    model = TextRNNClassifier(
        loss=loss,
        readout=readout,
        bidirectional=False,
        ngrams="none",
        max_steps=max_steps,
        random_state=seed,
        verbose=True,
    ).fit(texts, labels)
    seconds = time.perf_counter() - started
    network = model.model_
    classes = np.searchsorted(model.classes_, judged_labels)
    accuracies = accuracy_by_share(network, network.encode(judged_texts), classes)
    return {
        "loss": loss,
        "readout": readout,
        "seed": seed,
        "texts": "held out" if held_out else "test",
        "shares": SHARES,
        "accuracies": accuracies,
        "epochs": model.n_iter_,
        "seconds": seconds,
    }


def jobs(options: Options) -> list[Job]:
    """Every loss, readout and seed; none where there is no IMDB. The cells do not matter."""
    try:
        load_corpus("imdb", offline=True)
    except DataError as error:
        print(f"early: left out, as {error}", file=sys.stderr)
        return []
    return [
        Job(run, (loss, readout, seed, options.max_steps))
        for readout in READOUTS
        for loss in LOSSES
        for seed in options.seeds or (0,)
    ]


def table(runs: list[Run]) -> str:
    """Markdown: a row a loss, a column a share of the words, means over the seeds."""
    of_test = [one for one in runs if one["texts"] == "test"]
    read = " | ".join(f"{share:.0%} read" for share in SHARES)
    lines = [
        f"| readout | loss | epochs | {read} | seeds |",
        "|---" * (len(SHARES) + 4) + "|",
    ]
    groups = [(one["readout"], one["loss"], one["epochs"]) for one in of_test]
    for group in sorted(set(groups), key=lambda of: (of[0], LOSSES.index(of[1]), of[2])):
        own = [one["accuracies"] for one, of in zip(of_test, groups, strict=True) if of == group]
        means = " | ".join(f"{statistics.fmean(found):.3f}" for found in zip(*own, strict=True))
        lines.append(f"| {' | '.join(map(str, group))} | {means} | {len(own)} |")
    return "\n".join(lines)


PART = Part(jobs, table, ("loss", "readout", "seed", "texts"))


def main(arguments: Sequence[str] | None = None) -> None:
    """The runs by which the readout was chosen."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.family.early", description="Choose a readout."
    )
    parser.add_argument("--readouts", nargs="+", default=list(READOUTS))
    parser.add_argument("--losses", nargs="+", default=["every"], choices=LOSSES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-steps", type=int)
    given = parser.parse_args(arguments)
    for readout in given.readouts:
        for loss in given.losses:
            print(run(loss, readout, given.seed, given.max_steps, held_out=True), flush=True)


if __name__ == "__main__":
    main()

"""``textrnn shrink``: a saved model in a folder of a fraction of the size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.models import (
    find_model,
    folder_size,
)
from textrnn.cli.options import Debug, Jobs, Json, Offline, processes_of, say
from textrnn.errors import UsageError
from textrnn.system.files import find_folder
from textrnn.wording.quoting import shell_word

if TYPE_CHECKING:
    from textrnn.cli.trained import Training
    from textrnn.corpora import Split
    from textrnn.inference.classifier import TextModel


def shrink(
    model: Annotated[str, typer.Argument(help="Model folder, or its name under ./models.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the smaller model.")],
    max_words: Annotated[
        int | None,
        typer.Option(help="Keep the most frequent words; the others become unknown."),
    ] = None,
    max_ngrams: Annotated[
        int | None, typer.Option(help="Keep the n-grams with the largest weights.")
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(help="Corpus on whose test texts both models are scored."),
    ] = None,
    jobs: Jobs = -1,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Prune and quantise a model: write it into a smaller folder.

    Weights are rounded to fewer bits; fewer words and n-grams are kept if that is asked for.
    The scores of the larger model stay in the report as those before shrinking; --check adds
    the smaller one's own.

    Examples:

        textrnn shrink cars --out models/small-cars --check cars

        textrnn shrink imdb --out models/small --max-words 10000 --max-ngrams 200000
    """
    del debug
    for option, value in (("--max-words", max_words), ("--max-ngrams", max_ngrams)):
        if value is not None and value < 1:
            raise UsageError(f"{option} is {value}, but must be 1 or more.")
    n_jobs = processes_of(jobs)
    from textrnn.cli.output import print_entries, print_json
    from textrnn.storage.format import tell_replaced
    from textrnn.storage.training_lock import training_at
    from textrnn.storage.writing import check_writable

    folder = find_model(model)
    if _is_same(folder, out):
        raise UsageError(
            f"--out {shell_word(str(out))} is the model itself, which would be lost; choose "
            "another --out."
        )
    check_writable(out)
    with training_at(out):
        tell_replaced(out, say)
        found, lines = _shrink(
            folder,
            out,
            max_words=max_words,
            max_ngrams=max_ngrams,
            check=check,
            n_jobs=n_jobs,
            offline=offline,
        )
    if as_json:
        print_json(found)
    else:
        print_entries(lines)


def _shrink(
    folder: Path,
    out: Path,
    *,
    max_words: int | None,
    max_ngrams: int | None,
    check: str | None,
    n_jobs: int,
    offline: bool,
) -> tuple[dict[str, Any], list[tuple[str, list[str]]]]:
    """What ``shrink`` does where nobody else is at it; what it found, for programs and people."""
    from textrnn.cli.evaluate import report_on
    from textrnn.cli.trained import training_of
    from textrnn.evaluation.scores import Scores
    from textrnn.storage.card import model_card
    from textrnn.storage.loading import check_network, load_model
    from textrnn.storage.prune import prune
    from textrnn.storage.reading import load_saved
    from textrnn.storage.writing import save_model

    saved = load_saved(folder)
    big = check_network(saved.model, folder)
    before: dict[str, Any] = {"size_bytes_before": saved.size, "accuracy_before": None}
    test, corpus = None, ""
    if check is not None:
        test, corpus = _test_texts(check, training_of(saved), big, offline=offline)
        before["accuracy_before"] = report_on(big, test, n_jobs).accuracy
    smaller = prune(big, max_words=max_words, max_ngrams=max_ngrams)
    # Its scores are those of the larger model: they must not be taken for its own.
    report = saved.report.shrunk(str(folder))
    card = model_card(smaller, report)
    save_model(smaller, out, metrics=report.to_dict(), card=card, compact=True)
    small = load_model(out)
    accuracy = None
    if test is not None:
        scores = Scores.from_dict(report_on(small, test, n_jobs).to_dict())
        accuracy = scores.accuracy
        if corpus:
            metrics = replace(report, tests={corpus: scores}).to_dict()
            save_model(smaller, out, metrics=metrics, card=card, compact=True)
    found: dict[str, Any] = {
        "model": str(out),
        "from": str(folder),
        "size_bytes": folder_size(out),
        "words": len(small.vocabulary) - 1,
        "ngrams": 0 if small.ngrams is None else len(small.ngrams.keys),
        "accuracy": accuracy,
        **before,
    }
    return found, _lines(found, big, 0 if test is None else len(test))


def _lines(found: dict[str, Any], big: TextModel, n_texts: int) -> list[tuple[str, list[str]]]:
    """What was found, for people."""
    lines = [
        ("model", [f"{found['model']}, from {found['from']}"]),
        ("size", [f"{found['size_bytes_before']:,} bytes before, {found['size_bytes']:,} after"]),
        ("words", [f"{len(big.vocabulary) - 1:,} before, {found['words']:,} after"]),
    ]
    if big.ngrams is not None:
        n_before = len(big.ngrams.keys)
        lines.append(("n-grams", [f"{n_before:,} before, {found['ngrams']:,} after"]))
    if n_texts:
        was, now = found["accuracy_before"], found["accuracy"]
        lines.append(("accuracy", [f"{was:.4f} before, {now:.4f} after, on {n_texts:,} texts"]))
    return lines


def _is_same(folder: Path, out: Path) -> bool:
    """Whether a model would be replaced by what is made of it."""
    return find_folder(out).resolve() == folder.resolve()


def _test_texts(
    corpus: str, training: Training, model: TextModel, *, offline: bool
) -> tuple[Split, str]:
    """The test texts of a corpus, held out as at the training, and what they are called.

    The name is empty if they were trained on: a score on them is none to be kept.
    """
    from textrnn.corpora import load_labelled

    labelled = load_labelled(
        corpus,
        label_separator=(training.label_separator or "|") if model.multilabel else None,
        test_fraction=training.test_fraction,
        random_state=training.seed,
        offline=offline,
        classes=[str(c) for c in model.classes],
    )
    if labelled.corpus is not None:
        training.warn_of_other_splits(labelled.corpus)
        return labelled.rows, labelled.corpus.name
    training.warn_of_training_file(Path(corpus))
    return labelled.rows, "" if training.is_training_file(Path(corpus)) else corpus

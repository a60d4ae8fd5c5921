"""``textrnn lm evaluate``: how well a model knows texts that it did not learn from."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.judging import check_gate, framed
from textrnn.cli.lm.asking import Label
from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json, Offline, TextColumn, note
from textrnn.errors import DataError, UsageError
from textrnn.storage.kinds import LANGUAGE_MODELS
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textrnn.cli.trained import Training
    from textrnn.corpora.rows import Lines
    from textrnn.corpora.structures import Judged
    from textrnn.inference.language import LanguageModel, Scores

AT_ONCE = 2_000
"""Texts that are tokenised and scored together: it bounds memory."""


def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder, or its name under ./models.")],
    corpus: Annotated[
        str,
        typer.Argument(
            help="Texts: a file with a text a line, a table, a folder of .txt files, or a corpus "
            "by name."
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; by default test, and all of a file."),
    ] = None,
    label: Label = None,
    condition: Annotated[
        str | None,
        typer.Option(
            help="Score each text under its own label: the column that holds it, or label for "
            "whichever does."
        ),
    ] = None,
    max_perplexity: Annotated[
        float | None,
        typer.Option("--max-perplexity", help="Exit with 1 if the perplexity is higher."),
    ] = None,
    text_column: TextColumn = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell how well a model foresees texts.

    By its perplexity, and the bits that each word, or character, takes. A perplexity of 100 says
    that each word was as hard to foresee as one of 100 that are equally probable. The ends of
    texts count as words do, all unknown words as one word. Only models that know the same words
    can be compared so.

    A model that was trained with labels scores each text under its own (--condition), all of them
    under --label, or under all labels by how many texts had each.

    Examples:

        textrnn lm evaluate reviews-lm new-reviews.txt

        textrnn lm evaluate models/reviews-lm imdb --json --max-perplexity 90
    """
    del debug
    if label is not None and condition is not None:
        raise UsageError(
            Parameter("label"), " and ", Parameter("condition"), " exclude each other."
        )
    if max_perplexity is not None and not max_perplexity >= 1.0:
        raise UsageError(f"--max-perplexity is {max_perplexity}, but must be 1 or more.")
    from textrnn.cli.output import print_json, print_warnings
    from textrnn.cli.trained import training_of
    from textrnn.corpora.structures import judged_lines
    from textrnn.inference.language import joined_scores
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder, kinds=LANGUAGE_MODELS)  # of one moment: another may take its place
    training = training_of(saved)
    read = partial(
        judged_lines,
        corpus,
        split=split,
        text_column=text_column,
        test_fraction=training.test_fraction,
        random_state=training.seed,
        offline=offline,
    )
    judged = _as_trained(read, training, corpus, saved.model) if condition is None else None
    judged = judged or read(condition=condition)
    for line in judged.notes:
        note(line)
    warnings = training.warn_beside(judged, corpus)
    found = joined_scores(_scores(saved.model, judged.rows, label)).figures
    with contextlib.suppress(BrokenPipeError):  # who reads no further still wants the gate's code
        if as_json:
            scores = {**found._asdict(), "n_texts": len(judged.rows)}
            print_json(framed(folder, corpus, judged, scores, warnings))
        else:
            _print(found._asdict())
            print_warnings(warnings)
    check_gate("perplexity", found.perplexity, "--max-perplexity", max_perplexity, at_most=True)


def _as_trained(
    read: Callable[..., Judged[Lines]], training: Training, corpus: str, model: LanguageModel
) -> Judged[Lines] | None:
    """The texts by the splits of the training, if they can be had: None for other texts.

    It may have read the texts without labels of a corpus, or with labels, which have a part in
    what is drawn for a test.
    """
    from textrnn.corpora.lines import ANY_LABEL

    if training.corpus not in (corpus, Path(corpus).resolve().name):
        return None
    try:
        found = read(condition=ANY_LABEL if model.labels else None, unlabelled=None)
    except (DataError, UsageError):  # what is wrong with the texts, the usual reading tells
        return None
    if found.corpus is None or found.corpus.fingerprint() != training.fingerprint:
        return None
    return replace(found, rows=replace(found.rows, labels=None))


def _scores(model: LanguageModel, rows: Lines, label: str | None) -> Iterator[Scores]:
    """The scores of texts, some at a time."""
    import numpy as np

    from textrnn.inference.language import score

    labels = None if rows.labels is None else _numbers(model, rows.labels)
    for first in range(0, len(rows), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        numbers = None if labels is None else np.array(labels[some])
        yield score(model, rows.texts[some], label=label, labels=numbers)


def _numbers(model: LanguageModel, labels: list[str]) -> list[int]:
    """The number of each text's label among the model's.

    Raises:
        UsageError: the model has no labels.
        DataError: it does not know one.
    """
    if not model.labels:
        raise UsageError(
            Parameter("condition"),
            " is for models that were trained with labels, but this one was not; leave it out.",
        )
    number = {label: i for i, label in enumerate(model.labels)}
    strange = next((label for label in labels if label not in number), None)
    if strange is not None:
        raise DataError(
            f"the texts have the label {quoted(strange)}, but the model has {listed(model.labels)}."
        )
    return [number[label] for label in labels]


def _print(figures: dict[str, Any]) -> None:
    """The figures, for people."""
    from textrnn.cli.output import print_line

    for title, told in (
        ("perplexity", f"{figures['perplexity']:,.2f}"),
        ("bits a token", f"{figures['bits_per_token']:.4f}"),
        ("tokens", f"{figures['n_tokens']:,}"),
        ("unknown words", f"{figures['unknown']:.2%}"),
    ):
        print_line(f"{title:<13}  {told}")

"""``textrnn lm evaluate``: how well a model knows texts that it did not learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.lm.asking import Label
from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json, Offline, TextColumn, note
from textrnn.errors import DataError, UsageError
from textrnn.storage.kinds import LANGUAGE_MODELS
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textrnn.corpora.rows import Lines
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

        textrnn lm evaluate models/reviews-lm imdb --json
    """
    del debug
    if label is not None and condition is not None:
        raise UsageError(
            Parameter("label"), " and ", Parameter("condition"), " exclude each other."
        )
    from textrnn.cli.output import print_json
    from textrnn.cli.trained import training_of
    from textrnn.corpora.structures import judged_lines
    from textrnn.inference.language import joined_scores
    from textrnn.storage.reading import load_saved

    saved = load_saved(find_model(model, *LANGUAGE_MODELS), kinds=LANGUAGE_MODELS)
    training = training_of(saved.report)
    judged = judged_lines(
        corpus,
        split=split,
        condition=condition,
        text_column=text_column,
        random_state=training.seed,
        offline=offline,
    )
    for line in judged.notes:
        note(line)
    if judged.split == "all":
        training.warn_of_training_file(Path(corpus))
    found = joined_scores(_scores(saved.model, judged.rows, label)).figures
    if as_json:
        print_json({**found._asdict(), "n_texts": len(judged.rows), "split": judged.split})
    else:
        _print(found._asdict())


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

"""``textrnn evaluate``: what a saved model scores on labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.models import find_model
from textrnn.cli.options import (
    Debug,
    Jobs,
    Json,
    LabelColumn,
    Offline,
    TextColumn,
    processes_of,
    say,
)
from textrnn.errors import UsageError

GATE_FAILED = 1


def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder, or its name under ./models.")],
    corpus: Annotated[
        str, typer.Argument(help="Labelled texts: a named corpus, a file or a folder.")
    ],
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; by default test, and all of a file."),
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option("--min-accuracy", help="Exit with 1 if the accuracy is lower.")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    jobs: Jobs = -1,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a saved model on labelled texts.

    If the corpus has no test split, the texts are those held out at the training.

    Examples:

        textrnn evaluate cars cars

        textrnn evaluate models/imdb imdb --json --min-accuracy 0.88
    """
    del debug
    if min_accuracy is not None and not 0.0 <= min_accuracy <= 1.0:
        raise UsageError(f"--min-accuracy is {min_accuracy}, but must be from 0 to 1.")
    n_jobs = processes_of(jobs)
    from textrnn.cli.output import print_evaluation, print_json
    from textrnn.cli.trained import read_training
    from textrnn.corpora import load_labelled
    from textrnn.persistence import load_model

    folder = find_model(model)
    loaded, training = load_model(folder), read_training(folder)
    labelled = load_labelled(
        corpus,
        split=split,
        text_column=text_column,
        label_column=label_column,
        test_fraction=training.test_fraction,
        random_state=training.seed,
        offline=offline,
    )
    for note in labelled.notes:
        say(f"note: {note}")
    if labelled.corpus is None:
        training.warn_of_training_file(Path(corpus))
    else:
        training.warn_of_other_splits(labelled.corpus)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.evaluation import evaluate as evaluate_labels
    from textrnn.predictor import predict_many

    probabilities = predict_many(loaded, labelled.rows.texts, n_jobs)
    classes = [str(c) for c in loaded.classes]
    report = evaluate_labels(labelled.rows.labels, probabilities, classes)
    if as_json:
        where = {"model": str(folder), "corpus": corpus, "split": labelled.split}
        print_json({**where, **report.to_dict()})
    else:
        print_evaluation(report.to_dict())
    if min_accuracy is not None and report.accuracy < min_accuracy:
        say(
            f"textrnn: the accuracy of {report.accuracy:.4f} is below --min-accuracy {min_accuracy}"
        )
        raise typer.Exit(GATE_FAILED)

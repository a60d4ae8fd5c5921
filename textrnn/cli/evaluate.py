"""``textrnn evaluate``: what a saved model scores on labelled texts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from textrnn.cli.judging import check_gate, check_share, framed
from textrnn.cli.models import find_model
from textrnn.cli.options import (
    Debug,
    Jobs,
    Json,
    LabelColumn,
    LabelSeparator,
    Offline,
    TextColumn,
    Threshold,
    note,
    processes_of,
    with_threshold,
)
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.corpora import Split
    from textrnn.evaluation.metrics import Report
    from textrnn.evaluation.multilabel import MultilabelReport
    from textrnn.evaluation.scores import Scores
    from textrnn.inference.protocol import Classifier


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
    label_separator: LabelSeparator = None,
    threshold: Threshold = None,
    jobs: Jobs = -1,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a saved model on labelled texts.

    Of a model that predicts numbers the labels are numbers. If the corpus has no test split, the
    texts are those held out at the training.

    Examples:

        textrnn evaluate cars cars

        textrnn evaluate models/imdb imdb --json --min-accuracy 0.88
    """
    del debug
    check_share("--min-accuracy", min_accuracy)
    n_jobs = processes_of(jobs)
    from textrnn.cli.trained import separator_of, training_of
    from textrnn.corpora import load_labelled
    from textrnn.inference.regression import RegressionModel
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder)  # of one moment: another model may take its place
    loaded, training = with_threshold(saved.model, threshold), training_of(saved)
    label_separator = separator_of(loaded, training, label_separator)
    is_regression = isinstance(loaded, RegressionModel)
    if is_regression and min_accuracy is not None:
        raise UsageError(
            "--min-accuracy is for classes, but the model predicts numbers; leave it out."
        )
    labelled = load_labelled(
        corpus,
        split=split,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        test_fraction=training.test_fraction,
        random_state=training.seed,
        offline=offline,
        classes=[str(c) for c in loaded.classes],
        numeric=is_regression,
    )
    for line in labelled.notes:
        note(line)
    warnings = training.warn_beside(labelled, corpus)
    report = report_on(loaded, labelled.rows, n_jobs)
    with contextlib.suppress(BrokenPipeError):  # who reads no further still wants the gate's code
        if as_json:
            from textrnn.cli.output import print_json

            print_json(framed(folder, corpus, labelled, report.to_dict(), warnings))
        else:
            _print(report, warnings)
    check_gate("accuracy", report.accuracy, "--min-accuracy", min_accuracy)


def _print(report: Report | MultilabelReport | Scores, warnings: list[str]) -> None:
    """Print the scores for people."""
    from textrnn.cli.numbers import print_numbers
    from textrnn.cli.output import print_evaluation, print_warnings
    from textrnn.evaluation.scores import Scores

    scores = Scores.from_dict(report.to_dict())
    if scores.accuracy is None:
        print_numbers(scores)
    else:
        print_evaluation(scores)
    print_warnings(warnings)


def report_on(model: Classifier, rows: Split, n_jobs: int) -> Report | MultilabelReport | Scores:
    """The scores of a model on labelled texts, or on texts with numbers."""
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.evaluation.metrics import evaluate as evaluate_classes
    from textrnn.evaluation.multilabel import evaluate_multilabel
    from textrnn.evaluation.numbers import evaluate_numbers
    from textrnn.inference.pool import predict_many

    probabilities = predict_many(model, rows.texts, n_jobs)
    classes = [str(c) for c in model.classes]
    if rows.numeric:
        return evaluate_numbers(rows.numbers, probabilities[:, 0])
    if model.multilabel:
        return evaluate_multilabel(rows.label_sets, probabilities, classes, model.threshold)
    return evaluate_classes(rows.labels, probabilities, classes, model.threshold)

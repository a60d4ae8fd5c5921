"""``textrnn gradients``: how far back a recurrent network looks, by the gradient of its loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.models import find_model, newest_model, shown_name
from textrnn.cli.options import (
    Debug,
    Json,
    LabelColumn,
    LabelSeparator,
    Offline,
    TextColumn,
    check_seed,
    note,
    say,
)
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.storage.format import written_at
from textrnn.wording.quoting import listed, quoted

if TYPE_CHECKING:
    from textrnn.cli.trained import Training
    from textrnn.corpora import Split
    from textrnn.inference.classifier import TextModel


def gradients(
    corpus: Annotated[
        str,
        typer.Argument(help="Texts, labelled or not: a named corpus, a file or a folder."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Folder or name; by default the recurrent network trained last in ./models, or "
            "else sentiment-en.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; by default test, and all of a file."),
    ] = None,
    own_answers: Annotated[
        bool,
        typer.Option(
            "--own-answers",
            help="Take the model's own answers though the texts have labels; those without any "
            "take them anyway.",
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option(help="Look at so many texts, drawn by chance; 0 takes all.")
    ] = 500,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw it into a .png, .svg or .pdf file, too (pip install matplotlib)."),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: LabelSeparator = None,
    seed: Annotated[
        int, typer.Option(help="The same seed draws the same texts, steps and batches.")
    ] = 0,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how far back a recurrent network looks.

    That is its gradient, followed from the end of texts to their beginnings. By the distance from
    the last word: the norm of the loss's gradient by the state there, and the share that is left of
    it. From that the factor a word and the length of the memory; singular values of one step; how
    open the gates are; what the training's --max-grad-norm does.

    Examples:

        textrnn gradients cars --model models/cars

        textrnn gradients reviews.txt --model imdb --plot gradient.svg --json
    """
    del debug
    _check(limit, seed, own_answers, label_column, label_separator)
    from textrnn.cli.gradient_tables import print_flow
    from textrnn.cli.output import print_json
    from textrnn.cli.trained import separator_of
    from textrnn.corpora import load_labelled, read_texts
    from textrnn.diagnosis import gradient_flow
    from textrnn.diagnosis.plot import check_picture
    from textrnn.diagnosis.plot import plot as draw
    from textrnn.inference.regression import RegressionModel

    if plot is not None:
        check_picture(plot)
    _check_is_no_model(corpus)
    folder = newest_model(_has_states, "recurrent network") if model is None else find_model(model)
    loaded, training = _load(folder)
    if model is None:
        say(f"model: {shown_name(folder)}")
    separator = separator_of(loaded, training, label_separator)
    if _has_no_labels(corpus, split, own_answers, text_column, label_column):
        texts, labels = list(read_texts(corpus, text_column=text_column, note=note)), None
    else:
        rows = load_labelled(
            corpus,
            split=split,
            text_column=text_column,
            label_column=label_column,
            label_separator=separator,
            test_fraction=training.test_fraction,
            random_state=training.seed,
            offline=offline,
            classes=[str(c) for c in loaded.classes],
            numeric=isinstance(loaded, RegressionModel) and not own_answers,
        )
        for line in rows.notes:
            note(line)
        texts, labels = rows.rows.texts, None if own_answers else _labels(rows.rows, loaded, corpus)
    if labels is None:
        note("the loss is that of the model's own answers")
    flow = gradient_flow(loaded, texts, labels, limit=limit or None, random_state=seed)
    if plot is not None:
        draw(flow, plot)
    if as_json:
        print_json({"model": str(folder), "corpus": corpus, **flow.to_dict()})
    else:
        print_flow(flow)


def _check(
    limit: int,
    seed: int,
    own_answers: bool,
    label_column: str | None,
    label_separator: str | None,
) -> None:
    """Raise UsageError for what cannot be, before anything is read."""
    if limit < 0:
        raise UsageError(f"--limit is {limit}, but must be 0 or more.")
    check_seed(seed)
    labels = {"--label-column": label_column, "--label-separator": label_separator}
    for option, given in labels.items():
        if own_answers and given is not None:
            raise UsageError(
                "--own-answers takes the model's own answers and reads no labels; leave "
                f"{option} out."
            )


def _check_is_no_model(corpus: str) -> None:
    """Raise ModelError if a model stands in the place of the texts."""
    from textrnn.corpora.registry import ENTRIES

    if corpus not in ENTRIES and written_at(Path(corpus)):
        _load(Path(corpus))  # what of another kind is told what takes it
        raise ModelError(
            f"{quoted(corpus)} is a model folder; give texts first, and the model with --model."
        )


def _has_states(config: dict[str, Any]) -> bool:
    """Whether a model folder holds a recurrent network."""
    from textrnn.nn.bodies import BODIES
    from textrnn.storage.kinds import CLASSIFIERS, kind_of

    # A body of the user's own, of which this process does not know, is passed over.
    body = BODIES.get(config.get("network", {}).get("body", "recurrent"))
    is_classifier = kind_of(config).name in CLASSIFIERS
    return is_classifier and "network" in config and body is not None and body.has_cell


def _load(folder: Path) -> tuple[TextModel, Training]:
    """The network of a folder, and what is known of its training.

    Raises:
        ModelError: it is no recurrent network.
    """
    from textrnn.cli.trained import training_of
    from textrnn.diagnosis.flow import why_without_states
    from textrnn.inference.classifier import TextModel
    from textrnn.storage.reading import load_saved

    saved = load_saved(folder)
    if why := why_without_states(saved.model):
        raise ModelError(f"the model {quoted(folder)} {why}")
    assert isinstance(saved.model, TextModel)
    return saved.model, training_of(saved)


def _has_no_labels(
    corpus: str,
    split: str | None,
    own_answers: bool,
    text_column: str | None,
    label_column: str | None,
) -> bool:
    """Whether texts alone are read of a file: it has no labels, or they are not asked for."""
    from textrnn.corpora.readers import has_labels
    from textrnn.corpora.registry import ENTRIES

    path = Path(corpus)
    if corpus in ENTRIES or split is not None or label_column is not None or not path.is_file():
        return False
    return own_answers or not has_labels(path, text_column=text_column)


def _labels(rows: Split, model: TextModel, corpus: str) -> list[Any]:
    """The labels of texts as ``gradient_flow`` takes them.

    Raises:
        DataError: one is none of the model's.
    """
    if rows.numeric:
        return list(rows.numbers.tolist())
    classes = {str(c) for c in model.classes}
    if strange := sorted(set(rows.classes) - classes):
        raise DataError(
            f"{quoted(corpus)} has the label {quoted(strange[0])}, which is none of the model's "
            f"classes {listed(sorted(classes))}; with --own-answers its own answers take their "
            "place."
        )
    return list(rows.labels if rows.separator is None else rows.label_sets)

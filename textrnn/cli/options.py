"""Options that several commands share, and how they talk on stderr."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from textrnn.cli.option_names import in_options
from textrnn.errors import UsageError
from textrnn.wording.messages import Message, Parameter
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:
    from textrnn.corpora import Corpus
    from textrnn.inference.protocol import Classifier

FEW = 10
"""Texts of a split below which its scores, or what is learnt from it, are random."""

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Offline = Annotated[
    bool,
    typer.Option("--offline", help="Never ask the hub; fail at once where it would be needed."),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache", help="Keep tokens on disk ($TEXTRNN_CACHE) for the next time."
    ),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="Column with the text, if it is not found.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column with the label, if it is not found.")
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        help="What stands between the labels of a text, where they are no JSON list; as at the "
        "training, if not given.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="Probability from which the second of two classes in alphabetical order, or each "
        "label of a text, is the answer; as at the training, if not given."
    ),
]
Jobs = Annotated[int, typer.Option(help="Processes, started where they pay; -1 takes all cores.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same splits and model.")]


def check_seed(seed: int) -> None:
    """Raise UsageError for a seed that no generator takes, or no report."""
    from textrnn.training.settings import check_seed as check

    check(seed)


def with_threshold(model: Classifier, threshold: float | None) -> Classifier:
    """The model with another threshold, if one is given; raise UsageError if it cannot have it."""
    if threshold is None:
        return model
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(Parameter("threshold"), f" is {threshold}, but must be from 0 to 1.")
    if not model.multilabel and len(model.classes) != 2:
        raise UsageError(
            Parameter("threshold"),
            f" is for two classes, but the model has {len(model.classes)}; leave it out.",
        )
    return replace(model, threshold=threshold)  # type: ignore[type-var]  # all are dataclasses


MOST_JOBS = 1_000
"""Far more than anybody needs: above it is a typing error."""


def processes_of(jobs: int) -> int:
    """The number of processes that ``--jobs`` means; raise UsageError if it means none."""
    from textrnn.system.processes import process_count

    if jobs == 0:
        raise UsageError(Parameter("n_jobs"), " is 0, but must be 1 or more, or -1 for all cores.")
    if jobs > MOST_JOBS:
        raise UsageError(Parameter("n_jobs"), f" is {jobs}, but must be at most {MOST_JOBS:,}.")
    return process_count(jobs)


def say(line: str) -> None:
    """Tell something about the work on stderr, in one harmless line and the command's words."""
    typer.echo(one_line(in_options(line)), err=True)


def note(line: str) -> None:
    """Tell on stderr what a user may want to know."""
    say(Message("note: ", line))


def silent(line: str) -> None:
    """Tell nothing (``--quiet``)."""
    del line


def tell_small_splits(
    corpus: Corpus, validation_fraction: float, tell: Callable[[str], None]
) -> None:
    """Tell which splits have so few texts that they mean little."""
    sizes = {"training": len(corpus.train)}
    if corpus.validation is None:
        sizes["validation"] = max(round(validation_fraction * sizes["training"]), 1)
        rest = sizes["training"] - sizes["validation"]
        sizes["training"] = max(rest, len(corpus.train.classes))
    else:
        sizes["validation"] = len(corpus.validation)
    sizes["test"] = 0 if corpus.test is None else len(corpus.test)
    for name, size in sizes.items():
        if size < FEW:
            about = "" if name == "test" or corpus.validation else "about "
            tell(f"note: {name} texts: {about}{size}, too few to mean much")

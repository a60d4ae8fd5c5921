"""``textrnn tag evaluate``: what a saved tagger scores on texts with tags."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from textrnn.cli.models import open_model
from textrnn.cli.options import Debug, Json, note, say
from textrnn.errors import UsageError

GATE_FAILED = 1


def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder, or its name under ./models.")],
    texts: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Texts with tags: what tag train reads."),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; by default test, and all of a file."),
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option("--min-accuracy", help="Exit with 1 if the accuracy is lower.")
    ] = None,
    entities: Annotated[
        bool | None,
        typer.Option(
            "--entities/--no-entities",
            help="Score whole entities, which BIO tags mark (pip install seqeval); by default if "
            "it can be.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a saved tagger: by token, on unknown words, by tag, and by entity.

    Examples:

        textrnn tag evaluate models/tagger test.tsv

        textrnn tag evaluate models/grammar-tagger grammar --json --min-accuracy 0.95
    """
    del debug
    if min_accuracy is not None and not 0.0 <= min_accuracy <= 1.0:
        raise UsageError(f"--min-accuracy is {min_accuracy}, but must be from 0 to 1.")
    from textrnn.corpora.structures import judged_tagged

    folder, loaded = open_model(model, "tagger")
    judged = judged_tagged(texts, split=split)
    for line in judged.notes:
        note(line)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.cli.output import print_json
    from textrnn.cli.tag.output import print_figures, print_tags
    from textrnn.experiments.tagging import Split, score_tags

    rows = Split.of(judged.rows)
    report = score_tags(loaded, rows, loaded.predict(rows.tokens), entities=entities, say=say)
    with contextlib.suppress(BrokenPipeError):  # who reads no further still wants the gate's code
        if as_json:
            print_json(
                {
                    "model": str(folder),
                    "file": texts,
                    "split": judged.split,
                    **report.to_dict(),
                }
            )
        else:
            print_figures(report.figures, title=f"{report.n_tokens:,} tokens")
            print_tags([asdict(line) for line in report.per_tag])
            if report.entities is not None:
                print_tags([asdict(line) for line in report.entities.per_type], of="entity")
    if min_accuracy is not None and report.accuracy < min_accuracy:
        say(
            f"textrnn: the accuracy of {report.accuracy:.4f} is below --min-accuracy {min_accuracy}"
        )
        raise typer.Exit(GATE_FAILED)

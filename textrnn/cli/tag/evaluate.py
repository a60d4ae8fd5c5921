"""``textrnn tag evaluate``: what a saved tagger scores on texts with tags."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from textrnn.cli.judging import check_gate, check_share, framed
from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json, note, say


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
    check_share("--min-accuracy", min_accuracy)
    from textrnn.cli.trained import training_of
    from textrnn.corpora.structures import judged_tagged
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder, kinds=("tagger",))  # of one moment: another may take its place
    training = training_of(saved)
    judged = judged_tagged(
        texts, split=split, test_fraction=training.test_fraction, random_state=training.seed
    )
    for line in judged.notes:
        note(line)
    warnings = training.warn_beside(judged, texts)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.cli.output import print_json, print_warnings
    from textrnn.cli.tag.output import print_figures, print_tags
    from textrnn.experiments.tagging import Split, score_tags

    rows = Split.of(judged.rows)
    report = score_tags(
        saved.model, rows, saved.model.predict(rows.tokens), entities=entities, say=say
    )
    with contextlib.suppress(BrokenPipeError):  # who reads no further still wants the gate's code
        if as_json:
            print_json(framed(folder, texts, judged, report.to_dict(), warnings))
        else:
            print_figures(report.figures, title=f"{report.n_tokens:,} tokens")
            print_tags([asdict(line) for line in report.per_tag])
            if report.entities is not None:
                print_tags([asdict(line) for line in report.entities.per_type], of="entity")
            print_warnings(warnings)
    check_gate("accuracy", report.accuracy, "--min-accuracy", min_accuracy)

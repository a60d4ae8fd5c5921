"""``textrnn transduce evaluate``: how well a saved transducer writes the targets of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json, note
from textrnn.cli.transduce.predict import Beam, check_beam


def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder, or its name under ./models.")],
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Pairs, as transduce train reads them, or a corpus by name."
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; by default test, and all of a file."),
    ] = None,
    beam: Beam = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a saved transducer on sources with their targets.

    exact is the share of the answers that are right from the first symbol to the last,
    token_accuracy that of the places with the right symbol, error_rate the edits that the answers
    need, a symbol of the targets: of characters the character error rate, of words the word error
    rate.

    Examples:

        textrnn transduce evaluate dates new.tsv

        textrnn transduce evaluate models/dates new.tsv --beam 4 --json
    """
    del debug
    check_beam(beam)
    from textrnn.cli.output import print_json, print_warnings
    from textrnn.cli.trained import training_of
    from textrnn.cli.transduce.figures import print_figures
    from textrnn.corpora.structures import judged_pairs
    from textrnn.experiments.transduction import evaluate_transducer
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder, kinds=("transducer",))
    training = training_of(saved.report)
    judged = judged_pairs(corpus, split=split, random_state=training.seed)
    for line in judged.notes:
        note(line)
    warnings = training.warn_of_training_file(Path(corpus))
    scores = evaluate_transducer(saved.model, judged.rows, beam_width=beam)
    if as_json:
        where = {"model": str(folder), "corpus": corpus, "split": judged.split}
        print_json({**where, **scores.to_dict(), "warnings": warnings})
        return
    print_figures({"transducer": scores.figures()}, scores.n)
    print_warnings(warnings)

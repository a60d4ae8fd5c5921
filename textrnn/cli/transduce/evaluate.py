"""``textrnn transduce evaluate``: how well a saved transducer writes the targets of pairs."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from textrnn.cli.judging import check_gate, check_share, framed
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
    min_exact: Annotated[
        float | None, typer.Option("--min-exact", help="Exit with 1 if exact is lower.")
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

        textrnn transduce evaluate models/dates new.tsv --beam 4 --json --min-exact 0.9
    """
    del debug
    check_beam(beam)
    check_share("--min-exact", min_exact)
    from textrnn.cli.output import print_json, print_warnings
    from textrnn.cli.trained import training_of
    from textrnn.cli.transduce.figures import print_figures
    from textrnn.corpora.structures import judged_pairs
    from textrnn.experiments.transduction import evaluate_transducer
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder, kinds=("transducer",))
    training = training_of(saved)
    judged = judged_pairs(
        corpus, split=split, test_fraction=training.test_fraction, random_state=training.seed
    )
    for line in judged.notes:
        note(line)
    warnings = training.warn_beside(judged, corpus)
    scores = evaluate_transducer(saved.model, judged.rows, beam_width=beam)
    with contextlib.suppress(BrokenPipeError):  # who reads no further still wants the gate's code
        if as_json:
            print_json(framed(folder, corpus, judged, scores.to_dict(), warnings))
        else:
            print_figures({"transducer": scores.figures()}, scores.n)
            print_warnings(warnings)
    check_gate("share of exact answers", scores.exact, "--min-exact", min_exact)

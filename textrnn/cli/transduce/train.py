"""``textrnn transduce train``: pairs of texts in, a model folder and its figures out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.options import Debug, Json, Quiet, Seed, check_seed, say, silent
from textrnn.cli.setting_options import checked_settings, takes_settings
from textrnn.cli.train_checks import check_out, check_validation, folder_name
from textrnn.training.declared import DATA
from textrnn.training.transduction.settings import TransductionSettings

if TYPE_CHECKING:
    from textrnn.storage.report import RunReport


@takes_settings(TransductionSettings)
def train(
    given: dict[str, Any],
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Source and target with a tab between them on each line; a table with columns of "
            "these names; or a corpus by name (see textrnn corpora).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Model folder to write; by default models/FILE-transducer."
        ),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="File with the test pairs.", rich_help_panel=DATA)
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            help="File with the pairs that choose the best epoch and stop the training.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(help="Share held out for the test without one; 0.1.", rich_help_panel=DATA),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Compare with what learns nothing."),
    ] = True,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train an encoder-decoder with attention to write the target of a source.

    \b
    textrnn transduce train dates.tsv
    textrnn transduce train dates.tsv --test new.tsv --out models/dates
    textrnn transduce train phrases.tsv --source-unit word --target-unit word
    """
    del debug
    started = time.perf_counter()
    settings = checked_settings(TransductionSettings, given, given)
    check_seed(seed)
    if out is not None:
        check_out(out)
    check_validation(validation, given)
    from textrnn.corpora import load_pairs

    tell = silent if quiet else say
    material = load_pairs(
        corpus,
        test=test,
        validation=validation,
        test_fraction=test_fraction,
        random_state=seed,
    )
    from textrnn.experiments.structure import run_structure
    from textrnn.experiments.transduction import TransductionExperiment
    from textrnn.training.progress import Progress

    experiment = TransductionExperiment(
        material,
        settings,
        out=out or Path("models") / f"{folder_name(material.name)}-transducer",
        seed=seed,
        baselines=baselines,
        started=started,
        resume=resume,
        callbacks=() if quiet else (Progress(),),
        say=tell,
    )
    report = run_structure(experiment)
    _show(report, as_json=as_json)
    if report.interrupted:
        go_on = "; go on with the same command and --resume" if experiment.kept.is_begun else ""
        tell(f"interrupted{go_on}")
        raise typer.Exit(INTERRUPTED)


def _show(report: RunReport, *, as_json: bool) -> None:
    """The report, for programs or for people."""
    from textrnn.cli.output import print_json
    from textrnn.cli.transduce.figures import print_figures
    from textrnn.experiments.transduction import baseline_figures

    if as_json:
        print_json(report.to_dict())
    elif report.figures:
        rows = {"transducer": report.known_figures, **baseline_figures(report)}
        print_figures(rows, report.n_test or 0)

"""``textrnn train``: a corpus in, a model folder and an honest comparison out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.corpus_options import CorpusOptions, ManyLabels
from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.options import Cache, Debug, Json, Quiet, Seed, check_seed, say, silent
from textrnn.cli.setting_options import Preset, settings_of, takes_settings
from textrnn.cli.train_checks import (
    check_embedding,
    check_out,
    check_regression,
    folder_name,
    with_source,
)
from textrnn.training.declared import DATA
from textrnn.training.presets import DEFAULT

if TYPE_CHECKING:
    from textrnn.corpora import Corpus
    from textrnn.storage.report import RunReport


@takes_settings()
def train(
    texts: CorpusOptions,
    given: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model folder to write; by default models/CORPUS."),
    ] = None,
    preset: Preset = DEFAULT,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Compare with bag-of-words models.")
    ] = True,
    cache: Cache = True,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    label_separator: ManyLabels = None,
    regression: Annotated[
        bool,
        typer.Option(
            "--regression",
            help="Labels are numbers, which the network learns to predict; the baseline is ridge "
            "regression on TF-IDF.",
            rich_help_panel=DATA,
        ),
    ] = False,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            help="Texts without labels to learn from, too, which takes some times as long: a file, "
            "or auto for the corpus's own.",
            rich_help_panel=DATA,
        ),
    ] = None,
) -> None:
    """Train a network, compare it with bag-of-words models, save it.

    \b
    textrnn train cars
    textrnn train reviews.csv --text-column review --label-column stars
    textrnn train imdb --preset minute
    textrnn train reviews.csv --budget 10m
    textrnn train imdb --cell gru --hidden 100 --out models/imdb-gru
    textrnn train reviews.csv --label-column stars --regression
    """
    del debug
    started = time.perf_counter()
    settings = settings_of(preset, given)
    texts.check(given)
    if regression:
        check_regression(given, separator=label_separator, unlabelled=unlabelled)
    check_seed(seed)
    if out is not None:
        check_out(out)
    check_embedding(settings.embedding)
    settings = with_source(settings)
    tell = silent if quiet else say
    loaded = texts.load(
        given,
        validation_fraction=settings.validation_fraction,
        tell=tell,
        label_separator=label_separator,
        random_state=seed,
        unlabelled=unlabelled == "auto",
        numeric=regression,
    )
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
    from textrnn.linear.baselines import BASELINES
    from textrnn.training.progress import Progress

    out = out or Path("models") / folder_name(loaded.name)
    experiment = Experiment(
        corpus=loaded,
        settings=settings,
        out=out,
        seed=seed,
        baselines=BASELINES if baselines else (),
        preset=preset,
        started=started,
        resume=resume,
        unlabelled=_unlabelled(unlabelled, loaded),
        cache=cache,
        callbacks=() if quiet else (Progress(),),
        say=tell,
    )
    report = run_experiment(experiment)
    _show(report, as_json=as_json)
    if settings.max_seconds is not None and not report.interrupted:
        tell(_again(report))
    if report.interrupted:
        is_begun = experiment.out is not None and checkpoint_path(experiment.out).exists()
        tell("interrupted" + ("; go on with the same command and --resume" if is_begun else ""))
        raise typer.Exit(INTERRUPTED)


def _show(report: RunReport, *, as_json: bool) -> None:
    """The report, for programs or for people, of classes or of numbers."""
    from textrnn.cli.numbers import print_numbers_report
    from textrnn.cli.output import print_json, print_report

    if as_json:
        print_json(report.to_dict())
    elif report.classes:
        print_report(report)
    else:
        print_numbers_report(report)


def _again(report: RunReport) -> str:
    """How to do again what the clock has decided."""
    done = f"{report.steps:,} of {report.planned_steps:,} planned steps were done; "
    if report.unlabelled is not None:
        return f"{done}with unlabelled texts no --max-steps does the same again"
    if report.n_train_in_time != report.n_train:
        return (
            f"{done}there was time for {report.n_train_in_time:,} of {report.n_train:,} "
            "training texts, drawn at random"
        )
    how = "all of them" if report.out_of_time else "the same again"
    return f"{done}--max-steps {report.planned_steps} in place of --budget does {how}"


def _unlabelled(source: str | None, corpus: Corpus) -> Sequence[str]:
    """Texts without labels: a file's, or the corpus's own."""
    if source is None:
        return ()
    from textrnn.corpora import read_texts
    from textrnn.errors import DataError, UsageError
    from textrnn.wording.quoting import quoted

    if not source:
        raise UsageError("--unlabelled is empty; give a file, or auto for the corpus's own texts.")
    texts = list((corpus.unlabelled or ()) if source == "auto" else read_texts(source))
    if not any(text.strip() for text in texts):
        raise DataError(f"--unlabelled is {quoted(source)}, but there is no text in it.")
    return texts

"""``textrnn lm train``: texts in, a language model and its perplexity on others out."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.options import Cache, Debug, Json, Offline, Quiet, Seed, check_seed, say, silent
from textrnn.cli.setting_options import checked_settings, takes_settings
from textrnn.cli.train_checks import check_embedding, check_out, check_validation, folder_name
from textrnn.errors import UsageError
from textrnn.training.declared import DATA
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.wording.messages import Parameter, stated

if TYPE_CHECKING:
    from textrnn.corpora import Lines, Material
    from textrnn.storage.report import RunReport


@dataclass(frozen=True)
class LineOptions:
    """Where texts come from; each field is an option."""

    texts: Annotated[
        str,
        typer.Argument(
            help="A file with a text a line, a table (.csv .tsv .jsonl .parquet, also .gz .xz), a "
            "folder of .txt files, or a corpus by name (see textrnn corpora), of which texts "
            "without labels are taken where it has some."
        ),
    ]
    condition: Annotated[
        str | None,
        typer.Option(
            help="Write texts for a label: the column that holds it, or label for whichever does.",
            rich_help_panel=DATA,
        ),
    ] = None
    test: Annotated[
        str | None, typer.Option(help="File with the test texts.", rich_help_panel=DATA)
    ] = None
    validation: Annotated[
        str | None,
        typer.Option(help="File with the texts to choose the epoch by.", rich_help_panel=DATA),
    ] = None
    test_fraction: Annotated[
        float | None,
        typer.Option(
            help="Share held out for the test if there are no test texts; 0.1.",
            rich_help_panel=DATA,
        ),
    ] = None
    text_column: Annotated[
        str | None,
        typer.Option(help="Column with the text, if it is not found.", rich_help_panel=DATA),
    ] = None
    offline: Offline = False

    def load(self, given: dict[str, Any], seed: int) -> Material[Lines]:
        """Read the texts.

        Raises:
            UsageError: options exclude each other.
        """
        from textrnn.corpora import load_lines

        check_validation(self.validation, given)
        where = asdict(self)
        return load_lines(where.pop("texts"), **where, random_state=seed)


@takes_settings(LanguageModelSettings)
def train(
    lines: LineOptions,
    given: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model folder to write; by default models/TEXTS-lm."),
    ] = None,
    markov: Annotated[
        int | None,
        typer.Option(
            help="Fit a Markov chain of this order (smoothed by Kneser and Ney) in the place of a "
            "network: it takes seconds."
        ),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Compare with Markov chains.")
    ] = True,
    cache: Cache = True,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a language model: which word comes next, or which character.

    \b
    textrnn lm train reviews.txt --out models/reviews-lm
    textrnn lm train imdb --budget 30m
    textrnn lm train reviews.csv --condition stars
    textrnn lm train names.txt --unit char
    textrnn lm train reviews.txt --markov 5
    """
    del debug
    started = time.perf_counter()
    settings = checked_settings(LanguageModelSettings, given, given)
    check_seed(seed)
    if markov is not None:
        check_markov(markov, given)
    if out is not None:
        check_out(out)
    check_embedding(settings.embedding)
    tell = silent if quiet else say
    material = lines.load(given, seed)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.kept import checkpoint_path
    from textrnn.experiments.language import LanguageExperiment
    from textrnn.experiments.structure import run_structure
    from textrnn.training.progress import Progress

    out = out or Path("models") / f"{folder_name(material.name)}-lm"
    report = run_structure(
        LanguageExperiment(
            material,
            settings,
            out,
            seed,
            markov=markov,
            baselines=baselines,
            started=started,
            resume=resume,
            cache=cache,
            callbacks=() if quiet else (Progress(),),
            say=tell,
        )
    )
    _show(report, as_json=as_json)
    if report.interrupted:
        is_begun = checkpoint_path(out).exists()
        tell("interrupted" + ("; go on with the same command and --resume" if is_begun else ""))
        raise typer.Exit(INTERRUPTED)


OF_CHAINS = (
    *("unit", "tokenizer", "lowercase", "min_df", "max_df", "max_features"),
    *("validation_fraction", "n_jobs"),
)
"""Settings that mean something to a Markov chain."""
MOST_WORDS = 10
"""Of an n-gram."""


def check_markov(order: int, given: Collection[str]) -> None:
    """Complain of an order that cannot be, and of settings that mean nothing to a chain."""
    if not 1 <= order <= MOST_WORDS:
        raise UsageError(stated("markov", order), f", but must be from 1 to {MOST_WORDS}.")
    for name in given:
        if name not in OF_CHAINS:
            raise UsageError(
                Parameter(name),
                " is for networks, but ",
                Parameter("markov"),
                " fits a Markov chain; leave one of them out.",
            )


def _show(report: RunReport, *, as_json: bool) -> None:
    """The report, for programs or for people."""
    from textrnn.cli.output import print_entries, print_json

    if as_json:
        print_json(report.to_dict())
        return
    figures = report.known_figures
    lines = [f"{name.replace('_', ' ')}: {value:,.6g}" for name, value in figures.items()]
    if report.recommendation:
        lines.append(report.recommendation)
    print_entries([(f"language model of {report.corpus}", lines)])

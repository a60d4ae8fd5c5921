"""``textrnn tag train``: texts with tags in, a tagger and its scores on others out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.options import Debug, Json, Quiet, Seed, check_seed, say, silent
from textrnn.cli.setting_options import checked_settings, takes_settings
from textrnn.cli.train_checks import check_embedding, check_out, check_validation, folder_name
from textrnn.training.declared import DATA
from textrnn.training.tagging.settings import TaggingSettings

if TYPE_CHECKING:
    from textrnn.corpora.material import Material
    from textrnn.corpora.rows import TaggedTexts
    from textrnn.storage.report import RunReport


@dataclass(frozen=True)
class TaggedOptions:
    """Where texts with tags come from; each field is an option."""

    texts: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A token, a tab and its tag on each line, an empty line between texts; of more "
            "columns the first and the last. Also JSON lines, a folder of splits, or a corpus by "
            "name (far, grammar).",
        ),
    ]
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

    def load(self, given: dict[str, Any], seed: int) -> Material[TaggedTexts]:
        """Read the texts.

        Raises:
            UsageError: options exclude each other.
        """
        from textrnn.corpora.structures import load_tagged

        check_validation(self.validation, given)
        where = asdict(self)
        return load_tagged(where.pop("texts"), **where, random_state=seed)


@takes_settings(TaggingSettings)
def train(
    texts: TaggedOptions,
    given: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model folder to write; by default models/FILE-tagger."),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Compare with a linear model, too."),
    ] = True,
    entities: Annotated[
        bool | None,
        typer.Option(
            "--entities/--no-entities",
            help="Score whole entities, which BIO tags mark (pip install seqeval); by default if "
            "it can be.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a tagger, compare it with simpler ones, save it.

    \b
    textrnn tag train train.tsv --test test.tsv --out models/tagger
    textrnn tag train grammar
    textrnn tag train train.tsv --budget 10m
    """
    del debug
    started = time.perf_counter()
    settings = checked_settings(TaggingSettings, given, given)
    check_seed(seed)
    if out is not None:
        check_out(out)
    check_embedding(settings.embedding)
    tell = silent if quiet else say
    material = texts.load(given, seed)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.kept import checkpoint_path
    from textrnn.experiments.structure import run_structure
    from textrnn.experiments.tagging import TaggingExperiment
    from textrnn.training.progress import Progress

    out = out or Path("models") / f"{folder_name(material.name)}-tagger"
    report = run_structure(
        TaggingExperiment(
            material,
            settings,
            out,
            seed,
            baselines=baselines,
            entities=entities,
            started=started,
            resume=resume,
            callbacks=() if quiet else (Progress(),),
            say=tell,
        )
    )
    _show(report, as_json=as_json)
    if report.interrupted:
        is_begun = checkpoint_path(out).exists()
        tell("interrupted" + ("; go on with the same command and --resume" if is_begun else ""))
        raise typer.Exit(INTERRUPTED)


def _show(report: RunReport, *, as_json: bool) -> None:
    """The report, for programs or for people."""
    from textrnn.cli.output import print_json
    from textrnn.cli.tag.output import print_figures, print_tags

    if as_json:
        print_json(report.to_dict())
        return
    print_figures(report.known_figures, title=f"tagger of {report.corpus}")
    print_tags(report.others.get("per_tag", ()))
    if report.recommendation:
        from textrnn.cli.output import print_line

        print_line(report.recommendation)

"""``textrnn compare``: baselines and a network side by side, and which to use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.corpus_options import CorpusOptions
from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.models import MODELS, find_model
from textrnn.cli.options import Cache, Debug, Json, Quiet, check_seed, say, silent
from textrnn.cli.setting_options import Preset, settings_of, takes_settings
from textrnn.cli.train_checks import check_embedding
from textrnn.errors import UsageError
from textrnn.training.presets import DEFAULT
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import shell_word

if TYPE_CHECKING:
    from textrnn.cli.trained import Training
    from textrnn.experiments.contest_report import ContestReport
    from textrnn.inference.classifier import TextModel

OF_ALL = frozenset({"validation_fraction", "n_jobs", "class_weight"})
"""Settings that are not the network's alone."""
OF_TEXTS = frozenset({"tokenizer", "lowercase"})
"""Those that a saved model brings along."""


@takes_settings()
def compare(
    texts: CorpusOptions,
    given: dict[str, Any],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A saved network to compare; none is trained then."),
    ] = None,
    network: Annotated[
        bool, typer.Option("--network/--no-network", help="Train a network.")
    ] = True,
    preset: Preset = DEFAULT,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve", help="Train on 1, 3, 10 and 30 % of the training texts as well."
        ),
    ] = False,
    save: Annotated[
        str | None, typer.Option("--save", help="Save one as a model: a name under ./models.")
    ] = None,
    which: Annotated[
        str,
        typer.Option(help="What to save: classifier, nbsvm, markov, ..., or best, the one to use."),
    ] = "best",
    seed: Annotated[
        int | None, typer.Option(help="Seed of the splits; as for the model, or 0.")
    ] = None,
    cache: Cache = True,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train baselines and a network, and say which to use.

    Baselines are bags of words and Markov chains. All are trained on the corpus, tuned on
    validation texts and scored on test texts: what they get right, how well they are calibrated,
    what they cost. Beside a --model the texts are drawn as they were at its training. Ctrl-C
    shows what was done till then.

    \b
    textrnn compare sms_spam
    textrnn compare reviews.csv --learning-curve --save reviews
    textrnn compare cars --model cars
    """
    del debug
    if seed is not None:
        check_seed(seed)
    settings = settings_of(preset, given)
    texts.check(given)
    check_embedding(settings.embedding)
    if model is not None or not network:
        _refuse_settings(given, preset, OF_ALL if model is not None else OF_ALL | OF_TEXTS)
    out = _place(save, which, network or model is not None)
    tell = silent if quiet else say
    folder = None if model is None else find_model(model)
    loaded, training = _saved(folder)
    seed = training.seed if seed is None else seed
    if "validation_fraction" not in given:
        settings = replace(settings, validation_fraction=training.validation_fraction)
    corpus = texts.load(
        given,
        validation_fraction=settings.validation_fraction,
        tell=tell,
        default_fraction=training.test_fraction,
        random_state=seed,
        classes=None if loaded is None else [str(c) for c in loaded.classes],
    )
    told = training.warn_of_other_splits(corpus)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.contest import Contest, run_contest
    from textrnn.experiments.learning_curve import FRACTIONS
    from textrnn.training.progress import Progress

    report = run_contest(
        Contest(
            corpus=corpus,
            settings=settings,
            seed=seed,
            network=network,
            model=loaded,
            fractions=FRACTIONS if learning_curve else (),
            out=out,
            which=which,
            cache=cache,
            callbacks=() if quiet else (Progress(),),
            say=tell,
        )
    )
    report = replace(report, warnings=told + report.warnings)
    about = {"corpus": corpus.name, "model": folder and str(folder), "seed": seed}
    _print(report, about if as_json else None)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _print(report: ContestReport, about: dict[str, Any] | None) -> None:
    """Print what was found, for people, or as JSON with what it is about."""
    from textrnn.cli.output import print_comparison, print_json

    if about is not None:
        print_json({**about, **report.to_dict()})
    else:
        print_comparison(report)


def _refuse_settings(given: dict[str, Any], preset: str, allowed: Collection[str]) -> None:
    """Refuse settings of a network that will not be trained.

    Raises:
        UsageError: the first of them, as they stand on the command line or in its place.
    """
    named = [*(name for name in given if name not in allowed)]
    named += ["preset"] if preset != DEFAULT else []
    if named:
        raise UsageError(
            Parameter(named[0]), " is for a network that is trained, but none is; leave it out."
        )


def _place(save: str | None, which: str, has_network: bool) -> Path | None:
    """The folder to save one of the classifiers in, if one is to be saved.

    Raises:
        UsageError: it is not said where, or there will be none of that name.
        ModelError: the folder cannot be written.
    """
    from textrnn.storage.writing import check_writable

    if save is None and which != "best":
        raise UsageError(
            f"--which {shell_word(which)} says what to save; give --save NAME as well."
        )
    out = None if save is None else _folder_of(save)
    if out is not None:
        check_writable(out)
    if which != "best":
        _check_which(which, has_network)
    return out


def _saved(folder: Path | None) -> tuple[TextModel | None, Training]:
    """The network of a folder, if there is one, and how it was trained."""
    from textrnn.cli.trained import Training, training_of
    from textrnn.storage.loading import check_network
    from textrnn.storage.reading import load_saved

    if folder is None:
        return None, Training()
    saved = load_saved(folder)  # of one moment: another model may take its place
    return check_network(saved.model, folder), training_of(saved)


def _check_which(which: str, has_network: bool) -> None:
    from textrnn.evaluation.recommendation import CLASSIFIER
    from textrnn.experiments.contest import check_which, current_name
    from textrnn.linear.baselines import ALL_BASELINES

    check_which(current_name(which), (*ALL_BASELINES, CLASSIFIER) if has_network else ALL_BASELINES)


def _folder_of(save: str) -> Path:
    """The folder that a name or a path means."""
    if not save.strip():
        raise UsageError("--save is empty; give a name, as reviews for models/reviews.")
    path = Path(save)
    return MODELS / path if len(path.parts) == 1 else path

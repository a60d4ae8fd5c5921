"""``textrnn compare``: bag-of-words models and a network side by side, and which to use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.models import MODELS, find_model, tell_replaced
from textrnn.cli.options import (
    Cache,
    Debug,
    Jobs,
    Json,
    LabelColumn,
    Offline,
    Quiet,
    TextColumn,
    check_seed,
    processes_of,
    say,
    silent,
    tell_small_splits,
)
from textrnn.errors import UsageError
from textrnn.wording.quoting import shell_word


def compare(
    corpus: Annotated[str, typer.Argument(help="Name, hf:owner/name, file or folder.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A saved network to compare; none is trained then."),
    ] = None,
    network: Annotated[
        bool,
        typer.Option("--network/--no-network", help="Train a network, with default settings."),
    ] = True,
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
        typer.Option(help="What to save: network, nbsvm, tfidf_lr, ..., or best, the one to use."),
    ] = "best",
    test: Annotated[str | None, typer.Option("--test", help="File with the test texts.")] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            "--test-fraction", help="Share held out for the test; as for the model, or 0.2."
        ),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    tokenizer: Annotated[
        str, typer.Option(help="word, char, or jieba; a --model brings its own.")
    ] = "word",
    validation_fraction: Annotated[
        float | None,
        typer.Option(help="Share of the training texts that tunes; as for the model, or 0.1."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the splits; as for the model, or 0.")
    ] = None,
    jobs: Jobs = -1,
    cache: Cache = True,
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train bag-of-words models and a network, and say which to use.

    Each is trained on the corpus, tuned on validation texts and scored on test texts: what
    it gets right, how far its probabilities can be believed, what it costs. Beside a --model
    the texts are drawn as they were at its training. Ctrl-C shows what was done till then.

    Examples:

        textrnn compare sms_spam

        textrnn compare reviews.csv --learning-curve --save reviews

        textrnn compare cars --model cars
    """
    del debug
    if seed is not None:
        check_seed(seed)
    processes_of(jobs)
    if validation_fraction is not None and not 0.0 < validation_fraction < 1.0:
        raise UsageError(
            f"--validation-fraction is {validation_fraction}, but must be above 0 and below 1."
        )
    from textrnn.cli.output import print_comparison, print_json
    from textrnn.cli.trained import Training, training_of
    from textrnn.corpora import load_corpus
    from textrnn.storage.reading import check_network, load_saved
    from textrnn.storage.writing import check_writable
    from textrnn.text.tokenizers import make_tokenizer
    from textrnn.training.settings import Settings

    if save is None and which != "best":
        raise UsageError(
            f"--which {shell_word(which)} says what to save; give --save NAME as well."
        )
    out = None if save is None else _folder_of(save)
    if out is not None:
        check_writable(out)
    if which != "best":
        _check_which(which, network or model is not None)
    tell = silent if quiet else say
    if out is not None:
        tell_replaced(out, tell)
    folder = None if model is None else find_model(model)
    loaded, training = None, Training()
    if folder is not None:
        saved = load_saved(folder)  # of one moment: another model may take its place
        loaded, training = check_network(saved.model, folder), training_of(saved.metrics)
    seed = training.seed if seed is None else seed
    make_tokenizer(tokenizer)
    texts = load_corpus(
        corpus,
        text_column=text_column,
        label_column=label_column,
        test=test,
        test_fraction=test_fraction,
        default_fraction=training.test_fraction,
        random_state=seed,
        offline=offline,
        classes=None if loaded is None else [str(c) for c in loaded.classes],
    )
    told = training.warn_of_other_splits(texts)
    validation_fraction = validation_fraction or training.validation_fraction
    tell_small_splits(texts, validation_fraction, tell)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.contest import Contest, run_contest
    from textrnn.experiments.learning_curve import FRACTIONS
    from textrnn.training.progress import Progress

    contest = Contest(
        corpus=texts,
        settings=Settings(
            tokenizer=tokenizer, validation_fraction=validation_fraction, n_jobs=jobs
        ),
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
    report = run_contest(contest)
    report = {
        "corpus": texts.name,
        "model": None if folder is None else str(folder),
        "seed": seed,
        **report,
        "warnings": told + report["warnings"],
    }
    if as_json:
        print_json(report)
    else:
        print_comparison(report)
    if report["interrupted"]:
        raise typer.Exit(INTERRUPTED)


def _check_which(which: str, has_network: bool) -> None:
    from textrnn.evaluation.recommendation import NETWORK
    from textrnn.experiments.contest import check_which
    from textrnn.linear.baselines import BASELINES

    check_which(which, (*BASELINES, NETWORK) if has_network else BASELINES)


def _folder_of(save: str) -> Path:
    """The folder that a name or a path means."""
    if not save.strip():
        raise UsageError("--save is empty; give a name, as reviews for models/reviews.")
    path = Path(save)
    return MODELS / path if len(path.parts) == 1 else path

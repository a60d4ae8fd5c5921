"""``textrnn compare``: bag-of-words models on a corpus, alone or beside a saved network."""

from __future__ import annotations

from typing import Annotated

import typer

from textrnn.cli.models import find_model
from textrnn.cli.option_names import options_named
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


def compare(
    corpus: Annotated[str, typer.Argument(help="Name, hf:owner/name, file or folder.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A saved network to set beside them.")
    ] = None,
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
    """Score bag-of-words models on a corpus, alone or with a network.

    Each is trained on the corpus, tuned on validation texts and scored on test texts. What
    is drawn for them is what was drawn at the training of the network.

    Examples:

        textrnn compare sms_spam

        textrnn compare cars --model cars
    """
    del debug
    if seed is not None:
        check_seed(seed)
    n_jobs = processes_of(jobs)
    if validation_fraction is not None and not 0.0 < validation_fraction < 1.0:
        raise UsageError(
            f"--validation-fraction is {validation_fraction}, but must be above 0 and below 1."
        )
    from textrnn.cli.output import print_json, print_report
    from textrnn.cli.trained import Training, read_training
    from textrnn.corpora import load_corpus
    from textrnn.persistence import load_model
    from textrnn.text.tokenizers import make_tokenizer

    tell = silent if quiet else say
    folder = None if model is None else find_model(model)
    loaded = None if folder is None else load_model(folder)
    training = Training() if folder is None else read_training(folder)
    seed = training.seed if seed is None else seed
    with options_named():
        tokenize = loaded.tokenizer if loaded else make_tokenizer(tokenizer)
    texts = load_corpus(
        corpus,
        text_column=text_column,
        label_column=label_column,
        test=test,
        test_fraction=test_fraction,
        default_fraction=training.test_fraction,
        random_state=seed,
        offline=offline,
    )
    training.warn_of_other_splits(texts)
    validation_fraction = validation_fraction or training.validation_fraction
    tell_small_splits(texts, validation_fraction, tell)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn import experiment

    with options_named():
        data = experiment.prepare(
            texts,
            tokenize,
            validation_fraction=validation_fraction,
            seed=seed,
            n_jobs=n_jobs,
            cache=cache,
            say=tell,
        )
    report = {
        "corpus": texts.name,
        "model": None if folder is None else str(folder),
        "seed": seed,
        **experiment.compare(data, loaded, n_jobs=n_jobs, say=tell),
    }
    if as_json:
        print_json(report)
    else:
        print_report(report)

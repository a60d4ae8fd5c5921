"""``textrnn train``: a corpus in, a model folder and an honest comparison out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textrnn.cli.run import (
    INTERRUPTED,
    Debug,
    Json,
    LabelColumn,
    Offline,
    Quiet,
    TextColumn,
    say,
    silent,
)

if TYPE_CHECKING:
    from textrnn.corpora import Corpus


def train(
    corpus: Annotated[
        str,
        typer.Argument(
            help="Name (see textrnn corpora), hf:owner/name, a file (.csv .tsv .jsonl .parquet, "
            "also .gz .xz) or a folder of class folders."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model folder to write; by default models/CORPUS."),
    ] = None,
    test: Annotated[
        str | None, typer.Option("--test", help="File with the test texts of a corpus of files.")
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option("--test-fraction", help="Share held out for the test if there is no split."),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    cell: Annotated[str, typer.Option(help="lstm, gru, rnn (tanh) or rnn_relu.")] = "lstm",
    hidden: Annotated[int, typer.Option(help="Units of each layer and direction.")] = 64,
    layers: Annotated[int, typer.Option(help="Recurrent layers.")] = 1,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional/--one-way", help="Read each text from both ends.")
    ] = True,
    readout: Annotated[
        str, typer.Option(help="max or mean over all states, or the last one.")
    ] = "max",
    embedding: Annotated[
        str, typer.Option(help="random, word2vec, onehot, or a file of word vectors.")
    ] = "random",
    embedding_dim: Annotated[int, typer.Option(help="Size of the word vectors.")] = 100,
    freeze_embedding: Annotated[
        bool, typer.Option("--freeze-embedding", help="Keep the word vectors as they are.")
    ] = False,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            help="More texts for --embedding word2vec: a file, or auto for the corpus's own."
        ),
    ] = None,
    tokenizer: Annotated[
        str, typer.Option(help="word, char, or jieba for Chinese words.")
    ] = "word",
    keep_case: Annotated[bool, typer.Option("--keep-case", help="Do not ignore case.")] = False,
    max_length: Annotated[
        int, typer.Option(help="Words read of each text from its beginning; 0 reads all.")
    ] = 1_000,
    max_features: Annotated[
        int, typer.Option(help="Size of the vocabulary; 0 keeps every word.")
    ] = 30_000,
    min_df: Annotated[int, typer.Option(help="Texts a word must occur in to be known.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs at most; by default as many as make some 3,000 steps, 4 to 50."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs to wait for a better accuracy; by default a third of all."),
    ] = None,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping/--no-early-stopping", help="Stop when the accuracy rises no more."
        ),
    ] = True,
    validation_fraction: Annotated[
        float, typer.Option(help="Share of the training texts that tunes and stops.")
    ] = 0.1,
    batch_size: Annotated[int, typer.Option(help="Texts in a step.")] = 32,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 2e-3,
    schedule: Annotated[str, typer.Option(help="linear or cosine decay, or constant.")] = "linear",
    solver: Annotated[str, typer.Option(help="adam or sgd.")] = "adam",
    dropout: Annotated[float, typer.Option(help="Dropout of the readout.")] = 0.5,
    dropout_input: Annotated[float, typer.Option(help="Dropout of the inputs.")] = 0.3,
    alpha: Annotated[float, typer.Option(help="Weight decay.")] = 0.0,
    max_grad_norm: Annotated[
        float, typer.Option(help="Clip gradients to this norm; 0 does not.")
    ] = 1.0,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Weight classes by how rare they are.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Compare with bag-of-words models.")
    ] = True,
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network on a corpus, compare it with bag-of-words models, save it.

    Examples:

        textrnn train cars

        textrnn train reviews.csv --text-column review --label-column stars

        textrnn train imdb --cell gru --hidden 100 --out models/imdb-gru
    """
    del debug
    from textrnn.baselines import BASELINES
    from textrnn.cli.output import print_json, print_report
    from textrnn.corpora import load_corpus
    from textrnn.experiment import Experiment, run_experiment
    from textrnn.training.progress import Progress
    from textrnn.training.settings import Settings

    settings = Settings(
        cell=cell,
        hidden_size=hidden,
        num_layers=layers,
        bidirectional=bidirectional,
        readout=readout,
        embedding=embedding,
        embedding_dim=embedding_dim,
        freeze_embedding=freeze_embedding,
        tokenizer=tokenizer,
        lowercase=not keep_case,
        min_df=min_df,
        max_features=max_features or None,
        max_length=max_length or None,
        solver=solver,
        learning_rate_init=lr,
        learning_rate=schedule,
        alpha=alpha,
        max_grad_norm=max_grad_norm or None,
        batch_size=batch_size,
        max_iter=epochs,
        dropout_input=dropout_input,
        dropout_readout=dropout,
        early_stopping=early_stopping,
        validation_fraction=validation_fraction,
        n_iter_no_change=patience,
        class_weight="balanced" if balanced else None,
    )
    settings.validate()
    tell = silent if quiet else say
    loaded = load_corpus(
        corpus,
        text_column=text_column,
        label_column=label_column,
        test=test,
        test_fraction=test_fraction,
        random_state=seed,
        offline=offline,
        unlabelled=unlabelled == "auto",
    )
    report = run_experiment(
        Experiment(
            corpus=loaded,
            settings=settings,
            out=out or Path("models") / _folder_name(loaded.name),
            seed=seed,
            baselines=BASELINES if baselines else (),
            resume=resume,
            unlabelled=_unlabelled(unlabelled, loaded),
            callbacks=() if quiet else (Progress(),),
            say=tell,
        )
    )
    if as_json:
        print_json(report)
    else:
        print_report(report)
    if report["interrupted"]:
        tell("interrupted; go on with the same command and --resume")
        raise typer.Exit(INTERRUPTED)


def _folder_name(name: str) -> str:
    """A corpus's name as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"


def _unlabelled(source: str | None, corpus: Corpus) -> Iterable[str]:
    """Texts for word2vec: a file's, or the corpus's own."""
    if source is None:
        return ()
    from textrnn.corpora import read_texts

    return corpus.unlabelled or () if source == "auto" else read_texts(source)

"""``textrnn train``: a corpus in, a model folder and an honest comparison out."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.durations import seconds_of
from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.option_names import given_settings
from textrnn.cli.options import (
    Cache,
    Debug,
    Json,
    Offline,
    Quiet,
    Seed,
    check_seed,
    say,
    silent,
    tell_small_splits,
)
from textrnn.cli.train_checks import (
    check_embedding,
    check_limits,
    check_out,
    check_tuning,
    tell_checkpoint,
)

if TYPE_CHECKING:
    from textrnn.corpora import Corpus

# Groups of the help.
DATA, TEXT, NETWORK, TRAINING = "Data", "Text", "Network", "Training"
REGULARISATION = "Regularisation"


def train(
    ctx: typer.Context,
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
    preset: Annotated[
        str,
        typer.Option(
            help="Settings to begin with; options given beside it count more. minute (about a "
            "minute for 25,000 reviews on 2 cores), default, best (long texts, some five minutes "
            "for 25,000 reviews), or paper (a plain LSTM to study: one way, last state, no "
            "n-grams).",
        ),
    ] = "default",
    budget: Annotated[
        str | None,
        typer.Option(
            help="Time at most for all but the baselines, as 60s, 10m or 1h. As many steps are "
            "planned as fit, so no two runs need be alike: the report tells the --max-steps that "
            "do the same again.",
        ),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where a stopped run left off.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(help="Processes; -1 takes all cores. As the seed, part of what fixes a run."),
    ] = -1,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Compare with bag-of-words models.")
    ] = True,
    cache: Cache = True,
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    test: Annotated[
        str | None,
        typer.Option(
            "--test",
            help="File with the test texts, for a corpus of one file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            "--test-fraction",
            help="Share held out for the test if there is no split; 0.2 if not given.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation_fraction: Annotated[
        float,
        typer.Option(
            help="Share of the training texts that tunes and stops.", rich_help_panel=DATA
        ),
    ] = 0.1,
    text_column: Annotated[
        str | None,
        typer.Option(help="Column with the text, if it is not found.", rich_help_panel=DATA),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(help="Column with the label, if it is not found.", rich_help_panel=DATA),
    ] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(
            help="Texts have any number of labels, in one cell and with this between them, as '|'; "
            "lists in JSON work too.",
            rich_help_panel=DATA,
        ),
    ] = None,
    tokenizer: Annotated[
        str,
        typer.Option(
            help="word, char, or jieba for Chinese words (pip install jieba).",
            rich_help_panel=TEXT,
        ),
    ] = "word",
    keep_case: Annotated[
        bool,
        typer.Option("--keep-case", help="Do not ignore case.", rich_help_panel=TEXT),
    ] = False,
    max_length: Annotated[
        int,
        typer.Option(
            help="Words read of each text from its beginning; 0 reads all.", rich_help_panel=TEXT
        ),
    ] = 1_000,
    max_features: Annotated[
        int,
        typer.Option(help="Size of the vocabulary; 0 keeps every word.", rich_help_panel=TEXT),
    ] = 30_000,
    min_df: Annotated[
        int, typer.Option(help="Texts a word must occur in to be known.", rich_help_panel=TEXT)
    ] = 1,
    ngrams: Annotated[
        str,
        typer.Option(
            help="N-grams that a linear model beside the network weighs: words, characters (and "
            "words), auto (both, or words alone of much text) or none.",
            rich_help_panel=TEXT,
        ),
    ] = "auto",
    cell: Annotated[
        str,
        typer.Option(
            help="lstm, lstm_forget (without its other gates), gru, rnn (tanh) or rnn_relu.",
            rich_help_panel=NETWORK,
        ),
    ] = "lstm",
    hidden: Annotated[
        int, typer.Option(help="Units of each layer and direction.", rich_help_panel=NETWORK)
    ] = 64,
    layers: Annotated[int, typer.Option(help="Recurrent layers.", rich_help_panel=NETWORK)] = 1,
    bidirectional: Annotated[
        bool,
        typer.Option(
            "--bidirectional/--one-way",
            help="Read each text from both ends.",
            rich_help_panel=NETWORK,
        ),
    ] = True,
    readout: Annotated[
        str,
        typer.Option(
            help="What the classes are told from: the max or mean of all states, the last, "
            "max_mean or max_mean_last together, or attention.",
            rich_help_panel=NETWORK,
        ),
    ] = "max",
    segment_length: Annotated[
        int | None,
        typer.Option(
            help="Read longer texts in segments of at most so many words, side by side: long texts "
            "train up to twice as fast. Whole if not given, or 0.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    embedding: Annotated[
        str,
        typer.Option(
            help="random, word2vec, onehot, or a file of word vectors.", rich_help_panel=NETWORK
        ),
    ] = "random",
    embedding_dim: Annotated[
        int, typer.Option(help="Size of the word vectors.", rich_help_panel=NETWORK)
    ] = 100,
    freeze_embedding: Annotated[
        bool,
        typer.Option(
            "--freeze-embedding", help="Keep the word vectors as they are.", rich_help_panel=NETWORK
        ),
    ] = False,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            help="Texts of the same kind without labels: a file, or auto for the corpus's own. "
            "What is trained then teaches a new network on them, which takes some times as long.",
            rich_help_panel=DATA,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs at most; by default as many as make some 3,000 steps, 4 to 50.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of all epochs together; the last epoch may be a part. With --unlabelled "
            "the network that is taught takes at least two epochs.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="Stop when the validation accuracy rises no more.",
            rich_help_panel=TRAINING,
        ),
    ] = True,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs to wait for a better accuracy; by default a third of all.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(help="Texts in a step.", rich_help_panel=TRAINING)
    ] = 32,
    batch_tokens: Annotated[
        int | None,
        typer.Option(
            help="Words in a step, on average, instead of texts.", rich_help_panel=TRAINING
        ),
    ] = None,
    lr: Annotated[float, typer.Option(help="Highest learning rate.", rich_help_panel=TRAINING)] = (
        2e-3
    ),
    schedule: Annotated[
        str,
        typer.Option(
            help="linear or cosine decay, slanted (linear to a 32nd), or constant.",
            rich_help_panel=TRAINING,
        ),
    ] = "linear",
    solver: Annotated[str, typer.Option(help="adam or sgd.", rich_help_panel=TRAINING)] = "adam",
    max_grad_norm: Annotated[
        float,
        typer.Option(help="Clip gradients to this norm; 0 does not.", rich_help_panel=TRAINING),
    ] = 1.0,
    gradient_floor: Annotated[
        float,
        typer.Option(
            help="With --readout last: where the way back through a text ends, as a share of the "
            "largest gradient; 0 walks all.",
            rich_help_panel=TRAINING,
        ),
    ] = 1e-7,
    balanced: Annotated[
        bool,
        typer.Option(
            "--balanced", help="Weight classes by how rare they are.", rich_help_panel=TRAINING
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which the second of two classes in alphabetical order, or each "
            "label of a text, is the answer.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    tune_threshold: Annotated[
        str | None,
        typer.Option(
            help="f1: take the threshold with which the rarer class has its highest F1 on the "
            "validation texts.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    dropout: Annotated[
        float, typer.Option(help="Dropout of the readout.", rich_help_panel=REGULARISATION)
    ] = 0.5,
    dropout_input: Annotated[
        float, typer.Option(help="Dropout of the inputs.", rich_help_panel=REGULARISATION)
    ] = 0.3,
    dropout_embedding: Annotated[
        float, typer.Option(help="Dropout of whole words.", rich_help_panel=REGULARISATION)
    ] = 0.0,
    unknown_words: Annotated[
        str,
        typer.Option(
            help="nearest: read an unknown word (of four letters or more) as the most frequent "
            "known one that is one edit away, a letter more, less or other, or two neighbours "
            "swapped; same: read all as one word.",
            rich_help_panel=TEXT,
        ),
    ] = "nearest",
    unknown_alpha: Annotated[
        float,
        typer.Option(
            help="Rare words become the unknown word in training: of n occurrences the share "
            "alpha / (n + alpha).",
            rich_help_panel=REGULARISATION,
        ),
    ] = 0.25,
    dropout_recurrent: Annotated[
        float,
        typer.Option(help="Dropout of the recurrent weights.", rich_help_panel=REGULARISATION),
    ] = 0.0,
    alpha: Annotated[
        float, typer.Option(help="Weight decay.", rich_help_panel=REGULARISATION)
    ] = 0.0,
    label_smoothing: Annotated[
        float,
        typer.Option(
            help="Share of each label that is spread over all classes.",
            rich_help_panel=REGULARISATION,
        ),
    ] = 0.1,
    adversarial: Annotated[
        float,
        typer.Option(
            help="Take each step again with the word vectors moved by this share of their length "
            "to where the loss grows fastest; 0 does not, which takes half the time.",
            rich_help_panel=REGULARISATION,
        ),
    ] = 0.0,
    ema_decay: Annotated[
        float,
        typer.Option(
            help="Average the weights over some 1 / (1 - decay) steps, as 0.998; 0 does not.",
            rich_help_panel=REGULARISATION,
        ),
    ] = 0.998,
) -> None:
    """Train a network, compare it with bag-of-words models, save it.

    Examples:

        textrnn train cars

        textrnn train reviews.csv --text-column review --label-column stars

        textrnn train imdb --preset minute

        textrnn train reviews.csv --budget 10m

        textrnn train imdb --cell gru --hidden 100 --out models/imdb-gru
    """
    del debug
    from textrnn.cli.output import print_json, print_report
    from textrnn.corpora import load_corpus
    from textrnn.text.tokenizers import make_tokenizer
    from textrnn.training import presets

    started = time.perf_counter()
    chosen = {
        "cell": cell,
        "hidden_size": hidden,
        "num_layers": layers,
        "bidirectional": bidirectional,
        "readout": readout,
        "segment_length": segment_length or None,
        "embedding": embedding,
        "embedding_dim": embedding_dim,
        "freeze_embedding": freeze_embedding,
        "tokenizer": tokenizer,
        "lowercase": not keep_case,
        "min_df": min_df,
        "max_features": max_features or None,
        "max_length": max_length or None,
        "unknown_alpha": unknown_alpha,
        "unknown_words": unknown_words,
        "ngrams": ngrams,
        "solver": solver,
        "learning_rate_init": lr,
        "learning_rate": schedule,
        "alpha": alpha,
        "max_grad_norm": max_grad_norm or None,
        "gradient_floor": gradient_floor,
        "batch_size": batch_size,
        "batch_tokens": batch_tokens,
        "max_iter": epochs,
        "max_steps": max_steps,
        "max_seconds": None if budget is None else seconds_of(budget, "--budget"),
        "dropout_input": dropout_input,
        "dropout_readout": dropout,
        "dropout_recurrent": dropout_recurrent,
        "dropout_embedding": dropout_embedding,
        "label_smoothing": label_smoothing,
        "adversarial": adversarial,
        "ema_decay": ema_decay,
        "early_stopping": early_stopping,
        "validation_fraction": validation_fraction,
        "n_iter_no_change": patience,
        "class_weight": "balanced" if balanced else None,
        "threshold": threshold,
    }
    given = given_settings(ctx, chosen)
    if tune_threshold is not None:
        check_tuning(tune_threshold, threshold)
        given["threshold"] = tune_threshold
    settings = presets.settings(preset, n_jobs=jobs, **given)
    check_limits({"--epochs": epochs, "--max-steps": max_steps, "--layers": layers, "--jobs": jobs})
    settings.validate()
    make_tokenizer(tokenizer)
    check_seed(seed)
    if out is not None:
        check_out(out)
    check_embedding(embedding)
    tell = silent if quiet else say
    loaded = load_corpus(
        corpus,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        test=test,
        test_fraction=test_fraction,
        random_state=seed,
        offline=offline,
        unlabelled=unlabelled == "auto",
    )
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
    from textrnn.linear.baselines import BASELINES
    from textrnn.training.progress import Progress

    out = out or Path("models") / _folder_name(loaded.name)
    tell_small_splits(loaded, validation_fraction, tell)
    tell_checkpoint(out, resume, tell)
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
    if as_json:
        print_json(report)
    else:
        print_report(report)
    if budget is not None and not report["interrupted"]:
        tell(_again(report))
    if report["interrupted"]:
        is_begun = experiment.out is not None and checkpoint_path(experiment.out).exists()
        tell("interrupted" + ("; go on with the same command and --resume" if is_begun else ""))
        raise typer.Exit(INTERRUPTED)


def _again(report: dict[str, Any]) -> str:
    """How to do again what the clock has decided."""
    done = f"{report['steps']:,} of {report['planned_steps']:,} planned steps were done; "
    if report["unlabelled"] is not None:
        return f"{done}with unlabelled texts no --max-steps does the same again"
    if report["n_train_in_time"] < report["n_train"]:
        return (
            f"{done}there was time for {report['n_train_in_time']:,} of {report['n_train']:,} "
            "training texts, drawn at random"
        )
    how = "all of them" if report["out_of_time"] else "the same again"
    return f"{done}--max-steps {report['planned_steps']} in place of --budget does {how}"


def _folder_name(name: str) -> str:
    """A corpus's name as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"


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

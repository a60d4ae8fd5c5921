"""``textrnn tune``: the time that a search may take in, the command of the best training out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.durations import seconds_of
from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.option_names import Options
from textrnn.cli.options import (
    Cache,
    Debug,
    Json,
    LabelColumn,
    Offline,
    Quiet,
    Seed,
    TextColumn,
    check_seed,
    processes_of,
    say,
    silent,
    tell_small_splits,
)
from textrnn.cli.setting_options import as_options
from textrnn.errors import TrainingError
from textrnn.wording.messages import Message, Setting
from textrnn.wording.quoting import quoted, shell_word

if TYPE_CHECKING:
    from textrnn.experiments.search import Search, Trial

SHOWN = 10
"""Candidates that are listed without --json, beside the settings begun with."""


def tune(
    corpus: Annotated[str, typer.Argument(help="Name, hf:owner/name, file or folder.")],
    time_limit: Annotated[
        str, typer.Option("--time", help="Time that all may take, as 90s, 10m or 2h.")
    ] = "10m",
    preset: Annotated[
        str, typer.Option(help="Settings to begin with: minute, default, best or paper.")
    ] = "default",
    tokenizer: Annotated[str, typer.Option(help="word, char, or jieba.")] = "word",
    test: Annotated[
        str | None, typer.Option("--test", help="File with the test texts, which are not read.")
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option("--test-fraction", help="Share held out for the test; 0.2 if not given."),
    ] = None,
    validation_fraction: Annotated[
        float, typer.Option(help="Share of the training texts that trials are scored on.")
    ] = 0.1,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: Annotated[
        str | None,
        typer.Option(
            help="Texts have any number of labels, in one cell and with this between them, as '|'."
        ),
    ] = None,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option(help="Processes of each training; -1 takes all cores.")] = -1,
    cache: Cache = True,
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Search for better settings, in a given time.

    Successive halving: many candidates read few texts, the best third of them three times as
    many, and so on. All are scored on texts held out of the training texts; the test texts
    play no part. The best of the last round is the best. The printed command trains it once
    more and has its score, to the bit. Ctrl-C ends the search with the best so far.

    Examples:

        textrnn tune cars --time 2m

        textrnn tune reviews.csv --time 1h --json
    """
    del debug
    started = time.perf_counter()
    seconds = seconds_of(time_limit, "--time")
    check_seed(seed)
    processes_of(jobs)
    from textrnn.corpora import load_corpus
    from textrnn.text.tokenizers import make_tokenizer
    from textrnn.training import presets

    base = presets.settings(
        preset, tokenizer=tokenizer, validation_fraction=validation_fraction, n_jobs=jobs
    )
    base.validate()
    tokenize = make_tokenizer(tokenizer)
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
    )
    tell_small_splits(loaded, validation_fraction, tell)
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments.data import prepare
    from textrnn.experiments.run import Experiment
    from textrnn.experiments.search import Search
    from textrnn.training.budget import Deadline

    data = prepare(
        loaded,
        tokenize,
        validation_fraction=validation_fraction,
        seed=seed,
        n_jobs=jobs,
        cache=cache,
        say=tell,
    )
    plain = presets.settings(preset, n_jobs=-1)  # what train would take
    search = Search(
        Experiment(loaded, base, seed=seed),
        data,
        Deadline(started + seconds),
        on_trial=lambda *trial: tell(_line(*trial)),
    )
    search.run()
    if not search.trials:
        if search.stopped == "interrupted":
            raise KeyboardInterrupt
        raise TrainingError(
            f"every training of the search diverged, the first with the preset {quoted(preset)}; "
            "begin with another --preset."
        )
    given = {
        "--preset": None if preset == presets.DEFAULT else preset,
        "--test": test,
        "--test-fraction": test_fraction,
        "--text-column": text_column,
        "--label-column": label_column,
        "--label-separator": label_separator,
        "--seed": seed or None,
    }
    words = [word for name, value in given.items() if value is not None for word in (name, value)]
    words += ["--offline"] if offline else []

    last = ["--", corpus] if corpus.startswith("-") else []
    words = words if last else [corpus, *words]

    def command(trial: Trial) -> str:
        options = as_options(trial.settings, plain)
        return " ".join(map(shell_word, ["textrnn", "train", *map(str, words), *options, *last]))

    if as_json:
        _print_json(search, loaded.name, command)
    else:
        _print(search, command)
    if search.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _line(trial: Trial, number: int, planned: int) -> str:
    of = f"/{planned}" if planned else ""
    return (
        f"trial {number}{of}  {trial.n_texts:,} texts {trial.seconds:.1f} s  "
        f"accuracy {trial.accuracy:.4f}  {_changes(trial)}"
    )


def _changes(trial: Trial) -> str:
    """What a trial changes, as options of ``textrnn train``."""
    told = [Message(Setting(*change)).told(Options()) for change in trial.changes.items()]
    return " ".join(told) or "as it was"


def _print_json(search: Search, corpus: str, command: Callable[[Trial], str]) -> None:
    from textrnn.cli.output import print_json
    from textrnn.corpora.overlap import VALIDATION, as_counts, warnings_of

    print_json(
        {
            "corpus": corpus,
            "seed": search.experiment.seed,
            "stopped": search.stopped,
            "shared": as_counts(search.data.shared),
            "warnings": warnings_of(search.data.shared, VALIDATION),
            "accuracy": search.best.accuracy,
            "n_texts": search.best.n_texts,
            "command": command(search.best),
            "trials": [_as_json(trial, command) for trial in search.ranking],
        }
    )


def _as_json(trial: Trial, command: Callable[[Trial], str]) -> dict[str, Any]:
    return {
        "changes": dict(trial.changes),
        "n_texts": trial.n_texts,
        "max_steps": trial.settings.max_steps,
        "accuracy": trial.accuracy,
        "seconds": round(trial.seconds, 2),
        "command": command(trial),
    }


def _print(search: Search, command: Callable[[Trial], str]) -> None:
    from textrnn.cli.output import print_entries, print_line, print_warnings
    from textrnn.corpora.overlap import VALIDATION, warnings_of

    best_of: dict[str, Trial] = {}
    for trial in search.ranking:
        best_of.setdefault(_changes(trial), trial)
    candidates = list(best_of.values())
    shown = candidates[:SHOWN]
    shown += [trial for trial in candidates[SHOWN:] if not trial.changes]
    print_line("Accuracy on texts held out of the training texts; texts read,")
    print_line("repetitions counted; settings changed. The last round stands first:")
    print_line("accuracies after different numbers of texts are not compared.")
    print_entries(
        [(f"{trial.accuracy:.4f} {trial.n_texts:>9,}", [_changes(trial)]) for trial in shown]
    )
    print_line(f"{_count(search)}; {_end(search)}.")
    if _is_tied(search):
        print_line(
            f"No change did better than the settings begun with: {len(search.data.validation):,} "
            "held-out texts"
        )
        print_line("cannot tell the best of them apart.")
    told = "labels" if search.data.train.separator else "texts"
    print_line(
        f"The best is right about {search.best.accuracy:.2%} of the held-out {told}. It was chosen"
    )
    print_line("by them: expect less of other texts.")
    print_warnings({"warnings": warnings_of(search.data.shared, VALIDATION)})
    print_line("This trains it to the same score:")
    print_line()
    print_line(command(search.best))


def _is_tied(search: Search) -> bool:
    """Whether the settings begun with are as good as the best that was changed."""
    best = search.best
    same_round = [
        trial
        for trial in search.trials
        if (trial.survived, trial.n_texts) == (best.survived, best.n_texts)
    ]
    return not best.changes and any(
        trial.changes and trial.accuracy == best.accuracy for trial in same_round
    )


def _end(search: Search) -> str:
    if search.stopped == "time":
        return "the time was over before all rounds were done"
    if search.stopped == "interrupted":
        return "stopped by Ctrl-C"
    return f"stopped: {search.stopped}" if search.stopped else "all rounds were done"


def _count(search: Search) -> str:
    return "1 trial" if len(search.trials) == 1 else f"{len(search.trials)} trials"

"""``textrnn tune``: the time that a search may take in, the command of the best training out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.corpus_options import CorpusOptions, ManyLabels
from textrnn.cli.durations import seconds_of
from textrnn.cli.interrupts import INTERRUPTED
from textrnn.cli.option_names import Options
from textrnn.cli.options import Cache, Debug, Json, Quiet, Seed, check_seed, say, silent
from textrnn.cli.setting_options import Preset, as_options, settings_of, takes_settings
from textrnn.cli.train_checks import check_embedding
from textrnn.errors import TrainingError
from textrnn.training.presets import DEFAULT
from textrnn.wording.messages import Message, Setting
from textrnn.wording.quoting import quoted, shell_word

if TYPE_CHECKING:
    from textrnn.corpora import Corpus
    from textrnn.experiments.data import Prepared
    from textrnn.experiments.search import Search, Trial
    from textrnn.training.settings import Settings

SHOWN = 10
"""Candidates that are listed without --json, beside the settings begun with."""


@takes_settings(but={"max_seconds"})
def tune(
    texts: CorpusOptions,
    given: dict[str, Any],
    time_limit: Annotated[
        str, typer.Option("--time", help="Time that all may take, as 90s, 10m or 2h.")
    ] = "10m",
    preset: Preset = DEFAULT,
    label_separator: ManyLabels = None,
    seed: Seed = 0,
    cache: Cache = True,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Search for better settings, in a given time.

    Successive halving: many candidates read few texts, the best third of them three times as
    many, and so on. All are scored on texts held out of the training texts; the test texts
    play no part. The best of the last round is the best. What is given as an option stays as
    it is. The printed command trains it once
    more and has its score, to the bit. Ctrl-C ends the search with the best so far.

    \b
    textrnn tune cars --time 2m
    textrnn tune reviews.csv --time 1h --json
    """
    del debug
    started = time.perf_counter()
    seconds = seconds_of(time_limit, "--time")
    base = settings_of(preset, given)
    texts.check(given)
    check_seed(seed)
    check_embedding(base.embedding)
    tell = silent if quiet else say
    loaded = texts.load(
        given,
        validation_fraction=base.validation_fraction,
        tell=tell,
        label_separator=label_separator,
        random_state=seed,
    )
    # Only now: scikit-learn takes a second, and a mistake should be told before.
    from textrnn.experiments import search as searching
    from textrnn.experiments.run import Experiment
    from textrnn.training.budget import Deadline

    search = searching.Search(
        Experiment(loaded, base, seed=seed),
        _prepared(loaded, base, seed=seed, cache=cache, tell=tell),
        Deadline(started + seconds),
        on_trial=lambda *trial: tell(_line(*trial)),
        space={name: tried for name, tried in searching.SPACE.items() if name not in given},
    )
    search.run()
    if not search.trials:
        if search.stopped == "interrupted":
            raise KeyboardInterrupt
        raise TrainingError(
            f"every training of the search diverged, the first with the preset {quoted(preset)}; "
            "begin with another --preset."
        )
    command = TrainCommand(texts, preset, seed, label_separator)
    if as_json:
        _print_json(search, loaded.name, command)
    else:
        _print(search, command)
    if search.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _prepared(
    corpus: Corpus, settings: Settings, *, seed: int, cache: bool, tell: Callable[[str], None]
) -> Prepared:
    """The corpus split and tokenised."""
    from textrnn.experiments.data import prepare
    from textrnn.text.tokenizers import make_tokenizer

    return prepare(
        corpus,
        make_tokenizer(settings.tokenizer, lowercase=settings.lowercase),
        validation_fraction=settings.validation_fraction,
        seed=seed,
        n_jobs=settings.n_jobs,
        cache=cache,
        say=tell,
    )


@dataclass(frozen=True)
class TrainCommand:
    """The call of ``textrnn train`` that does a trial again.

    Attributes:
        texts: the corpus.
        preset: the settings that were begun with.
        seed: of the search, too.
        label_separator: what stands between the labels of a text, if there are any number.
    """

    texts: CorpusOptions
    preset: str
    seed: int
    label_separator: str | None

    def __call__(self, trial: Trial) -> str:
        """The words of it, as a shell reads them."""
        corpus = self.texts.corpus
        words = self.texts.words()
        words += ["--preset", self.preset] if self.preset != DEFAULT else []
        words += ["--label-separator", self.label_separator] if self.label_separator else []
        words += ["--seed", str(self.seed)] if self.seed else []
        words += as_options(trial.settings, settings_of(self.preset, {}))
        words = [*words, "--", corpus] if corpus.startswith("-") else [corpus, *words]
        return " ".join(map(shell_word, ["textrnn", "train", *words]))


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
    print_warnings(warnings_of(search.data.shared, VALIDATION))
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

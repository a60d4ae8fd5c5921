"""The search for settings: it ends in time, and its command has the score it tells."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn.cli.app import app
from textrnn.cli.setting_options import as_options
from textrnn.cli.tune import _is_tied
from textrnn.cli.tune import _print as show_search
from textrnn.corpora import Corpus, Split
from textrnn.errors import TrainingError
from textrnn.experiments import search as tuning
from textrnn.experiments.data import Prepared, prepare
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.experiments.search import FEWEST, MOST, REDUCTION, ROUNDS, SPACE, Search, Trial, plan
from textrnn.linear.hashing import NGramKind
from textrnn.text.tokenizers import WordTokenizer
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.ngrams import CHARACTERS, WORDS
from textrnn.training.presets import PRESETS
from textrnn.training.presets import settings as preset_settings
from textrnn.training.settings import Settings
from textrnn.training.state import Run

BASE = Settings(hidden_size=4, embedding_dim=4, max_iter=9, batch_size=8, n_jobs=1)
SMALL: dict[str, Any] = {
    "hidden_size": (3, 4, 5),
    "learning_rate_init": (2e-3, 1e-2, 5e-2),
    "batch_size": (4, 8),
    "ngrams": ("auto", "none"),
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def new_search(
    reviews: tuple[list[str], list[str]], clock: Clock, settings: Settings = BASE, **options: Any
) -> Search:
    corpus = Corpus("inns", Split(*reviews), test=None, source="here")
    data: Prepared = prepare(
        corpus, WordTokenizer(), validation_fraction=0.25, seed=0, n_jobs=1, cache=False
    )
    return Search(
        Experiment(corpus, settings, seed=0),
        data,
        **{"deadline": Deadline(1e-9, clock), "space": SMALL, **options},
    )


@given(st.floats(-1, 1e5), st.floats(1e-7, 1), st.integers(9, 10**6))
def test_the_plan_fills_the_time(seconds: float, a_text: float, full: int) -> None:
    n, most = plan(seconds, a_text, full)
    assert FEWEST <= n <= MOST
    assert 9 <= most <= full
    a_round = n * most * a_text / REDUCTION ** (ROUNDS - 1)
    # The smallest search takes the time it takes.
    assert ROUNDS * a_round <= max(seconds, 0) * (1 + 1e-6) or (n, most) == (FEWEST, 9)
    assert most == full or n == FEWEST


def test_a_search(reviews: tuple[list[str], list[str]]) -> None:
    told: list[tuple[int, int]] = []
    search = new_search(reviews, Clock(), on_trial=lambda _, *count: told.append(count))
    search.deadline = Deadline(1e6, Clock())
    search.run()
    trials = search.trials
    assert not search.stopped
    n_texts = sorted({trial.n_texts for trial in trials})
    assert n_texts[-1] == 9 * len(search.data.train)
    assert [b // a for a, b in itertools.pairwise(n_texts)] == [3, 3]
    of = {n: [t for t in trials if t.n_texts == n] for n in n_texts}
    assert len(of[n_texts[0]]) == 36  # all there are
    assert len(of[n_texts[1]]) == 12
    assert len(of[n_texts[2]]) == 4
    # Who goes on is among the best.
    on = {str(t.changes) for t in of[n_texts[1]]}
    last = min(t.accuracy for t in of[n_texts[0]] if str(t.changes) in on)
    assert all(t.accuracy <= last for t in of[n_texts[0]] if str(t.changes) not in on)
    assert search.best.accuracy == max(t.accuracy for t in of[n_texts[2]])
    assert search.best.n_texts == n_texts[2]
    assert all(trial.loss > 0.0 for trial in trials)
    # Each round begins with the best of the one before.
    for before, after in itertools.pairwise(n_texts):
        assert of[after][0].changes == min(of[before], key=tuning._rank).changes
    assert told[0] == (1, 0)
    assert [number for number, _ in told] == list(range(1, len(trials) + 1))
    assert trials[0].changes == {}
    assert trials[0].settings.hidden_size == 4


def test_each_trial_is_a_training_like_any_other(reviews: tuple[list[str], list[str]]) -> None:
    search = new_search(reviews, Clock())
    for changes in ({}, {"batch_size": 4, "ngrams": "none"}, {"hidden_size": 5}):
        search.evaluate(changes, 100)
    for trial in search.trials:
        report = run_experiment(
            Experiment(search.experiment.corpus, trial.settings, baselines=(), cache=False)
        )
        # The same held-out split: its share is a setting.
        assert report["n_validation"] != len(search.data.validation)
    settings = Settings(**{**vars(BASE), "validation_fraction": 0.25})
    search = new_search(reviews, Clock(), settings)
    for changes in ({}, {"batch_size": 4, "ngrams": "none"}, {"hidden_size": 5}):
        search.evaluate(changes, 100)
    for trial in search.trials:
        report = run_experiment(
            Experiment(search.experiment.corpus, trial.settings, baselines=(), cache=False)
        )
        assert report["validation"]["whole"] == trial.accuracy
        assert report["steps"] == trial.settings.max_steps


def test_the_same_trial_is_not_done_twice(reviews: tuple[list[str], list[str]]) -> None:
    search = new_search(reviews, Clock())
    assert search.evaluate({}, 50) == search.evaluate({"hidden_size": 4}, 50)
    assert len(search.trials) == 1


def test_ctrl_c_keeps_what_was_found(reviews: tuple[list[str], list[str]]) -> None:
    def stop(trial: Trial, number: int, planned: int) -> None:
        del trial, planned
        if number == 4:
            raise KeyboardInterrupt

    search = new_search(reviews, Clock(), on_trial=stop)
    search.deadline = Deadline(1e6, Clock())
    search.run()
    assert search.stopped == "interrupted"
    assert len(search.trials) == 4
    assert search.best in search.trials


def test_a_callback_stops_a_search_with_its_reason(reviews: tuple[list[str], list[str]]) -> None:
    """The training under way is no trial: what was read of it is not what was planned."""

    class Stop(Callback):
        runs = 0

        def on_start(self, run: Run) -> None:
            del run
            self.runs += 1

        def on_batch(self, run: Run) -> None:
            if self.runs == 3:
                run.stop("enough")

    search = new_search(reviews, Clock(), deadline=Deadline(1e6, Clock()))
    search.experiment = replace(search.experiment, callbacks=[Stop()])
    search.run()
    assert search.stopped == "enough"
    assert len(search.trials) == 2
    assert search.best in search.trials


def test_one_trial_is_done_whatever_the_time(reviews: tuple[list[str], list[str]]) -> None:
    clock = Clock()
    clock.now = 5.0
    search = new_search(reviews, clock)
    search.run()
    assert search.stopped == "time"
    assert [trial.changes for trial in search.trials] == [{"ngrams": "words"}]


def test_a_training_that_diverges_is_the_worst(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> Any:
        raise TrainingError("the loss is nan")

    search = new_search(reviews, Clock())
    monkeypatch.setattr(tuning, "train_network", diverge)
    assert search.evaluate({}, 50) is None
    assert not search.trials


def test_the_plan_knows_how_long_a_training_takes_that_diverges(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[float] = []

    def diverge(*_: Any, **__: Any) -> Any:
        raise TrainingError("the loss is nan")

    def note(left: float, a_text: float, full: int) -> tuple[int, int]:
        planned.append(a_text)
        return plan(left, a_text, full)

    search = new_search(reviews, Clock())
    monkeypatch.setattr(tuning, "train_network", diverge)
    monkeypatch.setattr(tuning, "plan", note)
    search.run()
    assert planned[0] > 0.0


def test_only_the_first_training_ignores_the_clock(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it diverged, and so is no trial."""
    patched: Any = tuning
    train, calls = patched.train_network, list[int]()

    def first_diverges(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise TrainingError("the loss is nan")
        return train(*arguments, **options)

    clock = Clock()
    clock.now = 5.0
    search = new_search(reviews, clock)
    monkeypatch.setattr(tuning, "train_network", first_diverges)
    search.run()
    assert len(calls) == 2
    assert not search.trials
    assert search.stopped == "time"


def test_each_kind_of_ngrams_is_fitted_once(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[NGramKind] = []
    patched: Any = tuning
    fit = patched.fit_kind

    def note(kind: NGramKind, *others: Any) -> Any:
        kinds.append(kind)
        return fit(kind, *others)

    monkeypatch.setattr(tuning, "fit_kind", note)
    search = new_search(reviews, Clock())
    for ngrams in ("words", "auto", "characters", "none"):
        search.evaluate({"ngrams": ngrams}, 50)
    assert kinds == [WORDS, CHARACTERS]
    assert len(search.trials) == 4


def test_characters_are_left_out_of_all_trials_where_they_take_too_long(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    patched: Any = tuning
    clock, fit = Clock(), patched.fit_kind

    def slow(*arguments: Any) -> Any:
        clock.now += 10.0
        return fit(*arguments)

    monkeypatch.setattr(tuning, "fit_kind", slow)
    settings = Settings(**{**vars(BASE), "validation_fraction": 0.25})
    search = new_search(reviews, clock, settings, deadline=Deadline(180.0, clock))
    search.evaluate({}, 50)
    search.evaluate({"hidden_size": 5}, 50)
    search.evaluate({"ngrams": "words"}, 50)  # is the first
    assert [trial.changes for trial in search.trials] == [
        {"ngrams": "words"},
        {"hidden_size": 5, "ngrams": "words"},
    ]
    trial = search.trials[0]
    corpus = search.experiment.corpus
    report = run_experiment(Experiment(corpus, trial.settings, baselines=(), cache=False))
    assert report["validation"]["whole"] == trial.accuracy


QUALITY = {3: 0.70, 4: 0.72, 5: 0.75}
"""Of the hidden sizes of ``SMALL``: what other texts would show of a training of full length."""


def lucky_search(
    reviews: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    *,
    end: int = 10**6,
    diverging: Callable[[Settings], bool] = lambda _: False,
) -> Search:
    """A search whose scores are mostly luck in short trainings; Ctrl-C after ``end`` of them."""
    rng = np.random.default_rng(seed)
    done: list[int] = []

    def train(experiment: Experiment, *_: Any, **__: Any) -> Any:
        settings = experiment.settings
        if len(done) == end:
            raise KeyboardInterrupt
        done.append(1)
        if diverging(settings):
            raise TrainingError("the loss is nan")
        steps = settings.max_steps or 1
        luck = 1.0 * rng.normal() / steps**0.5
        state = SimpleNamespace(interrupted=False, stopped="", best_score=(0.0, -1.0))
        accuracy = QUALITY[settings.hidden_size] - 0.5 / steps + luck
        return SimpleNamespace(state=state, accuracy=accuracy)

    monkeypatch.setattr(tuning, "train_network", train)
    search = new_search(reviews, Clock(), deadline=Deadline(1e6, Clock()))
    search.run()
    return search


def rounds_of(search: Search) -> list[list[Trial]]:
    """The trials of each round begun."""
    return [
        [trial for trial in search.trials if trial.survived == survived]
        for survived in range(1 + max(trial.survived for trial in search.trials))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_lucky_early_trial_does_not_win(
    seed: int, reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = lucky_search(reviews, monkeypatch, seed)
    rounds = rounds_of(search)
    assert [len(trials) for trials in rounds] == [36, 12, 4]
    assert max(t.accuracy for t in rounds[0]) > search.best.accuracy  # by luck
    assert search.best in rounds[2]
    assert search.best.accuracy == max(t.accuracy for t in rounds[2])
    assert search.ranking[:4] == sorted(rounds[2], key=lambda t: -t.accuracy)


def test_a_search_that_is_stopped_anywhere_has_the_best_of_its_last_round(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in (*range(1, 52, 3), 51):
        search = lucky_search(reviews, monkeypatch, 0, end=end)
        assert search.stopped == "interrupted"
        assert len(search.trials) == end
        last = rounds_of(search)[-1]
        assert search.best.accuracy == max(trial.accuracy for trial in last)
        if search.best.survived:  # the best of the round before is among them
            before = rounds_of(search)[-2]
            assert last[0].changes == max(before, key=lambda t: t.accuracy).changes


def test_candidates_that_diverge_do_not_go_on(
    reviews: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[int] = []

    def diverging(settings: Settings) -> bool:
        first[:] = first or [settings.max_steps or 0]
        return settings.hidden_size == 5 or settings.max_steps != first[0]

    rounds = rounds_of(lucky_search(reviews, monkeypatch, 0, diverging=diverging))
    assert len(rounds) == 1  # in the second round all diverge
    assert {trial.settings.hidden_size for trial in rounds[0]} == {3, 4}


def test_the_same_training_in_two_rounds_is_one_trial(
    reviews: tuple[list[str], list[str]],
) -> None:
    search = new_search(reviews, Clock())
    search.evaluate({}, 1)
    search.evaluate({"hidden_size": 5}, 1)
    assert search.evaluate({}, 2, 1) == search.best  # two texts are one step, as one text is
    assert [trial.survived for trial in search.ranking] == [1, 0]
    assert len(search.trials) == 2


def test_only_trials_of_one_round_are_tied(reviews: tuple[list[str], list[str]]) -> None:
    search = new_search(reviews, Clock())
    early = Trial({"hidden_size": 5}, BASE, 9, accuracy=0.9, loss=0.1, seconds=1.0)
    late = Trial({}, BASE, 27, accuracy=0.9, loss=0.9, seconds=1.0, survived=1)
    search.trials = [early, late]
    assert search.best == late
    assert not _is_tied(search)
    search.trials = [replace(early, accuracy=0.99), late]
    assert search.best == late
    search.trials = [early]
    assert search.best == early


def test_the_space_can_work() -> None:
    for name, values in SPACE.items():
        for value in values:
            Settings(**{name: value}).validate()
        assert getattr(Settings(), name) in values


# ----------------------------------------------------------------- the command line


@pytest.mark.parametrize("preset", PRESETS)
def test_settings_as_options_and_back(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {
        "hidden_size": 33,
        "learning_rate_init": 0.00123,
        "lowercase": False,
        "early_stopping": False,
        "max_length": None,
        "tokenizer": "char",
        "unknown_alpha": 0.0,
        "n_jobs": 2,
        "max_steps": 77,
    }
    wanted = preset_settings(preset, **changes)
    seen: list[Settings] = []

    def note(experiment: Experiment) -> None:
        seen.append(experiment.settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("textrnn.experiments.run.run_experiment", note)
    options = as_options(wanted, preset_settings(preset, n_jobs=-1))
    command = ["train", "cars", "--preset", preset, *options]
    assert CliRunner().invoke(app, command).exit_code == 130
    assert seen == [wanted]


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.stderr, result.exception)
    return result


def test_the_command_has_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space = {"hidden_size": (8, 16), "batch_size": (32, 64), "readout": ("max", "attention")}
    monkeypatch.setattr(tuning, "SPACE", space)
    options = [
        "--time",
        "4s",
        "--preset",
        "minute",
        "--seed",
        "3",
        "--validation-fraction",
        "0.2",
        "--json",
        "-q",
    ]
    found = json.loads(run("tune", "cars", *options).stdout)
    most = max(trial["n_texts"] for trial in found["trials"])
    last = [trial for trial in found["trials"] if trial["n_texts"] == most]
    assert found["trials"][: len(last)] == last
    assert found["accuracy"] == max(trial["accuracy"] for trial in last)
    assert found["n_texts"] == most
    worst = found["trials"][-1]
    for accuracy, command in (
        (found["accuracy"], found["command"]),
        (worst["accuracy"], worst["command"]),
    ):
        words = shlex.split(command)
        assert words[:3] == ["textrnn", "train", "cars"]
        report = json.loads(run(*words[1:], "--no-baselines", "--json", "-q").stdout)
        assert report["validation"]["whole"] == accuracy
        assert report["seed"] == 3


def test_on_a_tie_the_settings_begun_with_are_best(
    reviews: tuple[list[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    search = new_search(reviews, Clock())
    changed = Trial({"hidden_size": 5}, BASE, 9, accuracy=0.75, loss=0.1, seconds=1.0)
    plain = Trial({}, BASE, 9, accuracy=0.75, loss=0.9, seconds=1.0)
    search.trials = [changed, plain]
    assert search.ranking == [plain, changed]
    show_search(search, lambda trial: f"the command of {dict(trial.changes)}")
    told = capsys.readouterr().out
    assert f"settings begun with: {len(search.data.validation)} held-out texts\ncannot" in told
    assert told.endswith("the command of {}\n")
    assert re.search(r"^0\.7500 +9  --hidden 5$", told, re.MULTILINE)  # as train takes it
    likelier = replace(changed, changes={"hidden_size": 7}, loss=0.05)
    better = replace(changed, accuracy=0.8, loss=9.0)
    search.trials = [changed, likelier, plain, better]
    assert search.ranking == [better, plain, likelier, changed]
    search.trials = [replace(changed, accuracy=0.8), plain]
    assert search.best.changes
    show_search(search, lambda trial: str(trial.changes))
    assert "apart" not in capsys.readouterr().out


def test_what_people_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuning, "SPACE", {"hidden_size": (4, 8)})
    result = run("tune", "cars", "--time", "1s", "--preset", "minute")
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    last = result.stdout.splitlines()[-1]
    command = "textrnn train cars --preset minute (--ngrams words )?--max-steps "
    assert re.match(command, last)  # of characters if there is time
    assert "trial 1 " in result.stderr


def test_mistakes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "--time is 'soon'" in run("tune", "cars", "--time", "soon", code=2).stderr
    assert "--preset is 'bets'" in run("tune", "cars", "--preset", "bets", code=2).stderr
    assert "--seed is -1" in run("tune", "cars", "--seed", "-1", code=2).stderr


def test_ctrl_c_prints_the_best_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    patched: Any = tuning
    train = patched.train_network

    def interrupted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuning, "train_network", interrupted)
    result = run("tune", "cars", "--time", "1h", "--preset", "minute", code=130)
    assert "1 trial; stopped by Ctrl-C" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("textrnn train cars ")
    calls[:] = [1]  # before the first is done
    result = run("tune", "cars", "--preset", "minute", code=130)
    assert not result.stdout
    assert "interrupted" in result.stderr


def test_a_search_without_a_trial_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: Any, **__: Any) -> Any:
        raise TrainingError("the loss is nan")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuning, "train_network", diverge)
    result = CliRunner().invoke(app, ["tune", "cars", "--time", "1s", "--preset", "minute"])
    assert result.exit_code == TrainingError.exit_code
    assert "every training of the search diverged" in result.stderr

"""Search for settings by successive halving, on the training texts alone.

Many candidates read few texts, the best third of them three times as many, and the best third
of those three times as many again (Jamieson and Talwalkar 2016). Scores of different rounds are
not compared: of many short trainings one may be lucky. What is rationed are the steps of a
training and not its texts: so each trial is a training like any other, which its settings
do again to the bit, and the n-gram models are fitted once for all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.model_selection import ParameterSampler

from textrnn.errors import TrainingError
from textrnn.experiments.data import Prepared
from textrnn.experiments.experiment import Experiment
from textrnn.experiments.training import train_network
from textrnn.linear.hashing import NGramKind
from textrnn.training.batching import batch_count
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.ngrams import (
    CHARACTERS,
    CHARACTERS_TAKE,
    SHARE_OF_TIME,
    WORDS,
    NGrams,
    Part,
    fit_kind,
    kinds_of,
    together,
)
from textrnn.training.pipeline import REFIT, STAGES
from textrnn.training.settings import DECLARED, Settings
from textrnn.training.state import Run

SPACE: dict[str, Sequence[Any]] = {
    name: setting.searched for name, setting in DECLARED.items() if setting.searched
}
"""What is searched. Everything else is as in the settings that are begun with."""
WITHOUT_REFIT = tuple(stage for stage in STAGES if stage is not REFIT)
"""A trial is scored by the held-out texts; there is no need to learn from them."""
REDUCTION, ROUNDS = 3, 3
FEWEST, MOST = 9, 81
"""Candidates: of fewer none would be left for the last round, more are hardly ever better."""
TIME, INTERRUPTED = "time", "interrupted"
DEARER = 1.5
"""Time of a candidate over that of the settings begun with, about, on average."""


@dataclass(frozen=True)
class Trial:
    """One training of the search.

    Attributes:
        changes: what differs from the settings that were begun with.
        settings: all of them; a training with these has this accuracy.
        n_texts: texts read, each as often as it was.
        accuracy: on the held-out texts, weighted as they are, of the network and the n-gram
            model together, cross-fitted (``training.held_out``).
        loss: of the network on them.
        seconds: it took.
        survived: rounds through which its candidate came before.
    """

    changes: Mapping[str, Any]
    settings: Settings
    n_texts: int
    accuracy: float
    loss: float
    seconds: float
    survived: int = 0


OnTrial = Callable[[Trial, int, int], None]
"""Told of each trial, the how many-th it is, and of how many (0 while that is not known)."""


@dataclass
class Search:
    """A search under way; what it has found is there whenever it is stopped.

    Attributes:
        experiment: the corpus, the settings to begin with and the seed.
        data: the corpus prepared.
        deadline: when it must be over; the first trial is always done.
        on_trial: told of each trial.
        space: values of each setting that are tried.
        trials: those done.
        stopped: why it ended early: ``TIME``, ``INTERRUPTED``, what a callback of the experiment
            told ``Run.stop``, or nothing.
    """

    experiment: Experiment
    data: Prepared
    deadline: Deadline
    on_trial: OnTrial | None = None
    space: Mapping[str, Sequence[Any]] = field(default_factory=lambda: SPACE)
    trials: list[Trial] = field(default_factory=list)
    stopped: str = ""
    _parts: dict[NGramKind, list[Part]] = field(default_factory=dict)
    _words_took: float = 0.0
    _planned: int = 0
    _is_begun: bool = False

    @property
    def ranking(self) -> list[Trial]:
        """All trials: those of the last round first, in each round the most accurate first.

        The first trial is of no round: while the first round lasts, who has read more texts is
        first. Of equals the settings begun with come first, which no trial has shown to be worse,
        then the one of least loss.
        """
        return sorted(self.trials, key=_rank)

    @property
    def best(self) -> Trial:
        """The first of the ranking, the most accurate trial of the last round.

        Each round begins with the best of the one before. So this is right for a round that was
        not finished, too: who had no turn in it was worse before.
        """
        return min(self.trials, key=_rank)

    def run(self) -> None:
        """Search until all rounds are done, the time is over, or Ctrl-C."""
        try:
            self._search()
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED

    def _search(self) -> None:
        full = self._usual_texts()
        first = max(full // REDUCTION ** (ROUNDS - 1), 1)
        begun = time.perf_counter()
        self.evaluate({}, first)  # what it takes is known, even if it diverges
        if self.stopped:
            return
        seconds = (time.perf_counter() - begun) / first
        n, most = plan(self.deadline.left(), DEARER * seconds, full)
        # The first trial must not have read more than those of the last round.
        self._halve(self._draw(n), max(most, first))

    def _halve(self, candidates: list[dict[str, Any]], most: int) -> None:
        """Round after round with the best third of the one before, until they read ``most``."""
        # Of few candidates there are fewer rounds, the last one as long as of many.
        rounds = min(ROUNDS, 1 + math.floor(math.log(len(candidates), REDUCTION)))
        self._planned = 1 + sum(math.ceil(len(candidates) / REDUCTION**i) for i in range(rounds))
        for survived in range(rounds):
            n_texts = max(most // REDUCTION ** (rounds - 1 - survived), 1)
            tried: list[tuple[tuple[int, int, float, bool, float], int]] = []
            for i, changes in enumerate(candidates):
                trial = self.evaluate(changes, n_texts, survived)
                if self.stopped:
                    return
                if trial is not None:
                    tried.append((_rank(trial), i))
            tried.sort()
            go_on = math.ceil(len(candidates) / REDUCTION)
            candidates = [candidates[i] for _, i in tried[:go_on]]

    def evaluate(self, changes: Mapping[str, Any], n_texts: int, survived: int = 0) -> Trial | None:
        """Train with some changes until so many texts are read.

        A training that diverges is no trial, but None, and so is one that was stopped before its
        end, which ends the search: ``stopped`` then says why. The first is done whatever the time.
        One that was done in an earlier round, as of few texts steps may be the same, is in both.
        """
        settings = replace(self.experiment.settings, **changes)
        settings = replace(
            settings,
            max_steps=self._steps(settings, n_texts),
            n_jobs=settings.processes(),
        )
        settings = self._as_fitted(settings)
        for i, trial in enumerate(self.trials):
            if trial.settings == settings:
                self.trials[i] = replace(trial, n_texts=n_texts, survived=survived)
                return self.trials[i]
        begun = time.perf_counter()
        callbacks = [*self.experiment.callbacks]
        if self._is_begun:
            callbacks.append(_StopInTime(self.deadline))
        self._is_begun = True
        experiment = replace(self.experiment, settings=settings, out=None, callbacks=callbacks)
        try:
            trained = train_network(
                experiment, self.data, choose=self._choose_once, stages=WITHOUT_REFIT
            )
        except TrainingError:
            return None
        state, accuracy = trained.state, trained.accuracy
        self.stopped = INTERRUPTED if state.interrupted else state.stopped
        if self.stopped:
            return None
        assert accuracy is not None
        settings = self._as_fitted(settings)
        if settings.ngrams != {**self.experiment.settings.to_dict(), **changes}["ngrams"]:
            changes = {**changes, "ngrams": settings.ngrams}
        seconds = time.perf_counter() - begun
        loss = -state.best_score[1]
        trial = Trial(changes, settings, n_texts, accuracy, loss, seconds, survived)
        self.trials.append(trial)
        if self.on_trial is not None:
            self.on_trial(trial, len(self.trials), self._planned)
        return trial

    def _choose_once(
        self,
        settings: Settings,
        train: Examples,
        validation: Examples | None,
        deadline: Deadline | None,
    ) -> NGrams:
        """The n-gram models, which no other searched setting changes: each kind is fitted once.

        Characters are left out of all trials where they would take too much of the time.
        """
        del deadline  # the search has its own
        for kind in kinds_of(settings, train):
            if kind not in self._parts:
                begun = self.deadline.clock()
                self._parts[kind] = []
                if kind != CHARACTERS or self._is_time_for_characters():
                    self._parts[kind] = fit_kind(kind, train, validation)
                if kind == WORDS:
                    self._words_took = self.deadline.clock() - begun
        parts = [part for kind in kinds_of(settings, train) for part in self._parts[kind]]
        return together(parts, validation)

    def _is_time_for_characters(self) -> bool:
        return CHARACTERS_TAKE * self._words_took <= SHARE_OF_TIME * self.deadline.left()

    def _as_fitted(self, settings: Settings) -> Settings:
        """The settings that make the same training where characters were left out."""
        if settings.ngrams != "none" and self._parts.get(CHARACTERS) == []:
            return replace(settings, ngrams="words")
        return settings

    def _draw(self, n: int) -> list[dict[str, Any]]:
        """So many candidates, the settings begun with among them."""
        n_all = math.prod(len(values) for values in self.space.values())
        drawn = ParameterSampler(
            dict(self.space), min(n - 1, n_all), random_state=self.experiment.seed
        )
        begun_with = self.experiment.settings.to_dict()
        candidates: list[dict[str, Any]] = [{}]
        for values in drawn:
            changes = {k: values[k] for k in self.space if values[k] != begun_with[k]}
            if changes not in candidates:
                candidates.append(changes)
        return candidates

    def _usual_texts(self) -> int:
        """Texts read in a training of the usual length, each as often as it is."""
        settings, n = self.experiment.settings, len(self.data.train)
        config = settings.training_config(n, self._n_words(settings))
        steps = config.max_iter * self._steps(settings, n)
        return math.ceil(n * min(steps, settings.max_steps or steps) / self._steps(settings, n))

    def _steps(self, settings: Settings, n_texts: int) -> int:
        """Steps in which so many texts are read."""
        n = len(self.data.train)
        an_epoch = batch_count(
            n,
            self._n_words(settings),
            batch_size=settings.batch_size,
            batch_tokens=settings.batch_tokens,
        )
        return max(math.ceil(n_texts * an_epoch / n), 1)

    def _n_words(self, settings: Settings) -> int:
        return self.data.tokens["train"].cut(settings.max_length).n_tokens


def plan(seconds: float, seconds_a_text: float, full: int) -> tuple[int, int]:
    """How many candidates, and how many texts in the last round, fill the time.

    Each round costs the same. With little time the rounds are shorter; with much there are
    more candidates.
    """
    a_candidate = ROUNDS * seconds_a_text / REDUCTION ** (ROUNDS - 1)
    texts = max(seconds, 0.0) / max(a_candidate, 1e-12)
    n = min(max(int(texts / full), FEWEST), MOST)
    return n, min(max(int(texts / n), REDUCTION ** (ROUNDS - 1)), full)


def _rank(trial: Trial) -> tuple[int, int, float, bool, float]:
    """The smaller, the better; see ``Search.ranking``."""
    how_far = -trial.survived, -trial.n_texts
    return *how_far, -trial.accuracy, bool(trial.changes), trial.loss


class _StopInTime(Callback):
    """Ends a trial when the time is over."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline

    def on_batch(self, run: Run) -> None:
        if self.deadline.left() <= 0.0:
            run.stop(TIME)

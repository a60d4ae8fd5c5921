"""A fit as a list of stages: their order, the one hook, and what each leaves to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.text.encoded import encode_lists
from textrnn.training.callbacks import Callback
from textrnn.training.pipeline import REFIT, STAGES, Fit, Info, Stage, run_stages
from textrnn.training.settings import Settings
from textrnn.training.state import Run

SMALL = Settings(hidden_size=4, embedding_dim=4, max_iter=3, batch_size=8, ngrams="words")
WORDS = [["a", "good", "inn"], ["a", "bad", "inn"], ["good", "food"], ["bad", "bed"]]
NAMES = ["network", "n-grams", "training", "ensemble", "distillation", "refit"]


class Noted(list[tuple[str, dict[str, Any]]]):
    """Every stage that was told of, with its figures."""

    def __call__(self, name: str, info: Info) -> None:
        self.append((name, dict(info)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self]


class StopAt(Callback):
    """Stops every run after so many steps, or interrupts it as Ctrl-C does."""

    def __init__(self, steps: int, reason: str = "") -> None:
        self.steps, self.reason = steps, reason

    def on_batch(self, run: Run) -> None:
        if run.state.steps == self.steps and not self.reason:
            raise KeyboardInterrupt
        if run.state.steps == self.steps:
            run.stop(self.reason)


def new_fit(**changes: Any) -> Fit:
    train = examples(WORDS * 8, np.array([0, 1] * 16))
    held_out = examples(WORDS * 3, np.array([0, 1] * 6))
    named: dict[str, Any] = {"unlabelled": encode_lists([["good", "bed"], ["bad", "food"]] * 6)}
    rng = np.random.default_rng(0)
    return Fit(SMALL, ("x", "y"), train, held_out, rng, **{**named, **changes})


def test_the_stages_in_their_order_and_what_they_tell() -> None:
    noted = Noted()
    fit = run_stages(new_fit(on_stage=noted))
    assert noted.names == NAMES == [stage.name for stage in STAGES]
    assert all(info["seconds"] >= 0.0 for _, info in noted)
    told = dict(noted)
    assert told["network"]["vocabulary_size"] == len(fit.model.vocabulary)
    assert told["n-grams"]["accuracy"] == fit.ngrams.accuracy  # type: ignore[union-attr]
    assert told["training"]["steps"] == 12
    assert told["distillation"]["n_texts"] == 12
    assert told["refit"]["n_texts"] > 32
    assert fit.accuracy == fit.ensemble.accuracy  # type: ignore[union-attr]
    assert fit.model.ngrams is not None


def test_a_stage_with_nothing_to_do_is_not_told_of() -> None:
    noted = Noted()
    fit = new_fit(on_stage=noted, unlabelled=None)
    fit.settings = replace(SMALL, ngrams="none")
    run_stages(fit)
    assert noted.names == ["network", "training", "ensemble"]


def test_stages_are_chosen_and_added() -> None:
    """A stage is a name and a function of the context; the others stay as they are."""
    noted = Noted()

    def look(fit: Fit) -> Info:
        return {"epochs": len(fit.state.history)}

    stages = [*(stage for stage in STAGES if stage is not REFIT), Stage("look", look)]
    alone = run_stages(new_fit(on_stage=noted, unlabelled=None), stages)
    assert noted.names == ["network", "n-grams", "training", "ensemble", "look"]
    assert noted[-1][1]["epochs"] == 3
    whole = run_stages(new_fit(unlabelled=None))
    for name, value in whole.model.network.params.items():
        np.testing.assert_array_equal(alone.model.network.params[name], value)
    assert alone.model.ngrams is not None
    assert whole.model.ngrams is not None
    assert not np.array_equal(alone.model.ngrams.bias, whole.model.ngrams.bias)


def test_after_ctrl_c_in_the_first_epoch_no_stage_follows() -> None:
    noted = Noted()
    fit = run_stages(new_fit(on_stage=noted, callbacks=[StopAt(2)]))
    assert fit.is_lost
    assert noted.names == ["network", "n-grams", "training"]
    assert fit.accuracy is None


@pytest.mark.parametrize("reason", ["", "enough"])
def test_a_run_that_was_stopped_has_no_student(reason: str) -> None:
    """After Ctrl-C the n-grams are not fitted again, either: who presses it does not wait."""
    noted = Noted()
    fit = run_stages(new_fit(on_stage=noted, callbacks=[StopAt(6, reason)]))
    assert fit.state.interrupted == (not reason)
    assert fit.state.stopped == reason
    assert fit.distillation is None
    assert ("refit" in noted.names) == bool(reason)


def test_the_estimator_hands_its_hook_on(reviews: tuple[list[str], list[str]]) -> None:
    noted = Noted()
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=2, random_state=0)
    model.fit(*reviews, unlabelled=reviews[0][:6], on_stage=noted)
    assert noted.names == NAMES


def test_the_experiment_hands_its_hook_on_and_reports_the_time_of_each_stage(
    reviews: tuple[list[str], list[str]],
) -> None:
    noted, lines = Noted(), list[str]()
    corpus = Corpus("inns", Split(*reviews), source="here")
    report = run_experiment(
        Experiment(corpus, SMALL, cache=False, on_stage=noted, say=lines.append)
    )
    assert noted.names == ["network", "n-grams", "training", "ensemble", "refit"]
    assert report.seconds_of_stages is not None
    assert list(report.seconds_of_stages) == noted.names
    accuracy = dict(noted)["n-grams"]["accuracy"]
    assert f"n-grams alone: {accuracy:.4f} of the held-out texts right" in lines

"""Warnings of the library point at who called it, wherever in it the reason was found."""

from __future__ import annotations

import ast
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import pytest
from sklearn.exceptions import ConvergenceWarning

from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.errors import TrainingError, WorkerError
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.system.telling import warn
from textrnn.training import pipeline
from textrnn.training.callbacks import Callback
from textrnn.training.settings import Settings

PACKAGE = Path(__file__).parents[1] / "textrnn"
Data = tuple[list[str], list[str]]


def small(**options: Any) -> TextRNNClassifier:
    given = {"hidden_size": 4, "embedding_dim": 4, "max_iter": 1, "random_state": 0, **options}
    return TextRNNClassifier(**given)


def test_19_warnings_come_from_one_place() -> None:
    raw = {
        file.name
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn"
    }
    assert raw == {"telling.py"}


class Interrupt(Callback):
    def on_batch(self, run: Any) -> None:
        if run.state.epoch == 1:
            raise KeyboardInterrupt


def lines_of(caught: Any, words: str) -> list[str]:
    """The lines that the warnings with these words point at."""
    where = [(w.filename, w.lineno) for w in caught if words in str(w.message)]
    assert where, [str(w.message) for w in caught]
    assert {name for name, _ in where} == {__file__}
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return [lines[number - 1].strip() for _, number in where]


@pytest.fixture
def diverging(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        del args, options
        raise TrainingError("the loss is nan.")

    monkeypatch.setattr(pipeline, "distil", fail)


@pytest.mark.usefixtures("diverging")
def test_19_a_failed_student_points_at_the_caller(reviews: Data) -> None:
    with pytest.warns(UserWarning, match="unlabelled") as caught:
        small().fit(*reviews, unlabelled=reviews[0])
    (line,) = lines_of(caught, "on unlabelled texts the loss is nan")
    assert line == "small().fit(*reviews, unlabelled=reviews[0])"


def test_19_an_interruption_points_at_the_caller(reviews: Data) -> None:
    with pytest.warns(ConvergenceWarning, match="interrupted") as caught:
        small(max_iter=3).fit(*reviews, callbacks=[Interrupt()])
    (line,) = lines_of(caught, "training was interrupted")
    assert line == "small(max_iter=3).fit(*reviews, callbacks=[Interrupt()])"


def test_19_shared_texts_and_few_texts_point_at_the_caller(reviews: Data) -> None:
    texts, labels = reviews
    with pytest.warns(UserWarning, match="stand in") as caught:
        small(early_stopping=True).fit(texts, labels, validation_data=(texts, labels))
    (line,) = lines_of(caught, "also stand in train")
    assert line.startswith("small(early_stopping=True).fit(")
    with pytest.warns(UserWarning, match="too few") as caught:
        small(early_stopping=True).fit(["a", "b"] * 2, ["x", "y"] * 2)
    (line,) = lines_of(caught, "too few to hold any back")
    assert line.startswith("small(early_stopping=True).fit(")


def test_19_a_warning_keeps_its_kind() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("odd", FutureWarning)
        warn("plain")
    assert [w.category for w in caught] == [FutureWarning, UserWarning]


# ----------------------------------------------------------------------- advice where it helps


class KillOther(Callback):
    """Kills the process that shares the work, in some epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch(self, run: Any) -> None:
        import multiprocessing

        if run.state.epoch == self.epoch:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
                child.join()


def died(reviews: Data, out: Path | None, epoch: int) -> str:
    """What is told where a process dies in some epoch of a run."""
    corpus = Corpus("inns", Split(*reviews), test=None, source="here")
    settings = Settings(hidden_size=4, embedding_dim=4, max_iter=3, batch_size=8, n_jobs=2)
    killer = [KillOther(epoch)]
    with pytest.raises(TrainingError) as caught:
        run_experiment(Experiment(corpus, settings, out=out, baselines=(), callbacks=killer))
    assert isinstance(caught.value.__cause__, WorkerError)
    return str(caught.value)


def test_19_resume_is_advised_where_there_is_a_checkpoint(reviews: Data, tmp_path: Path) -> None:
    assert "go on from it with resume and the same n_jobs" in died(reviews, tmp_path / "m", 1)


@pytest.mark.parametrize("has_folder", [True, False])
def test_19_resume_is_not_advised_where_there_is_none(
    reviews: Data, tmp_path: Path, *, has_folder: bool
) -> None:
    told = died(reviews, tmp_path / "m" if has_folder else None, 0 if has_folder else 1)
    assert "resume" not in told
    assert "fewer processes (n_jobs)" in told


def test_19_the_estimator_does_not_advise_what_it_lacks(reviews: Data) -> None:
    with pytest.raises(TrainingError, match="worker process died") as caught:
        small(n_jobs=2, max_iter=3, batch_size=8).fit(*reviews, callbacks=[KillOther(1)])
    assert "resume" not in str(caught.value)
    assert "checkpoint" not in str(caught.value)

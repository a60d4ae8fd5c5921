"""The report of a training: one type, there and back, of every version."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.evaluation.metrics import evaluate
from textrnn.evaluation.multilabel import evaluate_multilabel
from textrnn.evaluation.scores import Scores
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.storage.reading import describe, load_saved, read_metrics
from textrnn.storage.report import (
    VERSION,
    Comparison,
    Distillation,
    HeldOutAccuracy,
    RunReport,
)
from textrnn.training.callbacks import Callback
from textrnn.training.settings import Settings
from textrnn.training.state import Run

MODELS = sorted((Path(__file__).parent / "reference" / "models_0_1_0").glob("*/"))
SCORES = Scores.from_dict(
    evaluate(["a", "b"], np.array([[0.9, 0.1], [0.6, 0.4]]), ["a", "b"]).to_dict()
)
FULL = RunReport(
    test=replace(SCORES, seconds=1.5),
    parts={"network": 0.5, "ngrams": 0.25},
    baselines={"nbsvm": replace(SCORES, params={"C": 1}, validation_accuracy=0.5)},
    paired={"baseline": "nbsvm", "p_value": 0.5},
    recommended="nbsvm",
    recommendation="Use nbsvm.",
    corpus="inns",
    seed=3,
    stopped="enough",
    distillation=Distillation(7, True, 0.5, 20, [{"epoch": 1, "loss": 0.5}]),
    validation=HeldOutAccuracy(0.75, 0.5),
    history=[{"epoch": 1, "loss": 0.5}],
    tests={"inns": SCORES},
)
OF_0_1_0 = {
    "corpus": "inns",
    "seed": 3,
    "verdict": "Use nbsvm.",
    "teaching": {"n_texts": 7, "kept": True, "teacher_accuracy": 0.5},
    "validation": {"accuracy": 0.75, "whole": 0.75, "network_accuracy": 0.5},
    "test": {"accuracy": 0.5, "n": 2},
    "baselines": {"nbsvm": {"accuracy": 0.5, "seconds": 1.0}},
    "history": [{"epoch": 1, "loss": 0.5}],
    "mine": [1, 2],
}


class StopAt(Callback):
    """Stops every run after so many steps."""

    def __init__(self, steps: int, reason: str) -> None:
        self.steps, self.reason = steps, reason

    def on_batch(self, run: Run) -> None:
        if run.state.steps == self.steps:
            run.stop(self.reason)


def as_values(report: Any) -> dict[str, Any]:
    return {f.name: getattr(report, f.name) for f in fields(report)}


def test_there_and_back() -> None:
    for report in (FULL, RunReport(), RunReport(history=[]), RunReport(corpus="")):
        written = json.loads(json.dumps(report.to_dict()))
        again = RunReport.from_dict(written)
        known = {name for name, value in as_values(report).items() if value not in (None, [], {})}
        for name in known:
            assert getattr(again, name) == getattr(report, name), name
        assert again.to_dict() == written
        assert again == written == report


@pytest.mark.parametrize("multilabel", [False, True])
def test_scores_come_back_as_they_were(multilabel: bool) -> None:
    found: Any = evaluate(["a", "a"], np.array([[0.9, 0.1], [0.6, 0.4]]), ["a", "b"])
    if multilabel:
        found = evaluate_multilabel([["a"], []], np.array([[0.9, 0.1], [0.6, 0.4]]), ["a", "b"])
    assert Scores.from_dict(found.to_dict()).to_dict() == found.to_dict()


def test_a_report_has_a_version_and_its_keys_of_before() -> None:
    values = FULL.to_dict()
    assert values["report_version"] == VERSION == 1
    assert values["verdict"] == values["recommendation"] == "Use nbsvm."
    assert values["teaching"] == values["distillation"]
    assert values["validation"] == {"accuracy": 0.75, "whole": 0.75, "network_accuracy": 0.5}
    assert FULL["verdict"] == FULL.recommendation  # as the dictionary that it was
    assert values == {**FULL}
    assert "paired" in FULL


def test_a_report_of_0_1_0_is_read() -> None:
    report = RunReport.from_dict(OF_0_1_0)
    assert report.report_version == 0
    assert report.recommendation == "Use nbsvm."
    assert report.distillation == Distillation(7, True, 0.5)
    assert report.validation == HeldOutAccuracy(0.75, 0.5)
    assert report.test is not None
    assert report.test.accuracy == 0.5
    assert report.baselines["nbsvm"].seconds == 1.0
    assert report.others == {"mine": [1, 2]}
    assert report.to_dict()["mine"] == [1, 2]
    assert report.own_scores == {"inns": report.test}


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
def test_reports_of_models_of_0_1_0_are_read(folder: Path) -> None:
    report = describe(folder).report
    assert report.report_version == 0
    assert report.to_dict().items() >= {**read_metrics(folder), "report_version": 0}.items()
    assert report.corpus is None


def test_what_a_script_saves_has_what_is_known_alone(tmp_path: Path) -> None:
    texts, labels = ["a good inn", "a bad inn"] * 12, ["good", "bad"] * 12
    model = TextRNNClassifier(hidden_size=3, embedding_dim=4, max_iter=2, random_state=0)
    model.fit(texts, labels, callbacks=[StopAt(1, "enough")])
    assert model.stopped_ == "enough"
    model.save(tmp_path / "m")
    assert read_metrics(tmp_path / "m").keys() <= {
        *("report_version", "history", "stopped"),
        *("best_validation_score", "best_network_validation_score"),
    }
    assert TextRNNClassifier.load(tmp_path / "m").stopped_ == "enough"


def test_a_smaller_model_keeps_the_scores_of_the_larger_one_as_those() -> None:
    smaller = FULL.shrunk("models/large")
    assert (smaller.test, smaller.recommended, smaller.recommendation) == (None, None, "")
    assert smaller.before_shrinking == {"inns": SCORES}
    assert smaller.own_scores == {}
    assert smaller.shrunk("models/small").before_shrinking == {"inns": SCORES}


def test_why_a_run_was_stopped_is_in_the_report(
    reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    texts, labels = reviews
    settings = Settings(hidden_size=4, embedding_dim=5, max_iter=4, batch_size=8)
    corpus = Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]), source="h")
    report = run_experiment(
        Experiment(corpus, settings, out=tmp_path / "m", callbacks=[StopAt(7, "enough")])
    )
    assert (report.stopped, report.steps, report.interrupted) == ("enough", 7, False)
    assert report.finished  # in order: there are test scores and a model
    assert report.test is not None
    assert report.history is not None
    assert report.history[-1]["steps"] == 7
    saved = load_saved(tmp_path / "m")
    assert saved.report == report
    assert "| stopped | enough |" in (tmp_path / "m" / "README.md").read_text()
    assert not (tmp_path / "m.checkpoint").exists()


def test_every_field_is_explained() -> None:
    of_comparison = {f.name for f in fields(Comparison)}
    for cls, known in ((Comparison, set()), (RunReport, of_comparison), (Scores, set())):
        for name in {f.name for f in fields(cls)} - known:
            assert f"\n        {name}: " in (cls.__doc__ or ""), f"{cls.__name__}.{name}"

"""One run of whatever is no classifier: texts in, a model folder out, and how it does on others.

What language models, taggers and encoder-decoders have in common; each says of itself what it
learns from the training texts, and what is found on those of the test.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Rows
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import Kept
from textrnn.storage.card import structure_card
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.system.version import __version__
from textrnn.training.callbacks import Callback
from textrnn.training.pipeline import Info, OnStage, ignore
from textrnn.training.settings import Settings
from textrnn.training.state import TrainingState
from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted

R = TypeVar("R", bound=Rows)


class Learned(NamedTuple):
    """What a run has learned.

    Attributes:
        model: of the kind that is trained.
        state: of the training; None of what is fitted at once.
        n_parameters: numbers that were learned.
        data: the splits as the structure reads them, for its test.
    """

    model: Any
    state: TrainingState | None
    n_parameters: int
    data: Any = None


@dataclass(frozen=True)
class StructureExperiment(ABC, Generic[R]):
    """What is to be run.

    Attributes:
        material: the texts and what is to be learned of them.
        settings: of the network and its training.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: compare with what came before.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        callbacks: called during the training of the network.
        on_stage: told the name of each stage of the fit, and its figures, when it is done.
        say: receives a line about each stage.
    """

    material: Material[R]
    settings: Settings
    out: Path | None = None
    seed: int = 0
    baselines: bool = True
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
    callbacks: Sequence[Callback] = ()
    on_stage: OnStage = ignore
    say: Say = say_nothing

    unit: ClassVar[str] = "texts"
    """What the material has, as messages call it."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Of the model that is trained, see ``storage.kinds``."""

    @abstractmethod
    def learn(self, material: Material[R]) -> Learned:
        """Train on a material that has texts to choose the epoch by."""

    @abstractmethod
    def test(self, learned: Learned, material: Material[R]) -> dict[str, Any]:
        """What a report tells of the model on the test texts, which there are."""

    def is_same(self, report: RunReport) -> bool:
        """Whether a finished run's report is of this one, in what ``Kept`` does not compare."""
        del report
        return True

    @property
    def kept(self) -> Kept:
        """Where the run is kept, and what makes it this one."""
        return Kept(
            self.out,
            self.material.fingerprint(),
            self.seed,
            self.settings,
            resume=self.resume,
            say=self.say,
        )

    def parted(self) -> Material[R]:
        """The material with texts to choose the epoch by; its sizes and notes are told.

        Raises:
            DataError: there are too few texts to hold any back.
        """
        fraction = self.settings.validation_fraction
        material = self.material.parted(fraction, random_state=self.seed)
        parts = {"train": material.train, "validation": material.validation, "test": material.test}
        sizes = ", ".join(f"{len(rows):,} {name}" for name, rows in parts.items() if rows)
        self.say(f"{quoted(material.name)}: {sizes} {self.unit} from {quoted(material.source)}")
        for line in material.notes:
            self.say(Message("note: ", line))
        return material


def run_structure(experiment: StructureExperiment[R]) -> RunReport:
    """Train, measure and save; after Ctrl-C the report has ``interrupted`` set and no figures.

    Raises:
        UsageError: a setting cannot work.
        DataError: the texts cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
        MissingDependencyError: something was asked for that needs a package which is not there.
    """
    experiment.settings.validate()
    with experiment.kept.alone():
        return _run(experiment)


def _run(experiment: StructureExperiment[R]) -> RunReport:
    """What ``run_structure`` does where nobody else is at it."""
    kept, out, say = experiment.kept, experiment.out, experiment.say
    finished = kept.finished(is_same=experiment.is_same, kinds=(experiment.kind,))
    if finished is not None:
        return finished
    kept.tell_replaced()
    seconds: dict[str, float] = {}

    def note(name: str, info: Info) -> None:
        seconds[name] = round(info["seconds"], 2)
        experiment.on_stage(name, info)

    material = experiment.parted()
    learned = replace(experiment, on_stage=note).learn(material)
    report = _report(experiment, material, learned, seconds)
    state = learned.state
    if state is not None and state.interrupted and state.epoch == 0:
        if out is not None:
            as_it_was = f"; {quoted(out)} is as it was" if out.exists() else ""
            say(f"stopped before the first epoch was done{as_it_was}")
        return replace(report, model_dir=None, finished=False)
    if out is not None:  # before the test, which takes time and may be stopped
        _save(learned.model, report, out)
        say(f"model saved in {quoted(out)}")
    if report.interrupted:
        return replace(report, finished=False)
    if material.test:
        report = replace(report, **experiment.test(learned, material))
    report = replace(report, finished=True)
    if out is not None:
        _save(learned.model, report, out)
        kept.done()
    return report


def _save(model: Any, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=structure_card(model, report))


def _report(
    experiment: StructureExperiment[R],
    material: Material[R],
    learned: Learned,
    seconds: dict[str, float],
) -> RunReport:
    """What is known before the test."""
    report = RunReport(
        corpus=material.name,
        fingerprint=experiment.material.fingerprint(),
        source=material.source,
        model_dir=None if experiment.out is None else str(experiment.out),
        textrnn_version=__version__,
        seed=experiment.seed,
        classes=list(learned.model.classes),
        test_fraction=material.test_fraction,
        n_train=len(material.train),
        n_train_in_time=len(material.train),
        n_validation=len(material.validation or ()),
        n_test=len(material.test or ()),
        n_parameters=learned.n_parameters,
        vocabulary_size=len(learned.model.vocabulary),
        seconds=round(time.perf_counter() - experiment.started, 2),
        seconds_of_stages=seconds,
        settings=experiment.settings.to_dict(),
        interrupted=False,
    )
    state = learned.state
    if state is None:
        return report
    return replace(
        report,
        steps=state.steps,
        planned_steps=state.planned_steps,
        out_of_time=state.out_of_time,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        interrupted=state.interrupted,
        stopped=state.stopped,
        history=state.history,
    )

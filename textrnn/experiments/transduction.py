"""One run of a transducer: pairs in, a model folder out, and how it does on pairs it never saw."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Pairs
from textrnn.evaluation.transduction import TransductionScores, score_answers
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import Kept, told_of_checkpoint
from textrnn.inference.transduction import TransductionModel
from textrnn.linear.pair_baselines import pair_baselines
from textrnn.storage.card import structure_card
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.system.fields import is_number
from textrnn.system.version import __version__
from textrnn.text.units import AUTO
from textrnn.training.callbacks import Callback
from textrnn.training.state import TrainingState
from textrnn.training.transduction.fit import build_model, encode_pairs, fit_model
from textrnn.training.transduction.settings import TransductionSettings
from textrnn.wording.quoting import quoted

BASELINES = "baseline_figures"
"""Where a report keeps the figures of the baselines."""


@dataclass(frozen=True)
class TransductionExperiment:
    """What is to be run.

    Attributes:
        material: the pairs, in splits.
        settings: of the network and its training.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: whether to answer the test sources without learning, too.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        callbacks: called during the training.
        say: receives a line about each stage.
    """

    material: Material[Pairs]
    settings: TransductionSettings
    out: Path | None = None
    seed: int = 0
    baselines: bool = True
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
    callbacks: Sequence[Callback] = ()
    say: Say = say_nothing

    @property
    def kept(self) -> Kept:
        """Where the run is kept, and what makes it this one."""
        return Kept(
            out=self.out,
            fingerprint=self.material.fingerprint(),
            seed=self.seed,
            settings=self.settings,
            resume=self.resume,
            say=self.say,
        )


def run_transduction(experiment: TransductionExperiment) -> RunReport:
    """Train, evaluate and save a transducer.

    After Ctrl-C the report has ``interrupted`` set and no figures.

    Raises:
        UsageError: a setting cannot work.
        DataError: the pairs cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
    """
    experiment.settings.validate()
    with experiment.kept.alone():
        return _run(experiment)


def _run(experiment: TransductionExperiment) -> RunReport:
    """What ``run_transduction`` does where nobody else is at it."""
    kept = experiment.kept
    finished = kept.finished(kinds=("transducer",))
    if finished is not None:
        return finished
    kept.tell_replaced()
    settings, seed = experiment.settings, experiment.seed
    material = experiment.material.parted(settings.validation_fraction, random_state=seed)
    experiment = replace(experiment, material=material)
    model, state = _trained(experiment, kept)
    report = _report(experiment, kept, model, state)
    if state.best_params is None:
        as_it_was = ""
        if kept.out is not None and kept.out.exists():
            as_it_was = f"; {quoted(kept.out)} is as it was"
        experiment.say(f"stopped before the first epoch was done{as_it_was}")
        return replace(report, model_dir=None)
    if kept.out is not None:  # before the test, which takes time and may be stopped
        _save(model, report, kept.out)
        experiment.say(f"model saved in {quoted(kept.out)}")
    if not state.interrupted:
        report = _tested(experiment, model, report)
        if kept.out is not None:
            _save(model, report, kept.out)
            kept.done()
    return report


def _save(model: TransductionModel, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=structure_card(model, report))


def _trained(
    experiment: TransductionExperiment, kept: Kept
) -> tuple[TransductionModel, TrainingState]:
    """A model of the training pairs, the best of its epochs by the validation pairs."""
    settings, train, validation = (
        experiment.settings,
        experiment.material.train,
        experiment.material.validation,
    )
    assert validation is not None
    rng = np.random.default_rng(experiment.seed)
    model = build_model(settings, train.sources, train.targets, rng=rng)
    if AUTO in (settings.source_unit, settings.target_unit):
        experiment.say(
            f"sources are read by {model.tokenizer.name}, targets written by "
            f"{model.target_unit.name}"
        )
    checkpoint = kept.checkpoint()
    with told_of_checkpoint(checkpoint):
        state = fit_model(
            model,
            settings,
            encode_pairs(model, train.sources, train.targets),
            encode_pairs(model, validation.sources, validation.targets),
            rng=rng,
            started=experiment.started,
            callbacks=[*([checkpoint] if checkpoint else []), *experiment.callbacks],
        )
    return model, state


def _report(
    experiment: TransductionExperiment,
    kept: Kept,
    model: TransductionModel,
    state: TrainingState,
) -> RunReport:
    """What is known before the test."""
    material = experiment.material
    return RunReport(
        corpus=material.name,
        fingerprint=kept.fingerprint,
        source=material.source,
        model_dir=None if experiment.out is None else str(experiment.out),
        textrnn_version=__version__,
        seed=experiment.seed,
        classes=[],
        test_fraction=material.test_fraction,
        n_train=len(material.train),
        n_train_in_time=len(material.train),
        n_validation=len(material.validation or ()),
        n_test=len(material.test or ()),
        n_parameters=model.transducer.n_parameters,
        vocabulary_size=len(model.vocabulary),
        steps=state.steps,
        planned_steps=state.planned_steps,
        out_of_time=state.out_of_time,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        interrupted=state.interrupted,
        stopped=state.stopped,
        settings=experiment.settings.to_dict(),
        history=state.history,
        seconds=round(time.perf_counter() - experiment.started, 2),
    )


def _tested(
    experiment: TransductionExperiment, model: TransductionModel, report: RunReport
) -> RunReport:
    """The report of a run that has come to its end, with all figures on the test pairs."""
    train, test = experiment.material.train, experiment.material.test
    if test is None:
        return replace(report, finished=True)
    others = dict(report.others)
    if experiment.baselines:
        answers = pair_baselines(
            train.sources,
            train.targets,
            test.sources,
            source_symbols=model.tokenizer,
            target_symbols=model.target_unit,
        )
        right = [model.target_unit(text) for text in test.targets]
        others[BASELINES] = {
            name: score_answers(found, right).figures() for name, found in answers.items()
        }
    figures = evaluate_transducer(model, test).figures()
    return replace(report, finished=True, figures=figures, others=others)


def evaluate_transducer(
    model: TransductionModel, pairs: Pairs, *, beam_width: int = 1
) -> TransductionScores:
    """The scores of what a model writes of the sources of pairs; see ``score_answers``."""
    written = model.write(pairs.sources, beam_width=beam_width)
    right = [model.target_unit(text) for text in pairs.targets]
    return score_answers([one.symbols for one in written], right)


def baseline_figures(report: RunReport) -> dict[str, dict[str, float]]:
    """The figures of the baselines, as far as a report, which may be anybody's, has numbers."""
    kept = report.others.get(BASELINES)
    return {
        name: {key: float(value) for key, value in found.items() if is_number(value)}
        for name, found in (kept.items() if isinstance(kept, dict) else ())
        if isinstance(found, dict)
    }

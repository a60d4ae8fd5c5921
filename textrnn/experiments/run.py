"""One run: corpus, model, baselines, metrics, model folder.

What ``textrnn train`` and a script of one's own both call.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from textrnn.corpora.overlap import as_counts, warnings_of
from textrnn.experiments.comparison import compare
from textrnn.experiments.data import Prepared, prepare
from textrnn.experiments.experiment import Experiment as Experiment
from textrnn.experiments.kept import checkpoint_path as checkpoint_path
from textrnn.experiments.regression import compare_numbers, of_numbers
from textrnn.experiments.training import train_network
from textrnn.inference.classifier import TextModel
from textrnn.linear import ridge
from textrnn.storage.card import model_card
from textrnn.storage.loading import check_network, check_regression
from textrnn.storage.report import Comparison, HeldOutAccuracy, RunReport
from textrnn.storage.writing import save_model
from textrnn.system.version import __version__
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.pipeline import Fit, Info
from textrnn.training.state import TrainingState
from textrnn.wording.quoting import quoted


def run_experiment(experiment: Experiment) -> RunReport:
    """Train, compare, evaluate and save; where the corpus is numeric, to predict numbers.

    After Ctrl-C the report has ``interrupted`` set and no baselines.

    Raises:
        UsageError: a setting cannot work.
        DataError: the corpus cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
    """
    if experiment.corpus.train.numeric:
        experiment = of_numbers(experiment)
    experiment = experiment.without_tested()
    experiment.settings.validate()
    with experiment.kept.alone():
        return _run(experiment)


def _run(experiment: Experiment) -> RunReport:
    """What ``run_experiment`` does where nobody else is at it."""
    settings, out, say = experiment.settings, experiment.out, experiment.say
    finished = _finished_report(experiment)
    if finished is not None:
        return finished
    experiment.kept.tell_replaced()
    seconds: dict[str, float] = {}
    data = prepare(
        experiment.corpus,
        make_tokenizer(settings.tokenizer, lowercase=settings.lowercase),
        validation_fraction=settings.validation_fraction,
        seed=experiment.seed,
        n_jobs=settings.n_jobs,
        cache=experiment.cache,
        say=say,
    )
    prepared = time.perf_counter()

    def note(name: str, info: Info) -> None:
        seconds[name] = round(info["seconds"], 2)
        experiment.on_stage(name, info)

    fit = train_network(replace(experiment, on_stage=note), data)
    report = replace(
        _report(experiment, data, fit),
        seconds=round(time.perf_counter() - experiment.started, 2),
        seconds_preparing=round(prepared - experiment.started, 2),
        seconds_of_stages=seconds,
    )
    report = _save_first(fit, report, experiment)
    if data.test is not None and not fit.state.interrupted:
        report = replace(report, **vars(_compared(experiment, data, fit.model)))
    report = replace(report, finished=not fit.state.interrupted)
    if out is not None and report.finished:
        _save(fit.model, report, out)
        experiment.kept.done()
    return report


def _report(experiment: Experiment, data: Prepared, fit: Fit) -> RunReport:
    """What is known before the test."""
    corpus, model, state = experiment.corpus, fit.model, fit.state
    return RunReport(
        corpus=corpus.name,
        fingerprint=corpus.fingerprint(),
        source=corpus.source,
        model_dir=None if experiment.out is None else str(experiment.out),
        textrnn_version=__version__,
        preset=experiment.preset,
        seed=experiment.seed,
        classes=list(model.classes),
        test_fraction=corpus.test_fraction,
        label_separator=data.train.separator,
        n_train=len(data.train),
        n_train_in_time=len(fit.train),
        n_validation=len(data.validation),
        n_test=len(data.test) if data.test else 0,
        shared=as_counts(data.shared),
        warnings=warnings_of(data.shared),
        n_parameters=model.network.n_parameters,
        vocabulary_size=len(model.vocabulary),
        tokens_from_cache=data.from_cache,
        steps=state.steps,
        planned_steps=state.planned_steps,
        out_of_time=state.out_of_time,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        interrupted=state.interrupted,
        stopped=state.stopped,
        unlabelled=experiment.unlabelled_fingerprint,
        distillation=fit.distillation,
        validation=_held_out(state, fit.accuracy),
        settings=experiment.settings.to_dict(),
        history=state.history,
    )


def _compared(experiment: Experiment, data: Prepared, model: TextModel) -> Comparison:
    """The model and the baselines on the test texts."""
    names, settings, say = experiment.baselines, experiment.settings, experiment.say
    if data.train.numeric:
        return compare_numbers(data, model, names=names, n_jobs=settings.n_jobs, say=say)
    return compare(
        data,
        model,
        names=names,
        class_weight=settings.class_weight,
        n_jobs=settings.n_jobs,
        say=say,
    )


def _held_out(state: TrainingState, accuracy: float | None) -> HeldOutAccuracy:
    """The accuracy on the held-out texts of the classifier, and of its network alone."""
    return HeldOutAccuracy(accuracy, state.best_score[0] if state.best_params else None)


def _save_first(fit: Fit, report: RunReport, experiment: Experiment) -> RunReport:
    """Save the model before the baselines, which take time and may be stopped; if there is one."""
    model, out, say = fit.model, experiment.out, experiment.say
    if model.threshold is not None:
        of = "each label" if model.multilabel else quoted(model.classes[1])
        say(f"threshold of {of}: {model.threshold:.3f}")
    if out is None:
        return report
    if fit.state.best_params is None:
        as_it_was = f"; {quoted(out)} is as it was" if out.exists() else ""
        say(f"stopped before the first epoch was done{as_it_was}")
        return replace(report, model_dir=None)
    _save(model, report, out)
    say(f"model saved in {quoted(out)}")
    return report


def _finished_report(experiment: Experiment) -> RunReport | None:
    """The report of this very run, when it is resumed though it had come to its end."""
    corpus = experiment.corpus

    def is_compared(report: RunReport) -> bool:
        return (
            set(experiment.baselines) <= report.baselines.keys()
            or corpus.train.separator is not None  # there are none
            or (corpus.train.numeric and ridge.NAME in report.baselines)
        )

    check = check_regression if corpus.train.numeric else check_network
    return experiment.kept.finished(check, is_compared)


def _save(model: TextModel, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=model_card(model, report))

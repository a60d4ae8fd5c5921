"""One run: corpus, model, baselines, metrics, model folder.

What ``textrnn train`` and a script of one's own both call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.corpora import Corpus, Split
from textrnn.corpora.corpus import fingerprint_of
from textrnn.corpora.overlap import as_counts, warnings_of
from textrnn.errors import DamagedModelError, ModelError, TrainingError, UsageError, WorkerError
from textrnn.experiments.comparison import compare
from textrnn.experiments.data import Data, Say, prepare, say_nothing, targets_of
from textrnn.inference.classifier import TextModel
from textrnn.linear.baselines import BASELINES
from textrnn.storage.card import model_card
from textrnn.storage.format import CONFIG, tell_replaced
from textrnn.storage.metrics_validation import validate_report
from textrnn.storage.reading import check_network, load_saved
from textrnn.storage.report import Distillation, HeldOutAccuracy, RunReport
from textrnn.storage.training_lock import training_at
from textrnn.storage.writing import check_writable, save_model
from textrnn.system.processes import process_count
from textrnn.system.version import __version__
from textrnn.text.cache import tokenise_once
from textrnn.text.reading import read_texts
from textrnn.text.spelling import LEFT_OUT
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint, spelling_rule_of, taught_path
from textrnn.training.class_weight import weighted
from textrnn.training.ensemble import Chosen, choose_ngrams
from textrnn.training.examples import Examples
from textrnn.training.fit import build_model
from textrnn.training.pipeline import Teaching, Trained, train_whole
from textrnn.training.presets import DEFAULT
from textrnn.training.prior_baseline import nothing_learned
from textrnn.training.settings import Settings, check_seed
from textrnn.training.state import TrainingState
from textrnn.wording.messages import Advice, Message, Parameter
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Experiment:
    """What is to be run.

    Attributes:
        corpus: the labelled texts.
        settings: of the network.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: names of the bag-of-words models to compare with.
        preset: name of the settings that were begun with, for the report.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        unlabelled: further texts without labels to learn from, see ``training.self_training``.
        cache: keep tokens on disk, and use those that were kept.
        callbacks: called during the training of the network.
        say: receives a line about each stage.
    """

    corpus: Corpus
    settings: Settings
    out: Path | None = None
    seed: int = 0
    baselines: Sequence[str] = BASELINES
    preset: str = DEFAULT
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
    unlabelled: Sequence[str] = ()
    cache: bool = True
    callbacks: Sequence[Callback] = ()
    say: Say = say_nothing

    @cached_property
    def unlabelled_fingerprint(self) -> str | None:
        """What tells these unlabelled texts from others; None for no texts."""
        return fingerprint_of(self.unlabelled)[:16] if self.unlabelled else None


def checkpoint_path(out: Path) -> Path:
    """The file beside a model folder that holds an unfinished run."""
    return out.with_name(out.name + ".checkpoint")


def run_experiment(experiment: Experiment) -> RunReport:
    """Train, compare, evaluate and save.

    After Ctrl-C the report has ``interrupted`` set and no baselines.

    Raises:
        UsageError: a setting cannot work.
        DataError: the corpus cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
    """
    experiment = _without_tested(experiment)
    experiment.settings.validate()
    check_seed(experiment.seed)
    if experiment.out is not None:
        check_writable(experiment.out)
    with training_at(experiment.out):
        return _run(experiment)


def _run(experiment: Experiment) -> RunReport:
    """What ``run_experiment`` does where nobody else is at it."""
    started = experiment.started
    settings, out, say = experiment.settings, experiment.out, experiment.say
    if out is not None:
        finished = _finished_report(experiment)
        if finished is not None:
            say(f"this run is finished already; its model is in {quoted(out)}")
            return finished
        _tell_replaced(out, experiment)
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    data = prepare(
        experiment.corpus,
        tokenizer,
        validation_fraction=settings.validation_fraction,
        seed=experiment.seed,
        n_jobs=settings.n_jobs,
        cache=experiment.cache,
        say=say,
    )
    prepared = time.perf_counter()

    model, state, accuracy, n_texts, teaching = train_network(experiment, data)
    trained = time.perf_counter()
    report = RunReport(
        corpus=experiment.corpus.name,
        fingerprint=experiment.corpus.fingerprint(),
        source=experiment.corpus.source,
        model_dir=None if out is None else str(out),
        textrnn_version=__version__,
        preset=experiment.preset,
        seed=experiment.seed,
        classes=list(model.classes),
        test_fraction=experiment.corpus.test_fraction,
        label_separator=data.train.separator,
        n_train=len(data.train),
        n_train_in_time=n_texts,
        n_validation=len(data.validation),
        n_test=len(data.test) if data.test else 0,
        shared=as_counts(data.shared),
        warnings=warnings_of(data.shared),
        n_parameters=model.network.n_parameters,
        vocabulary_size=len(model.vocabulary),
        seconds=round(trained - started, 2),
        seconds_preparing=round(prepared - started, 2),
        tokens_from_cache=data.from_cache,
        steps=state.steps,
        planned_steps=state.planned_steps,
        out_of_time=state.out_of_time,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        interrupted=state.interrupted,
        stopped=state.stopped,
        unlabelled=experiment.unlabelled_fingerprint,
        distillation=None if teaching is None else _told(teaching),
        validation=_validation(state, accuracy),
        settings=settings.to_dict(),
        history=state.history,
    )
    if model.threshold is not None:
        of = "each label" if model.multilabel else quoted(model.classes[1])
        say(f"threshold of {of}: {model.threshold:.3f}")
    if out is not None and state.best_params is None:
        report = replace(report, model_dir=None)
        as_it_was = f"; {quoted(out)} is as it was" if out.exists() else ""
        say(f"stopped before the first epoch was done{as_it_was}")
    elif out is not None:
        _save(model, report, out)  # before the baselines, which take time and may be stopped
        say(f"model saved in {quoted(out)}")
    if data.test is not None and not state.interrupted:
        found = compare(
            data,
            model,
            names=experiment.baselines,
            class_weight=settings.class_weight,
            n_jobs=settings.n_jobs,
            say=say,
        )
        report = replace(report, **vars(found))
    report = replace(report, finished=not state.interrupted)
    if out is not None and report.finished:
        _save(model, report, out)
        for path in (checkpoint_path(out), taught_path(checkpoint_path(out))):
            path.unlink(missing_ok=True)
    return report


def _tell_replaced(out: Path, experiment: Experiment) -> None:
    """Tell what will be lost, an unfinished run or a model, or that there is none to go on from."""
    path, say = checkpoint_path(out), experiment.say
    if experiment.resume and not path.exists():
        say(f"note: there is no {quoted(path)} to go on from; this run begins anew")
    elif experiment.resume:
        return
    elif path.exists():
        told = f"note: {quoted(path)}, an unfinished run, will be replaced"
        say(Message(told, Advice("; ", Parameter("resume"), " would go on with it")))
    else:
        tell_replaced(out, say)


def _finished_report(experiment: Experiment) -> RunReport | None:
    """The report of this very run, when it is resumed though it had come to its end."""
    out = experiment.out
    if not experiment.resume or out is None or not (out / CONFIG).is_file():
        return None
    if checkpoint_path(out).exists():
        return None  # there is a run to go on with, whatever the folder holds
    saved = load_saved(out)  # a damaged one is not finished
    report = saved.report
    same = (
        report.finished is True
        and report.fingerprint == experiment.corpus.fingerprint()
        and report.seed == experiment.seed
        and report.settings == experiment.settings.to_dict()
        and report.unlabelled == experiment.unlabelled_fingerprint
        and (
            set(experiment.baselines) <= report.baselines.keys()
            or experiment.corpus.train.separator is not None  # there are none
        )
    )
    if not same:
        return None
    check_network(saved.model, out)
    try:
        validate_report(saved.metrics)
    except ValueError as error:
        raise DamagedModelError(
            f"the model {quoted(out)} is damaged: its report: {error}; train it again without ",
            Parameter("resume"),
            ".",
        ) from error
    return report


def train_network(
    experiment: Experiment,
    data: Data,
    *,
    choose: Callable[..., Chosen] = choose_ngrams,
    refit: bool = True,
) -> Trained:
    """Train a network and the n-gram model beside it; with ``out``, keep a checkpoint.

    Args:
        experiment: what is to be trained.
        data: its corpus, prepared.
        choose: finds the n-gram model, as `choose_ngrams`.
        refit: fit that to training and held-out texts in the end.

    Raises:
        UsageError: a setting does not fit the corpus, or the checkpoint is of another run.
        TrainingError: the loss became infinite or not a number.
    """
    settings, out = experiment.settings, experiment.out
    rng = np.random.default_rng(experiment.seed)
    classes = data.train.classes
    train = _examples(data, "train", data.train, settings)
    validation = _examples(data, "validation", data.validation, settings)
    unlabelled = None
    if experiment.unlabelled:
        jobs = process_count(settings.n_jobs)
        texts, cache = experiment.unlabelled, experiment.cache
        found, _ = tokenise_once(data.tokenizer, texts, n_jobs=jobs, cache=cache)
        unlabelled = read_texts(data.tokenizer, found, settings.max_length)
    model = build_model(
        settings,
        train.texts,
        classes,
        rng=rng,
        unlabelled=unlabelled,
        multilabel=train.targets.is_multilabel,
    )
    callbacks: list[Callback] = []
    identity: dict[str, Any] = {}
    n_texts = n_taught = None
    if out is not None:
        model = replace(
            model, spelling_rule=spelling_rule_of(checkpoint_path(out), resume=experiment.resume)
        )
        identity = {
            "seed": experiment.seed,
            "corpus": experiment.corpus.fingerprint(),
            "unlabelled": experiment.unlabelled_fingerprint,
            **settings.to_dict(),
            "n_jobs": settings.processes(),
            **({} if model.spelling_rule == LEFT_OUT else {"slip": model.spelling_rule}),
        }
        # First, so that the others see the run where it goes on from.
        checkpoint = Checkpoint(checkpoint_path(out), identity, resume=experiment.resume)
        callbacks.append(checkpoint)
        n_texts, n_taught = checkpoint.n_texts(), checkpoint.n_taught()
    callbacks += experiment.callbacks

    def tell(chosen: Chosen) -> None:
        held_out = "labels" if train.targets.is_multilabel else "texts"
        experiment.say(f"n-grams alone: {chosen.accuracy:.4f} of the held-out {held_out} right")

    with nullcontext() if out is None else _told_of_checkpoint(checkpoint_path(out), identity):
        trained = train_whole(
            model,
            settings,
            train,
            validation=validation,
            rng=rng,
            started=experiment.started,
            unlabelled=unlabelled,
            callbacks=callbacks,
            choose=choose,
            on_ngrams=tell,
            refit=refit,
            n_texts=n_texts,
            n_taught=n_taught,
        )
    if unlabelled is not None and not trained.state.interrupted:
        experiment.say(_what_it_brought(trained, len(unlabelled)))
    told = nothing_learned(trained.state, validation, len(classes))
    if told:
        experiment.say(Message("warning: ", told))
    return trained


@contextmanager
def _told_of_checkpoint(path: Path, identity: dict[str, Any]) -> Iterator[None]:
    """Where a process dies, say that the run can go on, if it has a checkpoint to go on from."""
    try:
        yield
    except TrainingError as error:
        if not isinstance(error.__cause__, WorkerError) or not _is_of_run(path, identity):
            raise
        raise TrainingError(
            *error.args,
            Advice(
                " What was trained up to the last whole epoch is in the checkpoint: go on from it "
                "with ",
                Parameter("resume"),
                " and the same ",
                Parameter("n_jobs"),
                ".",
            ),
        ) from error.__cause__


def _is_of_run(path: Path, identity: dict[str, Any]) -> bool:
    try:
        return Checkpoint(path, identity, resume=True).n_texts() is not None
    except (ModelError, UsageError):
        return False


def _validation(state: TrainingState, accuracy: float | None) -> HeldOutAccuracy:
    """The accuracy on the held-out texts of the classifier, and of its network alone."""
    return HeldOutAccuracy(accuracy, state.best_score[0] if state.best_params else None)


def _what_it_brought(trained: Trained, n_given: int) -> str:
    """A line about the unlabelled texts."""
    teaching = trained.teaching
    if teaching is None:
        return "note: there was no time to learn from the unlabelled texts"
    if not teaching.kept:
        return "what was taught on unlabelled texts did worse, so what taught it stays"
    line = f"learned from {teaching.n_texts:,} of {n_given:,} unlabelled texts"
    if trained.accuracy is None or teaching.accuracy is None:
        return line
    return f"{line}; held out {teaching.accuracy:.4f} before, {trained.accuracy:.4f} now"


def _told(teaching: Teaching) -> Distillation:
    """How unlabelled texts were learned from."""
    return Distillation(
        n_texts=teaching.n_texts,
        kept=teaching.kept,
        teacher_accuracy=teaching.accuracy,
        teacher_steps=teaching.state.steps,
        teacher_history=teaching.state.history,
    )


def _without_tested(experiment: Experiment) -> Experiment:
    """The same without unlabelled texts by which it will be tested."""
    if not experiment.unlabelled:
        return experiment
    test = experiment.corpus.test
    tested = set(test.texts if test else ())
    given = list(experiment.unlabelled)
    kept = [text for text in given if text not in tested and text.strip()]
    if len(kept) < len(given):
        left_out = len(given) - len(kept)
        experiment.say(f"note: {left_out:,} unlabelled texts are empty or test texts: left out")
    return replace(experiment, unlabelled=kept)


def _examples(data: Data, name: str, split: Split, settings: Settings) -> Examples:
    """A part of the corpus as a network with these settings learns from it."""
    classes = data.train.classes
    texts = read_texts(data.tokenizer, data.tokens[name], settings.max_length)
    return weighted(Examples(texts, targets_of(split, classes)), classes, settings)


def _save(model: TextModel, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=model_card(model, report))

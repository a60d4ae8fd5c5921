"""One run of a language model: texts, model, its perplexity on others, model folder.

What ``textrnn lm train`` and a script of one's own both call. The model is a network, or a Markov
chain; a network is compared with chains.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Lines
from textrnn.errors import DataError, ModelError
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import Kept, told_of_checkpoint
from textrnn.inference.language import LanguageModel, score
from textrnn.inference.markov import MarkovModel
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.storage.card import structure_card
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.system.processes import process_count
from textrnn.system.version import __version__
from textrnn.text.cache import tokenise_once
from textrnn.training.callbacks import Callback
from textrnn.training.fit import make_vocabulary
from textrnn.training.language.settings import CHAR, LanguageModelSettings
from textrnn.training.language.stages import STAGES, texts_to_learn
from textrnn.training.markov import ORDERS, ChainTexts, fit_markov
from textrnn.training.pipeline import Fit, OnStage, ignore, run_stages
from textrnn.typing import Ints
from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class LanguageExperiment:
    """What is to be run.

    Attributes:
        material: the texts, with labels where these are to be conditioned on.
        settings: of the network.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        markov: the order of a Markov chain to fit in the place of a network.
        baseline: compare a network with Markov chains.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        cache: keep tokens on disk, and use those that were kept.
        callbacks: called during the training of the network.
        on_stage: told the name of each stage of the fit, and its figures, when it is done.
        say: receives a line about each stage.
    """

    material: Material[Lines]
    settings: LanguageModelSettings
    out: Path | None = None
    seed: int = 0
    markov: int | None = None
    baseline: bool = True
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
    cache: bool = True
    callbacks: Sequence[Callback] = ()
    on_stage: OnStage = ignore
    say: Say = say_nothing

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


def run_language(experiment: LanguageExperiment) -> RunReport:
    """Train, measure and save; after Ctrl-C the report has ``interrupted`` set and no figures.

    Raises:
        UsageError: a setting cannot work.
        DataError: the texts cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
    """
    experiment.settings.validate()
    with experiment.kept.alone():
        return _run(experiment)


def _run(experiment: LanguageExperiment) -> RunReport:
    """What ``run_language`` does where nobody else is at it."""
    kept = experiment.kept
    finished = kept.finished(
        partial(_check_kind, NetworkLanguageModel if experiment.markov is None else MarkovModel),
        lambda report: report.known_figures.get("order") == experiment.markov,
    )
    if finished is not None:
        return finished
    kept.tell_replaced()
    labels, splits = prepare(experiment)
    report = replace(_of_texts(experiment, labels, splits), seconds_of_stages={})
    if experiment.markov is None:
        return _network(experiment, labels, splits, report)
    return _chain(experiment, labels, splits, report)


def _network(
    experiment: LanguageExperiment,
    labels: tuple[str, ...],
    splits: dict[str, ChainTexts],
    report: RunReport,
) -> RunReport:
    """Train a network, keep it, and compare it with chains."""
    fit = train(experiment, labels, splits)
    model = cast("NetworkLanguageModel", fit.model)
    report = _of_training(experiment, fit, report)
    out, say = experiment.out, experiment.say
    if out is not None and fit.state.best_params is None and fit.is_lost:
        as_it_was = f"; {quoted(out)} is as it was" if out.exists() else ""
        say(f"stopped before the first epoch was done{as_it_was}")
        return replace(report, model_dir=None)
    if out is not None:
        _save(model, report, out)
        say(f"model saved in {quoted(out)}")
    if fit.state.interrupted:
        return replace(report, finished=False)
    figures: dict[str, float] = _figures_of(model, splits[TEST])
    report = replace(report, figures=figures)
    if experiment.baseline:
        report = _compared(experiment, model, splits, report)
    report = replace(report, finished=True)
    if out is not None:
        _save(model, report, out)
        experiment.kept.done()
    return report


def _chain(
    experiment: LanguageExperiment,
    labels: tuple[str, ...],
    splits: dict[str, ChainTexts],
    report: RunReport,
) -> RunReport:
    """Fit a Markov chain of the order that is given, and keep it."""
    settings, out = experiment.settings, experiment.out
    assert experiment.markov is not None
    fit = fit_markov(
        splits[TRAIN],
        splits[VALIDATION],
        tokenizer=settings.make_tokenizer(),
        vocabulary=make_vocabulary(settings, splits[TRAIN].tokens),
        labels=labels,
        orders=[experiment.markov],
        settings=settings.to_dict(),
        say=experiment.say,
    )
    report = replace(
        report,
        vocabulary_size=len(fit.model.vocabulary),
        n_parameters=fit.model.n_ngrams,
        seconds=round(time.perf_counter() - experiment.started, 2),
        figures={"order": experiment.markov, **_figures_of(fit.model, splits[TEST])},
        finished=True,
    )
    if out is not None:
        _save(fit.model, report, out)
        experiment.say(f"model saved in {quoted(out)}")
        experiment.kept.done()
    return report


def prepare(experiment: LanguageExperiment) -> tuple[tuple[str, ...], dict[str, ChainTexts]]:
    """The labels of the texts, if they have some, and each split tokenised.

    Raises:
        DataError: there are too few texts to hold any back.
    """
    settings, say = experiment.settings, experiment.say
    material = experiment.material.parted(
        settings.validation_fraction, random_state=experiment.seed
    )
    parts = {TRAIN: material.train, VALIDATION: material.validation, TEST: material.test}
    there = {name: rows for name, rows in parts.items() if rows is not None and len(rows)}
    sizes = ", ".join(f"{len(rows):,} {name}" for name, rows in there.items())
    say(f"{quoted(material.name)}: {sizes} texts from {quoted(material.source)}")
    for note in material.notes:
        say(Message("note: ", note))
    labels = tuple(material.train.classes)
    if len(labels) == 1:
        raise DataError(f"all texts have the label {quoted(labels[0])}: nothing depends on it.")
    # All texts in their own order, so that another split finds the same tokens kept.
    tokens = {}
    tokenizer = settings.make_tokenizer()
    for name, rows in there.items():
        found, _ = tokenise_once(
            tokenizer, rows.texts, n_jobs=process_count(settings.n_jobs), cache=experiment.cache
        )
        tokens[name] = ChainTexts(found, _numbers(rows, labels))
    return labels, tokens


def _numbers(rows: Lines, labels: Sequence[str]) -> Ints | None:
    """The number of the label of each text.

    Raises:
        DataError: one has a label that no text to learn has.
    """
    if rows.labels is None:
        return None
    number = {label: i for i, label in enumerate(labels)}
    strange = next((label for label in rows.labels if label not in number), None)
    if strange is not None:
        raise DataError(f"the label {quoted(strange)} is of no text to learn from.")
    return np.array([number[label] for label in rows.labels], np.int64)


def train(
    experiment: LanguageExperiment, labels: tuple[str, ...], splits: dict[str, ChainTexts]
) -> Fit:
    """Train a network; with ``out``, keep a checkpoint."""
    learned, held = splits[TRAIN], splits[VALIDATION]
    fit = Fit(
        experiment.settings,
        labels,
        texts_to_learn(learned.tokens, learned.labels, len(labels)),
        texts_to_learn(held.tokens, held.labels, len(labels)),
        np.random.default_rng(experiment.seed),
        started=experiment.started,
        callbacks=experiment.callbacks,
        on_stage=experiment.on_stage,
    )
    checkpoint = experiment.kept.checkpoint()
    if checkpoint is not None:
        checkpoint.n_texts()  # of another run, it is told before the vocabulary is made
        fit = replace(fit, callbacks=[checkpoint, *fit.callbacks])
    with told_of_checkpoint(checkpoint):
        return run_stages(fit, STAGES)


def _of_texts(
    experiment: LanguageExperiment, labels: tuple[str, ...], splits: dict[str, ChainTexts]
) -> RunReport:
    """What is known before anything is learned."""
    material = experiment.material
    sizes = {name: len(texts.tokens) for name, texts in splits.items()}
    return RunReport(
        corpus=material.name,
        fingerprint=material.fingerprint(),
        source=material.source,
        model_dir=None if experiment.out is None else str(experiment.out),
        textrnn_version=__version__,
        seed=experiment.seed,
        classes=list(labels),
        test_fraction=material.test_fraction,
        n_train=sizes[TRAIN],
        n_train_in_time=sizes[TRAIN],
        n_validation=sizes[VALIDATION],
        n_test=sizes[TEST],
        settings=experiment.settings.to_dict(),
        interrupted=False,
    )


def _of_training(experiment: LanguageExperiment, fit: Fit, report: RunReport) -> RunReport:
    """The same, and what is known of a network before the test."""
    state = fit.state
    return replace(
        report,
        n_parameters=fit.model.network.n_parameters,
        vocabulary_size=len(fit.model.vocabulary),
        seconds=round(time.perf_counter() - experiment.started, 2),
        steps=state.steps,
        planned_steps=state.planned_steps,
        out_of_time=state.out_of_time,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        interrupted=state.interrupted,
        stopped=state.stopped,
        history=state.history,
    )


def _figures_of(model: LanguageModel, texts: ChainTexts) -> dict[str, float]:
    """What a model says of some texts, by name; see ``language.Figures``."""
    return score(model, texts.tokens, labels=texts.labels).figures._asdict()


def _compared(
    experiment: LanguageExperiment,
    model: NetworkLanguageModel,
    splits: dict[str, ChainTexts],
    report: RunReport,
) -> RunReport:
    """The report with the Markov chain of the order that the held-out texts chose, beside it."""
    by_characters = experiment.settings.unit == CHAR
    fit = fit_markov(
        splits[TRAIN],
        splits[VALIDATION],
        tokenizer=model.tokenizer,
        vocabulary=model.vocabulary,
        labels=model.labels,
        orders=(*ORDERS, 6) if by_characters else ORDERS,
        say=experiment.say,
    )
    chain = fit.model
    other = _figures_of(chain, splits[TEST])
    figures = {**(report.figures or {}), "markov_order": chain.order}
    figures |= {f"markov_{name}": other[name] for name in ("perplexity", "bits_per_token")}
    unit = "bits_per_token" if by_characters else "perplexity"
    told = "bits of a character" if by_characters else "perplexity"
    own, theirs = figures[unit], other[unit]
    line = f"{told} {own:,.3f} of the network and {theirs:,.3f} of a Markov chain of order "
    line += f"{chain.order}: "
    if own < theirs:
        line += f"{1.0 - own / theirs:.1%} less, use the network"
    else:
        line += "no less, use the chain"
    return replace(report, figures=figures, recommendation=line)


def _save(model: NetworkLanguageModel | MarkovModel, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=structure_card(model, report))


def _check_kind(kind: type, model: Any, path: Path) -> None:
    """Raise ModelError unless the model of a folder is of a kind."""
    if not isinstance(model, kind):
        raise ModelError(f"the model {quoted(path)} is of another kind than what is trained.")

"""The fit of one experiment: its corpus as examples, its checkpoint, its lines for the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.corpora import Split
from textrnn.errors import ModelError, TrainingError, UsageError, WorkerError
from textrnn.experiments.data import Prepared, targets_of
from textrnn.experiments.experiment import Experiment, checkpoint_path
from textrnn.system.processes import process_count
from textrnn.text.cache import tokenise_once
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import read_texts
from textrnn.text.spelling import LEFT_OUT
from textrnn.training.checkpoint import Checkpoint, spelling_rule_of
from textrnn.training.class_weight import weighted
from textrnn.training.examples import Examples
from textrnn.training.ngrams import NGrams, choose_ngrams
from textrnn.training.pipeline import STAGES, Fit, Info, Stage, run_stages
from textrnn.training.prior_baseline import nothing_learned
from textrnn.training.regression import Scaling, regression_stages
from textrnn.training.settings import Settings
from textrnn.wording.messages import Advice, Message, Parameter


def train_network(
    experiment: Experiment,
    data: Prepared,
    *,
    choose: Callable[..., NGrams] = choose_ngrams,
    stages: Sequence[Stage] = STAGES,
) -> Fit:
    """Train a network and the n-gram model beside it; with ``out``, keep a checkpoint.

    Where the corpus is numeric it is a network alone that predicts numbers, in their own stages.

    Args:
        experiment: what is to be trained.
        data: its corpus, prepared.
        choose: finds the n-gram model, as `choose_ngrams`.
        stages: those of the fit that are run.

    Raises:
        UsageError: a setting does not fit the corpus, or the checkpoint is of another run.
        TrainingError: the loss became infinite or not a number.
    """
    settings, out = experiment.settings, experiment.out
    train = _examples(data, "train", data.train, settings)
    validation = _examples(data, "validation", data.validation, settings)
    classes = data.train.classes
    if data.train.numeric:
        scaling = Scaling.of(train.targets.values)
        train, validation = scaling.standardised(train), scaling.standardised(validation)
        classes, stages = [], regression_stages(scaling)
    fit = Fit(
        settings,
        classes,
        train,
        validation,
        np.random.default_rng(experiment.seed),
        unlabelled=_unlabelled(experiment, data),
        started=experiment.started,
        callbacks=experiment.callbacks,
        on_stage=_say_of(experiment, data),
        choose=choose,
    )
    identity: dict[str, Any] = {}
    if out is not None:
        fit, identity = _kept(fit, experiment, checkpoint_path(out))
    with nullcontext() if out is None else _told_of_checkpoint(checkpoint_path(out), identity):
        run_stages(fit, stages)
    if experiment.unlabelled and fit.distillation is None and not fit.state.interrupted:
        experiment.say("note: there was no time to learn from the unlabelled texts")
    told = nothing_learned(fit.state, fit.validation, len(fit.classes))
    if told:
        experiment.say(Message("warning: ", told))
    return fit


def _say_of(experiment: Experiment, data: Prepared) -> Callable[[str, Info], None]:
    """What tells the user of the stages, after the experiment's own hook."""
    held_out = "texts" if data.train.separator is None else "labels"

    def tell(name: str, info: Info) -> None:
        experiment.on_stage(name, info)
        if name == "n-grams":
            experiment.say(
                f"n-grams alone: {info['accuracy']:.4f} of the held-out {held_out} right"
            )
        elif name == "distillation" and not info["interrupted"]:
            experiment.say(_what_it_brought(info, len(experiment.unlabelled)))

    return tell


def _what_it_brought(info: Info, n_given: int) -> str:
    """A line about the unlabelled texts."""
    if not info["kept"]:
        return "the student of the unlabelled texts did worse, so its teacher stays"
    line = f"learned from {info['n_texts']:,} of {n_given:,} unlabelled texts"
    if info["accuracy"] is None or info["teacher_accuracy"] is None:
        return line
    return f"{line}; held out {info['teacher_accuracy']:.4f} before, {info['accuracy']:.4f} now"


def _kept(fit: Fit, experiment: Experiment, path: Path) -> tuple[Fit, dict[str, Any]]:
    """A fit that keeps a checkpoint, or goes on from it, and what makes its run what it is."""
    rule = spelling_rule_of(path, resume=experiment.resume)
    identity = {
        "seed": experiment.seed,
        "corpus": experiment.corpus.fingerprint(),
        "unlabelled": experiment.unlabelled_fingerprint,
        **experiment.settings.to_dict(),
        "n_jobs": experiment.settings.processes(),
        **({} if rule == LEFT_OUT else {"slip": rule}),
    }
    checkpoint = Checkpoint(path, identity, resume=experiment.resume)
    kept = replace(
        fit,
        spelling_rule=rule,
        # First, so that the others see the run where it goes on from.
        callbacks=[checkpoint, *fit.callbacks],
        n_texts=checkpoint.n_texts(),
        n_student=checkpoint.n_student(),
    )
    return kept, identity


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


def _unlabelled(experiment: Experiment, data: Prepared) -> EncodedTexts | None:
    if not experiment.unlabelled:
        return None
    jobs = process_count(experiment.settings.n_jobs)
    found, _ = tokenise_once(
        data.tokenizer, experiment.unlabelled, n_jobs=jobs, cache=experiment.cache
    )
    return read_texts(data.tokenizer, found, experiment.settings.max_length)


def _examples(data: Prepared, name: str, split: Split, settings: Settings) -> Examples:
    """A part of the corpus as a network with these settings learns from it."""
    classes = data.train.classes
    texts = read_texts(data.tokenizer, data.tokens[name], settings.max_length)
    return weighted(Examples(texts, targets_of(split, classes)), classes, settings)

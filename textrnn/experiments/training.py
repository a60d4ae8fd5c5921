"""The fit of one experiment: its corpus as examples, its checkpoint, its lines for the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from textrnn.corpora import Split
from textrnn.experiments.data import Prepared, targets_of
from textrnn.experiments.experiment import Experiment
from textrnn.experiments.kept import checkpoint_path, told_of_checkpoint
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
from textrnn.wording.messages import Message


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
    checkpoint = None
    if out is not None:
        rule = spelling_rule_of(checkpoint_path(out), resume=experiment.resume)
        checkpoint = experiment.kept.checkpoint(**({} if rule == LEFT_OUT else {"slip": rule}))
        assert checkpoint is not None
        fit = _going_on_from(checkpoint, replace(fit, spelling_rule=rule))
    with told_of_checkpoint(checkpoint):
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
        for note in info.get("notes", ()):
            experiment.say(note)
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


def _going_on_from(checkpoint: Checkpoint, fit: Fit) -> Fit:
    """A fit that keeps a checkpoint, and goes on from it if it is to."""
    return replace(
        fit,
        # First, so that the others see the run where it goes on from.
        callbacks=[checkpoint, *fit.callbacks],
        n_texts=checkpoint.n_texts(),
        n_student=checkpoint.n_student(),
    )


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

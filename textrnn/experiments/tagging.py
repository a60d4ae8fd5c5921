"""One run of a tagger: texts, model, scores on others beside what it must beat, model folder.

What ``textrnn tag train`` and a script of one's own both call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import TaggedTexts
from textrnn.errors import DataError, MissingDependencyError, ModelError
from textrnn.evaluation.tags import (
    TagReport,
    check_entities,
    evaluate_tags,
    paired_tokens,
    recommended_of,
    right_tokens,
)
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import Kept, told_of_checkpoint
from textrnn.inference.tagger import TaggerModel
from textrnn.linear.tag_baselines import LINEAR, USUAL, LinearTagger, UsualTag
from textrnn.storage.card import structure_card
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.system.version import __version__
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.pipeline import Fit, Info, OnStage, ignore, run_stages
from textrnn.training.tagging.settings import TaggingSettings
from textrnn.training.tagging.stages import STAGES, tagged
from textrnn.typing import Bools, Ints
from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class TaggingExperiment:
    """What is to be run.

    Attributes:
        material: the texts with their tags.
        settings: of the network.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: compare with a linear model, too, which takes its time; the usual tags take none.
        entities: score entities where tags mark some: None if seqeval is there, True demands it.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        callbacks: called during the training of the network.
        on_stage: told the name of each stage of the fit, and its figures, when it is done.
        say: receives a line about each stage.
    """

    material: Material[TaggedTexts]
    settings: TaggingSettings
    out: Path | None = None
    seed: int = 0
    baselines: bool = True
    entities: bool | None = None
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
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


@dataclass(frozen=True)
class Split:
    """The texts of a split in their own words, and the tags of each."""

    tokens: EncodedTexts
    tags: list[list[str]]

    @classmethod
    def of(cls, rows: TaggedTexts) -> Split:
        """From rows."""
        return cls(encode_lists(rows.tokens), rows.tags)

    def numbers(self, number: Mapping[Any, int]) -> Ints:
        """The number of the tag of each token, (n_tokens,); -1 of one that has none."""
        return np.array([number.get(tag, -1) for tags in self.tags for tag in tags], np.int64)


def run_tagging(experiment: TaggingExperiment) -> RunReport:
    """Train, compare and save; after Ctrl-C the report has ``interrupted`` set and no figures.

    Raises:
        UsageError: a setting cannot work.
        DataError: the texts cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
        MissingDependencyError: entities are to be scored, and seqeval is not installed.
    """
    experiment.settings.validate()
    with experiment.kept.alone():
        return _run(experiment)


def _run(experiment: TaggingExperiment) -> RunReport:
    """What ``run_tagging`` does where nobody else is at it."""
    kept, out = experiment.kept, experiment.out
    finished = kept.finished(check_tagger)
    if finished is not None:
        return finished
    kept.tell_replaced()
    classes, splits = _prepared(experiment)
    seconds: dict[str, float] = {}

    def note(name: str, info: Info) -> None:
        seconds[name] = round(info["seconds"], 2)
        experiment.on_stage(name, info)

    fit = _trained(replace(experiment, on_stage=note), classes, splits)
    model = cast("TaggerModel", fit.model)
    report = replace(_report(experiment, fit, splits), seconds_of_stages=seconds)
    if out is not None and fit.state.best_params is None:
        as_it_was = f"; {quoted(out)} is as it was" if out.exists() else ""
        experiment.say(f"stopped before the first epoch was done{as_it_was}")
        report = replace(report, model_dir=None)
    elif out is not None:
        _save(model, report, out)
        experiment.say(f"model saved in {quoted(out)}")
    if TEST in splits and not fit.state.interrupted:
        report = replace(report, **_compared(experiment, model, splits))
    report = replace(report, finished=not fit.state.interrupted)
    if out is not None and report.finished:
        _save(model, report, out)
        kept.done()
    return report


def _prepared(experiment: TaggingExperiment) -> tuple[list[str], dict[str, Split]]:
    """The tags, sorted, and the texts of each split.

    Raises:
        DataError: there are too few texts to hold any back, or all tokens have one tag.
    """
    settings, say = experiment.settings, experiment.say
    material = experiment.material.parted(
        settings.validation_fraction, random_state=experiment.seed
    )
    parts = {TRAIN: material.train, VALIDATION: material.validation, TEST: material.test}
    there = {name: rows for name, rows in parts.items() if rows is not None and len(rows)}
    sizes = ", ".join(f"{len(rows):,} {name}" for name, rows in there.items())
    say(f"{quoted(material.name)}: {sizes} texts from {quoted(material.source)}")
    for line in material.notes:
        say(Message("note: ", line))
    classes = material.train.classes
    if len(classes) < 2:
        raise DataError(f"all tokens have the tag {quoted(classes[0])}; a tagger needs two tags.")
    if experiment.entities:
        check_entities(material.train.tags)
    return classes, {name: Split.of(rows) for name, rows in there.items()}


def _trained(experiment: TaggingExperiment, classes: list[str], splits: dict[str, Split]) -> Fit:
    """Train a network; with ``out``, keep a checkpoint."""
    number = {tag: i for i, tag in enumerate(classes)}

    def examples(name: str) -> Examples:
        split = splits[name]
        return tagged(split.tokens, split.numbers(number), len(classes))

    fit = Fit(
        experiment.settings,
        classes,
        examples(TRAIN),
        examples(VALIDATION) if VALIDATION in splits else None,
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


def _report(experiment: TaggingExperiment, fit: Fit, splits: dict[str, Split]) -> RunReport:
    """What is known before the test."""
    material, state = experiment.material, fit.state
    sizes = {name: len(split.tokens) for name, split in splits.items()}
    return RunReport(
        corpus=material.name,
        fingerprint=material.fingerprint(),
        source=material.source,
        model_dir=None if experiment.out is None else str(experiment.out),
        textrnn_version=__version__,
        seed=experiment.seed,
        classes=list(fit.classes),
        test_fraction=material.test_fraction,
        n_train=sizes[TRAIN],
        n_train_in_time=sizes[TRAIN],
        n_validation=sizes.get(VALIDATION, 0),
        n_test=sizes.get(TEST, 0),
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
        settings=experiment.settings.to_dict(),
        history=state.history,
    )


# ---------------------------------------------------------------------- comparison


def _compared(
    experiment: TaggingExperiment, model: TaggerModel, splits: dict[str, Split]
) -> dict[str, Any]:
    """Scores on the test texts, of the network and of what it must beat, and which to use."""
    test, number = splits[TEST], {tag: i for i, tag in enumerate(model.classes)}
    theirs = _baselines(experiment, splits, number)
    predicted = model.predict(test.tokens)
    report = score_tags(
        model,
        test,
        predicted,
        entities=experiment.entities,
        baseline_right=theirs[USUAL],
        say=experiment.say,
    )
    ours = right_tokens(test.tags, predicted)
    best = max(theirs, key=lambda name: float(theirs[name].mean()))
    filled = test.tokens.lengths[test.tokens.lengths > 0]
    paired = paired_tokens(ours, theirs[best], filled)
    recommended, recommendation = recommended_of(paired, best)
    figures = dict(report.figures)
    if LINEAR in theirs:
        figures["linear_accuracy"] = float(theirs[LINEAR].mean())
    return {
        "figures": figures,
        "paired": {**paired.to_dict(), "baseline": best},
        "recommended": recommended,
        "recommendation": recommendation,
        "others": {"per_tag": [asdict(line) for line in report.per_tag]},
    }


def _baselines(
    experiment: TaggingExperiment, splits: dict[str, Split], number: Mapping[Any, int]
) -> dict[str, Bools]:
    """Which tokens of the test each baseline has right, fitted to all but these."""
    parts = [splits[name] for name in (TRAIN, VALIDATION) if name in splits]
    known = Split.of(
        TaggedTexts(
            [tokens for part in parts for tokens in part.tokens],
            [tags for part in parts for tags in part.tags],
        )
    )
    test, tags = splits[TEST], known.numbers(number)
    right = test.numbers(number)
    found = {USUAL: UsualTag.fit(known.tokens, tags).predict(test.tokens) == right}
    if experiment.baselines:
        linear = LinearTagger.fit(known.tokens, tags, random_state=experiment.seed)
        found[LINEAR] = linear.predict(test.tokens) == right
    for name, is_right in found.items():
        experiment.say(f"{name}: {is_right.mean():.4f} of the test tags right")
    return found


def score_tags(
    model: TaggerModel,
    texts: Split,
    predicted: Sequence[Sequence[Any]],
    *,
    entities: bool | None = None,
    baseline_right: Bools | None = None,
    say: Say = say_nothing,
) -> TagReport:
    """Scores of the tags that a model gave some texts.

    Args:
        model: which.
        texts: with their tags.
        predicted: the tags that it gave them.
        entities: as of ``TaggingExperiment``.
        baseline_right: whether the most frequent tag of each token's word is right; None looks at
            the tags that the model keeps of its training.
        say: is told if entities are not scored for want of a package.

    Raises:
        MissingDependencyError: entities are to be scored, and seqeval is not installed.
    """
    if baseline_right is None:
        number = {tag: i for i, tag in enumerate(model.classes)}
        baseline_right = model.usual_tags(texts.tokens) == texts.numbers(number)

    def scored(*, with_entities: bool) -> TagReport:
        return evaluate_tags(
            texts.tags,
            predicted,
            unknown=model.is_unknown(texts.tokens),
            baseline_right=baseline_right,
            with_entities=with_entities,
        )

    if entities:
        check_entities(texts.tags)
    try:
        return scored(with_entities=entities is not False)
    except MissingDependencyError as error:
        if entities:
            raise
        say(Message("note: ", error.message))
        return scored(with_entities=False)


def _save(model: TaggerModel, report: RunReport, out: Path) -> None:
    save_model(model, out, metrics=report.to_dict(), card=structure_card(model, report))


def check_tagger(model: Any, path: Path) -> None:
    """Raise ModelError unless the model of a folder is a tagger."""
    if not isinstance(model, TaggerModel):
        raise ModelError(f"the model {quoted(path)} is no tagger.")

"""One run of a tagger: texts, model, scores on others beside what it must beat, model folder.

What ``textrnn tag train`` and a script of one's own both call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import TaggedTexts
from textrnn.errors import DataError, MissingDependencyError
from textrnn.evaluation.tags import (
    TagReport,
    check_entities,
    evaluate_tags,
    paired_tokens,
    recommended_of,
    right_tokens,
)
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import told_of_checkpoint
from textrnn.experiments.structure import Learned, StructureExperiment
from textrnn.inference.tagger import TaggerModel
from textrnn.linear.tag_baselines import LINEAR, USUAL, LinearTagger, UsualTag
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.training.examples import Examples
from textrnn.training.pipeline import Fit, run_stages
from textrnn.training.tagging.stages import STAGES, tagged
from textrnn.typing import Bools, Ints
from textrnn.wording.messages import Message
from textrnn.wording.quoting import quoted

TRAIN, VALIDATION, TEST = "train", "validation", "test"


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


@dataclass(frozen=True)
class TaggingExperiment(StructureExperiment[TaggedTexts]):
    """What is to be run; see ``StructureExperiment``.

    Attributes:
        baselines: compare with a linear model, too, which takes its time; the usual tags take none.
        entities: score entities where tags mark some: None if seqeval is there, True demands it.
    """

    entities: bool | None = None

    kind = "tagger"

    def learn(self, material: Material[TaggedTexts]) -> Learned:
        """A network, the best of its epochs by the validation texts.

        Raises:
            DataError: all tokens have one tag.
        """
        classes = material.train.classes
        if len(classes) < 2:
            raise DataError(
                f"all tokens have the tag {quoted(classes[0])}; a tagger needs two tags."
            )
        if self.entities:
            check_entities(material.train.tags)
        parts = {TRAIN: material.train, VALIDATION: material.validation, TEST: material.test}
        splits = {name: Split.of(rows) for name, rows in parts.items() if rows}
        fit = _trained(self, classes, splits)
        return Learned(fit.model, fit.state, fit.model.network.n_parameters, splits)

    def test(self, learned: Learned, material: Material[TaggedTexts]) -> dict[str, Any]:
        """Scores of the network and of what it must beat, and which to use."""
        del material
        return _compared(self, learned.model, learned.data)


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

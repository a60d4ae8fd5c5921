"""Score classifiers on the same test texts and say which to use.

What ``textrnn train`` does at its end, and each step of ``textrnn compare``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.evaluation.metrics import Report, evaluate
from textrnn.evaluation.multilabel import MultilabelReport, evaluate_multilabel
from textrnn.evaluation.recommendation import (
    CLASSIFIER,
    NETWORK,
    Costs,
    best_baseline,
    recommendation,
    recommended,
)
from textrnn.evaluation.scores import Scores
from textrnn.evaluation.significance import PairedTest, against_best, paired_test
from textrnn.experiments.data import Prepared, Say, say_nothing
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.linear.baselines import BASELINES, FittedBaseline, fit_baselines
from textrnn.storage.report import Comparison
from textrnn.system.processes import process_count
from textrnn.typing import ClassWeight, Floats
from textrnn.wording.messages import Advice, ForScripts, Parameter


@dataclass(frozen=True)
class Contender:
    """A trained classifier and what it did with the test texts.

    Attributes:
        name: of the baseline, or ``CLASSIFIER``.
        classifier: the baseline or the network's model.
        report: its scores.
        predicted: its labels, shape (n_test,).
        by_ngrams: the labels most probable by the n-gram part of a network's model alone, or
            empty.
        by_both: those most probable by both its parts, whatever its threshold, or empty.
        seconds: of training, if it was trained here.
        params: that a baseline was tuned to.
        validation_accuracy: of a baseline, on the texts it was tuned by.
        parts: accuracy of each part alone of what has two.
        epochs: of the network's run, if it was trained here.
    """

    name: str
    classifier: FittedBaseline | TextModel
    report: Report
    predicted: list[str]
    by_ngrams: list[str] = field(default_factory=list)
    by_both: list[str] = field(default_factory=list)
    seconds: float | None = None
    params: dict[str, Any] | None = None
    validation_accuracy: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    epochs: int | None = None

    @property
    def scores(self) -> Scores:
        """What a report keeps of them."""
        return replace(
            Scores.from_dict(self.report.to_dict()),
            seconds=self.seconds,
            params=self.params,
            validation_accuracy=self.validation_accuracy,
        )


def compare(
    data: Prepared,
    model: TextModel | None,
    *,
    names: Sequence[str] = BASELINES,
    class_weight: ClassWeight = None,
    n_jobs: int | None = None,
    say: Say = say_nothing,
) -> Comparison:
    """Evaluate a model and the baselines on the test texts; see ``compared``.

    Where texts have any number of labels there are no baselines, and only ``test`` is set.

    Raises:
        DataError: there are no test texts.
    """
    if model is not None and model.multilabel:
        say("texts with any number of labels: there are no baselines to compare with")
        report = _multilabel_report(data, model, process_count(n_jobs))
        return Comparison(test=Scores.from_dict(report.to_dict()))
    network = None if model is None else network_contender(data, model, n_jobs=n_jobs)
    baselines = baseline_contenders(data, names=names, class_weight=class_weight, say=say)
    return compared(data, list(baselines), network)


def baseline_contenders(
    data: Prepared,
    *,
    names: Sequence[str] = BASELINES,
    class_weight: ClassWeight = None,
    say: Say = say_nothing,
) -> Iterator[Contender]:
    """Tune, fit and score the baselines, one at a time as the iterator is asked.

    Each is tuned on the validation texts and then trained on training and validation texts
    together.

    Raises:
        DataError: there are no test texts, or the texts cannot be learned from.
        UsageError: a name is unknown.
    """
    labels = labels_to_find(data)
    for fitted in fit_baselines(
        data.tokens["train"],
        data.train.labels,
        data.tokens["validation"],
        data.validation.labels,
        names=names,
        class_weight=class_weight,
        on_progress=say,
    ):
        scores = fitted.predict_proba(data.tokens["test"])
        yield Contender(
            fitted.name,
            fitted,
            evaluate(labels, scores, fitted.classes),
            _most_probable(scores, fitted.classes),
            seconds=round(fitted.seconds, 2),
            params=fitted.params,
            validation_accuracy=fitted.validation_accuracy,
        )


def network_contender(data: Prepared, model: TextModel, *, n_jobs: int | None = None) -> Contender:
    """Score a model and, where it has two parts, each of them alone.

    Alone means as in their sum: each with its ensemble weight, the n-grams with the biases of the
    sum. A threshold is that of the sum, too: the parts are compared by what is most probable.

    Raises:
        DataError: there are no test texts.
        UsageError: texts have any number of labels, for which there are no baselines.
    """
    check_one_class(model)
    labels = labels_to_find(data)
    classes = [str(c) for c in model.classes]
    tokens = data.tokens["test"].cut(model.max_length)
    jobs = process_count(n_jobs)
    if model.ngrams is None:
        both, parts = predict_many(model, tokens, jobs), {}
        by_ngrams, by_both = list[str](), list[str]()
    else:
        alone = predict_many(replace(model, ngrams=None), tokens, jobs, logits=True)
        logits = model.ngram_logits(tokens)
        both = model.network.config.output.probabilities((alone + logits).astype(np.float64))
        by_ngrams = _most_probable(logits, classes)
        by_both = _most_probable(both, classes)
        by_network = _most_probable(alone, classes)
        parts = {NETWORK: _accuracy(labels, by_network), "ngrams": _accuracy(labels, by_ngrams)}
    return Contender(
        CLASSIFIER,
        model,
        evaluate(labels, both, classes, model.threshold),
        [classes[i] for i in model.decide(both)],
        by_ngrams=by_ngrams,
        by_both=by_both,
        parts=parts,
    )


def check_one_class(model: TextModel) -> None:
    """Raise UsageError for a model whose texts have any number of labels."""
    if model.multilabel:
        raise UsageError(
            "the model gives each text any number of labels, for which there are no baselines; ",
            ForScripts("evaluate it alone.", otherwise="textrnn evaluate scores it alone."),
        )


def compared(
    data: Prepared,
    baselines: Sequence[Contender],
    network: Contender | None,
    costs: Mapping[str, Costs] | None = None,
) -> Comparison:
    """What was found, as a report.

    The paired test is against the baseline that is best on the test texts, and its p-value is
    corrected for that choice (``significance.against_best``).

    Nothing is recommended where nothing was trained. The ``parts`` are the accuracies of the
    network and the n-gram model, each alone with its ensemble weight and the n-grams with the
    biases, as in their sum; ``over_ngrams`` is the paired test of both together against the n-gram
    model. These take the most probable class, whatever the threshold.
    """
    found = Comparison(
        test=None if network is None else network.scores,
        parts={} if network is None else network.parts,
        baselines={one.name: one.scores for one in baselines},
        recommended=None if network is None else CLASSIFIER,
    )
    if not baselines:
        return found
    reports = {one.name: one.report for one in baselines}
    if network is None:
        return replace(found, recommended=recommended(reports, None))
    labels = labels_to_find(data)
    best, paired = paired_with_best(labels, network, baselines)
    added = None
    if network.by_ngrams:
        added = paired_test(labels, network.by_both, network.by_ngrams)
    return replace(
        found,
        paired={"baseline": best, **paired.to_dict()},
        over_ngrams=None if added is None else added.to_dict(),
        recommended=recommended(reports, paired),
        recommendation=recommendation(
            network.report, reports, paired, over_ngrams=added, costs=costs or {}
        ),
    )


def paired_with_best(
    labels: Sequence[str], network: Contender, baselines: Sequence[Contender]
) -> tuple[str, PairedTest]:
    """The baseline that is best on the test texts, and the test of a network against it.

    Its p-value is corrected for the choice among the baselines, of which there is at least one.
    """
    best = best_baseline({one.name: one.report for one in baselines})
    tests = {one.name: paired_test(labels, network.predicted, one.predicted) for one in baselines}
    return best, against_best(tests, best)


def labels_to_find(data: Prepared) -> list[str]:
    """The labels to be found.

    Raises:
        DataError: there are no test texts.
    """
    if data.test is None:
        raise DataError(
            "there are no test texts; give some",
            Advice(" with ", Parameter("test"), " or ", Parameter("test_fraction")),
            ".",
        )
    return data.test.labels


def _multilabel_report(data: Prepared, model: TextModel, n_jobs: int) -> MultilabelReport:
    labels_to_find(data)
    assert data.test is not None
    probabilities = predict_many(model, data.tokens["test"].cut(model.max_length), n_jobs)
    classes = [str(c) for c in model.classes]
    return evaluate_multilabel(data.test.label_sets, probabilities, classes, model.threshold)


def _most_probable(scores: Floats, classes: Sequence[str]) -> list[str]:
    return [classes[i] for i in scores.argmax(axis=1)]


def _accuracy(labels: Sequence[str], predicted: Sequence[str]) -> float:
    right = sum(a == b for a, b in zip(labels, predicted, strict=True))
    return right / len(labels)

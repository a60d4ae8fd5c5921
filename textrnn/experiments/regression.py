"""A network that predicts numbers beside its baselines, on the same test texts.

What ``textrnn train --regression`` does at its end; of classes it is ``comparison``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from textrnn.errors import UsageError
from textrnn.evaluation.numbers import evaluate_numbers, paired_errors, recommended_of
from textrnn.evaluation.scores import Scores
from textrnn.experiments.data import Prepared, Say
from textrnn.experiments.experiment import Experiment
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.linear import ridge
from textrnn.storage.report import Comparison
from textrnn.system.processes import process_count
from textrnn.training.regression import without_classes
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter

MEAN = "mean"
"""The baseline that knows nothing: the mean of the training texts."""


def of_numbers(experiment: Experiment) -> Experiment:
    """The experiment as it is run where the corpus is numeric, without what is for classes.

    Raises:
        UsageError: it has unlabelled texts, from which only classifiers learn.
    """
    if experiment.unlabelled:
        raise UsageError(
            Parameter("unlabelled"), " is for classes, but a regression has none; leave it out."
        )
    return replace(experiment, settings=without_classes(experiment.settings))


def compare_numbers(
    data: Prepared, model: TextModel, *, names: Sequence[str], n_jobs: int | None, say: Say
) -> Comparison:
    """Evaluate a model on the test texts, and the baselines, if there are to be any."""
    assert data.test is not None
    right = data.test.numbers
    predicted = predict_many(
        model, data.tokens["test"].cut(model.max_length), process_count(n_jobs)
    )[:, 0]
    test = evaluate_numbers(right, predicted)
    if not names:
        return Comparison(test=test)
    theirs, baselines = _baselines(data, right, say)
    paired = paired_errors(right, predicted, theirs)
    recommended, recommendation = recommended_of(paired, ridge.NAME)
    return Comparison(
        test=test,
        baselines=baselines,
        paired={**paired, "baseline": ridge.NAME},
        recommended=recommended,
        recommendation=recommendation,
    )


def _baselines(data: Prepared, right: Floats, say: Say) -> tuple[Floats, dict[str, Scores]]:
    """What ridge regression predicts of the test texts, and the scores of all baselines."""
    numbers, held_out = data.train.numbers, data.validation.numbers
    fitted = ridge.fit_ridge(data.tokens["train"], numbers, data.tokens["validation"], held_out)
    say(f"{ridge.NAME}: alpha={fitted.alpha:g}, chosen on the validation texts")
    predicted = fitted.predict(data.tokens["test"])
    scores = evaluate_numbers(right, predicted)
    seconds, params = round(fitted.seconds, 2), {"alpha": fitted.alpha}
    mean = np.full(len(right), np.concatenate([numbers, held_out]).mean())
    return predicted, {
        MEAN: evaluate_numbers(right, mean),
        ridge.NAME: replace(scores, seconds=seconds, params=params),
    }

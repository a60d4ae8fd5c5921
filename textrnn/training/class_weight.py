"""Classes as numbers, and what each of them weighs in the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.training.examples import Examples
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight, Floats, Ints
from textrnn.wording.messages import Parameter, stated
from textrnn.wording.quoting import listed, quoted


def number_classes(labels: Sequence[Any], classes: Sequence[Any]) -> Ints:
    """The number of each label among the classes, shape (n,).

    Raises:
        DataError: a label is not among them.
    """
    number = {label: i for i, label in enumerate(classes)}
    try:
        return np.array([number[label] for label in labels], dtype=np.int64)
    except KeyError as error:
        raise DataError(
            f"label {quoted(error.args[0])} is not one of the classes {listed(classes)}."
        ) from None


def check_class_weight(
    class_weight: ClassWeight, classes: Sequence[Any], *, multilabel: bool = False
) -> None:
    """Make sure that a dictionary of weights has all classes and no other.

    Raises:
        UsageError: it lacks a class, or names something that is none; or a text has any
            number of labels, and so no class that could weigh it.
    """
    if multilabel and class_weight is not None:
        raise UsageError(
            stated("class_weight", class_weight),
            ", but texts with any number of labels have no class that could weigh them; leave it "
            "out.",
        )
    if not isinstance(class_weight, Mapping):
        return
    lacking = [label for label in classes if label not in class_weight]
    foreign = [label for label in class_weight if label not in classes]
    if lacking:
        raise UsageError(
            Parameter("class_weight"),
            f" has no weight for {quoted(lacking[0])}; give one for each of the classes "
            f"{listed(classes)}.",
        )
    if foreign:
        raise UsageError(
            Parameter("class_weight"),
            f" has a weight for {quoted(foreign[0])}, which is not one of the classes "
            f"{listed(classes)}.",
        )


def weighted(
    examples: Examples, classes: Sequence[Any], settings: Settings, *, normalise: bool = True
) -> Examples:
    """The examples weighted by their classes, too, as the settings say.

    Args:
        examples: with weights of their own, or None.
        classes: the label of each class.
        settings: with the weights of classes.
        normalise: scale to a mean of 1, so that only the proportions matter; where all weights are
            0 they stay so.

    Raises:
        UsageError: the settings have weights for other classes, or a text has any number of them.
    """
    targets, of_class = examples.targets, settings.class_weight
    check_class_weight(of_class, classes, multilabel=targets.is_multilabel)
    if isinstance(of_class, Mapping):
        of_class = {k: of_class[label] for k, label in enumerate(classes)}
    by_class = weights_by_class(targets.values, of_class, weights=examples.weights, normalise=False)
    factors = [weights for weights in (examples.weights, by_class) if weights is not None]
    if not factors:
        return examples
    weights: Floats = np.prod(factors, axis=0)
    if normalise and weights.any():
        weights = weights / weights.mean()
    return replace(examples, weights=weights.astype(settings.dtype))


def weights_by_class(
    labels: Sequence[Any] | Ints,
    class_weight: ClassWeight,
    *,
    weights: Floats | None = None,
    normalise: bool = True,
) -> Floats | None:
    """The weight of each text by its class, shape (n,), or None for ones.

    Args:
        labels: of the texts.
        class_weight: of their classes; "balanced" lets all classes weigh the same together.
        weights: of the texts themselves, (n,), which then tell how frequent a class is.
        normalise: to a mean of 1.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        classes, numbers = np.unique(labels, return_inverse=True)
        totals = np.bincount(numbers, weights)
        found: Floats = (totals.sum() / (len(classes) * totals))[numbers]
    else:
        from sklearn.utils.class_weight import compute_sample_weight

        found = compute_sample_weight(class_weight, labels)
    return found / found.mean() if normalise else found

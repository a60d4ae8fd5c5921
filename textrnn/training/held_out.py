"""What a sum of models has right on held-out texts, though its weights were fitted there.

Scored on the texts that its weights, biases and threshold were fitted to, a sum of models that
know nothing would look better than the prior baseline. So it is cross-fitted: the texts are dealt
into folds, and each fold is scored by what was fitted to the others (Stone 1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textrnn.corpora import strata
from textrnn.evaluation.calibration import combined, fit_ensemble_weights
from textrnn.evaluation.thresholds import (
    USUAL,
    best_f1_threshold,
    best_f1_threshold_of,
    decide,
)
from textrnn.nn.losses import Output, mean_one, output_of
from textrnn.nn.targets import Targets
from textrnn.training.examples import Examples
from textrnn.training.settings import F1
from textrnn.typing import Bools, Floats, Ints

FOLDS = 5
"""At most: four fifths of the texts tell nearly as much as all."""
LEAST_WEIGHT = 1e-3
"""Of the first model: with 0 a network's last layer would be nothing for ever, however it is
trained on."""


class EnsembleWeights(NamedTuple):
    """How much each of some models counts in their sum, and from where on to answer yes.

    Attributes:
        of_models: of each model's logits, (P,).
        bias: of each class, (C,).
        threshold: see ``thresholds.decide``.
    """

    of_models: Floats
    bias: Floats
    threshold: float | None

    def logits(self, parts: Sequence[Floats]) -> Floats:
        """Those of the sum, (n, C), of the models' own."""
        return combined(parts, self.of_models, self.bias)


@dataclass(frozen=True)
class HeldOut:
    """Held-out texts, to which ensemble weights are fitted and by which models are scored.

    Attributes:
        output: what logits mean.
        targets: of the texts, classes or labels.
        weights: of the texts, (n,), or None.
        folds: the fold of each text, (n,); see ``folds_of``.
        threshold: a fixed one, None for the usual answer, or ``F1`` to tune one.
        rare: of two classes the one whose F1 a tuned threshold is for.
        is_f1_weighted: whether the weights count in that F1, too.
    """

    output: Output
    targets: Targets
    weights: Floats | None
    folds: Ints
    threshold: float | str | None = None
    rare: int = 1
    is_f1_weighted: bool = True

    @property
    def multilabel(self) -> bool:
        """Whether a text has any number of labels."""
        return self.targets.is_multilabel

    def fit_weights(
        self,
        parts: Sequence[Floats],
        rows: Bools | slice = slice(None),
        *,
        like: EnsembleWeights | None = None,
    ) -> EnsembleWeights:
        """What is fitted to the texts, or to some rows of them.

        Args:
            parts: logits (n, C) of each model for all texts.
            rows: the texts that count.
            like: what was fitted to nearly the same rows: then it takes a fraction of the time.
        """
        parts, targets = [part[rows] for part in parts], self.targets.take(rows).values
        weights = None if self.weights is None else self.weights[rows]
        start = None if like is None else (like.of_models, like.bias)
        of_models, bias = fit_ensemble_weights(self.output, parts, targets, weights, start=start)
        of_models[0] = max(of_models[0], LEAST_WEIGHT)
        if self.threshold != F1:
            return EnsembleWeights(of_models, bias, self._fixed)
        held_out = self.output.probabilities(combined(parts, of_models, bias))
        weights = weights if self.is_f1_weighted else None
        if self.multilabel:
            threshold = best_f1_threshold(held_out, targets, weights)
            return EnsembleWeights(of_models, bias, threshold)
        threshold = best_f1_threshold_of(self.rare, held_out[:, 1], targets, weights)
        return EnsembleWeights(of_models, bias, threshold)

    def right(self, parts: Sequence[Floats]) -> Floats:
        """The share of the labels of each text that is right, (n,), by what other texts told.

        Args:
            parts: logits (n, C) of each model.
        """
        if len(parts) == 1 and self.threshold is None:  # its temperature changes no answer
            return self._right(parts, _unfitted(parts, None), slice(None))
        right = np.empty(len(self.targets))
        fitted: EnsembleWeights | None = None
        for fold in np.unique(self.folds):
            inside = self.folds == fold
            if inside.all():
                fitted = _unfitted(parts, USUAL if self.threshold == F1 else self._fixed)
            else:
                fitted = self.fit_weights(parts, ~inside, like=fitted)
            right[inside] = self._right(parts, fitted, inside)
        return right

    def accuracy(self, parts: Sequence[Floats]) -> float:
        """The mean of what is right, weighted as in the network's own validation."""
        return mean_right(self.right(parts), self.weights)

    @property
    def _fixed(self) -> float | None:
        return None if isinstance(self.threshold, str) else self.threshold

    def _right(
        self, parts: Sequence[Floats], fitted: EnsembleWeights, rows: Bools | slice
    ) -> Floats:
        """The same of some rows, as ``predict`` would answer."""
        probabilities = self.output.probabilities(fitted.logits([part[rows] for part in parts]))
        answers = decide(probabilities, fitted.threshold, multilabel=self.multilabel)
        same: Floats = (answers == self.targets.take(rows).values).astype(np.float64)
        return same.mean(axis=1) if self.multilabel else same


def held_out(
    examples: Examples,
    *,
    threshold: float | str | None = None,
    rare: int = 1,
    is_f1_weighted: bool = True,
) -> HeldOut:
    """Held-out texts as models are scored by them.

    Args:
        examples: texts, as they are read, with their labels.
        threshold: fixed, or ``F1`` for one that is tuned.
        rare: of two classes the one whose F1 a tuned threshold is for.
        is_f1_weighted: whether the weights of the texts count in that F1, too.
    """
    folds, targets = folds_of(examples), examples.targets
    output = output_of(multilabel=targets.is_multilabel)
    return HeldOut(output, targets, examples.weights, folds, threshold, rare, is_f1_weighted)


def folds_of(examples: Examples, n: int = FOLDS) -> Ints:
    """The fold of each text, (n_texts,), drawn with the same seed each time.

    Each class is dealt out evenly, and equal texts lie in one fold. There are no more folds than
    the second largest class has different texts: fewer could not tell that class from the largest
    one. Of several labels a text only the texts bound the folds. Where that leaves one fold,
    nothing can be fitted to others.
    """
    contents, targets = examples.texts.contents(), examples.targets
    first: dict[bytes, int] = {}
    group = np.array([first.setdefault(key, row) for row, key in enumerate(contents)])
    leaders = np.array(list(first.values()), dtype=np.int64)
    if targets.is_multilabel:
        named = strata(targets.label_sets())
        classes = np.array([-1 if name == "" else name for name in named])[leaders]
        n = min(n, len(leaders))
    else:
        classes = targets.values[leaders]
        counts = np.sort(np.bincount(classes))
        n = min(n, int(counts[-2]) if len(counts) > 1 else 0)
    drawn = np.random.default_rng(0).permutation(len(leaders))
    by_class = drawn[np.argsort(classes[drawn], kind="stable")]
    fold = np.zeros(len(targets), dtype=np.int64)
    fold[leaders[by_class]] = np.arange(len(leaders)) % max(n, 1)
    dealt: Ints = fold[group]
    return dealt


def mean_right(right: Floats, weights: Floats | None) -> float:
    """The mean over texts (n,) by their weights, as in the network's own validation."""
    return float(np.average(right, weights=mean_one(weights)))


def _unfitted(parts: Sequence[Floats], threshold: float | None) -> EnsembleWeights:
    """What ``fit_ensemble_weights`` is pulled to while nothing is known: equal parts, no bias."""
    n_parts, C = len(parts), parts[0].shape[1]
    return EnsembleWeights(np.full(n_parts, 1.0 / n_parts), np.zeros(C), threshold)

"""A network and the n-gram models beside it as one classifier: the ensemble weight of each.

Both are trained apart; the weights are fitted to texts that neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from textrnn.evaluation.thresholds import rarer_class
from textrnn.inference.batches import predict_logits
from textrnn.inference.classifier import TextModel
from textrnn.linear.ngram_model import weighted_sum
from textrnn.nn.network import Network
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.held_out import EnsembleWeights, HeldOut, held_out, mean_right
from textrnn.training.ngrams import NGrams
from textrnn.training.settings import F1, Settings
from textrnn.typing import Floats


@dataclass(frozen=True)
class Ensemble:
    """A network and n-gram models, and the weight of each.

    Attributes:
        model: with the network as it was trained.
        ngrams: the n-gram models, or None.
        weights: of the network and of each of them.
        right: the share of the labels of each held-out text that ``predict`` would have right,
            (n,), before the n-gram models are fitted to these texts, too. The ensemble weights are
            cross-fitted for it (``training.held_out``). None without any.
        text_weights: of these texts, (n,), or None.
    """

    model: TextModel
    ngrams: NGrams | None
    weights: EnsembleWeights
    right: Floats | None
    text_weights: Floats | None

    @property
    def accuracy(self) -> float | None:
        """Mean of what is right, weighted as in the network's own validation."""
        return None if self.right is None else mean_right(self.right, self.text_weights)

    def classifier(self) -> TextModel:
        """All together.

        The network's weight goes into its last layer; the network given stays as it is.
        """
        of_models, bias, threshold = self.weights
        added = None
        if self.ngrams is not None:
            added = weighted_sum(self.ngrams.models, of_models[1:], bias)
        network = _weighted(self.model.network, float(of_models[0]))
        return replace(self.model, network=network, ngrams=added, threshold=threshold)


@dataclass(frozen=True)
class HeldOutScorer:
    """Held-out texts and what n-gram models say of them, waiting for a network's logits.

    Attributes:
        texts: the held-out texts.
        ngrams: logits (n, C) of each n-gram model.
        encoded: the texts with ids of the network's vocabulary, for whoever has it read them.
    """

    texts: HeldOut
    ngrams: tuple[Floats, ...]
    encoded: EncodedTexts

    def parts(self, logits: Floats) -> list[Floats]:
        """The logits of all models, with those of the network (n, C)."""
        return [logits, *self.ngrams]

    def accuracy(self, logits: Floats) -> float:
        """What a network with such logits (n, C) and the n-grams are worth together."""
        return self.texts.accuracy(self.parts(logits))


def make_scorer(
    model: TextModel,
    settings: Settings,
    ngrams: NGrams | None,
    train: Examples,
    validation: Examples,
) -> HeldOutScorer:
    """What scores networks of a model beside n-gram models; arguments as of ``fit_ensemble``."""
    threshold = F1 if settings.threshold == F1 else model.threshold
    # Weights by class are to find the rare one: its F1 is that of the texts as they are.
    by_class = settings.class_weight is not None
    rare = 1
    if threshold == F1 and not train.targets.is_multilabel:
        rare = rarer_class(train.targets.values, None if by_class else train.weights)
    texts = held_out(validation, threshold=threshold, rare=rare, is_f1_weighted=not by_class)
    models = () if ngrams is None else ngrams.models
    corrected = model.corrected(validation.texts)
    # As in prediction.
    read = models[0].keep_known(validation.texts, corrected) if models else corrected
    of_ngrams = tuple(ngram_model.logits(read) for ngram_model in models)
    return HeldOutScorer(texts, of_ngrams, model.vocabulary.encode_all(corrected))


def fit_ensemble(
    model: TextModel,
    settings: Settings,
    ngrams: NGrams | None,
    train: Examples,
    validation: Examples | None,
    *,
    scorer: HeldOutScorer | None = None,
) -> Ensemble:
    """Find the weight of a network and of n-gram models, and the threshold.

    Args:
        model: with the trained network.
        settings: how it was trained.
        ngrams: the n-gram models, or None for the network alone.
        train: the labelled texts that both were trained on.
        validation: held-out texts; without them network and n-grams weigh the same.
        scorer: what ``make_scorer`` makes of all this, if it is known already.
    """
    if validation is None:
        return Ensemble(model, ngrams, _equal(model, ngrams), None, None)
    scorer = scorer or make_scorer(model, settings, ngrams, train, validation)
    parts = scorer.parts(predict_logits(model.network, scorer.encoded))
    weights = scorer.texts.fit_weights(parts)
    return Ensemble(model, ngrams, weights, scorer.texts.right(parts), validation.weights)


def _equal(model: TextModel, ngrams: NGrams | None) -> EnsembleWeights:
    """Half for the network, half for the n-gram models together."""
    models = () if ngrams is None else ngrams.models
    of_models = [0.5, *(0.5 / len(models) for _ in models)] if models else [1.0]
    bias: Floats = np.zeros(len(model.classes))
    return EnsembleWeights(np.array(of_models), bias, model.threshold)


def _weighted(network: Network, weight: float) -> Network:
    """A network whose logits are multiplied by a weight; it shares the other parameters."""
    return Network(network.config, network.head.scaled(network.params, weight))

"""The n-gram model beside a network: which n-grams, how strong, and how far to believe each part.

Both are trained apart; what each is worth is found out on texts that neither has seen. Trained
jointly, the n-grams explain the training texts alone and the network learns little, which
was worse on held-out texts of every corpus tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from textrnn.evaluation.thresholds import rarer_class
from textrnn.inference.batches import predict_logits
from textrnn.inference.classifier import TextModel
from textrnn.linear.fit import NGramFeatures, fit_ngrams, naive_bayes, ngram_features
from textrnn.linear.hashing import NGramKind
from textrnn.linear.ngram_model import NGramModel, weighted_sum
from textrnn.nn.losses import mean_one, output_of
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.training.budget import Deadline
from textrnn.training.examples import Examples
from textrnn.training.held_out import HeldOut, held_out, mean_right
from textrnn.training.settings import F1, Settings
from textrnn.typing import Floats

WORDS = NGramKind(3)
CHARACTERS = NGramKind(0, (2, 5))
MUCH_TEXT = 1_500_000
"""Training tokens from which character n-grams no longer pay: they take minutes, and every
word that matters was seen."""
STRENGTHS = (20.0, 100.0)
"""Values of C that are tried: on held-out texts of all corpora the best was near one of them."""
MAX_FEATURES, MAX_WEIGHTS = 400_000, 4_000_000
"""On IMDB a million n-grams did no better, and this many take 4 MB; of many classes fewer, as the
fit holds some 17 numbers for each n-gram and class."""
SHARE_OF_TIME = 1 / 3
"""Of the time left that may go by until no further n-gram model is tried."""
CHARACTERS_TAKE = 6
"""Times as long as n-grams of words, about."""


@dataclass(frozen=True)
class Part:
    """A linear model over n-grams.

    Attributes:
        model: fitted to the training texts.
        C: inverse strength of its penalty; None for naive Bayes.
    """

    model: NGramModel
    C: float | None

    def refit(
        self, features: NGramFeatures, targets: Targets, weights: Floats | None
    ) -> NGramModel:
        """The same fitted to other texts."""
        if self.C is None:
            return naive_bayes(features, targets, weights)
        return fit_ngrams(features, targets, C=self.C, weights=weights)


@dataclass(frozen=True)
class Chosen:
    """The n-gram models fitted to the training texts.

    Attributes:
        parts: linear models over words and over characters, which are believed apart.
        accuracy: of all together on the held-out texts, cross-fitted (``training.held_out``) and
            weighted as they are, or None without any.
    """

    parts: tuple[Part, ...]
    accuracy: float | None

    @property
    def models(self) -> tuple[NGramModel, ...]:
        """Those of the parts."""
        return tuple(part.model for part in self.parts)


@dataclass(frozen=True)
class Weighed:
    """A network and n-gram models, and how far to believe each.

    Attributes:
        model: with the network as it was trained.
        chosen: the n-gram models, or None.
        factors: of the network and of each of them.
        bias: of each class, (C,).
        threshold: see ``thresholds.decide``.
        right: the share of the labels of each held-out text that ``predict`` would have right,
            (n,), before the n-gram models are fitted to these texts, too. Factors, bias and
            threshold are cross-fitted for it (``training.held_out``). None without any.
        weights: of these texts, (n,), or None.
    """

    model: TextModel
    chosen: Chosen | None
    factors: Floats
    bias: Floats
    threshold: float | None
    right: Floats | None
    weights: Floats | None

    @property
    def accuracy(self) -> float | None:
        """Mean of what is right, weighted as in the network's own validation."""
        return None if self.right is None else mean_right(self.right, self.weights)

    def classifier(self, ngrams: Chosen | None = None) -> TextModel:
        """All together; with the n-gram models fitted to other texts, if they are given.

        The network's factor goes into its last layer; the network given stays as it is.
        """
        chosen = ngrams or self.chosen
        added = weighted_sum(chosen.models, self.factors[1:], self.bias) if chosen else None
        network = _believed(self.model.network, float(self.factors[0]))
        return replace(self.model, network=network, ngrams=added, threshold=self.threshold)


@dataclass(frozen=True)
class Finished:
    """A classifier, and what it is worth on texts that its parts have not seen.

    Attributes:
        model: network and n-gram model together.
        accuracy: see ``Weighed``.
        interrupted: Ctrl-C came while the n-gram model was fitted to all texts; it is the one
            fitted to the training texts.
    """

    model: TextModel
    accuracy: float | None
    interrupted: bool = False


def choose_ngrams(
    settings: Settings,
    train: Examples,
    validation: Examples | None,
    deadline: Deadline | None = None,
) -> Chosen:
    """Fit the kinds of n-gram models that are asked for, each as strong as does best.

    Without held-out texts the first strength is taken. One kind is always fitted, the other
    where the deadline leaves time. Naive Bayes joins the words: it costs nothing, and on
    short texts it adds half a point to the fitted models.
    """
    parts: list[Part] = []
    soon = deadline and deadline.sooner((1 - SHARE_OF_TIME) * deadline.left())
    given = soon.left() if soon else 0.0

    def time_for(times: float) -> bool:
        """Whether there is time for so many times what was done till now."""
        return soon is None or soon.left() >= times * (given - soon.left())

    for kind in kinds_of(settings, train):
        if parts and not time_for(CHARACTERS_TAKE):
            break
        parts += fit_kind(kind, train, validation, go_on=lambda: time_for(1.0))
    return together(parts, validation)


def kinds_of(settings: Settings, train: Examples) -> list[NGramKind]:
    """The kinds of n-grams that are asked for, those of words first."""
    ngrams = settings.ngrams
    if ngrams == "auto":
        ngrams = "words" if train.texts.n_tokens > MUCH_TEXT else "characters"
    return [WORDS] if ngrams == "words" else [WORDS, CHARACTERS]


def fit_kind(
    kind: NGramKind,
    train: Examples,
    validation: Examples | None,
    *,
    go_on: Callable[[], bool] = lambda: True,
) -> list[Part]:
    """Fit the models of one kind, as strong as does best on the held-out texts.

    ``go_on`` is asked before each strength but the first, which is all without such texts.
    """
    output = output_of(multilabel=train.targets.is_multilabel)
    features = _features(train, kind)
    parts: list[Part] = []
    if kind == WORDS:
        bayes = naive_bayes(features, train.targets, train.weights)
        parts.append(Part(bayes, None))
    best: tuple[float, Part] | None = None
    for C in STRENGTHS:
        model = fit_ngrams(features, train.targets, C=C, weights=train.weights)
        loss = 0.0
        if validation is not None:
            logits, told = model.logits(validation.texts), validation.targets.values
            loss, _ = output.loss(logits, told, mean_one(validation.weights))
        if best is None or loss < best[0]:
            best = (loss, Part(model, C))
        if validation is None or not go_on():
            break
    assert best is not None
    return [*parts, best[1]]


def together(parts: Sequence[Part], validation: Examples | None) -> Chosen:
    """Some parts, and what all of them are worth on the held-out texts."""
    if validation is None:
        return Chosen(tuple(parts), None)
    logits_of = [part.model.logits(validation.texts) for part in parts]
    return Chosen(tuple(parts), held_out(validation).accuracy(logits_of))


@dataclass(frozen=True)
class Judge:
    """Held-out texts and what n-gram models say of them, waiting for a network's answers.

    Attributes:
        texts: the held-out texts.
        ngrams: logits (n, C) of each n-gram model.
    """

    texts: HeldOut
    ngrams: tuple[Floats, ...]

    def parts(self, logits: Floats) -> list[Floats]:
        """The logits of all models, with those of the network (n, C)."""
        return [logits, *self.ngrams]

    def accuracy(self, logits: Floats) -> float:
        """What a network with such logits (n, C) and the n-grams are worth together."""
        return self.texts.accuracy(self.parts(logits))


def judge_of(
    model: TextModel,
    settings: Settings,
    chosen: Chosen | None,
    train: Examples,
    validation: Examples,
) -> Judge:
    """What judges networks of a model beside n-gram models; arguments as of ``weigh``."""
    threshold = F1 if settings.threshold == F1 else model.threshold
    # Weights by class are to find the rare one: its F1 is that of the texts as they are.
    by_class = settings.class_weight is not None
    rare = 1
    if threshold == F1 and not train.targets.is_multilabel:
        rare = rarer_class(train.targets.values, None if by_class else train.weights)
    texts = held_out(validation, threshold=threshold, rare=rare, is_f1_weighted=not by_class)
    ngrams = () if chosen is None else chosen.models
    read = validation.texts
    if ngrams:  # as in prediction
        read = ngrams[0].keep_known(read, model.corrected(read))
    return Judge(texts, tuple(ngram_model.logits(read) for ngram_model in ngrams))


def weigh(
    model: TextModel,
    settings: Settings,
    chosen: Chosen | None,
    train: Examples,
    validation: Examples | None,
    *,
    judge: Judge | None = None,
) -> Weighed:
    """Find how far to believe a network and n-gram models, and the threshold.

    Args:
        model: with the trained network.
        settings: how it was trained.
        chosen: the n-gram models, or None for the network alone.
        train: the labelled texts that both were trained on.
        validation: held-out texts; without them each part is believed as much as the other.
        judge: what ``judge_of`` makes of all this, if it is known already.
    """
    ngrams = () if chosen is None else chosen.models
    if validation is None:
        factors: Floats = (
            np.array([0.5, *(0.5 / len(ngrams) for _ in ngrams)]) if ngrams else np.ones(1)
        )
        bias: Floats = np.zeros(len(model.classes))
        return Weighed(model, chosen, factors, bias, model.threshold, None, None)
    judge = judge or judge_of(model, settings, chosen, train, validation)
    parts = judge.parts(predict_logits(model.network, model.encode(validation.texts)))
    belief = judge.texts.believe(parts)
    return Weighed(model, chosen, *belief, judge.texts.right(parts), validation.weights)


def finish(weighed: Weighed, texts: Examples | None, *, characters: bool = True) -> Finished:
    """Make a classifier, with the n-gram models fitted once more to all texts, if they are given.

    Args:
        weighed: its parts.
        texts: training and held-out texts together.
        characters: see ``refitted``.
    """
    chosen = weighed.chosen
    interrupted = False
    if chosen is not None and texts is not None and weighed.right is not None:
        try:
            chosen = refitted(chosen, texts, characters=characters)
        except KeyboardInterrupt:  # those fitted to the training texts are good, too
            interrupted = True
    return Finished(weighed.classifier(chosen), weighed.accuracy, interrupted)


def _believed(network: Network, factor: float) -> Network:
    """A network whose logits are multiplied by a factor; it shares the other weights."""
    scaled = {
        name: (network.params[name] * factor).astype(network.dtype)
        for name in ("linear.weight", "linear.bias")
    }
    return Network(network.config, {**network.params, **scaled})


def refitted(chosen: Chosen, examples: Examples, *, characters: bool = True) -> Chosen:
    """The same models fitted to other texts; those of characters, if they are to be, too."""
    parts: list[Part] = []
    features: NGramFeatures | None = None
    for part in chosen.parts:
        kind = part.model.kind
        if kind != WORDS and not characters:
            parts.append(part)
            continue
        if features is None or features.kind != kind:
            features = _features(examples, kind)
        parts.append(replace(part, model=part.refit(features, examples.targets, examples.weights)))
    return Chosen(tuple(parts), chosen.accuracy)


def _features(examples: Examples, kind: NGramKind) -> NGramFeatures:
    limit = min(MAX_FEATURES, MAX_WEIGHTS // examples.targets.n_classes)
    min_df, weights = _min_df(examples.texts), examples.weights
    return ngram_features(examples.texts, kind, max_features=limit, min_df=min_df, weights=weights)


def _min_df(texts: EncodedTexts) -> int:
    """Where there is much text, an n-gram that stands in one text says nothing of others."""
    return 2 if texts.n_tokens > MUCH_TEXT else 1

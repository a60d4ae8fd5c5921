"""The n-gram models that stand beside a network: which n-grams, and how strong.

They are trained apart from it. Trained jointly, the n-grams explain the training texts alone and
the network learns little, which was worse on held-out texts of every corpus tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textrnn.linear.fit import NGramFeatures, fit_ngrams, naive_bayes, ngram_features
from textrnn.linear.hashing import NGramKind
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.losses import mean_one, output_of
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.training.budget import Deadline
from textrnn.training.examples import Examples
from textrnn.training.held_out import held_out
from textrnn.training.settings import Settings
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
class NGrams:
    """The n-gram models fitted to the training texts.

    Attributes:
        parts: linear models over words and over characters, each with an ensemble weight.
        accuracy: of all together on the held-out texts, cross-fitted (``training.held_out``) and
            weighted as they are, or None without any.
    """

    parts: tuple[Part, ...]
    accuracy: float | None

    @property
    def models(self) -> tuple[NGramModel, ...]:
        """Those of the parts."""
        return tuple(part.model for part in self.parts)


def choose_ngrams(
    settings: Settings,
    train: Examples,
    validation: Examples | None,
    deadline: Deadline | None = None,
) -> NGrams:
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


def together(parts: Sequence[Part], validation: Examples | None) -> NGrams:
    """Some parts, and what all of them are worth on the held-out texts."""
    if validation is None:
        return NGrams(tuple(parts), None)
    logits_of = [part.model.logits(validation.texts) for part in parts]
    return NGrams(tuple(parts), held_out(validation).accuracy(logits_of))


def refitted(ngrams: NGrams, examples: Examples, *, characters: bool = True) -> NGrams:
    """The same models fitted to other texts; those of characters, if they are to be, too."""
    parts: list[Part] = []
    features: NGramFeatures | None = None
    for part in ngrams.parts:
        kind = part.model.kind
        if kind != WORDS and not characters:
            parts.append(part)
            continue
        if features is None or features.kind != kind:
            features = _features(examples, kind)
        parts.append(replace(part, model=part.refit(features, examples.targets, examples.weights)))
    return NGrams(tuple(parts), ngrams.accuracy)


def _features(examples: Examples, kind: NGramKind) -> NGramFeatures:
    limit = min(MAX_FEATURES, MAX_WEIGHTS // examples.targets.n_classes)
    min_df, weights = _min_df(examples.texts), examples.weights
    return ngram_features(examples.texts, kind, max_features=limit, min_df=min_df, weights=weights)


def _min_df(texts: EncodedTexts) -> int:
    """Where there is much text, an n-gram that stands in one text says nothing of others."""
    return 2 if texts.n_tokens > MUCH_TEXT else 1

"""The models of words and short phrases that a recurrent network has to beat.

A network is often compared with a linear model nobody tuned. Here each baseline is
tuned on the network's own validation split, fitted again on training and validation
texts together, and is an ordinary scikit-learn pipeline over lists of tokens, made by
the network's own tokenizer. Nothing is random: the same texts give the same models.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.linear.counts import NGramCounts, TokenLists
from textrnn.linear.markov_bayes import MarkovBayes
from textrnn.linear.nbsvm import NBSVM, logistic_regression
from textrnn.text.encoded import as_encoded, concatenated
from textrnn.typing import ClassWeight, Floats
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Recipe:
    """How to build a baseline, and the values of its classifier's parameter to try."""

    build: Callable[[ClassWeight], Pipeline]
    parameter: str = ""
    values: tuple[float, ...] = ()

    def candidates(self) -> list[dict[str, float]]:
        """Return the settings to try; one empty setting where nothing can be tuned."""
        return [{self.parameter: value} for value in self.values] or [{}]


class _Split(NamedTuple):
    train_tokens: TokenLists
    train_labels: Sequence[str]
    validation_tokens: TokenLists
    validation_labels: Sequence[str]


def _majority(class_weight: ClassWeight) -> Pipeline:
    del class_weight  # guesses by how often each label occurs
    return Pipeline([("tokens", "passthrough"), ("classifier", DummyClassifier(strategy="prior"))])


class NaiveBayes(MultinomialNB):  # type: ignore[misc]
    """scikit-learn's, in which a text of a class of weight k counts as k texts."""

    def __init__(self, *, alpha: float = 1.0, class_weight: ClassWeight = None) -> None:
        super().__init__(alpha=alpha)
        self.class_weight = class_weight

    def fit(self, X: csr_array, y: Sequence[str]) -> NaiveBayes:
        """Learn from counts of shape (B, columns) and labels of shape (B,)."""
        weights = None
        if self.class_weight is not None:
            weights = compute_sample_weight(self.class_weight, y)
        super().fit(X, y, weights)
        return self


def _naive_bayes(class_weight: ClassWeight) -> Pipeline:
    return Pipeline(
        [("counts", NGramCounts()), ("classifier", NaiveBayes(class_weight=class_weight))]
    )


def _bow_lr(class_weight: ClassWeight) -> Pipeline:
    return Pipeline(
        [("counts", NGramCounts()), ("classifier", logistic_regression(class_weight=class_weight))]
    )


def _tfidf_lr(class_weight: ClassWeight) -> Pipeline:
    return Pipeline(
        [
            ("counts", NGramCounts(max_n=2)),
            ("tfidf", TfidfTransformer(sublinear_tf=True)),
            ("classifier", logistic_regression(class_weight=class_weight)),
        ]
    )


def _nbsvm(class_weight: ClassWeight) -> Pipeline:
    # Without the bi- and trigrams that occur once it is three times faster and, over
    # texts held out of the training sets of six corpora, no less accurate.
    return Pipeline(
        [
            ("counts", NGramCounts(max_n=3, min_count=2, binary=True)),
            ("classifier", NBSVM(class_weight=class_weight)),
        ]
    )


def _markov(class_weight: ClassWeight) -> Pipeline:
    return Pipeline(
        [("tokens", "passthrough"), ("classifier", MarkovBayes(class_weight=class_weight))]
    )


_RECIPES: dict[str, Recipe] = {
    "majority": Recipe(_majority),
    "naive_bayes": Recipe(_naive_bayes, "alpha", (0.03, 0.1, 0.3, 1.0, 3.0)),
    "bow_lr": Recipe(_bow_lr, "C", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)),
    # TF-IDF rows have length one, so their weights must grow large: a weaker penalty.
    "tfidf_lr": Recipe(_tfidf_lr, "C", (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)),
    "nbsvm": Recipe(_nbsvm, "C", (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "markov": Recipe(_markov, "order", (1, 2, 3)),
}

ALL_BASELINES: tuple[str, ...] = tuple(_RECIPES)
"""Names of all baselines."""
BASELINES: tuple[str, ...] = ALL_BASELINES[: ALL_BASELINES.index("nbsvm") + 1]
"""Those over bags of words, weakest first: what a training is compared with as it goes along."""


@dataclass(frozen=True)
class FittedBaseline:
    """A tuned baseline: a pipeline to reuse, and how it was chosen.

    ``params`` are the tuned values by name, ``validation_accuracy`` is theirs before the
    last fit on training and validation texts, ``seconds`` the time of tuning and fitting.
    """

    name: str
    pipeline: Pipeline
    params: dict[str, float]
    validation_accuracy: float
    seconds: float

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the columns of ``predict_proba`` (sorted)."""
        return tuple(str(label) for label in self.pipeline.classes_)

    def predict_proba(self, token_lists: TokenLists) -> Floats:
        """Return probabilities of shape (len(token_lists), C); an empty list is a text too."""
        if not len(token_lists):
            return np.zeros((0, len(self.classes)))
        probabilities: Floats = self.pipeline.predict_proba(token_lists)
        return probabilities


def fit_baselines(
    train_tokens: TokenLists,
    train_labels: Sequence[str],
    validation_tokens: TokenLists,
    validation_labels: Sequence[str],
    *,
    names: Sequence[str] = BASELINES,
    class_weight: ClassWeight = None,
    on_progress: Callable[[str], None] | None = None,
) -> Iterator[FittedBaseline]:
    """Tune and fit each named baseline, one at a time as the iterator is asked.

    The tuned value is the one with the highest validation accuracy, for accuracy is what
    the network is compared on; equals are told apart by log loss. Choosing by log loss
    did no better on texts held out of seven training sets.

    Raises ``UsageError`` for an unknown name and ``DataError`` for texts that cannot be
    learned from, both before anything is fitted.
    """
    for name in names:
        if name not in _RECIPES:
            raise UsageError(
                f"Unknown baseline {quoted(name)}.{did_you_mean(name, ALL_BASELINES)} "
                f"Choose from {', '.join(ALL_BASELINES)}.",
                parameter="baselines",
            )
    _check_texts(train_tokens, train_labels, part="training")
    _check_texts(validation_tokens, validation_labels, part="validation")
    if len(set(train_labels)) < 2:
        raise DataError(
            f"All training texts are labelled {quoted(train_labels[0])}; baselines need two labels."
        )
    if not any(train_tokens):
        raise DataError("No training text holds a token; check the tokenizer and the text column.")
    split = _Split(train_tokens, train_labels, validation_tokens, validation_labels)
    report = on_progress or (lambda _: None)
    return (_fit(name, split, class_weight, report) for name in names)


def _check_texts(token_lists: TokenLists, labels: Sequence[str], *, part: str) -> None:
    if not len(token_lists):
        raise DataError(f"There are no {part} texts; give the baselines at least one.")
    if len(token_lists) != len(labels):
        raise DataError(f"{len(token_lists)} {part} texts but {len(labels)} labels; give one each.")


def _fit(
    name: str, split: _Split, class_weight: ClassWeight, report: Callable[[str], None]
) -> FittedBaseline:
    started = time.perf_counter()
    recipe = _RECIPES[name]
    pipeline = recipe.build(class_weight)
    params, accuracy = _tune(pipeline, recipe, split, class_weight)
    chosen = "".join(f", {key}={value:g}" for key, value in params.items())
    report(f"{name}: validation accuracy {accuracy:.3f}{chosen}")
    pipeline[-1].set_params(**params)
    pipeline.fit(
        concatenated([as_encoded(split.train_tokens), as_encoded(split.validation_tokens)]),
        [*split.train_labels, *split.validation_labels],
    )
    return FittedBaseline(name, pipeline, params, accuracy, time.perf_counter() - started)


def _tune(
    pipeline: Pipeline, recipe: Recipe, split: _Split, class_weight: ClassWeight
) -> tuple[dict[str, float], float]:
    """Return the best value of the recipe's parameter and its validation accuracy.

    The validation texts count by their weights too: of a rare class that is to count more, the
    value is best that finds it.
    """
    weights = compute_sample_weight(class_weight, split.validation_labels)
    if not weights.any():
        weights = np.ones_like(weights)
    features = clone(pipeline[:-1])  # counted once for all values
    train = features.fit_transform(split.train_tokens)
    validation = features.transform(split.validation_tokens)
    tried = []
    for params in recipe.candidates():
        classifier = clone(pipeline[-1]).set_params(**params)
        classifier.fit(train, split.train_labels)
        probabilities = classifier.predict_proba(validation)
        score = _score(probabilities, classifier.classes_, split.validation_labels, weights)
        tried.append((*score, params))
    accuracy, _, params = max(tried, key=lambda trial: trial[:2])
    return params, accuracy


def _score(
    probabilities: Floats, classes: NDArray[np.str_], labels: Sequence[str], weights: Floats
) -> tuple[float, float]:
    """Return accuracy and mean log-likelihood; a label never trained on counts as wrong."""
    truth = np.asarray(labels)[:, None] == classes
    right = classes[probabilities.argmax(axis=1)] == np.asarray(labels)
    likelihoods = np.log(np.maximum((probabilities * truth).sum(axis=1), 1e-15))
    accuracy, likelihood = (np.average(x, weights=weights) for x in (right, likelihoods))
    return float(accuracy), float(likelihood)

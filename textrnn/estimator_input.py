"""From what scikit-learn users hand over to checked, tokenised texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from textrnn.errors import DataError
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.fit import TokenisedTexts
from textrnn.training.settings import Settings
from textrnn.typing import Floats, Ints

Texts = Sequence[str] | Iterable[str]


@dataclass(frozen=True)
class Labelled:
    """Checked texts with their labels, shape (n,), and weights, shape (n,) or None."""

    texts: list[str]
    labels: Any
    weights: Floats | None


def check_texts(X: Any) -> list[str]:
    """A list of the texts in ``X``.

    Raises:
        DataError: ``X`` is a bare string, empty, or holds something that is no string.
    """
    if isinstance(X, str | bytes):
        raise DataError(
            f"X is a single {type(X).__name__}, but must be a list of texts: write [text]."
        )
    if getattr(X, "ndim", 1) != 1:
        raise DataError(f"X has shape {X.shape}, but must be a list of texts, shape (n,).")
    try:
        texts = list(X)
    except TypeError:
        raise DataError(f"X is {type(X).__name__}, but must be a list of texts.") from None
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"text {position} is {text!r} ({type(text).__name__}), but must be a string; "
                "drop missing values or replace them by ''."
            )
    return texts


def _check_labels(y: Any) -> Any:
    if y is None:
        raise DataError("y is None, but a classifier requires y: the label of each text.")
    labels = column_or_1d(y, warn=True)
    if len(labels) == 0:
        raise DataError("there are no texts to train on: X and y are empty.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError("y has labels that are not numbers (NaN or infinite); drop those texts.")
    check_classification_targets(labels)
    return labels


def check_labelled(X: Texts, y: Any, sample_weight: Any = None) -> Labelled:
    """Check texts, labels and weights, and leave out texts of weight 0.

    Left out, they neither train nor enter the vocabulary: weighting a text by 0 equals
    removing it.

    Raises:
        DataError: the texts or labels cannot be used.
        ValueError: the weights have a wrong shape, or one is negative.
    """
    texts, labels = check_texts(X), _check_labels(y)
    if len(texts) != len(labels):
        raise DataError(f"X has {len(texts)} texts, but y has {len(labels)} labels.")
    if sample_weight is None:
        return Labelled(texts, labels, None)
    if not np.any(sample_weight):
        raise DataError("every sample_weight is 0; at least one must be above 0.")
    weights = _check_sample_weight(sample_weight, labels, ensure_non_negative=True)
    kept = np.flatnonzero(weights)
    return Labelled([texts[i] for i in kept], labels[kept], weights[kept])


def _targets(labels: Any, classes: Any) -> Ints:
    """Number of each label among the classes."""
    targets: Ints = np.searchsorted(classes, labels)
    targets = np.minimum(targets, len(classes) - 1)
    foreign = np.flatnonzero(classes[targets] != labels)
    if len(foreign):
        raise DataError(
            f"label {labels[foreign[0]]!r} is not one of the classes {list(classes)!r}."
        )
    return targets


def tokenise(given: Labelled, classes: Any, settings: Settings) -> TokenisedTexts:
    """Tokenise texts, number their classes, and join both kinds of weight to a mean of 1.

    Raises:
        DataError: a label is not among ``classes``.
    """
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    weights = given.weights
    if settings.class_weight is not None:
        by_class = compute_sample_weight(settings.class_weight, given.labels)
        weights = by_class if weights is None else weights * by_class
    if weights is not None:
        weights = (weights / weights.mean()).astype(settings.dtype)
    tokens = [tokenizer(text) for text in given.texts]
    return TokenisedTexts(tokens, _targets(given.labels, classes), weights)


def plain(classes: Any) -> list[str | int | float | bool]:
    """Class labels as plain Python values."""
    labels: list[str | int | float | bool] = classes.tolist()
    return labels


def make_generator(random_state: Any) -> np.random.Generator:
    """A generator from what scikit-learn calls a random state."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(random_state)

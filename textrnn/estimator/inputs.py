"""From what scikit-learn users hand over to checked, tokenised texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from textrnn.corpora import holdout, strata
from textrnn.corpora.overlap import TRAIN, VALIDATION, shared_between, warnings_of
from textrnn.errors import DataError, UsageError
from textrnn.inference.classifier import TextModel
from textrnn.nn.targets import Targets
from textrnn.system.processes import process_count
from textrnn.system.telling import quietly, warn
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.reading import read_texts
from textrnn.text.tokenise import tokenise as tokenise_texts
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.training.examples import Examples
from textrnn.training.fit import check_class_weight, number_classes, weights_by_class
from textrnn.training.settings import Settings
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Parameter, Setting, stated
from textrnn.wording.quoting import quoted

Texts = Sequence[str] | Iterable[str]

MODEL_SETTINGS = (
    *("cell", "hidden_size", "num_layers", "bidirectional", "readout", "segment_length", "dtype"),
    *("embedding", "embedding_dim", "tokenizer", "lowercase", "max_length"),
)
"""Settings that are built into a model and cannot change when its training goes on."""


@dataclass(frozen=True)
class Labelled:
    """Checked texts with their labels, (n,) or ones and zeros (n, C), and weights (n,) or None."""

    texts: list[str]
    labels: Any
    weights: Floats | None


# ---------------------------------------------------------------- texts and labels


def check_texts(X: Any, name: str = "X") -> list[str]:
    """A list of the texts in ``X``, which the user calls ``name``.

    Raises:
        DataError: ``X`` is a bare string, has no order, or holds something that is no string.
    """
    if isinstance(X, str | bytes):
        raise DataError(
            f"{name} is a single {type(X).__name__}, but must be a list of texts: write [text]."
        )
    if isinstance(X, set | frozenset | Mapping):
        raise DataError(f"{name} is a {type(X).__name__}, but must be a list of texts.")
    if getattr(X, "ndim", 1) != 1:
        raise DataError(f"{name} has shape {X.shape}, but must be a list of texts, shape (n,).")
    try:
        texts = list(X)
    except TypeError:
        raise DataError(f"{name} is {type(X).__name__}, but must be a list of texts.") from None
    where = "text" if name == "X" else f"text of {name}"
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"{where} {position} is {quoted(text)} ({type(text).__name__}), but must "
                "be a string; drop missing values or replace them by ''."
            )
    return texts


def check_labels(y: Any, name: str = "y") -> Any:
    """An array of labels, shape (n,): all strings, all numbers or all booleans.

    An indicator matrix of many labels, dense or sparse, becomes ones and zeros, (n, C).

    Args:
        y: what the user gave.
        name: what the user calls it.

    Raises:
        DataError: a label is missing or of another kind than the first.
    """
    if y is None:
        raise DataError(
            "this classifier requires y to be passed, but the target y is None: give the label of "
            "each text."
        )
    # As objects, for NumPy turns [1, "a", nan] into three strings.
    given = np.asarray(y.toarray() if hasattr(y, "toarray") else y, dtype=object)
    if given.ndim == 2 and given.shape[1] > 1:
        return _check_indicator(given, name)
    if given.ndim != 1 and given.shape[1:] != (1,):
        raise DataError(f"{name} has shape {given.shape}, but must be a list of labels, (n,).")
    labels: list[Any] = column_or_1d(given, warn=True).tolist()
    if not labels:
        raise DataError(f"{name} is empty: there are no texts to train on.")
    if isinstance(labels[0], list | tuple | set | frozenset):
        raise DataError(
            f"label 0 of {name} is {quoted(labels[0])}; texts with any number of labels need "
            "an indicator matrix, which sklearn.preprocessing.MultiLabelBinarizer makes of this."
        )
    kinds = [_kind(label) for label in labels]
    for position, (label, kind) in enumerate(zip(labels, kinds, strict=True)):
        if kind is None:
            raise DataError(
                f"label {position} of {name} is {quoted(label)} ({type(label).__name__}), "
                "but must be a string, a number (not NaN) or a boolean; drop texts without a label."
            )
        if kind != kinds[0]:
            raise DataError(
                f"{name} mixes {kinds[0]} and {kind}: label 0 is {quoted(plain(labels[0]))}, label "
                f"{position} is {quoted(plain(label))}; make them all of one kind."
            )
    found = y if isinstance(y, np.ndarray) and y.dtype.kind in "biufU" else np.array(labels)
    check_classification_targets(found.reshape(-1))
    return found.reshape(-1)


def _check_indicator(matrix: Any, name: str) -> Ints:
    """Ones and zeros (n, C) from an array of objects."""
    odd = np.argwhere(~((matrix == 0) | (matrix == 1)))
    if len(odd):
        row, column = odd[0].tolist()
        raise DataError(
            f"{name} has shape {matrix.shape}, as many labels a text have, but holds "
            f"{quoted(matrix[row, column])} in row {row}, column {column}; it must hold only "
            "ones and zeros. One label a text has shape (n,)."
        )
    if not matrix.any():
        raise DataError(f"{name} has shape {matrix.shape}, but no text has any label.")
    indicator: Ints = matrix.astype(np.int64)
    return indicator


def _kind(label: Any) -> str | None:
    """What a label is, or None if it is missing or cannot be one."""
    if isinstance(label, str):
        return "strings"
    if isinstance(label, bool | np.bool_):
        return "booleans"
    return "numbers" if isinstance(label, Real) and math.isfinite(label) else None


def check_labelled(X: Texts, y: Any, sample_weight: Any = None) -> Labelled:
    """Check texts, labels and weights, and leave out texts of weight 0.

    Left out, they neither train nor enter the vocabulary: weighting a text by 0 equals
    removing it.

    Raises:
        DataError: the texts or labels cannot be used.
        ValueError: the weights cannot be used; see ``check_sample_weight``.
    """
    texts, labels = check_texts(X), check_labels(y)
    if len(texts) != len(labels):
        raise DataError(f"X has {len(texts)} texts, but y has {len(labels)} labels.")
    if sample_weight is None:
        return Labelled(texts, labels, None)
    weights = check_sample_weight(sample_weight, labels)
    kept = np.flatnonzero(weights)
    return Labelled([texts[i] for i in kept], labels[kept], weights[kept])


def check_sample_weight(sample_weight: Any, labels: Any) -> Floats:
    """Weights of texts with such labels, (n,), from 0 and not all of them 0.

    Raises:
        ValueError: they are not; the error is scikit-learn's own. Of what is no array at all it
            may be a TypeError.
    """
    weights: Floats = _check_sample_weight(sample_weight, labels, ensure_non_negative=True)
    if not weights.any():  # which scikit-learn looks at since 1.9
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def check_classes(labels: Any) -> Any:
    """The classes of training labels, sorted, shape (C,); columns' numbers of many labels.

    Raises:
        DataError: there is only one.
    """
    if labels.ndim == 2:
        return np.arange(labels.shape[1])
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(
            f"y has one class only, {quoted(plain(labels[0]))}; a classifier needs at least two "
            "classes."
        )
    return classes


def plain(labels: Any) -> Any:
    """An array of labels, or one label, as plain Python values."""
    return labels.tolist() if isinstance(labels, np.ndarray | np.generic) else labels


# ------------------------------------------------------------- tokens and weights


def tokenise(
    given: Labelled, classes: Any, settings: Settings, weights: Floats | None = None
) -> Examples:
    """Tokenise texts and number their classes.

    Raises:
        UsageError: ``class_weight`` has other classes.
        DataError: a label is not among ``classes``, or the tokenizer does not return tokens.
    """
    check_class_weight(settings.class_weight, plain(classes))
    if given.labels.ndim == 2:
        targets = Targets.multilabel(given.labels)
    else:
        targets = Targets.hard(number_classes(plain(given.labels), plain(classes)), len(classes))
    return Examples(tokenise_alone(given.texts, settings), targets, weights)


def tokenise_alone(texts: Sequence[str], settings: Settings) -> EncodedTexts:
    """Tokenise texts without labels, and cut them to what is read of them.

    Raises:
        DataError: the tokenizer does not return tokens.
    """
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    if tokenizer_name(tokenizer) is None:
        found = encode_lists(_checked_tokens(tokenizer, texts))
    else:
        with quietly():  # where no process can be started, the training will find that, and warn
            found = tokenise_texts(tokenizer, texts, n_jobs=process_count(settings.n_jobs))
    return read_texts(tokenizer, found, settings.max_length)


def check_same_labels(data: Examples, n_classes: int, *, multilabel: bool) -> None:
    """Texts to validate on, or to go on with, have as many labels as those trained on.

    Raises:
        DataError: they have one label each and the others any number, or other numbers of them.
    """
    found = data.targets
    if found.is_multilabel != multilabel or found.n_classes != n_classes:
        wanted = f"(n, {n_classes})" if multilabel else "(n,)"
        raise DataError(
            f"labels of shape {found.values.shape} do not go with those trained on, of shape "
            f"{wanted}; give them in the same form."
        )


def _checked_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[str]]:
    """The tokens of each text by a tokenizer of the user's own.

    Raises:
        DataError: it returned something else than a list of strings.
    """
    name = getattr(tokenizer, "__qualname__", type(tokenizer).__qualname__)
    for position, text in enumerate(texts):
        tokens = tokenizer(text)
        is_list = isinstance(tokens, list | tuple | np.ndarray)
        if not is_list or not all(isinstance(token, str) for token in tokens):
            raise DataError(
                f"the tokenizer {quoted(name)} returned {quoted(tokens)} for text {position}, but "
                "must return a list of strings."
            )
        yield tokens


def join_weights(given: Labelled, settings: Settings, *, normalise: bool = True) -> Floats | None:
    """Both kinds of weight in one, shape (n,), or None for ones.

    Args:
        given: checked texts with their own weights.
        settings: the weights of classes.
        normalise: scale to a mean of 1, so that only the proportions matter.

    Raises:
        DataError: no text has a weight above 0.
    """
    if given.labels.ndim == 2:
        check_class_weight(settings.class_weight, (), multilabel=True)
    by_class = weights_by_class(
        given.labels, settings.class_weight, weights=given.weights, normalise=False
    )
    factors = [weights for weights in (given.weights, by_class) if weights is not None]
    if not factors:
        return None
    weights: Floats = np.prod(factors, axis=0)
    if normalise:
        if not weights.any():
            raise DataError(
                "every text has weight 0 by its class; change ", Parameter("class_weight"), "."
            )
        weights = weights / weights.mean()
    return weights.astype(settings.dtype)


def tell_shared(train: Sequence[str], validation: Sequence[str]) -> None:
    """Warn of validation texts that are trained on."""
    shared = shared_between(VALIDATION, validation, TRAIN, train)
    if shared.n:
        told = warnings_of([shared], VALIDATION) or [shared.note]
        warn(told[0])


def hold_back(
    data: Examples, given: Labelled, settings: Settings, rng: np.random.Generator
) -> tuple[Examples, Examples | None]:
    """Split texts into those to train on and those to choose the best epoch by.

    Equal texts stay on one side. Warns if there are too few to hold any back.
    """
    labels, label_sets = plain(given.labels), None
    if data.targets.is_multilabel:
        label_sets = data.targets.label_sets()
        labels = strata(label_sets)
    held = holdout(
        given.texts,
        labels,
        settings.validation_fraction,
        random_state=int(rng.integers(2**31)),
        label_sets=label_sets,
    )
    if held.any():
        return data.take(~held), data.take(held)
    warn(
        f"{len(data)} texts ({len(set(given.texts))} different) are too few to hold any back: no "
        "early stopping"
    )
    return data, None


# ----------------------------------------------------------------------- the rest


def check_same_model(model: TextModel, settings: Settings) -> None:
    """A warm start keeps vocabulary and network: their settings must be the same.

    Raises:
        UsageError: one is not.
    """
    before, now = model.settings, settings.to_dict()
    for name in MODEL_SETTINGS:
        if before.get(name, now[name]) != now[name]:
            raise UsageError(
                stated(name, now[name]),
                f", but was {quoted(before[name])} when the model that warm_start goes on with was "
                "made; set ",
                Setting("warm_start", False),
                " to begin anew.",
            )


def make_generator(random_state: Any) -> np.random.Generator:
    """A generator from what scikit-learn calls a random state.

    Raises:
        UsageError: it is none.
    """
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise UsageError(
            stated("random_state", random_state),
            ", but must be a whole number from 0, a RandomState, a Generator or None.",
        ) from None

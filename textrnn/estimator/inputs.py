"""What scikit-learn users hand over, checked: texts, labels, weights, a random state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from textrnn.errors import DataError, UsageError
from textrnn.inference.classifier import TextModel
from textrnn.training.settings import Settings
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Setting, stated
from textrnn.wording.quoting import quoted

Texts = Sequence[str] | Iterable[str]

MODEL_SETTINGS = (
    *("body", "cell", "hidden_size", "num_layers", "bidirectional", "readout", "segment_length"),
    *("dtype", "embedding", "embedding_dim", "tokenizer", "lowercase", "max_length"),
)
"""Settings that are built into a model and cannot change when its training goes on."""


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
                f"{name} mixes {kinds[0]} and {kind}: label 0 is "
                f"{quoted(plain_labels(labels[0]))}, label {position} is "
                f"{quoted(plain_labels(label))}; make them all of one kind."
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


def check_labelled(
    X: Texts, y: Any, sample_weight: Any = None
) -> tuple[list[str], Any, Floats | None]:
    """Checked texts, labels and weights, without the texts of weight 0.

    Left out, they neither train nor enter the vocabulary: weighting a text by 0 equals
    removing it.

    Returns:
        The texts; their labels, (n,), or ones and zeros, (n, C); and weights, (n,), or None.

    Raises:
        DataError: the texts or labels cannot be used.
        ValueError: the weights cannot be used; see ``check_sample_weight``.
    """
    texts, labels = check_texts(X), check_labels(y)
    if len(texts) != len(labels):
        raise DataError(f"X has {len(texts)} texts, but y has {len(labels)} labels.")
    return without_weight_0(texts, labels, sample_weight)


def without_weight_0(
    texts: list[str], targets: Any, sample_weight: Any
) -> tuple[list[str], Any, Floats | None]:
    """Texts, their targets (n, ...) and checked weights (n,), but those of weight 0.

    Raises:
        ValueError: the weights cannot be used; see ``check_sample_weight``.
    """
    if sample_weight is None:
        return texts, targets, None
    weights = check_sample_weight(sample_weight, targets)
    kept = np.flatnonzero(weights)
    return [texts[i] for i in kept], targets[kept], weights[kept]


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


def classes_of(labels: Any) -> Any:
    """The classes of training labels, sorted, shape (C,); columns' numbers of many labels.

    Raises:
        DataError: there is only one.
    """
    if labels.ndim == 2:
        return np.arange(labels.shape[1])
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(
            f"y has one class only, {quoted(plain_labels(labels[0]))}; a classifier needs at least "
            "two classes."
        )
    return classes


def plain_labels(labels: Any) -> Any:
    """An array of labels, or one label, as plain Python values."""
    return labels.tolist() if isinstance(labels, np.ndarray | np.generic) else labels


def check_same_model(model: TextModel, settings: Settings) -> None:
    """A warm start keeps vocabulary and network: their settings must be the same.

    Raises:
        UsageError: one is not.
    """
    # A model of a time when there was one body does not tell it among its settings.
    before = {"body": model.network.config.body, **model.settings}
    now = settings.to_dict()
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


def make_seed(random_state: Any) -> int:
    """A seed from a random state: a whole number is one.

    Raises:
        UsageError: as ``make_generator``.
    """
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(make_generator(random_state).integers(2**31))


def keep_parameters(estimator: Any, given: Mapping[str, Any]) -> None:
    """Store what a constructor was given, its ``locals()``, as it came: scikit-learn wants that."""
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)

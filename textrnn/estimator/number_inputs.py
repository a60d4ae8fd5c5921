"""From the numbers that scikit-learn users hand over for texts to checked ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from textrnn.errors import DataError
from textrnn.estimator.inputs import Texts, check_texts, without_weight_0
from textrnn.typing import Floats
from textrnn.wording.quoting import quoted


def check_numbered(
    X: Texts, y: Any, sample_weight: Any = None
) -> tuple[list[str], Floats, Floats | None]:
    """Check texts, their numbers and weights, (n,), and leave out texts of weight 0.

    Raises:
        DataError: the texts or numbers cannot be used.
        ValueError: the weights cannot be used; see ``check_sample_weight``.
    """
    texts, numbers = check_texts(X), check_numbers(y)
    if len(texts) != len(numbers):
        raise DataError(f"X has {len(texts)} texts, but y has {len(numbers)} numbers.")
    return without_weight_0(texts, numbers, sample_weight)


def check_numbers(y: Any, name: str = "y") -> Floats:
    """An array of finite numbers, float64 of shape (n,).

    Args:
        y: what the user gave.
        name: what the user calls it.

    Raises:
        DataError: one is missing, infinite or no number.
    """
    if y is None:
        raise DataError(
            "this regressor requires y to be passed, but the target y is None: give the number of "
            "each text."
        )
    given = np.asarray(y)
    if given.ndim != 1 and given.shape[1:] != (1,):
        raise DataError(f"{name} has shape {given.shape}, but must be a list of numbers, (n,).")
    column = column_or_1d(given, warn=True)
    if not len(column):
        raise DataError(f"{name} is empty: there are no texts to train on.")
    try:
        if column.dtype.kind not in "biufO":
            raise ValueError
        numbers: Floats = column.astype(np.float64)
    except (TypeError, ValueError):
        odd = next((value for value in column.tolist() if not _is_number(value)), column[0])
        raise DataError(
            f"{name} holds {quoted(odd)} ({type(odd).__name__}), but must hold numbers; labels of "
            "classes are for TextRNNClassifier."
        ) from None
    if not np.isfinite(numbers).all():
        row = int(np.isfinite(numbers).argmin())
        raise DataError(
            f"number {row} of {name} is {numbers[row]}, but must be finite; drop texts without one."
        )
    return numbers


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str | bytes)

"""Weights quantised and n-gram keys compressed, for models that are to be shipped.

A table of word vectors is kept in whole numbers from -127 to 127 with a scale for each row,
all other weights in half precision. Sorted keys of 40 bits share their upper parts: how many keys
have each upper part, and the lower part of each, is all there is to tell (Elias 1974).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from textrnn.errors import ModelError
from textrnn.typing import Floats, Keys, Params
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

SCALE = ".scale"
"""Follows the name of a table in the name of its scales."""
LARGEST = 127
KEY_BITS = 40
"""Of the key of an n-gram."""
MANY = 2**16
"""Keys from which a table of 2**16 upper parts is shorter than a further byte for each key."""


def quantise_weights(params: Params, tables: tuple[str, ...]) -> dict[str, Any]:
    """What a small file holds of some weights.

    Args:
        params: weights by name.
        tables: names of those that are kept as int8, with ``NAME.scale`` beside them, a number
            for each row of the last axis; the others become float16, whole numbers stay.

    Raises:
        ModelError: a weight is beyond what float16, or the scale of its row, can hold.
    """
    small: dict[str, Any] = {}
    for name, values in params.items():
        if values.dtype.kind != "f":  # numbers of something, that are no weights
            small[name] = values
        elif name in tables:
            small[name], small[name + SCALE] = _in_steps(values, name)
        else:
            small[name] = in_format(values, np.float16, name)
    return small


def dequantise_weights(small: Mapping[str, Any], dtype: str) -> Params:
    """The inverse of ``quantise_weights``; what was never quantised stays as it is."""
    params: Params = {}
    for name, values in small.items():
        if name.endswith(SCALE):
            continue
        if values.dtype == np.int8:
            params[name] = np.multiply(values, small[name + SCALE], dtype=dtype)
        else:
            params[name] = values.astype(dtype) if values.dtype == np.float16 else values
    return params


def in_format(values: Floats, dtype: DTypeLike, name: str) -> Floats:
    """Weights in a floating-point format, rounded where it has fewer bits.

    Raises:
        ModelError: one is not finite, or no longer is in that format.
    """
    check_finite(values, name)
    with np.errstate(over="ignore"):
        rounded: Floats = values.astype(dtype)
    if not np.isfinite(rounded).all():
        value, largest = values[~np.isfinite(rounded)][0], np.finfo(rounded.dtype).max
        raise ModelError(
            f"the weights {quoted(name)} hold {value:g}, but the file's {rounded.dtype} "
            f"numbers end at {largest:g}: a model with such weights cannot be written so. "
            "Keep it as it is, not quantised, or train it again with a lower learning rate."
        )
    return rounded


def check_finite(values: Floats, name: str) -> None:
    """Refuse weights with which nothing can be predicted.

    Raises:
        ModelError: one is infinite or not a number.
    """
    finite = np.isfinite(values)
    if not finite.all():
        raise ModelError(
            f"the weights {quoted(name)} hold {values[~finite][0]:g}, which is no finite "
            "number: a model with such weights cannot be saved. "
            "Train it again with a lower learning rate."
        )


def _in_steps(values: Floats, name: str) -> tuple[Any, Floats]:
    """Rows as int8, and the scale of each, float32 with a last axis of 1."""
    scales = in_format(np.abs(values).max(axis=-1, keepdims=True), np.float32, name) / LARGEST
    scales[scales == 0] = 1.0
    # The smallest scales are rounded so much that a step more than there is would be taken.
    steps = np.clip(np.rint(values / scales), -LARGEST, LARGEST)
    return steps.astype(np.int8), scales


def compact_keys(keys: Keys) -> dict[str, Any]:
    """What a small file holds of ascending keys (n,) of 40 bits: 4 bytes each, of many keys 3."""
    n_bytes = 3 if len(keys) > MANY else 4
    low = keys.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :n_bytes]
    high = (keys >> np.uint64(8 * n_bytes)).astype(np.int64)
    lengths = np.bincount(high, minlength=2 ** (KEY_BITS - 8 * n_bytes))
    lengths = lengths.astype(np.min_scalar_type(lengths.max()))  # of many hashes a byte is enough
    return {"keys.low": np.ascontiguousarray(low), "keys.high": lengths}


def expand_keys(small: Mapping[str, Any]) -> Keys:
    """The inverse of ``compact_keys``: uint64 of shape (n,)."""
    columns, lengths = small["keys.low"], small["keys.high"].astype(np.int64)
    n_bytes = columns.shape[1]
    low = np.zeros((len(columns), 8), dtype=np.uint8)
    low[:, :n_bytes] = columns
    high = np.arange(len(lengths), dtype=np.uint64) << np.uint64(8 * n_bytes)
    keys: Keys = np.repeat(high, lengths)
    keys |= low.view("<u8")[:, 0]
    return keys

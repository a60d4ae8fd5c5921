"""Whether the arrays of a model's files are those that its configuration needs.

First their names, shapes and dtypes, which a file's header tells; then the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from textrnn.inference.bag_of_words import TFIDF
from textrnn.system.compact import KEY_BITS, SCALE
from textrnn.system.strict_json import shown
from textrnn.system.weights_file import Tensors
from textrnn.typing import Keys

LARGEST = 1e12
"""Of a weight: no training comes near, and sums of products of two such numbers are still finite
in float32."""


class Wanted(NamedTuple):
    """The shape of a tensor, and what it may be of."""

    shape: tuple[int, ...]
    dtypes: tuple[str, ...]


def check_tensors(found: Tensors, wanted: Mapping[str, Wanted]) -> None:
    """Check names, shapes and dtypes.

    Raises:
        ValueError: the first that is missing, not wanted, or of another shape or dtype.
    """
    for name, (shape, dtypes) in wanted.items():
        if name not in found:
            raise ValueError(f"{shown(name)} is missing")
        tensor = found[name]
        if tensor.shape != shape or tensor.dtype not in dtypes:
            raise ValueError(
                f"{shown(name)} is of shape {shown(list(tensor.shape))} in {tensor.dtype}, but "
                f"must be of {shown(list(shape))} in {' or '.join(dtypes)}"
            )
    for name in found.keys() - wanted.keys():
        raise ValueError(f"{shown(name)} does not belong there")


class Layered(Protocol):
    """What fixes the shapes of the weights of a network of layers."""

    @property
    def num_layers(self) -> int: ...

    @property
    def dtype(self) -> str: ...

    def shapes(self) -> dict[str, tuple[int, ...]]: ...

    def tables(self) -> tuple[str, ...]: ...


def of_network(config: Layered) -> Callable[[Tensors], None]:
    """Checks the weights of a network, compact ones too; see ``check_tensors``."""

    def check(found: Tensors) -> None:
        if config.num_layers > len(found):  # so that nobody counts to a billion
            raise ValueError(f"{len(found)} tensors are too few for {config.num_layers} layers")
        own, tables = "F64" if config.dtype == "float64" else "F32", config.tables()
        wanted = {}
        for name, shape in config.shapes().items():
            wanted[name] = Wanted(shape, (own, "F16"))
            if name in tables and name in found and found[name].dtype == "I8":
                wanted[name] = Wanted(shape, ("I8",))
                wanted[name + SCALE] = Wanted((*shape[:-1], 1), ("F32",))
        check_tensors(found, wanted)

    return check


def of_ngrams(n_classes: int, *, multilabel: bool) -> Callable[[Tensors], None]:
    """Checks the arrays of the n-gram model beside a network; see ``check_tensors``."""
    K = n_classes if multilabel else n_outputs(n_classes)

    def check(found: Tensors) -> None:
        n = _length(found, "weights")
        if "keys" in found:
            keys = {"keys": Wanted((n,), ("U64",))}
        else:
            n_bytes = _bytes_of_a_key(found)
            upper = (2 ** (KEY_BITS - 8 * n_bytes),)
            keys = {
                "keys.low": Wanted((n, n_bytes), ("U8",)),
                "keys.high": Wanted(upper, ("U8", "U16", "U32", "U64")),
            }
        weights = {
            "weights": Wanted((n, K), ("F16", "F32")),
            "bias": Wanted((K,), ("F32", "F64")),
        }
        check_tensors(found, {**keys, **weights})

    return check


def _bytes_of_a_key(found: Tensors) -> int:
    """Of the lower part of each key, where there are compact ones."""
    if "keys.low" not in found:
        raise ValueError("'keys' is missing")
    shape = found["keys.low"].shape
    if len(shape) != 2 or shape[1] not in (3, 4):
        raise ValueError(
            f"'keys.low' is of shape {shown(list(shape))}, but must be of 3 or 4 bytes for each key"
        )
    return shape[1]


def of_linear(n_classes: int, value: str) -> Callable[[Tensors], None]:
    """Checks the arrays of a linear model; see ``check_tensors``."""
    K = n_outputs(n_classes)

    def check(found: Tensors) -> None:
        n = _length(found, "keys")
        scales = n if value == TFIDF else 0
        wanted = {
            "keys": Wanted((n,), ("U64",)),
            "weights": Wanted((n, K), ("F32", "F64")),
            "bias": Wanted((K,), ("F32", "F64")),
            "scale": Wanted((scales,), ("F32", "F64")),
        }
        check_tensors(found, wanted)

    return check


def n_outputs(n_classes: int) -> int:
    """Columns of the weights of a linear model: of two classes, one for the second."""
    return n_classes if n_classes > 2 else 1


def _length(found: Tensors, name: str) -> int:
    return found[name].shape[0] if name in found and found[name].shape else 0


def check_numbers(
    arrays: Mapping[str, Any], *, least: float = -LARGEST, largest: float = LARGEST
) -> None:
    """Check that all numbers are finite and within a range: of weights, that can be reckoned with.

    Raises:
        ValueError: the first array with a number that is not.
    """
    for name, values in arrays.items():
        if values.dtype.kind == "f" and values.size and not _are_within(values, least, largest):
            raise ValueError(
                f"{shown(name)} holds a number that is not finite, or not from {least:g} to "
                f"{largest:g}"
            )


def _are_within(values: Any, least: float, largest: float) -> bool:
    if values.dtype == np.float16:  # by its bits, as NumPy compares these numbers slowly
        return bool(((values.view("<u2") & 0x7C00) != 0x7C00).all())
    # Of numbers that are not, NumPy finds neither the least nor the largest.
    return float(values.min()) >= least and float(values.max()) <= largest


def check_compact_keys(arrays: Mapping[str, Any]) -> None:
    """Check that so many n-grams have upper parts of their keys as have lower ones.

    Raises:
        ValueError: they have not.
    """
    if "keys.high" in arrays:
        high, n = arrays["keys.high"], len(arrays["keys.low"])
        if int(high.max()) > n or int(high.sum(dtype=np.uint64)) != n:
            raise ValueError(f"'keys.high' does not count the {n:,} keys")


def check_ascending(keys: Keys) -> None:
    """Check that keys (n,) are sorted, each once.

    Raises:
        ValueError: they are not.
    """
    if not (keys[1:] > keys[:-1]).all():
        place = int((keys[1:] <= keys[:-1]).argmax()) + 2
        raise ValueError(f"key {place:,} of {len(keys):,} is not above the one before it")

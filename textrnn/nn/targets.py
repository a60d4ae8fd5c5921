"""What is to be predicted of some texts, and of which kind: told by one type, checked in one place.

Nobody guesses from an array's shape or type what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from textrnn.errors import DataError
from textrnn.typing import Array, Bools, Floats, Ints
from textrnn.wording.quoting import listed, quoted

Kind: TypeAlias = Literal["hard", "soft", "multilabel", "real"]
HARD: Kind = "hard"
"""Each text has one class; values are class numbers, int64 of shape (n,)."""
SOFT: Kind = "soft"
"""The same, as a teacher tells it: the classes' probabilities, (n, C), in each row 1 together."""
MULTILABEL: Kind = "multilabel"
"""Each text has any number of labels: ones and zeros, (n, C), or how probable a teacher holds
each."""
REAL: Kind = "real"
"""Each text has a number, of shape (n,); there are no classes."""

ROUNDING = 1e-3
"""By which the probabilities of single precision may miss 1 together."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What is to be predicted of n texts; made by `hard`, `soft`, `multilabel` or `real`.

    Attributes:
        values: as the kind says.
        kind: ``HARD``, ``SOFT``, ``MULTILABEL`` or ``REAL``.
        n_classes: C, the number of classes or labels; 0 of real values.
    """

    values: Array
    kind: Kind
    n_classes: int

    @classmethod
    def hard(cls, classes: Any, n_classes: int) -> Targets:
        """One class a text.

        Args:
            classes: class numbers, (n,).
            n_classes: their number, which need not all occur.

        Raises:
            DataError: these are no class numbers.
        """
        values = _checked(classes, HARD).astype(np.int64, copy=False)
        if values.size and not (values.min() >= 0 and values.max() < n_classes):
            wrong = values[(values < 0) | (values >= n_classes)][0]
            raise DataError(f"class {wrong} is not one of the {n_classes} classes from 0 on.")
        return cls(values, HARD, n_classes)

    @classmethod
    def soft(cls, probabilities: Any) -> Targets:
        """The probability of each class, (n, C).

        Raises:
            DataError: these are no probabilities, or a row does not add up to 1.
        """
        values = _as_floats(_checked(probabilities, SOFT))
        _check_range(values, SOFT)
        sums = values.sum(axis=1, dtype=np.float64)
        if (np.abs(sums - 1.0) > ROUNDING).any():
            row = int(np.abs(sums - 1.0).argmax())
            raise DataError(f"the probabilities of text {row} add up to {sums[row]:g}, not to 1.")
        return cls(values, SOFT, values.shape[1])

    @classmethod
    def multilabel(cls, labels: Any) -> Targets:
        """Ones where a text has a label, else zeros, or the probability of each, (n, C).

        Raises:
            DataError: there is another number among them.
        """
        values = _checked(labels, MULTILABEL)
        _check_range(values, MULTILABEL)
        return cls(values, MULTILABEL, values.shape[1])

    @classmethod
    def real(cls, numbers: Any) -> Targets:
        """A number a text, (n,).

        Raises:
            DataError: one is not finite.
        """
        values = _as_floats(_checked(numbers, REAL))
        if not np.isfinite(values).all():
            row = int(np.isfinite(values).argmin())
            raise DataError(f"the target of text {row} is {values[row]}; give a finite number.")
        return cls(values, REAL, 0)

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.values)

    @property
    def is_multilabel(self) -> bool:
        """Whether a text has any number of labels."""
        return self.kind == MULTILABEL

    def take(self, rows: Ints | Bools | slice) -> Targets:
        """Those of some texts."""
        return replace(self, values=self.values[rows])

    def probabilities(self, dtype: Any) -> Floats:
        """How probable each class or label is by them, (n, C): 0 or 1 where it is known.

        Raises:
            DataError: there are no classes.
        """
        if self.kind == REAL:
            raise DataError("real-valued targets have no classes; give the class of each text.")
        if self.kind == HARD:
            of_class: Floats = np.eye(self.n_classes, dtype=dtype)[self.values]
            return of_class
        return self.values.astype(dtype, copy=False)

    def label_sets(self) -> list[list[int]]:
        """The classes that each text has, ascending: one, or of many labels any number."""
        if self.kind == HARD:
            return [[k] for k in self.values.tolist()]
        if self.kind == MULTILABEL:
            return [np.flatnonzero(row >= 0.5).tolist() for row in self.values]
        raise DataError(f"{self.kind} targets say of no text which classes it has.")


def concatenated(parts: Sequence[Targets]) -> Targets:
    """The targets of all parts, one after the other.

    Raises:
        DataError: they are of several kinds, or of other numbers of classes.
    """
    kinds = {(part.kind, part.n_classes) for part in parts}
    if len(kinds) != 1:
        told = [f"{kind} of {n} classes" for kind, n in sorted(kinds)]
        raise DataError(f"targets of one kind belong together, but there are {listed(told)}.")
    return replace(parts[0], values=np.concatenate([part.values for part in parts]))


def _checked(given: Any, kind: Kind) -> Array:
    """An array of as many dimensions, and of such numbers, as a kind of targets has.

    Raises:
        DataError: it is none.
    """
    values = np.asarray(given)
    n_dimensions, wanted = (1, "(n,)") if kind in (HARD, REAL) else (2, "(n, C)")
    if values.ndim != n_dimensions:
        raise DataError(f"{kind} targets have the shape {wanted}, not {values.shape}.")
    numbers = "iub" if kind == HARD else "iubf"
    if values.size and values.dtype.kind not in numbers:
        what = "class numbers" if kind == HARD else "numbers"
        raise DataError(f"{kind} targets are {what}, not {quoted(values.ravel().tolist()[0])}.")
    return values.astype(np.int64) if values.dtype.kind == "b" or not values.size else values


def _as_floats(values: Array) -> Floats:
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _check_range(values: Array, kind: Kind) -> None:
    """Raise DataError unless all are from 0 to 1."""
    odd = np.argwhere(~((values >= 0) & (values <= 1)))
    if len(odd):
        row, k = odd[0].tolist()
        raise DataError(
            f"{kind} targets are from 0 to 1, but text {row} has {values[row, k]} for class {k}."
        )

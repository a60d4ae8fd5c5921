"""Gradients that touch only some rows of a table, their sums, and the norm over all gradients.

A batch meets a few thousand words of a vocabulary of tens of thousands. The
gradient of an embedding is kept as those rows, and an update costs no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from textrnn.typing import Floats, Ints


@dataclass(frozen=True)
class RowGradient:
    """Gradient of a table of which only some rows took part.

    Attributes:
        rows: distinct row numbers, ascending, shape (U,).
        values: their gradients, shape (U, ...).
        n_rows: rows of the whole table.
    """

    rows: Ints
    values: Floats
    n_rows: int

    def to_dense(self) -> Floats:
        """The gradient with the shape of the table, zeros elsewhere."""
        dense = np.zeros((self.n_rows, *self.values.shape[1:]), dtype=self.values.dtype)
        dense[self.rows] = self.values
        return dense


Gradient: TypeAlias = Floats | RowGradient
Gradients: TypeAlias = dict[str, Gradient]
"""Gradients by parameter name, the same names as the parameters'."""


def summed(values: Floats, rows: Ints, n_rows: int) -> RowGradient:
    """The gradient of a table's rows from those of sums of K of them.

    Args:
        values: gradients of the sums, (U, D).
        rows: which rows each is the sum of, one of them maybe several times, (U, K).
        n_rows: of the table.
    """
    from scipy.sparse import csr_array

    U, K = rows.shape
    order = np.argsort(rows, axis=None, kind="stable")
    in_order = rows.reshape(-1)[order]
    starts = np.flatnonzero(np.diff(in_order, prepend=-1))
    ones = np.ones(U * K, values.dtype)
    # Row r of the sparse matrix has a one for each sum that takes part r.
    taking = csr_array((ones, order // K, np.append(starts, U * K)), shape=(len(starts), U))
    return RowGradient(in_order[starts].astype(np.int64), taking @ values, n_rows)


def values_of(gradient: Gradient) -> Floats:
    """The numbers of a gradient, whichever its form."""
    return gradient.values if isinstance(gradient, RowGradient) else gradient


def copied(gradient: Gradient) -> Gradient:
    """A gradient with numbers of its own, which outlive the next pass."""
    if isinstance(gradient, RowGradient):
        return RowGradient(gradient.rows, gradient.values.copy(), gradient.n_rows)
    return gradient.copy()


def add_gradients(first: Mapping[str, Gradient], second: Mapping[str, Gradient]) -> Gradients:
    """All gradients of two parts of a whole, those of a parameter that is in both added up.

    Both are used up.
    """
    total: Gradients = {**second, **first}
    for name in first.keys() & second.keys():
        a, b = first[name], second[name]
        if isinstance(a, RowGradient) and isinstance(b, RowGradient):
            total[name] = _add_rows(a, b)
        else:
            total[name] = _add_dense(a, b)
    return total


def _add_dense(a: Gradient, b: Gradient) -> Floats:
    """The sum of two gradients of which one is dense; that one is used up."""
    if isinstance(a, RowGradient):
        a, b = b, a
    assert not isinstance(a, RowGradient)
    if isinstance(b, RowGradient):
        a[b.rows] += b.values
    else:
        a += b
    return a


def _add_rows(a: RowGradient, b: RowGradient) -> RowGradient:
    rows = np.union1d(a.rows, b.rows)
    values = np.zeros((len(rows), *a.values.shape[1:]), dtype=a.values.dtype)
    values[np.searchsorted(rows, a.rows)] = a.values
    values[np.searchsorted(rows, b.rows)] += b.values
    return RowGradient(rows, values, a.n_rows)


def global_norm(gradients: Gradients) -> float:
    """Euclidean norm over all gradients together."""
    squares = (np.vdot(v, v) for v in map(values_of, gradients.values()))
    return float(np.sqrt(sum(float(square) for square in squares)))


def scale(gradients: Gradients, factor: float) -> None:
    """Multiply all gradients in place: to clip their norm (Pascanu et al. 2013)."""
    for gradient in gradients.values():
        values = values_of(gradient)
        values *= factor

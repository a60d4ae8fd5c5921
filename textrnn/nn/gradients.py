"""Gradients that touch only some rows of a table, and the norm over all gradients.

A batch meets a few thousand words of a vocabulary of tens of thousands. The
gradient of an embedding is kept as those rows, and an update costs no more.
"""

from __future__ import annotations

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


def values_of(gradient: Gradient) -> Floats:
    """The numbers of a gradient, whichever its form."""
    return gradient.values if isinstance(gradient, RowGradient) else gradient


def copied(gradient: Gradient) -> Gradient:
    """A gradient with numbers of its own, which outlive the next pass."""
    if isinstance(gradient, RowGradient):
        return RowGradient(gradient.rows, gradient.values.copy(), gradient.n_rows)
    return gradient.copy()


def global_norm(gradients: Gradients) -> float:
    """Euclidean norm over all gradients together."""
    squares = (np.vdot(v, v) for v in map(values_of, gradients.values()))
    return float(np.sqrt(sum(float(square) for square in squares)))


def scale(gradients: Gradients, factor: float) -> None:
    """Multiply all gradients in place: to clip their norm (Pascanu et al. 2013)."""
    for gradient in gradients.values():
        values = values_of(gradient)
        values *= factor

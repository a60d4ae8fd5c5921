"""Input products ``x W_x + b`` of a recurrent layer, and their way back.

The product is needed once for each *distinct* token of a batch (U), not for each
position (N): some 2,000 against 13,000 on film reviews. The way back is the mirror
image: gradients of equal tokens are summed, then one product with U rows.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.recurrent import InputGradient
from textrnn.typing import Floats, Ints, Params


def project(x: Floats, params: Params, scale: Floats) -> Floats:
    """Return ``scale * (x W_x + b)``, shape (G, rows, H), for ``x`` of shape (rows, D)."""
    products: Floats = np.matmul(x, params["W_x"] * scale)
    products += params["b"][:, np.newaxis] * scale
    return products


def project_back(d_products: Floats, x: Floats, params: Params) -> tuple[Floats, Params]:
    """Gradients of ``x`` (rows, D), ``W_x`` and ``b`` from those of the gates' inputs.

    Args:
        d_products: gradient of ``x W_x + b``, shape (G, rows, H).
        x: the input, shape (rows, D).
        params: the layer's parameters.
    """
    d_W_x = np.matmul(x.T, d_products)
    d_x: Floats = d_products[0] @ params["W_x"][0].T
    for d_gate, weight in zip(d_products[1:], params["W_x"][1:], strict=True):
        d_x += d_gate @ weight.T
    return d_x, {"W_x": d_W_x, "b": d_products.sum(axis=1)}


def gather(products: Floats, inverse: Ints) -> Floats:
    """Repeat each distinct token's products at its positions: (G, U, H) to (G, N, H)."""
    G, _, H = products.shape
    out = np.empty((G, len(inverse), H), dtype=products.dtype)
    for g in range(G):
        # "clip" skips numpy's check of every index, which costs more than the copy.
        np.take(products[g], inverse, axis=0, out=out[g], mode="clip")
    return out


def sum_by_token(d_products: InputGradient, inverse: Ints, n_distinct: int) -> Floats:
    """Sum the gradients of equal tokens: (G, L, H) to (G, U, H)."""
    from scipy.sparse import csr_array

    values = d_products.values
    inverse = inverse if d_products.rows is None else inverse[d_products.rows]
    n = len(inverse)
    # Row u of the sparse matrix has a one for each position of token u.
    positions = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(inverse, minlength=n_distinct))])
    ones = np.ones(n, dtype=values.dtype)
    gathering = csr_array((ones, positions, starts), shape=(n_distinct, n))
    return np.stack([gathering @ values[g] for g in range(len(values))])


def spread(values: Floats, rows: Ints | None, n_rows: int) -> Floats:
    """Put gradients of some rows back among zeros, shape (n_rows, D)."""
    if rows is None:
        return values
    out = np.zeros((n_rows, values.shape[1]), dtype=values.dtype)
    out[rows] = values
    return out

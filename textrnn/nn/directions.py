"""The outputs of both directions side by side: of whole documents, and at each token.

The second direction's rows hold the mirrored documents; beside a token belongs the output that
was made when the second direction read the same token.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats


def side_by_side(vectors: Floats) -> Floats:
    """One row a document: (S, B, H) to (B, S * H)."""
    return np.concatenate(list(vectors), axis=1)


def by_direction(vectors: Floats, n_directions: int) -> Floats:
    """The backward pass of ``side_by_side``: (rows, S * H) to (S, rows, H)."""
    parts = vectors.reshape(len(vectors), n_directions, -1)
    return np.ascontiguousarray(parts.transpose(1, 0, 2))


def by_token(h: Floats, batch: PackedBatch) -> Floats:
    """One row a token: outputs (S, N, H) to (N, S * H)."""
    backward = [of_direction[batch.mirrored_rows] for of_direction in h[1:]]
    return np.concatenate([h[0], *backward], axis=1)


def by_token_backward(d_rows: Floats, batch: PackedBatch, n_directions: int) -> Floats:
    """The backward pass of ``by_token``: (N, S * H) to (S, N, H)."""
    d_h = by_direction(d_rows, n_directions)
    if n_directions > 1:
        d_h[1:] = d_h[1:, batch.mirrored_rows]
    return d_h

"""Inverted dropout (Srivastava et al. 2014): what is kept is scaled up in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.typing import Floats


def dropout_mask(
    rng: np.random.Generator, shape: tuple[int, ...], rate: float, dtype: np.dtype[Any]
) -> Floats:
    """Draw a mask of ``1 / (1 - rate)`` with probability ``1 - rate``, else 0."""
    # One byte a unit instead of a float: 256 levels are fine enough for a rate.
    threshold = min(round(rate * 256), 255)
    kept = rng.integers(0, 256, size=shape, dtype=np.uint8) >= threshold
    mask: Floats = kept.astype(dtype)
    mask *= 256 / (256 - threshold)
    return mask

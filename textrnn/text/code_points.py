"""Characters as numbers, in one place: what is hashed must be the same on every machine."""

from __future__ import annotations

import numpy as np

from textrnn.typing import Characters


def code_points(text: str) -> Characters:
    """The number of each character of a text, lone surrogates too, uint32 of shape (len(text),)."""
    encoded = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(encoded, "<u4").astype(np.uint32, copy=False)

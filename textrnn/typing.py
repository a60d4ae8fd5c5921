"""Array aliases and the one legend of shape letters used in every docstring.

| Letter | Size of |
|---|---|
| B | documents in a batch |
| T | time steps (words of the longest document) |
| N | packed tokens in a batch: the sum of the documents' lengths |
| U | distinct tokens in a batch |
| V | vocabulary |
| D | input of a recurrent layer |
| H | hidden state |
| G | gates (rnn 1, gru 3, lstm 4) |
| S | directions of reading: 1, or 2 if bidirectional |
| F | features that reach the linear layer |
| C | classes |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Floating-point array of any shape, float32 for work and float64 for proof."""
Ints: TypeAlias = NDArray[np.integer[Any]]
"""Integer array: token ids, lengths, row numbers."""
Ids: TypeAlias = NDArray[np.int32]
"""Token ids of one document, shape (length,)."""
Bools: TypeAlias = NDArray[np.bool_]
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
"""Weight of each class, as scikit-learn takes it."""
Params: TypeAlias = dict[str, Floats]
"""Parameters, or gradients, by name."""

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
| G | gates (lstm_forget and mingru 2, both gru and minlstm 3, lstm and lstm_peephole 4, others 1) |
| S | directions of reading: 1, or 2 if bidirectional |
| K | pieces of a word's spelling |
| F | features that reach the linear layer |
| C | classes |

``Forms`` tell of each distinct form of a word, as it is spelt, the id that it has in the vocabulary
and then the ids of the K pieces of its spelling: int32 of shape (forms, 1 + K). Where there are
some, token ids are rows of them, and one that is higher by their number is the same form, whose
word is taken for the unknown one.

``Floats`` are float32 for work and float64 for proof, of any shape; ``Ids`` the token ids
of one document, int32 of shape (length,).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Floats: TypeAlias = NDArray[np.floating[Any]]
    Ints: TypeAlias = NDArray[np.integer[Any]]
    Ids: TypeAlias = NDArray[np.int32]
    Forms: TypeAlias = NDArray[np.int32]
    Counts: TypeAlias = NDArray[np.int64]
    Bools: TypeAlias = NDArray[np.bool_]
    RawBytes: TypeAlias = NDArray[np.uint8]
    Keys: TypeAlias = NDArray[np.uint64]
    Characters: TypeAlias = NDArray[np.uint32]
else:  # numpy.typing takes a while to import, and nobody asks at run time
    Array = Floats = Ints = Ids = Forms = Counts = Bools = RawBytes = Keys = Characters = np.ndarray

Params: TypeAlias = dict[str, Floats]
"""Parameters, or gradients, by name."""
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
"""Weight of each class, as scikit-learn takes it."""

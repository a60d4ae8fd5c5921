"""How a word is spelt, as a few numbers: what tells words apart that nobody has counted.

A word's *pieces* are its beginnings, its ends, the whole of it whatever the case, and its shape, as
``Xx-d`` of "Covid-19". They are what hand-made taggers look at in a word that they do not know
(Ratnaparkhi 1996), and have vectors here. A piece is known by a hash, so that nothing has to be
counted and no piece is unknown; two that share a number share a vector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from textrnn.typing import Forms, Ids

BEGINNINGS, ENDS = (1, 2, 3), (1, 2, 3, 4)
"""Characters in each."""
N_PIECES = len(BEGINNINGS) + len(ENDS) + 2
"""K."""
_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("A", str.isupper),
    ("a", str.islower),
    ("0", str.isdigit),
    ("x", str.isalpha),
)


def forms_of(words: Sequence[str], ids: Sequence[int] | Ids, n_rows: int) -> Forms:
    """What is known of words: their ids, and the pieces of each, numbers below ``n_rows``."""
    forms = np.empty((len(words), 1 + N_PIECES), dtype=np.int32)
    forms[:, 0] = ids
    pieces = [[crc32(piece) % n_rows for piece in pieces_of(word)] for word in words]
    forms[:, 1:] = np.array(pieces, dtype=np.int32).reshape(len(words), N_PIECES)
    return forms


def pieces_of(word: str) -> list[bytes]:
    """The pieces of a word, always as many, each with a sign of what it is.

    A word that is too short for one is that piece itself.
    """
    lower = word.lower()
    found = [
        *(f"{n}<{lower[:n]}" for n in BEGINNINGS),
        *(f"{n}>{lower[-n:]}" for n in ENDS),
        f"={lower}",
        f"~{shape_of(word)}",
    ]
    return [piece.encode("utf-8", "surrogatepass") for piece in found]


def shape_of(word: str) -> str:
    """The kinds of a word's characters, of a run of one kind at most two: "USA-wide" is AA-aa."""
    kinds = "".join(next((sign for sign, is_it in _KINDS if is_it(c)), c) for c in word)
    return re.sub(r"(.)\1{2,}", r"\1\1", kinds)

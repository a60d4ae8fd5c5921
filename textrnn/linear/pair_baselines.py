"""What writes a target of a source without having learned how: to hold a transducer against.

Three that cost nothing: the source as it is; the target of the training source that is most like
it; and, where every target is as long as its source, the most frequent symbol again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from textrnn.text.encoded import encode_lists
from textrnn.typing import Floats

COPY, NEAREST, FREQUENT = "copy", "nearest", "most frequent symbol"
PIECE = 3
"""Symbols in a row by which sources are compared, at most."""
NEIGHBOURS = 10_000
"""Training sources that are looked through, the first ones: it bounds the time."""
AT_ONCE = 256
"""Sources that are compared with all of them together: it bounds the memory."""

Tokenize = Callable[[str], list[str]]


def pair_baselines(
    sources: Sequence[str],
    targets: Sequence[str],
    asked: Sequence[str],
    *,
    source_symbols: Tokenize,
    target_symbols: Tokenize,
) -> dict[str, list[list[str]]]:
    """The answers of each baseline, as symbols, by its name.

    Args:
        sources: of the pairs that may be learned from, at least one.
        targets: of these.
        asked: the sources to answer.
        source_symbols: what a source is made of.
        target_symbols: what a target is made of.
    """
    read = [source_symbols(text) for text in asked]
    near = nearest([source_symbols(text) for text in sources[:NEIGHBOURS]], read)
    answers = {
        COPY: [target_symbols(text) for text in asked],
        NEAREST: [target_symbols(targets[i]) for i in near],
    }
    wanted = [target_symbols(text) for text in targets]
    lengths = (len(source_symbols(text)) for text in sources)
    counts = Counter(symbol for symbols in wanted for symbol in symbols)
    if counts and all(n == len(symbols) for n, symbols in zip(lengths, wanted, strict=True)):
        symbol = counts.most_common(1)[0][0]
        answers[FREQUENT] = [[symbol] * len(symbols) for symbols in read]
    return answers


def nearest(known: Sequence[list[str]], asked: Sequence[list[str]]) -> list[int]:
    """For each sequence of symbols the place of the known one that is most like it.

    That is by the cosine of the counts of all pieces of up to ``PIECE`` symbols in a row, the
    first of equal ones.
    """
    pieces = encode_lists([_pieces(symbols) for symbols in [*known, *asked]])
    n_pieces = max(len(pieces.words), 1)
    ones = np.ones(pieces.n_tokens, dtype=np.float32)
    counts = sparse.csr_matrix((ones, pieces.ids, pieces.starts), shape=(len(pieces), n_pieces))
    counts.sum_duplicates()
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    shares = sparse.csr_matrix(counts.multiply(1.0 / np.maximum(lengths, 1.0)[:, np.newaxis]))
    columns = shares[: len(known)].T.tocsr()
    found: list[int] = []
    for begin in range(len(known), len(pieces), AT_ONCE):
        likeness: Floats = shares[begin : begin + AT_ONCE].dot(columns).toarray()
        found += likeness.argmax(axis=1).tolist()
    return found


def _pieces(symbols: list[str]) -> list[str]:
    """All pieces of a sequence; a piece of several symbols is no symbol, and none of fewer."""
    return [
        f"{n}\t" + "\t".join(symbols[i : i + n])
        for n in range(1, PIECE + 1)
        for i in range(len(symbols) - n + 1)
    ]

"""N-grams of words and of characters as numbers, without a table of strings.

An n-gram's *key* is a hash of its characters, so a model needs no dictionary: it keeps the
keys it has weights for, sorted. Of ten million different n-grams some 90 pairs share
a key of 40 bits. Character n-grams stay within a word, whose ends count as characters:
they tell what a misspelt or unknown word resembles (Bojanowski et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.system.compact import KEY_BITS
from textrnn.system.runs import differs
from textrnn.text.code_points import code_points
from textrnn.text.encoded import EncodedTexts
from textrnn.typing import Bools, Ids, Ints, Keys

ROW_BITS = 64 - KEY_BITS
"""A key and the row of its text in one number: sorting it sorts the pairs."""
FIRST_OF_CHARACTERS = np.uint64(1 << (KEY_BITS - 1))
"""Keys of character n-grams are from here on, those of words below."""
ROWS_AT_ONCE = 2**ROW_BITS
NGRAMS_AT_ONCE = 2**22
"""N-grams that are sorted together: a bound of memory, some 150 MB."""
BEGIN, END = "\x02", "\x03"
"""Characters that mark the ends of a word; no tokenizer leaves them in a word."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class NGramKind:
    """Which n-grams are looked at.

    Attributes:
        max_n: words of the longest word n-gram; 0 for none.
        char_ngrams: characters of the shortest and the longest character n-gram, or None.
    """

    max_n: int = 3
    char_ngrams: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> NGramKind:
        """The inverse of ``to_dict``."""
        chars = values["char_ngrams"]
        return cls(int(values["max_n"]), None if chars is None else (int(chars[0]), int(chars[1])))


def distinct_ngrams(texts: EncodedTexts, kind: NGramKind) -> Iterator[tuple[Keys, Ints]]:
    """The n-grams of each text, each once: blocks of keys and rows, sorted by both.

    The blocks are of consecutive texts. Keys are uint64 of shape (n,), rows int64.
    """
    hashes = word_hashes(texts)
    owners, of_chars = _char_ngrams(texts, kind)
    starts_of_chars = np.searchsorted(owners, np.arange(len(texts.words) + 1))
    sizes = np.diff(starts_of_chars)[texts.ids] + kind.max_n
    ends = np.concatenate([[0], np.cumsum(sizes)])[texts.starts]
    first = 0
    while first < len(texts):
        last = int(np.searchsorted(ends, ends[first] + NGRAMS_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), first + ROWS_AT_ONCE)
        tokens = slice(texts.starts[first], texts.starts[last])
        ids = texts.ids[tokens]
        rows = np.repeat(np.arange(last - first), np.diff(texts.starts[first : last + 1]))
        parts = [_pairs(*found) for found in _ngrams(hashes[ids], rows, kind.max_n, followed_by)]
        if kind.char_ngrams is not None:
            of_characters = _spread(ids, rows, starts_of_chars, of_chars)
            parts.append(of_characters | (FIRST_OF_CHARACTERS << np.uint64(ROW_BITS)))
        pairs = np.concatenate(parts)
        pairs.sort()
        pairs = pairs[differs(pairs)]
        keys = pairs >> np.uint64(ROW_BITS)
        pairs &= np.uint64(ROWS_AT_ONCE - 1)
        yield keys, pairs.astype(np.int64) + first
        first = last


def word_ngrams(texts: EncodedTexts, max_n: int) -> Iterator[tuple[Keys, Ints]]:
    """For each length the hash, of 64 bits, and the row of every n-gram of words."""
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    return _ngrams(word_hashes(texts)[texts.ids], rows, max_n, followed_by)


def word_hashes(texts: EncodedTexts) -> Keys:
    """A hash of 64 bits of each distinct word, shape (words,)."""
    characters, owners = _characters(texts)
    starts = np.searchsorted(owners, np.arange(len(texts.words)))
    place = np.arange(len(owners)) - starts[owners]
    powers = _FACTOR ** np.arange(1, int(place.max(initial=0)) + 2, dtype=np.uint64)
    terms = characters * powers[place]
    return _mixed(np.add.reduceat(terms, starts)) if len(starts) else np.zeros(0, np.uint64)


def followed_by(hashes: Keys, words: Keys) -> Keys:
    """The hash of each n-gram and a further word, shape (n,)."""
    return _mixed(hashes * _FACTOR + words)


def keys_of(hashes: Keys) -> Keys:
    """The keys of hashed n-grams of words, shape (n,)."""
    return hashes >> np.uint64(65 - KEY_BITS)


def within(owners: Ints, n: int) -> Bools:
    """Where n units in a row, from each place on, are of one owner: a text's words, or a word's
    characters. Of shape (units - n + 1,), as none begins behind that."""
    whole: Bools = owners[: max(len(owners) - n + 1, 0)] == owners[n - 1 :]
    return whole


def _ngrams(
    units: Keys, owners: Ints, longest: int, lengthened: Callable[[Keys, Keys], Keys]
) -> Iterator[tuple[Keys, Ints]]:
    """For each length the n-grams of units, made longer unit by unit, and whose each is."""
    longer = units
    for n in range(1, longest + 1):
        inside = within(owners, n)
        if n > 1:
            longer = lengthened(longer[: len(inside)], units[n - 1 :])
        yield longer[inside], owners[: len(inside)][inside]


def _char_ngrams(texts: EncodedTexts, kind: NGramKind) -> tuple[Ints, Keys]:
    """The character n-grams of each distinct word: words' ids, ascending, and hashes."""
    if kind.char_ngrams is None:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    shortest, longest = kind.char_ngrams
    characters, owners = _characters(texts)
    found, whose = [], []
    every = _ngrams(characters, owners, longest, lambda keys, last: keys * _FACTOR + last)
    for n, (keys, of_words) in enumerate(every, start=1):
        if n >= shortest:
            found.append(_mixed(keys + np.uint64(n)))
            whose.append(of_words)
    all_owners = np.concatenate(whose)
    order = np.argsort(all_owners, kind="stable")
    return all_owners[order], np.concatenate(found)[order]


def _spread(ids: Ids, rows: Ints, starts: Ints, keys: Keys) -> Keys:
    """Pairs of key and row: for each token the n-grams of its word."""
    counts = np.diff(starts)[ids]
    ends = np.cumsum(counts)
    places = np.repeat(starts[:-1][ids] - (ends - counts), counts)
    places += np.arange(len(places))
    return _pairs(keys[places], np.repeat(rows, counts))


def _characters(texts: EncodedTexts) -> tuple[Keys, Ints]:
    """The characters of all distinct words with their ends, and whose each is."""
    marked = [f"{BEGIN}{word}{END}" for word in texts.words]
    lengths = np.fromiter(map(len, marked), np.int64, len(marked))
    owners = np.repeat(np.arange(len(marked)), lengths)
    return code_points("".join(marked)).astype(np.uint64), owners


def _pairs(hashes: Keys, rows: Ints) -> Keys:
    """Key and row in one number."""
    keys = keys_of(hashes) << np.uint64(ROW_BITS)
    keys |= rows.astype(np.uint64)
    return keys


def _mixed(hashes: Keys) -> Keys:
    """Spread what differs over all bits (the finaliser of Steele et al. 2014, SplitMix)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX[0]
    hashes ^= hashes >> np.uint64(27)
    hashes *= _MIX[1]
    hashes ^= hashes >> np.uint64(31)
    return hashes

"""Word vectors, trained or read from a file, because few corpora can teach all their words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from textrnn.errors import DataError, reason
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats
from textrnn.wording.messages import ForScripts
from textrnn.wording.quoting import quoted

_HEADER = re.compile(rb"([0-9]{1,12}) ([0-9]{1,6})\s*")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LONGEST_LINE = 1_000_000
_SAMPLE = 65_536
_SQUEEZE = 1_100  # no gzip file holds more than so many times its size
_FEWEST = 2  # bytes of a number, a space and a digit
_TOKENS_SHOWN = 40_000_000
PACKED = (".gz", ".xz", ".bz2")
_PIECE = 10_000  # gensim drops, silently, what a text holds beyond so many tokens


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and the vector of each, float32 of shape (words, D)."""

    words: list[str]
    vectors: NDArray[np.float32]

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word, the first if a word stands there twice."""
        rows: dict[str, int] = {}
        for row, word in enumerate(self.words):
            rows.setdefault(word, row)
        return rows

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.words)


def train_word2vec(
    token_lists: Iterable[Sequence[str]],
    *,
    vector_size: int = 100,
    window: int = 10,
    epochs: int | None = None,
    min_count: int = 5,
    skip_gram: bool = True,
    random_state: int,
    workers: int = 1,
) -> WordVectors:
    """Learn vectors from a corpus with gensim's word2vec (Mikolov et al. 2013).

    With one worker the same seed gives the same vectors; with several it does not. The defaults
    are those that told good reviews from bad best: skip-gram over many neighbours, with frequent
    words skipped often, and, unless `epochs` says otherwise, so many passes that small corpora
    too show some 40 million tokens (at most 20 passes).

    Raises:
        DataError: when no token occurs `min_count` times.
    """
    from gensim.models import Word2Vec

    pieces = [
        list(tokens[start : start + _PIECE])
        for tokens in token_lists
        for start in range(0, len(tokens), _PIECE)
    ]
    if epochs is None:
        epochs = min(math.ceil(_TOKENS_SHOWN / max(sum(map(len, pieces)), 1)), 20)
    model = Word2Vec(
        vector_size=vector_size,
        window=window,
        min_count=min_count,
        sg=int(skip_gram),
        sample=1e-4,
        seed=random_state,
        workers=workers,
        epochs=epochs,
    )
    model.build_vocab(pieces)
    if not len(model.wv):
        raise DataError(
            f"word2vec has nothing to learn: no token of {len(pieces)} texts occurs "
            f"{min_count} times; give more text",
            ForScripts(" or a lower min_count"),
        )
    model.train(pieces, total_examples=len(pieces), epochs=epochs)
    return WordVectors(list(model.wv.index_to_key), model.wv.vectors.astype(np.float32))


def load_vectors(path: str | Path) -> WordVectors:
    """Read word vectors: word2vec text or binary, or GloVe; also as .gz, .xz or .bz2.

    Which of the three it is, the content tells. A word may hold spaces.

    Raises:
        DataError: when the file is missing, damaged or no such file, with the line if it has.
    """
    from lzma import LZMAError
    from zlib import error as ZlibError  # noqa: N812

    path = Path(path)
    if path.is_dir():
        raise DataError(f"{quoted(path)} is a folder, not a file of word vectors")
    try:
        # A number too large for float32 becomes infinite, and is reported below.
        with _open(path) as stream, np.errstate(over="ignore"):
            found = _read(stream, path)
    except DataError:
        raise
    except (OSError, EOFError, ValueError, LZMAError, ZlibError) as error:
        packed = path.suffix.lower() in PACKED
        damage = f"it is no whole {path.suffix} file" if packed else "it is damaged or cut off"
        told = reason(error) if getattr(error, "strerror", None) else f"{damage}; get it again"
        raise DataError(f"{quoted(path)} cannot be read: {told}") from error
    bad = ~np.isfinite(found.vectors).all(axis=1)
    if bad.any():
        word = found.words[int(bad.argmax())]
        raise DataError(
            f"{quoted(path)}: the vector of {quoted(word)} holds a number that is not finite"
        )
    return found


def _most_bytes(path: Path) -> int:
    """How much a file can hold."""
    packed = path.suffix.lower() in PACKED
    return (_SQUEEZE if packed else 1) * path.stat().st_size


def _open(path: Path) -> IO[bytes]:
    import bz2  # here, for the start of every program would pay for them
    import gzip
    import lzma

    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
    return cast("IO[bytes]", openers.get(path.suffix.lower(), open)(path, "rb"))


def _read(stream: IO[bytes], path: Path) -> WordVectors:
    """Find out the format from the first two lines, and read the file."""
    start = stream.readline(_LONGEST_LINE)
    second = stream.readline(_LONGEST_LINE)
    header = _HEADER.fullmatch(start)
    rows, size = map(int, header.groups()) if header else (None, _numbers_at_the_end(start))
    if not size:
        shown = start[:40].decode("utf-8", "replace").strip()
        found = f"it starts with {quoted(shown)}" if shown else "its first line is empty"
        raise DataError(f"{quoted(path)} holds no word vectors: {found}")
    if rows is not None and rows * (_FEWEST * size + 1) > _most_bytes(path):
        raise DataError(f"{quoted(path)}, line 1: {rows} vectors cannot be in so small a file")
    sample = second + stream.read(_SAMPLE)
    if header and rows and _BINARY.search(sample) and not _is_row(second, size):
        stream.seek(len(start))
        return _read_binary(stream, size=size, rows=rows)
    stream.seek(0)
    return _read_text(stream, size=size, rows=rows, path=path)


def _numbers_at_the_end(line: bytes) -> int:
    """Return how many numbers follow the word that a GloVe line starts with."""
    fields = line.split()
    size = 0
    while size < len(fields) - 1 and _is_row(b"word " + fields[-1 - size], 1):
        size += 1
    return size


def _is_row(line: bytes, size: int) -> bool:
    try:
        _parse_row(line, size)
    except ValueError:
        return False
    return True


def _parse_row(line: bytes, size: int) -> tuple[str, NDArray[np.float32]]:
    """Return the word of a line and its vector, of shape (D,)."""
    word, *numbers = line.rstrip().rsplit(b" ", size)
    if len(numbers) != size:
        raise ValueError(f"{len(numbers)} numbers instead of {size}")
    if b" " in word and _is_row(b"word " + word.rsplit(b" ", 1)[1], 1):
        raise ValueError(f"more than {size} numbers")
    try:
        text = word.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the word is not UTF-8 text") from None
    try:
        return text, np.array(numbers).astype(np.float32)
    except ValueError:
        odd = next(number for number in numbers if not _is_number(number))
        raise ValueError(f"{quoted(odd.decode('utf-8', 'replace')[:40])} is not a number") from None


def _is_number(field: bytes) -> bool:
    try:
        np.array([field]).astype(np.float32)
    except ValueError:
        return False
    return True


def _read_text(stream: IO[bytes], *, size: int, rows: int | None, path: Path) -> WordVectors:
    """Read word2vec's text format, or GloVe's (rows None).

    gensim reads these too, but takes 25 times as long and cannot name the damaged line.
    """
    words: list[str] = []
    numbers = bytearray()
    lines: Iterator[tuple[int, bytes]] = enumerate(_lines(stream, size, path), start=1)
    lines = lines if rows is None else islice(lines, 1, rows + 1)
    for number, line in lines:
        try:
            word, vector = _parse_row(line, size)
        except ValueError as error:
            raise DataError(f"{quoted(path)}, line {number}: {error}") from error
        words.append(word)
        numbers += vector.tobytes()
    if not words or len(words) < (rows or 0):
        raise DataError(
            f"{quoted(path)} holds {len(words)} vectors instead of {rows or 1}; get it again"
        )
    return WordVectors(words, np.frombuffer(numbers, dtype=np.float32).reshape(-1, size))


def _lines(stream: IO[bytes], size: int, path: Path) -> Iterator[bytes]:
    """The lines of a file, none of them longer than a vector can be."""
    longest = _LONGEST_LINE + 64 * size
    for number, line in enumerate(iter(partial(stream.readline, longest), b""), start=1):
        if len(line) == longest and not line.endswith(b"\n"):
            raise DataError(f"{quoted(path)}, line {number}: longer than {longest:,} bytes")
        yield line


def _read_binary(stream: IO[bytes], *, size: int, rows: int) -> WordVectors:
    """Read word2vec's binary format: words, a space after each, and float32 numbers.

    The C tool cuts words within a character, so such bytes are left out. Memory is taken for what
    is there, not for what the first line says, as gensim does.

    Raises:
        EOFError: fewer vectors are there.
    """
    words: list[str] = []
    numbers = bytearray()
    rest, start = b"", 0
    while len(words) < rows:
        end = rest.find(b" ", start)
        stop = end + 1 + 4 * size
        if end < 0 or len(rest) < stop:
            more = stream.read(_SAMPLE)
            if not more or (end < 0 and len(rest) - start > _LONGEST_LINE):
                raise EOFError
            rest, start = rest[start:] + more, 0
            continue
        words.append(rest[start:end].decode("utf-8", "ignore").lstrip("\n"))
        numbers += rest[end + 1 : stop]
        start = stop
    return WordVectors(words, np.frombuffer(numbers, dtype="<f4").reshape(-1, size))


def embedding_matrix(
    vocabulary: Vocabulary,
    word_vectors: WordVectors,
    *,
    rng: np.random.Generator,
    dtype: DTypeLike,
) -> tuple[Floats, float]:
    """Return the vectors of a vocabulary, (V, D), and the share of its occurrences they cover.

    A token without a vector takes that of its lower-case, capitalised or upper-case spelling.
    A token without any is drawn from a normal distribution as wide, in each dimension, as the
    vectors found.
    """
    index = word_vectors.index
    rows = np.array([_row(token, index) for token in vocabulary.tokens], dtype=np.int64)
    rows[0] = -1  # "<unk>" may stand in the file, but with another meaning
    known = rows >= 0
    found = word_vectors.vectors[rows[known]] if known.any() else word_vectors.vectors
    matrix: Floats = rng.standard_normal((len(vocabulary), found.shape[1])).astype(dtype)
    matrix *= found.std(axis=0).astype(dtype)
    matrix[known] = word_vectors.vectors[rows[known]]
    total = int(vocabulary.counts[1:].sum())
    return matrix, int(vocabulary.counts[known].sum()) / total if total else 0.0


def _row(token: str, index: dict[str, int]) -> int:
    """Return the row of a token, or of the spelling nearest to it; -1 if there is none."""
    for spelling in (token, token.lower(), token.capitalize(), token.upper()):
        if spelling in index:
            return index[spelling]
    return -1

"""Tokenised texts kept on disk by their content, so that a corpus is tokenised once.

A file's name is a hash of the texts and of all that decides on their tokens, the tokenizer's
own source among it: no file is ever out of date. A cache may always fail: what cannot be read
is made again, and what cannot be written is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import time
import unicodedata
from collections.abc import Sequence
from importlib import metadata, resources
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from textrnn.system.digests import feed
from textrnn.system.files import DAY, replace_file
from textrnn.system.regular_file import open_regular
from textrnn.text.encoded import EncodedTexts
from textrnn.text.tokenise import tokenise
from textrnn.text.tokenizers import Tokenizer, tokenizer_name
from textrnn.typing import Counts, Ids

VARIABLE = "TEXTRNN_CACHE"
"""Names the folder of the cache; ``off`` does without one."""
OFF = "off"
DTYPES = {"numbers": "<i4", "starts": "<i8", "spelling": "|u1", "word_lengths": "<i8"}
"""Arrays of a file: the same bytes on every machine."""
LIMIT = 2_000_000_000
"""Bytes of all files; above them the files go that were not used for longest."""
WORTH_KEEPING = 1_000_000
"""Characters below which tokenising takes hardly longer than reading a file."""
_FORMAT = "1"


def tokenise_once(
    tokenizer: Tokenizer, texts: Sequence[str], *, n_jobs: int = 1, cache: bool = True
) -> tuple[EncodedTexts, bool]:
    """Tokenise texts, or read the tokens from the cache.

    Args:
        tokenizer: one with a name; tokens of another are not kept.
        texts: texts of any length.
        n_jobs: see `tokenise`.
        cache: use the cache, unless the environment switches it off.

    Returns:
        The tokens, and whether they came from the cache.
    """
    folder = cache_folder() if cache else None
    if folder is None or sum(map(len, texts)) < WORTH_KEEPING:
        return tokenise(tokenizer, texts, n_jobs=n_jobs), False
    key = content_key(tokenizer, texts)
    if key is None:
        return tokenise(tokenizer, texts, n_jobs=n_jobs), False
    path = folder / f"{key}.npz"
    found = read(path)
    if found is not None and len(found) == len(texts):
        with contextlib.suppress(OSError):
            os.utime(path)  # used last, dropped last
        return found, True
    found = tokenise(tokenizer, texts, n_jobs=n_jobs)
    with contextlib.suppress(OSError):
        write(path, found)
    return found, False


def cache_folder() -> Path | None:
    """The folder of the cache, whether it exists or not; None if it is switched off."""
    own = os.environ.get(VARIABLE)
    if own == OFF:
        return None
    if own:
        return Path(own).expanduser() / "tokens"
    import platformdirs

    return Path(platformdirs.user_cache_dir("textrnn")) / "tokens"


def content_key(tokenizer: Tokenizer, texts: Sequence[str]) -> str | None:
    """A hash of texts and tokenizer, 64 hex digits; None if the tokenizer cannot be told."""
    name = tokenizer_name(tokenizer)
    if name is None:
        return None
    try:
        package = resources.files("textrnn.text")
        source = [package.joinpath(file).read_bytes() for file in ("tokenizers.py", "_words.py")]
        # Which characters are letters, and lower case, is what the Python's Unicode says.
        python = [platform.python_version(), unicodedata.unidata_version]
        identity = [repr(tokenizer), *python, _FORMAT]
        identity += [metadata.version("jieba")] if name == "jieba" else []
    except (OSError, metadata.PackageNotFoundError):
        return None
    digest = hashlib.sha256()
    feed(digest, (*source, *identity))
    feed(digest, texts)
    return digest.hexdigest()


def write(path: Path, texts: EncodedTexts) -> None:
    """Write a file of the cache whole or not at all, and drop others if there are too many.

    Raises:
        OSError: it cannot be written.
    """
    spelling = "".join(texts.words).encode("utf-8", "surrogatepass")
    values: dict[str, Any] = {
        "numbers": texts.ids,
        "starts": texts.starts,
        "spelling": np.frombuffer(spelling, np.uint8),
        "word_lengths": np.array([len(word) for word in texts.words], np.int64),
    }
    arrays = {name: values[name].astype(dtype, copy=False) for name, dtype in DTYPES.items()}
    if sum(array.nbytes for array in arrays.values()) > LIMIT:
        return
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # texts may be private
    replace_file(path, buffer.getvalue())
    _drop_leftovers(path.parent)
    _drop_oldest(path.parent)


def read(path: Path) -> EncodedTexts | None:
    """Read a file of the cache; None if it is missing or not what was written."""
    try:
        # Its arrays are as they are, not packed: no file makes more of itself than it is.
        with open_regular(path, 2 * LIMIT) as (raw, _), ZipFile(raw) as file:
            if any(entry.compress_type != ZIP_STORED for entry in file.infolist()):
                return None
            ids, starts, spelling, lengths = (_array(file, name) for name in DTYPES)
        text = spelling.tobytes().decode("utf-8", "surrogatepass")
        if (lengths < 0).any() or lengths.sum() != len(text):
            return None
        words = [text[a:b] for a, b in pairwise([0, *np.cumsum(lengths).tolist()])]
        is_sound = _are_starts(starts, len(ids)) and _are_ids(ids, len(words))
        return EncodedTexts(ids, starts, words) if is_sound else None
    except Exception:  # a damaged file may lead NumPy anywhere
        return None


def _array(file: ZipFile, name: str) -> Any:
    """An array of a file, of one dimension, as long as its bytes; see ``numpy.lib.format``.

    Raises:
        ValueError: it is of another dtype, or of a shape that its bytes do not fill.
    """
    content = file.read(f"{name}.npy")  # which checks its sum
    stream = BytesIO(content)
    major, _ = np.lib.format.read_magic(stream)
    if major != 1:
        raise ValueError("another version of the format")
    shape, _, found = np.lib.format.read_array_header_1_0(stream)
    array = np.frombuffer(content, DTYPES[name], offset=stream.tell())
    if found != array.dtype or shape != array.shape:
        raise ValueError(f"{found} of shape {shape}")
    return array.astype(array.dtype.newbyteorder("="))  # a copy, as any array, to be written to


def _are_starts(starts: Counts, n_tokens: int) -> bool:
    """Whether they divide so many tokens into texts."""
    is_whole = len(starts) > 0 and starts[0] == 0 and starts[-1] == n_tokens
    return bool(is_whole and (np.diff(starts) >= 0).all())


def _are_ids(ids: Ids, n_words: int) -> bool:
    """Whether they are of so many words."""
    return not len(ids) or bool(ids.min() >= 0 and ids.max() < n_words)


def _drop_leftovers(folder: Path) -> None:
    """Delete what killed writers left half-written more than a day ago."""
    for entry in folder.glob(".*.npz.*"):  # see disk.temporary_name
        with contextlib.suppress(OSError):  # another process may be quicker
            if entry.stat().st_mtime < time.time() - DAY:
                entry.unlink()


def _drop_oldest(folder: Path) -> None:
    """Delete the files that were not used for longest until the others are within the limit."""
    files = [(entry.stat(), entry) for entry in folder.glob("*.npz")]
    total = sum(stat.st_size for stat, _ in files)
    for stat, entry in sorted(files, key=lambda file: file[0].st_mtime):
        if total <= LIMIT:
            return
        entry.unlink(missing_ok=True)
        total -= stat.st_size

"""Reading safetensors, checked before anything is made of them, and without a copy.

The format: eight bytes that say how long the header is; the header, in JSON: dtype, shape and
place of each tensor; the numbers. The package safetensors writes it. Its reader copies every
tensor, which takes about as long as reading the file.

What a header says is compared with the size of the file, and may be compared with what is
expected, before the numbers are read: nobody makes room for a tensor that is only claimed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.system.regular_file import open_regular
from textrnn.system.strict_json import parse_json, shown
from textrnn.typing import Floats, Params, RawBytes

DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "|i1",
    "U8": "|u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
}
METADATA = "__metadata__"
MOST_HEADER = 2**22
"""Bytes of a header; one of 10,000 tensors takes a megabyte."""
MOST_DIMENSIONS = 8
MOST_NUMBERS = 2**60


class Tensor(NamedTuple):
    """What a header says of a tensor; ``first`` and ``last`` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    first: int
    last: int


Tensors = Mapping[str, Tensor]


class Found(NamedTuple):
    """A file that was read.

    Attributes:
        arrays: by name, views of the file's content.
        metadata: notes in its header.
        digest: SHA-256 of the file.
    """

    arrays: Params
    metadata: dict[str, str]
    digest: str


def read_tensors(
    path: Path, fits: Callable[[Tensors], object], *, most_header: int = MOST_HEADER
) -> Found:
    """Read a file.

    Args:
        path: of the file.
        fits: raises ValueError if the tensors are not those that are wanted.
        most_header: bytes of the longest header.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file, or is not what is wanted.
    """
    with open_regular(path) as (file, size):
        prefix = file.read(8)
        header = file.read(header_size(prefix, size, most_header))
        tensors_, metadata = parse_header(header, size - 8 - len(header))
        fits(tensors_)
        numbers = np.fromfile(file, dtype=np.uint8, count=size - 8 - len(header))
    if len(numbers) != size - 8 - len(header):
        raise ValueError("it is cut off")
    digest = hashlib.sha256(prefix + header)
    digest.update(numbers.data)
    return Found(_views(numbers, tensors_), metadata, digest.hexdigest())


def read_metadata(path: Path, *, most_header: int = MOST_HEADER) -> dict[str, str]:
    """The notes in a file's header; see ``read_tensors`` for the errors."""
    with open_regular(path) as (file, size):
        header = file.read(header_size(file.read(8), size, most_header))
        return parse_header(header, size - 8 - len(header))[1]


def tensors(content: RawBytes, fits: Callable[[Tensors], object] = bool) -> Params:
    """The tensors of a safetensors file by name: views of its content.

    Args:
        content: of the file, uint8 of shape (bytes,).
        fits: raises ValueError if the tensors are not those that are wanted.

    Raises:
        ValueError: the content is no such file, or of other dtypes, or is not what is wanted.
    """
    start = 8 + header_size(bytes(content[:8]), len(content))
    found, _ = parse_header(bytes(content[8:start]), len(content) - start)
    fits(found)
    return _views(content[start:], found)


def header_size(prefix: bytes, size: int, most: int = MOST_HEADER) -> int:
    """Bytes of the header of a file of ``size`` bytes that begins so.

    Raises:
        ValueError: it cannot be of that length.
    """
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > size - 8:
        raise ValueError("it is cut off within its header")
    if length > most:
        raise ValueError(f"its header has {length:,} bytes, of at most {most:,}")
    return length


def parse_header(header: bytes, n_bytes: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a header says of its tensors, and its notes.

    Args:
        header: the JSON.
        n_bytes: that follow it, each of which must be of one tensor.

    Raises:
        ValueError: it is no header, or not of so many bytes.
    """
    try:
        entries = parse_json(header)
    except ValueError as error:
        raise ValueError(f"its header is {error}") from error
    if not isinstance(entries, dict):
        raise ValueError(f"its header is {shown(entries)}, not an object")
    metadata = entries.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError(f"{METADATA} is {shown(metadata)}, but must be texts by name")
    found = {name: _entry(name, entry) for name, entry in entries.items()}
    end = 0
    for name, tensor in sorted(found.items(), key=lambda item: item[1][2:]):
        if tensor.first != end:
            raise ValueError(f"{shown(name)} begins at byte {tensor.first}, not at {end}")
        end = tensor.last
    if end != n_bytes:
        raise ValueError(f"its tensors take {end:,} bytes, but it has {n_bytes:,}")
    return found, metadata


def _entry(name: str, entry: Any) -> Tensor:
    """An entry of the header.

    Raises:
        ValueError: it is none, or its shape is not of the size of its place.
    """
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{shown(name)} is {shown(entry)}, not a dtype, a shape and a place")
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{shown(name)} is of dtype {shown(dtype)}, none of {', '.join(DTYPES)}")
    if not _are_sizes(shape) or len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"{shown(name)} is of shape {shown(shape)}")
    if not _are_sizes(place) or len(place) != 2:
        raise ValueError(f"{shown(name)} has the place {shown(place)}")
    n_bytes = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    # Also with a side of 0 the others must be sizes that an array can have.
    if place[1] - place[0] != n_bytes or math.prod(max(n, 1) for n in shape) > MOST_NUMBERS:
        raise ValueError(
            f"{shown(name)} of shape {shown(shape)} in {dtype} does not fill the bytes "
            f"{shown(place)}"
        )
    return Tensor(dtype, tuple(shape), place[0], place[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(n) is int and 0 <= n < 2**62 for n in values)


def _views(numbers: RawBytes, tensors: Tensors) -> Params:
    return {name: _view(numbers, tensor) for name, tensor in tensors.items()}


def _view(numbers: RawBytes, tensor: Tensor) -> Floats:
    view: Floats = numbers[tensor.first : tensor.last].view(DTYPES[tensor.dtype])
    native = view.astype(view.dtype.newbyteorder("="), copy=False)
    return native.reshape(tensor.shape)

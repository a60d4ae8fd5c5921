"""One file of arrays and JSON values, checked when read: an unfinished run on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.errors import ModelError, reason
from textrnn.system.files import replace_file, writing
from textrnn.system.plain_json import plain
from textrnn.system.strict_json import parse_json
from textrnn.system.weights_file import Tensors, read_metadata, read_tensors
from textrnn.typing import Params
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

MOST_HEADER = 2**24
"""Bytes of the header, in which the history of a run stands."""


def save_arrays(path: Path, arrays: Params, state: dict[str, Any]) -> None:
    """Write arrays and JSON-ready values to one file, whole or not at all.

    Raises:
        ModelError: the file cannot be written.
    """
    from safetensors.numpy import save

    header = json.dumps(plain(state), allow_nan=False)
    content = save(arrays, metadata={"state": header, "digest": _digest(arrays, header)})
    with writing(path):
        replace_file(path, content)


def load_arrays(
    path: Path, fits: Callable[[Tensors], object] = bool
) -> tuple[Params, dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Args:
        path: the file.
        fits: raises ValueError if the arrays are not those that are wanted, before they are read.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    with reading(path):
        arrays, metadata, _ = read_tensors(path, fits, most_header=MOST_HEADER)
        state = _state(metadata)
        if metadata.get("digest") != _digest(arrays, metadata["state"]):
            raise ValueError("its checksum does not fit")
        return arrays, state


def load_state(path: Path) -> dict[str, Any]:
    """Read the JSON values alone, without a look at the arrays; as ``load_arrays``."""
    with reading(path):
        return _state(read_metadata(path, most_header=MOST_HEADER))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what is wrong with a checkpoint into a ModelError that names it."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the checkpoint {quoted(path)} cannot be read ({reason(error)}); train without ",
            Parameter("resume"),
            ".",
        ) from error


def _state(metadata: dict[str, str]) -> dict[str, Any]:
    """The values that stand in the header.

    Raises:
        ValueError: there are none.
    """
    state = parse_json(metadata.get("state", "").encode("utf-8", "surrogatepass"))
    if not isinstance(state, dict):
        raise ValueError("its values are no object")
    return state


def _digest(arrays: Params, header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        array = arrays[name]
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()

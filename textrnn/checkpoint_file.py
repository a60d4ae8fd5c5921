"""One file of arrays and JSON values, checked when read: an unfinished run on the disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.disk import replace_file, writing
from textrnn.errors import ModelError
from textrnn.messages import Parameter
from textrnn.plain_json import plain
from textrnn.typing import Params


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


def load_arrays(path: Path) -> tuple[Params, dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = metadata["state"]
        if metadata["digest"] != _digest(arrays, header):
            raise ValueError("its checksum does not fit")
        return arrays, json.loads(header)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"the checkpoint {str(path)!r} cannot be read ({error}); train without ",
            Parameter("resume"),
            ".",
        ) from error


def _digest(arrays: Params, header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        array = arrays[name]
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()

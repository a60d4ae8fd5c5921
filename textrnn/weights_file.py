"""Reading safetensors without a copy, as a prediction waits for it.

The format: eight bytes that say how long the header is; the header, in JSON: dtype, shape and
place of each tensor; the numbers. The package safetensors writes it. Its reader copies every
tensor, which takes about as long as reading the file.
"""

from __future__ import annotations

import json
from typing import Any

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


def tensors(content: RawBytes) -> Params:
    """The tensors of a safetensors file by name: views of its content.

    Args:
        content: of the file, uint8 of shape (bytes,).

    Raises:
        ValueError, TypeError or KeyError: the content is no such file, or of other dtypes.
    """
    start = 8 + int.from_bytes(bytes(content[:8]), "little")
    header = dict(json.loads(bytes(content[8:start])))
    numbers = content[start:]
    return {name: _tensor(numbers, entry) for name, entry in header.items() if name != METADATA}


def _tensor(numbers: RawBytes, entry: dict[str, Any]) -> Floats:
    first, last = entry["data_offsets"]
    view: Floats = numbers[first:last].view(DTYPES[entry["dtype"]])
    native = view.astype(view.dtype.newbyteorder("="), copy=False)
    return native.reshape(entry["shape"])

"""JSON of nearly anything, so that no odd number undoes a long training at its end."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from textrnn.wording.quoting import in_json


def to_json(value: Any) -> bytes:
    """Indented UTF-8 JSON of the plain value, half characters escaped."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    return (in_json(text) + "\n").encode()


def json_line(value: Any, *, ascii_only: bool = False) -> str:
    """JSON of a value on one line, with nothing in it that harms a terminal.

    Args:
        value: what JSON knows; of anything else its plain value is taken.
        ascii_only: escape all that is not ASCII.
    """
    try:
        text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(plain(value), ensure_ascii=ascii_only, allow_nan=False)
    return in_json(text)


def plain(value: Any) -> Any:
    """The value as JSON gives it back.

    NumPy's numbers and arrays become Python's, numbers that are not finite None, keys
    strings, and whatever JSON does not know (a path) its text.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        keys = [plain(key) for key in value]
        names = [key if isinstance(key, str) else json.dumps(key) for key in keys]
        return dict(zip(names, map(plain, value.values()), strict=True))
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)

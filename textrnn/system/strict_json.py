"""JSON from anybody: it has one meaning or is refused, and costs no more than its bytes.

The standard library takes the last of equal keys, NaN, 1e999 as infinity, and lists as deep as
the stack; what is written by ``plain_json`` has nothing of these.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable
from typing import Any, NoReturn, TypeVar

from textrnn.wording.quoting import quoted

Item = TypeVar("Item", bound=Hashable)

MOST_DEPTH = 32
MOST_DIGITS = 100
"""Of a whole number; the state of a random generator has 39."""
MOST_CONTAINERS = 200_000
"""Objects and lists, which take far more memory than bytes: some 50 MB."""


def parse_json(content: bytes, *, most_containers: int = MOST_CONTAINERS) -> Any:
    """The value of UTF-8 JSON, in which lone surrogates may stand, as ``to_json`` writes it.

    Raises:
        ValueError: it is none, or says a thing twice, or a number that is not finite, or is
            nested too deeply.
    """
    if content.count(b"[") + content.count(b"{") > most_containers:
        raise ValueError(f"more than {most_containers:,} lists and objects")
    try:
        value = _DECODER.decode(content.decode("utf-8", "surrogatepass"))
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg} at character {error.pos})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid JSON (no UTF-8 at byte {error.start})") from error
    except RecursionError:
        raise ValueError(f"nested more than {MOST_DEPTH} deep") from None
    _check_depth(value)
    return value


def shown(value: Any) -> str:
    """A value for a message: short, in one line, and of printable ASCII alone."""
    return quoted(value, 60, depth=2).encode("ascii", "backslashreplace").decode("ascii")


def first_twice(items: Iterable[Item]) -> Item:
    """The first of some items, of which not all differ, that stands there a second time."""
    seen: set[Item] = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    raise ValueError("all differ")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"{shown(first_twice(name for name, _ in pairs))} stands there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {shown(digits)} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"nested more than {MOST_DEPTH} deep")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole,
    parse_float=_number,
    parse_constant=_constant,
)

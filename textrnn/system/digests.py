"""Hashes of lists of texts: no two lists have the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def feed(digest: hashlib._Hash, items: Iterable[str | bytes]) -> None:
    """Hash each item with its length before it, so that no two lists hash alike."""
    for item in items:
        data = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)

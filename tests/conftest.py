"""What all tests share: one thread, the real corpora if they are there, a small trained model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

ROOT = Path(__file__).parents[1]

TEXTS = [
    "the soup was warm and the bread was fresh",
    "a cold soup and stale bread",
    "warm rooms, kind people",
    "cold rooms and rude people",
    "what a fresh, kind place!",
    "what a stale, rude place!",
] * 8
LABELS = ["good", "bad"] * 24


@pytest.fixture(scope="session")
def real_corpora() -> Path:
    """The folder of real corpora, or a skip that says why."""
    folder = os.environ.get("TEXTRNN_DATA")
    if not folder:
        pytest.skip("TEXTRNN_DATA is not set: no real corpora here")
    if not Path(folder).is_dir():
        pytest.skip(f"TEXTRNN_DATA={folder} is no folder")
    return Path(folder)


@pytest.fixture
def reviews() -> tuple[list[str], list[str]]:
    """A few texts of our own that a tiny network can learn, with their labels."""
    return list(TEXTS), list(LABELS)

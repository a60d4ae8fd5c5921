"""What all tests share: one thread, the real corpora if they are there, a small trained model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# A job in the background of a shell ignores Ctrl-C, and so would all processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes tells of the machine's other work, not of the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

ROOT = Path(__file__).parents[1]

PLACES = ["inn", "farm", "hotel", "hostel", "lodge", "camp", "villa", "cabin"]
PRAISE, BLAME = (
    ["warm and kind", "fresh", "bright, quiet"],
    ["cold and rude", "stale", "dark, loud"],
)
TEXTS = [
    f"the {place}: {words}!"
    for place in PLACES
    for pair in zip(PRAISE, BLAME, strict=True)
    for words in pair
]
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


@pytest.fixture(autouse=True, scope="session")
def _tokens_in_a_folder_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, nor a process that it starts, writes to the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def reviews() -> tuple[list[str], list[str]]:
    """A few texts of our own that a tiny network can learn, with their labels."""
    return list(TEXTS), list(LABELS)

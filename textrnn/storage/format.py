"""What a model folder is: its files, its versions, and the checksums that find accidents.

    config.json           everything needed to rebuild, with a format version and checksums
    weights.safetensors   the parameters, of a network or of a linear model
    vocabulary.txt        a token and its count a line
    ngrams.safetensors    keys and weights of the n-gram model, where there is one
    metrics.json          how it was trained and what it scored
    README.md             the model card

``writing`` writes it, ``reading`` reads it, and ``folder_validation`` says for both what its files
must be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textrnn.system.files import find_folder
from textrnn.wording.quoting import quoted

FORMAT = "textrnn"
FORMAT_VERSION = 5
"""The newest format that is read. Format 2 differs by quantised weights, format 3 by what one edit
is (``spelling.EDIT``), format 4 by numbers in place of classes, format 5 by kinds of models that
do not answer once a text: a folder has the least that it needs, so that older ones can read it."""

CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.txt"
NGRAMS, METRICS, CARD = "ngrams.safetensors", "metrics.json", "README.md"
TARGET_VOCABULARY = "target_vocabulary.txt"
FILES = {CONFIG, WEIGHTS, VOCABULARY, TARGET_VOCABULARY, NGRAMS, METRICS, CARD}
"""All that a folder of any kind may hold; which of them one has, is its kind's to say."""


def digest(content: bytes) -> str:
    """The checksum of a file: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def config_checksum(config: dict[str, Any]) -> str:
    """The checksum of a configuration, without the one that it has."""
    content = {key: value for key, value in config.items() if key != "checksum"}
    return digest(json.dumps(content, sort_keys=True).encode())


LOOKS = 3
"""For a folder that others may be replacing."""


def written_at(folder: Path) -> int:
    """When a model was written, in nanoseconds; 0 if the folder holds none."""
    for _ in range(LOOKS):
        place = find_folder(folder)  # it may have been replaced while it was looked at
        try:
            return (place / CONFIG).stat().st_mtime_ns
        except OSError:
            if not place.is_dir() and not find_folder(folder).is_dir():
                return 0
    return 0


def tell_replaced(folder: Path, say: Callable[[str], None]) -> None:
    """Tell if a folder that is to be written holds a model already."""
    if written_at(folder):
        say(f"note: replaces the model in {quoted(folder)}")

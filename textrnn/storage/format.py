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
from typing import Any

FORMAT = "textrnn"
FORMAT_VERSION = 3
"""The newest format that is read. Format 2 differs by quantised weights, format 3 by what one edit
is (``spelling.EDIT``): a folder has the least that it needs, so that older ones can read it."""

CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.txt"
NGRAMS, METRICS, CARD = "ngrams.safetensors", "metrics.json", "README.md"
CHECKED = {WEIGHTS: True, VOCABULARY: False, NGRAMS: False, METRICS: True}
"""Files that have a checksum, and whether a linear model has them, too."""
FILES = {CONFIG, WEIGHTS, VOCABULARY, NGRAMS, METRICS, CARD}


def digest(content: bytes) -> str:
    """The checksum of a file: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def config_checksum(config: dict[str, Any]) -> str:
    """The checksum of a configuration, without the one that it has."""
    content = {key: value for key, value in config.items() if key != "checksum"}
    return digest(json.dumps(content, sort_keys=True).encode())

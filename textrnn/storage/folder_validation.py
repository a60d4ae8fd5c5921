"""What the files of a model folder must be, those just read and those about to be written.

Both are checked by the same functions, so that what is saved can be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.storage.config_validation import validate_config
from textrnn.storage.format import CONFIG, METRICS
from textrnn.storage.kinds import kind_of
from textrnn.storage.kinds.base import Fits
from textrnn.storage.weights_validation import check_ascending, check_compact_keys, check_numbers
from textrnn.system.compact import expand_keys
from textrnn.system.strict_json import MOST_CONTAINERS, parse_json
from textrnn.system.weights_file import tensors
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params

MOST_JSON = 2**23
"""Bytes of a configuration; of metrics so many, and more where there are many classes."""
MOST_OF_A_PAIR = 256
"""Bytes of metrics for each pair of classes: they hold a confusion matrix for each classifier."""
MOST_VOCABULARY, MOST_OF_A_WORD = 2**28, 2**14
"""Bytes of a vocabulary, and, beside a megabyte, of its lines on average."""


def most_bytes(name: str, config: Mapping[str, Any]) -> int:
    """The largest size of a text file beside a configuration, and of that itself."""
    if name == METRICS:
        n_classes = len(config["classes"])
        return MOST_JSON + MOST_OF_A_PAIR * n_classes * n_classes
    if config and name in (sizes := kind_of(config).vocabularies(config)):
        return min(MOST_VOCABULARY, 2**20 + MOST_OF_A_WORD * sizes[name])
    return MOST_JSON


def parse_metrics(content: bytes, config: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a model, held-out scores under their present names.

    Raises:
        ValueError: they cannot be told.
    """
    # Here, as a prediction reads no metrics and should start at once.
    from textrnn.evaluation.held_out_scores import as_named_now
    from textrnn.storage.metrics_validation import validate_metrics

    n_classes = len(config["classes"])
    metrics = parse_json(content, most_containers=MOST_CONTAINERS + 100 * n_classes)
    validate_metrics(metrics)
    assert isinstance(metrics, dict)
    if "linear" in config:
        return metrics
    is_alone = not config.get("ngrams") and config.get("threshold") is None
    return as_named_now(metrics, is_alone=is_alone)


def parse_vocabulary(content: bytes, size: int, where: str | Path) -> Vocabulary:
    """A vocabulary.

    Args:
        content: of the file.
        size: words that it must have.
        where: what the file is called in messages.

    Raises:
        ValueError: it has another number of lines, or is no UTF-8.
        ModelError: a line is malformed.
    """
    if content.count(b"\n") != size:
        raise ValueError(f"it has {content.count(10):,} lines, but must have {size:,}")
    try:
        text = content.decode("utf-8")  # what is not UTF-8 is written as an escape
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 at byte {error.start:,}") from error
    return Vocabulary.loads(text, where=where)


def fits_of(name: str, config: Mapping[str, Any]) -> Fits:
    """Checks the header of a file of arrays; see ``weights_validation.check_tensors``."""
    return kind_of(config).arrays(config)[name]


def check_arrays(arrays: Params) -> Params:
    """Check the numbers of a file of arrays, and that its keys are sorted.

    Returns:
        The arrays, and where keys are in fewer bytes the keys themselves.

    Raises:
        ValueError: they are not, or a number is not finite, or too large.
    """
    check_numbers(arrays)
    check_compact_keys(arrays)
    if "keys.low" in arrays:
        arrays = {**arrays, "keys": expand_keys(arrays)}  # type: ignore[dict-item]
    if "keys" in arrays:
        check_ascending(arrays["keys"])  # type: ignore[arg-type]
    return arrays


def what_cannot_be_read(files: Mapping[str, bytes]) -> tuple[str, ValueError] | None:
    """The first file of a folder that would be refused when it is read, and why; None if none is.

    Args:
        files: all of a folder, by name.
    """
    name = CONFIG
    try:
        _check_size(CONFIG, files, {})
        config = parse_json(files[CONFIG])
        validate_config(config)
        kind = kind_of(config)
        for name, fits in kind.arrays(config).items():
            content = np.frombuffer(files[name], dtype=np.uint8)
            kind.numbers(check_arrays(tensors(content, fits)), config)
        for name, size in kind.vocabularies(config).items():
            _check_size(name, files, config)
            parse_vocabulary(files[name], size, name)
        name = METRICS
        _check_size(name, files, config)
        parse_metrics(files[name], config)
    except ValueError as error:
        return name, error
    return None


def _check_size(name: str, files: Mapping[str, bytes], config: Mapping[str, Any]) -> None:
    size, most = len(files[name]), most_bytes(name, config)
    if size > most:
        raise ValueError(f"it has {size:,} bytes, of at most {most:,}")

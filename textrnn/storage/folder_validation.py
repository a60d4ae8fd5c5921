"""What the files of a model folder must be, those just read and those about to be written.

Both are checked by the same functions, so that what is saved can be loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.nn.config import NetworkConfig
from textrnn.storage.config_validation import validate_config
from textrnn.storage.format import CHECKED, CONFIG, METRICS, VOCABULARY, WEIGHTS
from textrnn.storage.weights_validation import (
    check_ascending,
    check_compact_keys,
    check_numbers,
    of_linear,
    of_network,
    of_ngrams,
)
from textrnn.system.compact import expand_keys
from textrnn.system.strict_json import MOST_CONTAINERS, parse_json
from textrnn.system.weights_file import Tensors, tensors
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params

MOST_JSON = 2**23
"""Bytes of a configuration; of metrics so many, and more where there are many classes."""
MOST_OF_A_PAIR = 256
"""Bytes of metrics for each pair of classes: they hold a confusion matrix for each classifier."""
MOST_VOCABULARY, MOST_OF_A_WORD = 2**28, 2**14
"""Bytes of a vocabulary, and, beside a megabyte, of its lines on average."""

Fits = Callable[[Tensors], None]


def most_bytes(name: str, config: Mapping[str, Any]) -> int:
    """The largest size of a text file beside a configuration, and of that itself."""
    if name == METRICS:
        n_classes = len(config["classes"])
        return MOST_JSON + MOST_OF_A_PAIR * n_classes * n_classes
    if name == VOCABULARY:
        size: int = config["network"]["vocabulary_size"]
        return min(MOST_VOCABULARY, 2**20 + MOST_OF_A_WORD * size)
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


def parse_vocabulary(content: bytes, config: Mapping[str, Any], where: str | Path) -> Vocabulary:
    """The vocabulary, of as many words as the network has.

    Args:
        content: of the file.
        config: of the model.
        where: what the file is called in messages.

    Raises:
        ValueError: it has another number of lines, or is no UTF-8.
        ModelError: a line is malformed.
    """
    size = config["network"]["vocabulary_size"]
    if content.count(b"\n") != size:
        raise ValueError(f"it has {content.count(10):,} lines, but must have {size:,}")
    try:
        text = content.decode("utf-8")  # what is not UTF-8 is written as an escape
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 at byte {error.start:,}") from error
    return Vocabulary.loads(text, where=where)


def fits_of(name: str, config: Mapping[str, Any]) -> Fits:
    """Checks the header of a file of arrays; see ``weights_validation.check_tensors``."""
    if "linear" in config:
        return of_linear(len(config["classes"]), config["linear"]["value"])
    network = NetworkConfig(**config["network"])
    if name == WEIGHTS:
        return of_network(network)
    return of_ngrams(network.n_classes, multilabel=network.multilabel)


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
        validate_config(config, CHECKED)
        for name in config["files"]:
            if name.endswith(".safetensors"):
                content = np.frombuffer(files[name], dtype=np.uint8)
                check_arrays(tensors(content, fits_of(name, config)))
                continue
            _check_size(name, files, config)
            if name == METRICS:
                parse_metrics(files[name], config)
            else:
                parse_vocabulary(files[name], config, name)
    except ValueError as error:
        return name, error
    return None


def _check_size(name: str, files: Mapping[str, bytes], config: Mapping[str, Any]) -> None:
    size, most = len(files[name]), most_bytes(name, config)
    if size > most:
        raise ValueError(f"it has {size:,} bytes, of at most {most:,}")

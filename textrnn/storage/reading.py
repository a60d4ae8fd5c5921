"""A model folder, read: never unpickled, and all of it checked before it is used.

A folder may come from anybody, with checksums that fit. It is read in this order, and the first
thing that is wrong ends it: the configuration, all of which is checked; of each file that it is
regular, its size, its header against the configuration; its numbers. No memory is asked for that
a file only claims to need. What each file must be stands in ``folder_validation``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from textrnn.errors import DamagedModelError, ModelError, reason
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.classifier import SAME, TextModel
from textrnn.inference.protocol import Classifier
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.storage.config_validation import unregistered, validate_config
from textrnn.storage.folder_validation import (
    check_arrays,
    fits_of,
    most_bytes,
    parse_metrics,
    parse_vocabulary,
)
from textrnn.storage.format import (
    CHECKED,
    CONFIG,
    FORMAT,
    FORMAT_VERSION,
    METRICS,
    NGRAMS,
    VOCABULARY,
    WEIGHTS,
    config_checksum,
    digest,
)
from textrnn.system.compact import dequantise_weights
from textrnn.system.files import read_folder
from textrnn.system.regular_file import read_regular
from textrnn.system.strict_json import parse_json, shown
from textrnn.system.version import __version__
from textrnn.system.weights_file import read_tensors
from textrnn.text.spelling import LEFT_OUT
from textrnn.text.tokenizers import Tokenizer, make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params
from textrnn.wording.messages import ForScripts
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.storage.report import RunReport


def load_classifier(
    path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None
) -> Classifier:
    """Read a model folder.

    Args:
        path: the folder.
        tokenizer: the callable it was trained with, when that was not one of the
            named tokenizers; a folder holds no code.

    Raises:
        ModelError: the folder is missing, damaged, foreign or too new.
    """
    return read_folder(Path(path), lambda folder: _load(folder, config_in(folder), tokenizer))


class Saved(NamedTuple):
    """What a folder held at one moment; another may have taken its place since.

    Attributes:
        model: the classifier.
        config: all of ``config.json``.
        metrics: all of ``metrics.json``.
        size: bytes of all files.
    """

    model: Classifier
    config: dict[str, Any]
    metrics: dict[str, Any]
    size: int

    @property
    def report(self) -> RunReport:
        """What the metrics say of the training."""
        return _report_of(self.metrics)


def _report_of(metrics: dict[str, Any]) -> RunReport:
    from textrnn.storage.report import RunReport  # a prediction does without

    return RunReport.from_dict(metrics)


def load_saved(path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> Saved:
    """Read all of a model folder, of one and the same model; as ``load_classifier``."""

    def read(folder: Path) -> Saved:
        config = config_in(folder)
        model = _load(folder, config, tokenizer)
        return Saved(model, config, _metrics_in(folder, config), _size_of(folder))

    return read_folder(Path(path), read)


class Described(NamedTuple):
    """What a folder says of its model; see ``Saved``."""

    config: dict[str, Any]
    metrics: dict[str, Any]
    size: int

    @property
    def report(self) -> RunReport:
        """What the metrics say of the training."""
        return _report_of(self.metrics)


def describe(path: Path) -> Described:
    """Read all of a model folder but what the model learned; as ``load_classifier``."""

    def read(folder: Path) -> Described:
        config = config_in(folder)
        return Described(config, _metrics_in(folder, config), _size_of(folder))

    return read_folder(path, read)


def _load(path: Path, config: dict[str, Any], tokenizer: Tokenizer | None) -> Classifier:
    if "linear" in config:
        return _load_linear(path, config, tokenizer)
    shapes = NetworkConfig(**config["network"])
    weights = _arrays(path, WEIGHTS, config)
    network = Network(shapes, dequantise_weights(weights, shapes.dtype))
    network.freeze()
    model = TextModel(
        tokenizer=tokenizer or _tokenizer_of(path, config),
        vocabulary=_vocabulary(path, config),
        network=network,
        classes=tuple(config["classes"]),
        max_length=config["max_length"],
        settings=config["settings"],
        threshold=config.get("threshold"),
        unknown_words=config.get("unknown_words", SAME),
        spelling_rule=config.get("slip", LEFT_OUT),
        ngrams=_ngrams(path, config) if config.get("ngrams") else None,
    )
    target = config.get("target")
    if target is None:
        return model
    from textrnn.inference.regression import RegressionModel

    return RegressionModel.of(model, **target)


def _vocabulary(path: Path, config: dict[str, Any]) -> Vocabulary:
    content = _checked(path, VOCABULARY, config)
    with _damaged(path, VOCABULARY):
        try:
            return parse_vocabulary(content, config, path / VOCABULARY)
        except ModelError as error:
            raise DamagedModelError(str(error)) from error


def _ngrams(path: Path, config: dict[str, Any]) -> NGramModel:
    return NGramModel.of(config["ngrams"], _arrays(path, NGRAMS, config))


def _load_linear(path: Path, config: dict[str, Any], tokenizer: Tokenizer | None) -> LinearModel:
    arrays = _arrays(path, WEIGHTS, config)
    return LinearModel.of(
        config["linear"],
        arrays,
        tokenizer=tokenizer or _tokenizer_of(path, config),
        classes=config["classes"],
        settings=config["settings"],
        threshold=config.get("threshold"),
    )


def _tokenizer_of(path: Path, config: dict[str, Any]) -> Tokenizer:
    saved = config["tokenizer"]
    if saved["name"] is None:
        raise ModelError(
            f"the model {quoted(path)} was trained with a tokenizer of your own; "
            "load it with TextRNNClassifier.load(path, tokenizer=...)."
        )
    return make_tokenizer(saved["name"], lowercase=saved["lowercase"])


def read_config(path: Path) -> dict[str, Any]:
    """Read and check ``config.json``; see ``load_model`` for the errors."""
    return read_folder(path, config_in)


def read_metrics(path: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a model folder; see ``load_model`` for the errors."""
    return read_folder(path, lambda folder: _metrics_in(folder, config_in(folder)))


def _metrics_in(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    content = _checked(path, METRICS, config)
    with _damaged(path, METRICS):
        return parse_metrics(content, config)


def config_in(path: Path) -> dict[str, Any]:
    """``config.json`` of a folder that stays what it is meanwhile; see ``read_config``."""
    if not os.path.isdir(path):
        raise ModelError(f"there is no model folder {quoted(path)}.")
    content = _read(path, CONFIG, most_bytes(CONFIG, {}))
    with _damaged(path, CONFIG):
        config = parse_json(content)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(f"{quoted(path)} is no textrnn model: its {CONFIG} is of another kind.")
    version = config.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise ModelError(
            f"the model {quoted(path)} has format {shown(version)}, written by textrnn "
            f"{shown(str(config.get('textrnn_version')))[1:-1]}; this textrnn {__version__} "
            "reads up to "
            f"{FORMAT_VERSION}. Upgrade textrnn."
        )
    if config.get("checksum") != config_checksum(config):
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {CONFIG} was changed after it was written; "
            "train it again."
        )
    if unknown := unregistered(config.get("network")):
        raise ModelError(
            f"the model {quoted(path)} has the {unknown}; ",
            ForScripts(
                "import what registers it before you load the model.",
                otherwise="what a program registers, that program alone can load.",
            ),
        )
    with _damaged(path, CONFIG):
        validate_config(config, CHECKED)
    return config


@contextlib.contextmanager
def _damaged(path: Path, name: str) -> Iterator[None]:
    """Turn what is wrong with a file into a DamagedModelError that names it."""
    try:
        yield
    except ModelError:
        raise
    except ValueError as error:
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {name}: {error}; get or train it again."
        ) from error


@contextlib.contextmanager
def _reading(path: Path, name: str) -> Iterator[None]:
    """Turn a file that cannot be read into a ModelError."""
    try:
        with _damaged(path, name):
            yield
    except FileNotFoundError as error:
        raise DamagedModelError(
            f"{quoted(path)} is no whole textrnn model: {name} is missing."
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read {quoted(path / name)}: {reason(error)}.") from error


def _read(path: Path, name: str, most: int) -> bytes:
    """A file of at most so many bytes."""
    with _reading(path, name):
        return read_regular(path / name, most)


def _checked(path: Path, name: str, config: dict[str, Any]) -> bytes:
    """A file beside the configuration, as it was written."""
    content = _read(path, name, most_bytes(name, config))
    _check_digest(path, name, config, digest(content))
    return content


def _arrays(path: Path, name: str, config: dict[str, Any]) -> Params:
    """The arrays of a file, those that are wanted, of finite numbers; see ``check_arrays``."""
    with _reading(path, name):
        found = read_tensors(path / name, fits_of(name, config))
    _check_digest(path, name, config, found.digest)
    with _damaged(path, name):
        return check_arrays(found.arrays)


def _check_digest(path: Path, name: str, config: dict[str, Any], found: str) -> None:
    if found != config["files"].get(name):
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {name} is not what was written; train it again."
        )


def _size_of(path: Path) -> int:
    """Bytes of all files of a folder."""
    with _reading(path, METRICS):
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())

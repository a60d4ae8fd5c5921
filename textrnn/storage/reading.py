"""A model folder, read: never unpickled, and all of it checked before it is used.

A folder may come from anybody, with checksums that fit. It is read in this order, and the first
thing that is wrong ends it: the configuration, all of which is checked; of each file that it is
regular, its size, its header against the configuration; its numbers. No memory is asked for that
a file only claims to need. What each file must be stands in ``folder_validation``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textrnn.errors import DamagedModelError, ModelError, reason
from textrnn.inference.protocol import Classifier, Model
from textrnn.storage.config_fields import unregistered
from textrnn.storage.config_validation import validate_config
from textrnn.storage.folder_validation import (
    check_arrays,
    fits_of,
    most_bytes,
    parse_metrics,
    parse_vocabulary,
)
from textrnn.storage.format import (
    CONFIG,
    FORMAT,
    FORMAT_VERSION,
    METRICS,
    config_checksum,
    digest,
)
from textrnn.storage.kinds import CLASSIFIERS, kind_of
from textrnn.system.files import read_folder
from textrnn.system.regular_file import read_regular
from textrnn.system.strict_json import parse_json, shown
from textrnn.system.version import __version__
from textrnn.system.weights_file import read_tensors
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
    """Read the folder of a model that answers once a text: a class, labels or a number.

    Args:
        path: the folder.
        tokenizer: the callable it was trained with, when that was not one of the
            named tokenizers; a folder holds no code.

    Raises:
        ModelError: the folder is missing, damaged, foreign or too new, or of another kind.
    """
    return cast("Classifier", load(path, *CLASSIFIERS, tokenizer=tokenizer))


def load(path: str | os.PathLike[str], *kinds: str, tokenizer: Tokenizer | None = None) -> Model:
    """Read the folder of a model of one of some kinds, of any if none is named.

    Raises:
        ModelError: as ``load_classifier``.
    """

    def read(folder: Path) -> Model:
        config = config_in(folder)
        _check_kind(folder, config, kinds)
        return _load(folder, config, tokenizer)

    return read_folder(Path(path), read)


def _check_kind(path: Path, config: Mapping[str, Any], kinds: Sequence[str]) -> None:
    """Refuse a model of another kind, and say what takes it."""
    kind = kind_of(config)
    if kinds and kind.name not in kinds:
        *first, last = kinds
        wanted = f"{', '.join(first)} or {last}" if first else last
        raise ModelError(
            f"the model {quoted(path)} is {kind.told}, not a {wanted}; {kind.served_by}."
        )


class Saved(NamedTuple):
    """What a folder held at one moment; another may have taken its place since.

    Attributes:
        model: of the kind that was asked for.
        config: all of ``config.json``.
        metrics: all of ``metrics.json``.
        size: bytes of all files.
    """

    model: Any
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


def load_saved(
    path: str | os.PathLike[str],
    *,
    kinds: Sequence[str] = CLASSIFIERS,
    tokenizer: Tokenizer | None = None,
) -> Saved:
    """Read all of a model folder, of one and the same model; as ``load``."""

    def read(folder: Path) -> Saved:
        config = config_in(folder)
        _check_kind(folder, config, kinds)
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


def _load(path: Path, config: dict[str, Any], tokenizer: Tokenizer | None) -> Model:
    return kind_of(config).load(_Folder(path, config, tokenizer))


@dataclass(frozen=True)
class _Folder:
    """See ``kinds.base.Parts``."""

    path: Path
    config: dict[str, Any]
    own_tokenizer: Tokenizer | None

    def arrays(self, name: str) -> Params:
        """The arrays of a file, those that are wanted, of finite numbers; see ``check_arrays``."""
        path = self.path
        with _reading(path, name):
            found = read_tensors(path / name, fits_of(name, self.config))
        _check_digest(path, name, self.config, found.digest)
        with _damaged(path, name):
            arrays = check_arrays(found.arrays)
            kind_of(self.config).numbers(arrays, self.config)
            return arrays

    def vocabulary(self, name: str) -> Vocabulary:
        """The words of a file, as many as the configuration says."""
        content = _checked(self.path, name, self.config)
        size = kind_of(self.config).vocabularies(self.config)[name]
        with _damaged(self.path, name):
            try:
                return parse_vocabulary(content, size, self.path / name)
            except ModelError as error:
                raise DamagedModelError(str(error)) from error

    def tokenizer(self) -> Tokenizer:
        """The one given, or that of the configuration's name."""
        return self.own_tokenizer or _tokenizer_of(self.path, self.config)


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
        validate_config(config)
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


def _check_digest(path: Path, name: str, config: dict[str, Any], found: str) -> None:
    if found != config["files"].get(name):
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {name} is not what was written; train it again."
        )


def _size_of(path: Path) -> int:
    """Bytes of all files of a folder."""
    with _reading(path, METRICS):
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())

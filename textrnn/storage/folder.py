"""The model folder: written whole or not at all, checked when read, never unpickled.

    config.json           everything needed to rebuild, with a format version and checksums
    weights.safetensors   the parameters, of a network or of a linear model
    vocabulary.txt        a token and its count a line
    ngrams.safetensors    keys and weights of the n-gram model, where there is one
    metrics.json          how it was trained and what it scored
    README.md             the model card

A folder is replaced by another in one go (``textrnn.system.files``): a crash leaves the old model
or the new one, never half, and reading goes on meanwhile.

A folder may come from anybody, with checksums that fit. It is read in this order, and the first
thing that is wrong ends it: the configuration, all of which is checked; of each file that it is
regular, its size, its header against the configuration; its numbers. No memory is asked for that
a file only claims to need.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.errors import DamagedModelError, ModelError, reason
from textrnn.inference.bag_of_words import Classifier, LinearModel
from textrnn.inference.classifier import NEAREST, SAME, TextModel
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.network import Network, NetworkConfig
from textrnn.storage.config_validation import validate_config
from textrnn.storage.folder_validation import (
    CARD,
    CHECKED,
    CONFIG,
    METRICS,
    NGRAMS,
    VOCABULARY,
    WEIGHTS,
    check_arrays,
    fits_of,
    most_bytes,
    parse_metrics,
    parse_vocabulary,
    what_cannot_be_read,
)
from textrnn.system.compact import check_finite, compact_weights, expand_weights
from textrnn.system.files import (
    read_folder,
    real_path,
    replace_folder,
    temporary_name,
    while_replaced,
    writing,
)
from textrnn.system.plain_json import plain, to_json
from textrnn.system.regular_file import read_regular
from textrnn.system.strict_json import parse_json, shown
from textrnn.system.version import __version__
from textrnn.system.weights_file import read_tensors
from textrnn.text.spelling import LEFT_OUT
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params
from textrnn.wording.quoting import in_markdown, quoted

FORMAT = "textrnn"
FORMAT_VERSION = 3
"""The newest format that is read. Format 2 differs by compact weights, format 3 by what one edit is
(``nearest_words.EDIT``): a folder has the least that it needs, so that older ones can read it."""
FILES = {CONFIG, WEIGHTS, VOCABULARY, NGRAMS, METRICS, CARD}
_REMEDIES = {
    CONFIG: "choose another value",
    METRICS: "keep that under another name, or leave it out",
    WEIGHTS: "train it again with a lower learning rate",
    NGRAMS: "train it again with a lower learning rate",
    VOCABULARY: "train it again with another tokenizer",
}
"""Against what cannot be saved."""


# ---------------------------------------------------------------------- writing


def save_model(
    model: Classifier,
    path: str | os.PathLike[str],
    *,
    metrics: dict[str, Any] | None = None,
    card: str = "",
    compact: bool = False,
) -> None:
    """Write a model folder, replacing one that is there.

    Args:
        model: what to save.
        path: the folder.
        metrics: anything about the training, for ``metrics.json``; see ``plain_json``. What
            textrnn itself keeps under the same name must be of the same kind: see
            ``metrics_validation``.
        card: text of the model card.
        compact: round the weights of a network to fewer bits, for a folder about a quarter of
            the size.

    Raises:
        ModelError: the folder cannot be written, or holds something that is no model.
            If only the last step failed, the message says where the new model is. Or a weight
            is not finite, or would not be in the fewer bits of a compact file; or the folder
            could not be loaded again. Then nothing is written.
    """
    asked, path = Path(path), real_path(path)
    files = {
        **_arrays_of(model, compact=compact),
        METRICS: to_json(metrics or {}),
        CARD: (card or f"# {in_markdown(path.name)}\n\nA textrnn model.\n").encode(
            "utf-8", "replace"
        ),
    }
    config = plain(_config_of(model))
    config["format_version"] = 3 if "slip" in config else 2 if compact else 1
    config["files"] = {name: _digest(files[name]) for name in files if name != CARD}
    config["checksum"] = _config_checksum(config)
    files[CONFIG] = to_json(config)  # the last: what has it is whole
    wrong = what_cannot_be_read(files)
    if wrong is not None:
        name, reason = wrong
        raise ModelError(
            f"the model cannot be saved: {name}: {reason}; {_REMEDIES[name]}."
        ) from reason
    with writing(asked):
        _refuse_foreign(path)
        replace_folder(path, files, _refuse_foreign)


def _arrays_of(model: Classifier, *, compact: bool) -> dict[str, bytes]:
    """The files that hold what a model learned."""
    from safetensors.numpy import save  # only where something is written

    if isinstance(model, LinearModel):
        arrays = model.arrays()
        for name in ("weights", "bias", "scale"):
            check_finite(arrays[name], name)
        return {WEIGHTS: save(arrays)}
    params = model.network.params
    for name, values in params.items():
        check_finite(values, name)
    tables = model.network.config.tables()
    files = {
        WEIGHTS: save(compact_weights(params, tables) if compact else params),
        VOCABULARY: model.vocabulary.dumps().encode("utf-8", "surrogatepass"),
    }
    if model.ngrams is not None:
        files[NGRAMS] = save(model.ngrams.arrays(compact=compact))
    return files


def _config_of(model: Classifier) -> dict[str, Any]:
    config = {
        "format": FORMAT,
        "textrnn_version": __version__,
        "classes": list(model.classes),
        "tokenizer": {
            "name": tokenizer_name(model.tokenizer),
            "lowercase": bool(getattr(model.tokenizer, "lowercase", False)),
        },
        "max_length": model.max_length,
        "settings": model.settings,
        "threshold": model.threshold,
    }
    if isinstance(model, LinearModel):
        return {**config, "linear": model.form.to_dict()}
    is_new = model.unknown_words == NEAREST and model.spelling_rule != LEFT_OUT
    return {
        **config,
        "network": model.network.config.to_dict(),
        "unknown_words": model.unknown_words,
        **({"slip": model.spelling_rule} if is_new else {}),
        "ngrams": None if model.ngrams is None else model.ngrams.kind.to_dict(),
    }


def check_writable(path: Path) -> None:
    """Fail now rather than after the training if ``path`` could not be written then.

    Raises:
        ModelError: as ``save_model`` would.
    """
    with writing(path):
        path = real_path(path)
        for part in (path, *path.parents):
            if part.exists() and not part.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{quoted(part)} is a file")
        if path.is_mount():
            raise OSError(errno.EBUSY, "it is a mount point, which cannot be renamed")
        _refuse_foreign(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = temporary_name(path)
        trial.mkdir()
        trial.rmdir()


def _refuse_foreign(path: Path) -> None:
    """Never delete somebody's files: only a model or an empty folder is replaced."""
    while_replaced(path, lambda: _check_ours(path))


def _check_ours(path: Path) -> None:
    try:
        names = {file.name for file in path.iterdir()}
    except FileNotFoundError:
        return
    foreign = sorted(names - FILES) or sorted(names if CONFIG not in names else ())
    if foreign:
        raise ModelError(
            f"{quoted(path)} holds {quoted(foreign[0])}, which is not of a model; "
            "choose another folder."
        )
    try:
        if names:
            _config_in(path)
    except ModelError as error:
        # A config that cannot be read may be anybody's; with our weights beside it, it is ours.
        if not isinstance(error, DamagedModelError) or WEIGHTS not in names:
            raise ModelError(f"{error} It is not replaced; choose another folder.") from error


# ---------------------------------------------------------------------- reading


def load_model(path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> TextModel:
    """Read the folder of a network; as ``load_classifier``, of which see the arguments.

    Raises:
        ModelError: the folder is missing, damaged, foreign or too new, or holds a linear model.
    """
    return check_network(load_classifier(path, tokenizer=tokenizer), path)


def check_network(model: Classifier, path: str | os.PathLike[str]) -> TextModel:
    """The model of a folder, which must be a network.

    Raises:
        ModelError: it is a linear model.
    """
    if isinstance(model, LinearModel):
        raise ModelError(
            f"the model {quoted(path)} is a bag of words ({model.form.name}), not a network; "
            "predict, evaluate and inspect serve it, and persistence.load_classifier reads it."
        )
    return model


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
    return read_folder(Path(path), lambda folder: _load(folder, _config_in(folder), tokenizer))


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


def load_saved(path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> Saved:
    """Read all of a model folder, of one and the same model; as ``load_classifier``."""

    def read(folder: Path) -> Saved:
        config = _config_in(folder)
        model = _load(folder, config, tokenizer)
        return Saved(model, config, _metrics_in(folder, config), _size_of(folder))

    return read_folder(Path(path), read)


class Described(NamedTuple):
    """What a folder says of its model; see ``Saved``."""

    config: dict[str, Any]
    metrics: dict[str, Any]
    size: int


def describe(path: Path) -> Described:
    """Read all of a model folder but what the model learned; as ``load_classifier``."""

    def read(folder: Path) -> Described:
        config = _config_in(folder)
        return Described(config, _metrics_in(folder, config), _size_of(folder))

    return read_folder(path, read)


def _load(path: Path, config: dict[str, Any], tokenizer: Tokenizer | None) -> Classifier:
    if "linear" in config:
        return _load_linear(path, config, tokenizer)
    shapes = NetworkConfig(**config["network"])
    weights = _arrays(path, WEIGHTS, config)
    network = Network(shapes, expand_weights(weights, shapes.dtype))
    network.freeze()
    return TextModel(
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
    return read_folder(path, _config_in)


def read_metrics(path: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a model folder; see ``load_model`` for the errors."""
    return read_folder(path, lambda folder: _metrics_in(folder, _config_in(folder)))


def _metrics_in(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    content = _checked(path, METRICS, config)
    with _damaged(path, METRICS):
        return parse_metrics(content, config)


def _config_in(path: Path) -> dict[str, Any]:
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
    if config.get("checksum") != _config_checksum(config):
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {CONFIG} was changed after it was written; "
            "train it again."
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
    _check_digest(path, name, config, _digest(content))
    return content


def _arrays(path: Path, name: str, config: dict[str, Any]) -> Params:
    """The arrays of a file, those that are wanted, of finite numbers; see ``check_arrays``."""
    with _reading(path, name):
        found = read_tensors(path / name, fits_of(name, config))
    _check_digest(path, name, config, found.digest)
    with _damaged(path, name):
        return check_arrays(found.arrays)


def _check_digest(path: Path, name: str, config: dict[str, Any], digest: str) -> None:
    if digest != config["files"].get(name):
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: {name} is not what was written; train it again."
        )


def _size_of(path: Path) -> int:
    """Bytes of all files of a folder."""
    with _reading(path, METRICS):
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _config_checksum(config: dict[str, Any]) -> str:
    content = {key: value for key, value in config.items() if key != "checksum"}
    return _digest(json.dumps(content, sort_keys=True).encode())

"""The model folder: written whole or not at all, checked when read, never unpickled.

    config.json           everything needed to rebuild, with a format version and checksums
    weights.safetensors   the parameters, of a network or of a linear model
    vocabulary.txt        a token and its count a line
    ngrams.safetensors    keys and weights of the n-gram model, where there is one
    metrics.json          how it was trained and what it scored
    README.md             the model card

A folder is replaced by another in one go (``textrnn.disk``): a crash leaves the old model
or the new one, never half, and reading goes on meanwhile.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from textrnn import __version__
from textrnn.compact import check_finite, compact_weights, expand_weights
from textrnn.disk import PAUSE, find_folder, real_path, replace_folder, temporary_name, writing
from textrnn.errors import DamagedModelError, ModelError
from textrnn.harmless import in_markdown
from textrnn.linear_model import Classifier, LinearModel
from textrnn.model import NEAREST, SAME, TextModel
from textrnn.network import Network, NetworkConfig
from textrnn.ngram_model import NGramModel
from textrnn.plain_json import plain, to_json
from textrnn.text.nearest_words import LEFT_OUT, SLIPS
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import RawBytes
from textrnn.weights_file import tensors

T = TypeVar("T")

FORMAT = "textrnn"
FORMAT_VERSION = 3
"""The newest format that is read. Format 2 differs by compact weights, format 3 by what one slip is
(``nearest_words.EDIT``): a folder has the least that it needs, so that older ones can read it."""
CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.txt"
NGRAMS, METRICS, CARD = "ngrams.safetensors", "metrics.json", "README.md"
FILES = {CONFIG, WEIGHTS, VOCABULARY, NGRAMS, METRICS, CARD}


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
        metrics: numbers about the training, for ``metrics.json``; see ``plain_json``.
        card: text of the model card.
        compact: round the weights of a network to fewer bits, for a folder about a quarter of
            the size.

    Raises:
        ModelError: the folder cannot be written, or holds something that is no model.
            If only the last step failed, the message says where the new model is. Or a weight
            is not finite, or would not be in the fewer bits of a compact file.
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
    is_new = model.unknown_words == NEAREST and model.slip != LEFT_OUT
    return {
        **config,
        "network": model.network.config.to_dict(),
        "unknown_words": model.unknown_words,
        **({"slip": model.slip} if is_new else {}),
        "ngrams": None if model.ngrams is None else model.ngrams.kind.to_dict(),
    }


def _slip_of(config: dict[str, Any]) -> str:
    """What one slip is to a model; a folder that does not say follows the rule of 0.1.0."""
    slip = str(config.get("slip", LEFT_OUT))
    if slip not in SLIPS:
        raise ValueError(f"slip is {slip!r}")
    return slip


def check_writable(path: Path) -> None:
    """Fail now rather than after the training if ``path`` could not be written then.

    Raises:
        ModelError: as ``save_model`` would.
    """
    with writing(path):
        path = real_path(path)
        for part in (path, *path.parents):
            if part.exists() and not part.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{str(part)!r} is a file")
        if path.is_mount():
            raise OSError(errno.EBUSY, "it is a mount point, which cannot be renamed")
        _refuse_foreign(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = temporary_name(path)
        trial.mkdir()
        trial.rmdir()


def _refuse_foreign(path: Path) -> None:
    """Never delete somebody's files: only a model or an empty folder is replaced."""
    try:
        _check_ours(path)
    except ModelError:
        time.sleep(PAUSE)  # it may have been replaced while it was looked at
        _check_ours(path)


def _check_ours(path: Path) -> None:
    try:
        names = {file.name for file in path.iterdir()}
    except FileNotFoundError:
        return
    foreign = sorted(names - FILES) or sorted(names if CONFIG not in names else ())
    if foreign:
        raise ModelError(
            f"{str(path)!r} holds {foreign[0]!r}, which is not of a model; choose another folder."
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
    model = load_classifier(path, tokenizer=tokenizer)
    if isinstance(model, LinearModel):
        raise ModelError(
            f"the model {str(path)!r} is a bag of words ({model.form.name}), not a network; "
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
    return _reading(Path(path), lambda folder: _load(folder, tokenizer))


def _reading(path: Path, read: Callable[[Path], T]) -> T:
    """Read a folder; if that fails, once more: it may have been replaced meanwhile."""
    try:
        return read(find_folder(path))
    except ModelError:
        time.sleep(PAUSE)
        return read(find_folder(path))


def _load(path: Path, tokenizer: Tokenizer | None) -> Classifier:
    config = _config_in(path)
    weights = _checked(path, WEIGHTS, config)
    if "linear" in config:
        return _load_linear(path, config, weights, tokenizer)
    vocabulary_text = bytes(_checked(path, VOCABULARY, config)).decode("utf-8", "surrogatepass")
    kind = config.get("ngrams")
    ngrams = _checked(path, NGRAMS, config) if kind else None
    try:
        shapes = NetworkConfig(**config["network"])
        network = Network(shapes, expand_weights(tensors(weights), shapes.dtype))
        vocabulary = Vocabulary.loads(vocabulary_text, where=str(path / VOCABULARY))
        if len(vocabulary) != network.config.vocabulary_size:
            raise ValueError(f"{len(vocabulary)} words")
        network.freeze()
        return TextModel(
            tokenizer=tokenizer or _tokenizer_of(path, config),
            vocabulary=vocabulary,
            network=network,
            classes=tuple(config["classes"]),
            max_length=config["max_length"],
            settings=config["settings"],
            threshold=config.get("threshold"),
            unknown_words=config.get("unknown_words", SAME),
            slip=_slip_of(config),
            ngrams=None if ngrams is None else NGramModel.of(kind or {}, tensors(ngrams)),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise DamagedModelError(
            f"the model {str(path)!r} is damaged ({error}); train it again."
        ) from error


def _load_linear(
    path: Path, config: dict[str, Any], weights: RawBytes, tokenizer: Tokenizer | None
) -> LinearModel:
    try:
        return LinearModel.of(
            config["linear"],
            tensors(weights),
            tokenizer=tokenizer or _tokenizer_of(path, config),
            classes=config["classes"],
            settings=config["settings"],
            threshold=config.get("threshold"),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise DamagedModelError(
            f"the model {str(path)!r} is damaged ({error}); train it again."
        ) from error


def _tokenizer_of(path: Path, config: dict[str, Any]) -> Tokenizer:
    saved = config["tokenizer"]
    if saved["name"] is None:
        raise ModelError(
            f"the model {str(path)!r} was trained with a tokenizer of your own; "
            "load it with TextRNNClassifier.load(path, tokenizer=...)."
        )
    return make_tokenizer(saved["name"], lowercase=saved["lowercase"])


def read_config(path: Path) -> dict[str, Any]:
    """Read and check ``config.json``; see ``load_model`` for the errors."""
    return _reading(path, _config_in)


def read_metrics(path: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a model folder; see ``load_model`` for the errors."""
    content = _reading(path, lambda folder: _checked(folder, METRICS, _config_in(folder)))
    metrics = json.loads(bytes(content))
    assert isinstance(metrics, dict)
    return metrics


def _config_in(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise ModelError(f"there is no model folder {str(path)!r}.")
    content = _read(path, CONFIG)
    try:
        config = json.loads(bytes(content))
    except ValueError as error:
        raise DamagedModelError(
            f"the model {str(path)!r} is damaged: {CONFIG} is not valid JSON; train it again."
        ) from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(f"{str(path)!r} is no textrnn model: its {CONFIG} is of another kind.")
    version = config.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"the model {str(path)!r} has format {version}, written by textrnn "
            f"{config.get('textrnn_version')}; this textrnn {__version__} reads up to "
            f"{FORMAT_VERSION}. Upgrade textrnn."
        )
    if config.get("checksum") != _config_checksum(config):
        raise DamagedModelError(
            f"the model {str(path)!r} is damaged: {CONFIG} was changed after it was written; "
            "train it again."
        )
    return config


def _read(path: Path, name: str) -> RawBytes:
    try:
        return np.fromfile(path / name, dtype=np.uint8)  # weights stay where they are read to
    except FileNotFoundError as error:
        raise DamagedModelError(
            f"{str(path)!r} is no whole textrnn model: {name} is missing."
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read {str(path / name)!r}: {error.strerror}.") from error


def _checked(path: Path, name: str, config: dict[str, Any]) -> RawBytes:
    content = _read(path, name)
    if _digest(content.data) != config.get("files", {}).get(name):
        raise DamagedModelError(
            f"the model {str(path)!r} is damaged: {name} is not what was written; train it again."
        )
    return content


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def _config_checksum(config: dict[str, Any]) -> str:
    content = {key: value for key, value in config.items() if key != "checksum"}
    return _digest(json.dumps(content, sort_keys=True).encode())

"""The model folder: written whole or not at all, checked when read, never unpickled.

    config.json           everything needed to rebuild, with a format version and checksums
    weights.safetensors   the parameters
    vocabulary.txt        a token and its count a line
    metrics.json          how it was trained and what it scored
    README.md             the model card

Files are written to a temporary folder beside the target, which is then renamed. A
crash leaves the old model or the new one, never half.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from textrnn import __version__
from textrnn.errors import ModelError
from textrnn.model import TextModel
from textrnn.network import Network, NetworkConfig
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params

FORMAT = "textrnn"
FORMAT_VERSION = 1
CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.txt"
METRICS, CARD = "metrics.json", "README.md"
FILES = {CONFIG, WEIGHTS, VOCABULARY, METRICS, CARD}


# ---------------------------------------------------------------------- writing


def save_model(
    model: TextModel,
    path: str | os.PathLike[str],
    *,
    metrics: dict[str, Any] | None = None,
    card: str = "",
) -> None:
    """Write a model folder, replacing one that is there.

    Args:
        model: what to save.
        path: the folder.
        metrics: JSON-ready numbers about the training, for ``metrics.json``.
        card: text of the model card.

    Raises:
        ModelError: the folder cannot be written, or holds something that is no model.
    """
    from safetensors.numpy import save

    path = Path(path)
    files = {
        WEIGHTS: save(model.network.params),
        VOCABULARY: model.vocabulary.dumps().encode("utf-8", "surrogatepass"),
        METRICS: to_json(metrics or {}),
        CARD: (card or f"# {path.name}\n\nA textrnn model.\n").encode("utf-8", "replace"),
    }
    config = _config_of(model)
    config["files"] = {name: _digest(files[name]) for name in (WEIGHTS, VOCABULARY, METRICS)}
    config["checksum"] = _config_checksum(config)
    files[CONFIG] = to_json(config)
    with writing(path):
        _replace_folder(path, files)


def _config_of(model: TextModel) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "textrnn_version": __version__,
        "network": model.network.config.to_dict(),
        "classes": list(model.classes),
        "tokenizer": {
            "name": tokenizer_name(model.tokenizer),
            "lowercase": bool(getattr(model.tokenizer, "lowercase", False)),
        },
        "max_length": model.max_length,
        "settings": model.settings,
    }


def to_json(value: Any) -> bytes:
    """Indented UTF-8 JSON; numbers that are not finite are refused."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return (text + "\n").encode("utf-8", "surrogatepass")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into a ModelError that names the folder and the cause."""
    try:
        yield
    except OSError as error:
        remedy = "Free some space or choose" if error.errno == errno.ENOSPC else "Choose"
        raise ModelError(
            f"cannot write {str(path)!r}: {error.strerror or error}. {remedy} another folder "
            "with --out."
        ) from error


def check_writable(path: Path) -> None:
    """Fail now rather than after the training if ``path`` could not be written then."""
    with writing(path):
        for part in (path, *path.parents):
            if part.exists() and not part.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{str(part)!r} is a file")
        _refuse_foreign(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def _refuse_foreign(path: Path) -> None:
    """Never delete somebody's files: only a model or an empty folder is replaced."""
    foreign = sorted({file.name for file in path.iterdir()} - FILES) if path.is_dir() else []
    if foreign:
        raise ModelError(
            f"{str(path)!r} holds {foreign[0]!r}, which is not of a model; choose another "
            "folder with --out."
        )
    if path.is_dir() and (path / CONFIG).exists():
        try:
            read_config(path)
        except ModelError as error:
            if "damaged" not in str(error):
                raise ModelError(f"{error} It is not replaced; choose another --out.") from error


def _replace_folder(path: Path, files: dict[str, bytes]) -> None:
    _refuse_foreign(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, content in files.items():
            write_durably(temporary / name, content)
        temporary.chmod(0o777 & ~_umask())
        previous = _previous(path)
        shutil.rmtree(previous, ignore_errors=True)
        if path.exists():
            path.rename(previous)
        temporary.rename(path)
        shutil.rmtree(previous, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _previous(path: Path) -> Path:
    """Where the old folder waits between the two renames of a replacement."""
    return path.with_name(f".{path.name}.previous")


# ---------------------------------------------------------------------- reading


def load_model(path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> TextModel:
    """Read a model folder.

    Args:
        path: the folder.
        tokenizer: the callable it was trained with, when that was not one of the
            named tokenizers; a folder holds no code.

    Raises:
        ModelError: the folder is missing, damaged, foreign or too new.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    config = read_config(path)
    weights = _checked(path, WEIGHTS, config)
    vocabulary_text = _checked(path, VOCABULARY, config).decode("utf-8", "surrogatepass")
    try:
        params: Params = load(weights)
        network = Network(NetworkConfig(**config["network"]), params)
        vocabulary = Vocabulary.loads(vocabulary_text, where=str(path / VOCABULARY))
        if len(vocabulary) != network.config.vocabulary_size:
            raise ValueError(f"{len(vocabulary)} words")
        return TextModel(
            tokenizer=tokenizer or _tokenizer_of(path, config),
            vocabulary=vocabulary,
            network=network,
            classes=tuple(config["classes"]),
            max_length=config["max_length"],
            settings=config["settings"],
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
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


def recover(path: Path) -> None:
    """Put a folder back whose replacement was cut short between its two renames."""
    if not path.exists() and _previous(path).is_dir():
        _previous(path).rename(path)


def read_config(path: Path) -> dict[str, Any]:
    """Read and check ``config.json``; see ``load_model`` for the errors."""
    recover(path)
    if not path.is_dir():
        raise ModelError(f"there is no model folder {str(path)!r}.")
    content = _read(path, CONFIG)
    try:
        config = json.loads(content)
    except ValueError as error:
        raise ModelError(
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
        raise ModelError(
            f"the model {str(path)!r} is damaged: {CONFIG} was changed after it was written; "
            "train it again."
        )
    return config


def read_metrics(path: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a model folder."""
    metrics = json.loads(_checked(path, METRICS, read_config(path)))
    assert isinstance(metrics, dict)
    return metrics


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{str(path)!r} is no whole textrnn model: {name} is missing.") from error
    except OSError as error:
        raise ModelError(f"cannot read {str(path / name)!r}: {error.strerror}.") from error


def _checked(path: Path, name: str, config: dict[str, Any]) -> bytes:
    content = _read(path, name)
    if _digest(content) != config.get("files", {}).get(name):
        raise ModelError(
            f"the model {str(path)!r} is damaged: {name} is not what was written; train it again."
        )
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _config_checksum(config: dict[str, Any]) -> str:
    content = {key: value for key, value in config.items() if key != "checksum"}
    return _digest(json.dumps(content, sort_keys=True).encode())


# ------------------------------------------------------------------ checkpoints


def save_arrays(path: Path, arrays: Params, state: dict[str, Any]) -> None:
    """Write arrays and JSON-ready values to one file, atomically."""
    from safetensors.numpy import save

    header = json.dumps(state)
    content = save(arrays, metadata={"state": header, "digest": _arrays_digest(arrays, header)})
    temporary = path.with_name(f".{path.name}.new")
    with writing(path):
        try:
            write_durably(temporary, content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def load_arrays(path: Path) -> tuple[Params, dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = metadata["state"]
        if metadata["digest"] != _arrays_digest(arrays, header):
            raise ValueError("its checksum does not fit")
        return arrays, json.loads(header)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"the checkpoint {str(path)!r} cannot be read ({error}); train without --resume."
        ) from error


def _arrays_digest(arrays: Params, header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()

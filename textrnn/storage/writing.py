"""A model folder, written whole or not at all, with nothing in it that could not be read again.

A folder is replaced by another in one go (``textrnn.system.files``): a crash leaves the old model
or the new one, never half, and reading goes on meanwhile.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.protocol import Contents, Model
from textrnn.storage.folder_validation import what_cannot_be_read
from textrnn.storage.format import (
    CARD,
    CONFIG,
    FILES,
    FORMAT,
    METRICS,
    NGRAMS,
    TARGET_VOCABULARY,
    VOCABULARY,
    WEIGHTS,
    config_checksum,
    digest,
)
from textrnn.storage.kinds import kind_of
from textrnn.storage.reading import config_in
from textrnn.system.compact import check_finite, quantise_weights
from textrnn.system.files import real_path, replace_folder, temporary_name, while_replaced, writing
from textrnn.system.plain_json import plain, to_json
from textrnn.system.version import __version__
from textrnn.text.tokenizers import tokenizer_name
from textrnn.wording.quoting import in_markdown, quoted

_REMEDIES = {
    CONFIG: "choose another value",
    METRICS: "keep that under another name, or leave it out",
    WEIGHTS: "train it again with a lower learning rate",
    NGRAMS: "train it again with a lower learning rate",
    VOCABULARY: "train it again with another tokenizer",
    TARGET_VOCABULARY: "train it again with shorter words in the targets",
}
"""Against what cannot be saved."""


def save_model(
    model: Model,
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
    more = {
        METRICS: to_json(metrics or {}),
        CARD: (card or f"# {in_markdown(real_path(path).name)}\n\nA textrnn model.\n").encode(
            "utf-8", "replace"
        ),
    }

    def write(contents: Contents) -> None:
        files = {**_files_of(contents, compact=compact), **more}
        config = plain({**_config_of(model), **contents.config})
        _write(files, config, Path(path), compact=compact)

    model.save(write)


def _write(files: dict[str, bytes], config: dict[str, Any], asked: Path, *, compact: bool) -> None:
    """Write a folder of some files and a configuration, to which their checksums come."""
    path = real_path(asked)
    config["format_version"] = _least_version(config, compact=compact)
    config["files"] = {name: digest(files[name]) for name in files if name != CARD}
    config["checksum"] = config_checksum(config)
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


def _files_of(contents: Contents, *, compact: bool) -> dict[str, bytes]:
    """The files that hold what a model learned."""
    from safetensors.numpy import save  # only where something is written

    weights = contents.weights
    for name, values in weights.items():
        if values.dtype.kind == "f":  # keys of n-grams are not
            check_finite(values, name)
    if compact and contents.tables:
        weights = quantise_weights(weights, contents.tables)
    files = {WEIGHTS: save(weights), **contents.others}
    if contents.vocabulary is not None:
        files[VOCABULARY] = contents.vocabulary.encode("utf-8", "surrogatepass")
    if contents.ngrams is not None:
        files[NGRAMS] = save(contents.ngrams.arrays(compact=compact))
    return files


def _config_of(model: Model) -> dict[str, Any]:
    """What the configurations of all models have."""
    return {
        "format": FORMAT,
        "textrnn_version": __version__,
        "classes": list(model.classes),
        "tokenizer": {
            "name": tokenizer_name(model.tokenizer),
            "lowercase": bool(getattr(model.tokenizer, "lowercase", False)),
        },
        "max_length": model.max_length,
        "settings": model.settings,
    }


def _least_version(config: dict[str, Any], *, compact: bool) -> int:
    """The oldest format that has all that a folder needs; see ``format.FORMAT_VERSION``."""
    least = 3 if "slip" in config else 2 if compact else 1
    return max(least, kind_of(config).version)


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
            config_in(path)
    except ModelError as error:
        # A config that cannot be read may be anybody's; with our weights beside it, it is ours.
        if not isinstance(error, DamagedModelError) or WEIGHTS not in names:
            raise ModelError(f"{error} It is not replaced; choose another folder.") from error

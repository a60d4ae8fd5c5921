"""Which model folder a user means: a path, a name under ./models, or the newest there."""

from __future__ import annotations

import os
from pathlib import Path

from textrnn.disk import find_folder
from textrnn.errors import ModelError, did_you_mean

MODELS = Path("models")
CONFIG = "config.json"


def trained_models() -> list[Path]:
    """Model folders under ./models, the one trained last first."""
    if not MODELS.is_dir():
        return []
    # A model whose replacement was cut short waits under a hidden name.
    names = {_name(folder) for folder in MODELS.iterdir()}
    folders = [find_folder(MODELS / name) for name in names if not name.startswith(".")]
    times = {folder: _written(folder) for folder in folders}
    return sorted(filter(times.get, folders), key=lambda folder: times[folder], reverse=True)


def _name(folder: Path) -> str:
    """What a user calls a folder, be it in its place or set aside."""
    hidden = folder.name.startswith(".") and folder.name.endswith(".previous")
    return folder.name[1 : -len(".previous")] if hidden else folder.name


def _written(folder: Path) -> int:
    """When a model was written, in nanoseconds; 0 if the folder holds none."""
    try:
        return (folder / CONFIG).stat().st_mtime_ns
    except OSError:
        return 0


def find_model(name: str | None) -> Path:
    """The folder of a model.

    Args:
        name: a folder, or a name under ./models; None means the one trained last.

    Raises:
        ModelError: there is no such folder.
    """
    if name is None:
        newest = trained_models()
        if not newest:
            raise ModelError("there is no model under ./models; train one: textrnn train cars")
        return newest[0]
    places = (find_folder(Path(name)), find_folder(MODELS / name))
    # A model under ./models wins over a folder of the same name that is none.
    for is_it in (_written, os.path.isdir):
        for folder in places:
            if is_it(folder):
                return folder
    names = [_name(folder) for folder in trained_models()]
    known = f" Models under ./models: {', '.join(names)}." if names else ""
    raise ModelError(f"there is no model folder {name!r}.{did_you_mean(name, names)}{known}")

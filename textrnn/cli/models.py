"""Which model folder a user means: a path, a name under ./models, or the newest there."""

from __future__ import annotations

from pathlib import Path

from textrnn.errors import ModelError, did_you_mean

MODELS = Path("models")
CONFIG = "config.json"


def trained_models() -> list[Path]:
    """Model folders under ./models, the one trained last first."""
    if not MODELS.is_dir():
        return []
    found = [folder for folder in MODELS.iterdir() if (folder / CONFIG).is_file()]
    visible = [folder for folder in found if not folder.name.startswith(".")]
    return sorted(visible, key=lambda folder: (folder / CONFIG).stat().st_mtime_ns, reverse=True)


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
    for folder in (Path(name), MODELS / name):
        if folder.is_dir():
            return folder
    names = [folder.name for folder in trained_models()]
    known = f" Models under ./models: {', '.join(names)}." if names else ""
    raise ModelError(f"there is no model folder {name!r}.{did_you_mean(name, names)}{known}")

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
    found = filter(_is_model, MODELS.iterdir())
    visible = [folder for folder in found if not folder.name.startswith(".")]
    return sorted(visible, key=lambda folder: (folder / CONFIG).stat().st_mtime_ns, reverse=True)


def _is_model(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


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
    places = (Path(name), MODELS / name)
    # A model under ./models wins over a folder of the same name that is none.
    for is_it in (_is_model, Path.is_dir):
        for folder in places:
            if is_it(folder):
                return folder
    from textrnn.persistence import recover

    for folder in places:
        recover(folder)
        if folder.is_dir():
            return folder
    names = [folder.name for folder in trained_models()]
    known = f" Models under ./models: {', '.join(names)}." if names else ""
    raise ModelError(f"there is no model folder {name!r}.{did_you_mean(name, names)}{known}")

"""The bundled models: trained, shipped with the package, ready without a training.

They stand in ``models/`` of the repository and in ``textrnn/models/`` of an installed package.
``python -m benchmarks.make_models`` makes them again.
"""

from __future__ import annotations

from pathlib import Path

BUNDLED = ("sentiment-en", "sentiment-zh")
"""Their names; the first one answers where nobody says which."""


def bundled_folder(name: str) -> Path | None:
    """The folder of a shipped model, or None if there is none of that name."""
    if name not in BUNDLED:
        return None
    here = Path(__file__).resolve().parents[1]
    places = (here / "models" / name, here.parent / "models" / name)
    return next((place for place in places if place.is_dir()), None)


def bundled_folders() -> dict[str, Path]:
    """The shipped models that are there, by name."""
    found = {name: bundled_folder(name) for name in BUNDLED}
    return {name: folder for name, folder in found.items() if folder is not None}

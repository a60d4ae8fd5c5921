"""The models in the box: trained, shipped with the package, ready without a training.

They stand in ``models/`` of the repository and in ``textrnn/models/`` of an installed package.
``python -m benchmarks.make_models`` makes them again.
"""

from __future__ import annotations

from pathlib import Path

BOX = ("sentiment-en", "sentiment-zh")
"""Their names; the first one answers where nobody says which."""


def box_folder(name: str) -> Path | None:
    """The folder of a shipped model, or None if there is none of that name."""
    if name not in BOX:
        return None
    here = Path(__file__).resolve().parents[1]
    places = (here / "models" / name, here.parent / "models" / name)
    return next((place for place in places if place.is_dir()), None)


def box_folders() -> dict[str, Path]:
    """The shipped models that are there, by name."""
    found = {name: box_folder(name) for name in BOX}
    return {name: folder for name, folder in found.items() if folder is not None}

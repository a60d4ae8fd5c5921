"""Which model folder a user means: a path, a name under ./models, the newest, or a bundled one.

And ``textrnn models``, which lists them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textrnn.cli.options import Debug, Json, say
from textrnn.errors import ModelError, did_you_mean
from textrnn.storage.bundled import BUNDLED, bundled_folder, bundled_folders
from textrnn.storage.format import CONFIG, written_at
from textrnn.system.files import find_folder, read_folder
from textrnn.system.regular_file import read_regular
from textrnn.wording.quoting import listed, quoted

MODELS = Path("models")
LARGEST_CONFIG = 2**20
"""Bytes of the configuration of a shipped model, and more."""


def trained_models() -> list[Path]:
    """Model folders under ./models but the bundled ones, the one trained last first."""
    if not MODELS.is_dir():
        return []
    # A model whose replacement was cut short waits under a hidden name; one that is renamed while
    # the names are read may be missed once.
    names = {_name(folder) for _ in range(2) for folder in MODELS.iterdir()}
    # In a checkout of the repository the bundled models stand there, too.
    shipped = {
        name for name, folder in bundled_folders().items() if _is_same(MODELS / name, folder)
    }
    names = {name for name in names - shipped if not name.startswith(".")}
    folders = [find_folder(MODELS / name) for name in names]
    times = {folder: written_at(folder) for folder in folders}
    return sorted(filter(times.get, folders), key=lambda folder: times[folder], reverse=True)


def _name(folder: Path) -> str:
    """What a user calls a folder, be it in its place or set aside."""
    hidden = folder.name.startswith(".") and folder.name.endswith(".previous")
    return folder.name[1 : -len(".previous")] if hidden else folder.name


def _is_same(folder: Path, other: Path) -> bool:
    """Whether two folders hold the same model; its configuration has its weights' checksums."""
    try:
        ours, theirs = (read_regular(f / CONFIG, LARGEST_CONFIG) for f in (folder, other))
    except (OSError, ValueError):
        return False
    return ours == theirs


def find_model(name: str | None, *kinds: str) -> Path:
    """The folder of a model.

    Args:
        name: a folder, or a name under ./models or of a bundled model; None means the one trained
            last of the kinds, or the first bundled one of them.
        kinds: names of kinds of models, see ``storage.kinds``; those that answer once a text if
            none is given.

    Raises:
        ModelError: there is no such folder, or the name was None and there is none of the kinds.
    """
    if name is None:
        return _newest(kinds)
    # A model under ./models wins over a folder of the same name that is none.
    for is_it in (written_at, os.path.isdir):
        for place in (Path(name), MODELS / name):
            folder = find_folder(place)
            if is_it(folder):
                return folder
    shipped = bundled_folder(name)
    if shipped is not None:
        return shipped
    names = [_name(folder) for folder in trained_models()]
    known = f" Models under ./models: {listed(names)}." if names else ""
    known += f" Bundled: {', '.join(bundled_folders())}." if bundled_folders() else ""
    near = did_you_mean(name, [*names, *BUNDLED])
    raise ModelError(f"there is no model folder {quoted(name)}.{near}{known}")


def open_model(name: str | None, *kinds: str, quiet: bool = False) -> tuple[Path, Any]:
    """Find a model of some kinds and load it; tell which it is if nobody named it.

    Raises:
        ModelError: as of ``find_model``, or the model cannot be loaded, or is of another kind:
            the message names the command that takes it.
    """
    from textrnn.storage.reading import load

    folder = find_model(name, *kinds)
    model = load(folder, *kinds)
    if name is None and not quiet:
        say(f"model: {shown_name(folder)}")
    return folder, model


def _newest(kinds: tuple[str, ...]) -> Path:
    """The folder of the model of some kinds that was trained last, or of the first bundled one."""
    from textrnn.storage.kinds import CLASSIFIERS, all_kinds

    kinds = kinds or CLASSIFIERS
    for folder in [*trained_models(), *bundled_folders().values()]:
        if _kind_in(folder) in kinds:
            return folder
    wanted = next(kind for kind in all_kinds() if kind.name == kinds[0])
    of_kind = "" if wanted.name in CLASSIFIERS else f" that is {wanted.told}"
    raise ModelError(
        f"there is no model under ./models{of_kind}; train one: textrnn {wanted.training}"
    )


def _kind_in(folder: Path) -> str:
    """The kind of a model; one that cannot be read is taken for a classifier, which tells why."""
    from textrnn.storage.kinds import kind_of
    from textrnn.storage.reading import config_in

    config: dict[str, Any] = {}
    with contextlib.suppress(ModelError):
        config = read_folder(folder, config_in)
    return kind_of(config).name


def newest_model(is_it: Callable[[dict[str, Any]], bool], what: str) -> Path:
    """The folder of the model trained last of those of a kind, or of the first bundled one.

    Args:
        is_it: whether a model's ``config.json`` is of the kind; one that cannot be read is not.
        what: to call the kind, if there is none.

    Raises:
        ModelError: there is none.
    """
    from textrnn.storage.reading import read_config

    for folder in [*trained_models(), *bundled_folders().values()]:
        with contextlib.suppress(ModelError):
            if is_it(read_config(folder)):
                return folder
    raise ModelError(f"there is no {what} under ./models; train one: textrnn train cars")


def shown_name(folder: Path) -> str:
    """What to call a model that nobody named: its folder, or its name if it is bundled."""
    is_bundled = folder in bundled_folders().values()
    return f"{folder.name}, bundled" if is_bundled else str(folder)


def folder_size(folder: Path) -> int:
    """Bytes of all files of a model."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def models(as_json: Json = False, debug: Debug = False) -> None:
    """List your models and the bundled ones.

    Those trained here come first, the newest at the top: each command takes the newest of its
    own kind without --model.
    """
    del debug
    from textrnn.cli.output import print_entries, print_json

    folders = [(folder, False) for folder in trained_models()]
    folders += [(folder, True) for folder in bundled_folders().values()]
    listed = [_described(folder, is_bundled=is_bundled) for folder, is_bundled in folders]
    if as_json:
        print_json(listed)
    elif listed:
        print_entries([(model["name"], _lines(model)) for model in listed])
    else:
        print_entries([("none", ["train one: textrnn train cars"])])


def _described(folder: Path, *, is_bundled: bool) -> dict[str, Any]:
    """What is told of a model; one that cannot be read says why."""
    from textrnn.storage.kinds import kind_of
    from textrnn.storage.reading import describe

    told: dict[str, Any] = {
        "name": _name(folder),
        "folder": str(folder),
        "bundled": is_bundled,
        "in_box": is_bundled,  # its name in 0.1.0
    }
    try:
        found = describe(folder)
    except ModelError as error:
        return {**told, "error": str(error)}
    tests = found.report.own_scores
    before = {} if tests else found.report.scores_before
    return {
        **told,
        "kind": kind_of(found.config).name,
        "classes": found.config["classes"],
        "size_bytes": found.size,
        "accuracy": {name: test.accuracy for name, test in tests.items()},
        "accuracy_before_shrinking": {name: test.accuracy for name, test in before.items()},
        "figures": found.report.known_figures,
    }


def _lines(model: dict[str, Any]) -> list[str]:
    if "error" in model:
        return [model["folder"], model["error"]]
    of = model["accuracy"] or model["accuracy_before_shrinking"]
    scores = ", ".join(f"{name} {value:.4f}" for name, value in of.items())
    mark = "" if model["accuracy"] else ", before shrinking"
    figures = ", ".join(f"{name} {value:.4g}" for name, value in model["figures"].items())
    return [
        f"{model['folder']}{', bundled' if model['bundled'] else ''}",
        f"{_what_it_gives(model)}; {model['size_bytes'] / 1e6:.1f} MB",
        *([f"test accuracy: {scores}{mark}"] if scores else []),
        *([figures] if figures else []),
    ]


def _what_it_gives(model: dict[str, Any]) -> str:
    """The classes of a classifier, and otherwise the kind; labels with it where there are some."""
    labels = ", ".join(map(str, model["classes"]))
    if model["kind"] in ("classifier", "bag of words"):
        return labels
    kind = "numbers" if model["kind"] == "regression" else model["kind"]
    return f"{kind} ({labels})" if labels else str(kind)

"""Readers of a folder that is replaced all the time: none fails, and none sees two models in one.

``python -m tests.test_replaced_folders SECONDS`` does it for longer.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from textrnn.cli.inspect import inspect
from textrnn.cli.models import find_model, models
from textrnn.errors import ModelError
from textrnn.inference.classifier import TextModel
from textrnn.storage import reading
from textrnn.storage.loading import load_model
from textrnn.storage.reading import load_saved, read_config, read_metrics
from textrnn.storage.writing import save_model

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.test_folder import make_model

NAMES = [("no", "yes"), ("left", "right")]


def variant(number: int) -> TextModel:
    """One of two models that differ in all of their files."""
    model = make_model(hidden_size=4 + number)
    from textrnn.training.settings import Settings

    settings = Settings(hidden_size=4 + number).to_dict()
    return replace(model, classes=NAMES[number], settings=settings)


def write_on(folder: str, stop: Event) -> None:
    """Replace a folder by one model and by the other, again and again."""
    number = 0
    variants = [variant(0), variant(1)]
    while not stop.is_set():
        number = 1 - number
        save_model(variants[number], folder, metrics={"variant": number, "corpus": "made up"})


def read_once(folder: Path) -> None:
    """Read in every way; what belongs together is of one model."""
    from textrnn import TextRNNClassifier

    saved = load_saved(folder)
    number = saved.metrics["variant"]
    assert saved.config["classes"] == list(NAMES[number]) == list(saved.model.classes)
    assert isinstance(saved.model, TextModel)
    assert saved.model.network.config.hidden_size == 4 + number
    model = load_model(find_model("m"))
    assert model.network.config.hidden_size == 4 + NAMES.index(model.classes)  # type: ignore[arg-type]
    assert read_config(folder)["format"] == "textrnn"
    assert read_metrics(folder)["variant"] in (0, 1)
    classifier = TextRNNClassifier.load(folder)
    assert classifier.hidden_size == 4 + NAMES.index(tuple(classifier.classes_))
    (listed,) = printed(lambda: models(as_json=True))
    assert listed["name"] == "m", listed
    assert "error" not in listed, listed
    seen = printed(lambda: inspect("m", as_json=True))
    number = seen["metrics"]["variant"]
    assert seen["classes"] == list(NAMES[number])
    assert seen["network"]["hidden_size"] == 4 + number


def printed(act: Callable[[], object]) -> Any:
    """The JSON that something prints; of models those that are not in the box."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        act()
    found = json.loads(out.getvalue())
    return [one for one in found if not one["in_box"]] if isinstance(found, list) else found


def read_on(folder: str, seconds: float, told: multiprocessing.queues.Queue[object]) -> None:
    """Read until the time is over; tell how often, or what failed."""
    os.chdir(Path(folder).parents[1])
    n, until = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            read_once(Path("models/m"))
            n += 1
    except BaseException as error:
        told.put(f"after {n}: {type(error).__name__}: {error}")
    else:
        told.put(n)


def stress(folder: Path, seconds: float, *, n_readers: int, n_writers: int = 1) -> list[object]:
    """What readers tell of a folder that is replaced by others."""
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    save_model(variant(0), folder, metrics={"variant": 0})
    writers = [context.Process(target=write_on, args=(str(folder), stop)) for _ in range(n_writers)]
    readers = [
        context.Process(target=read_on, args=(str(folder), seconds, told)) for _ in range(n_readers)
    ]
    for process in (*writers, *readers):
        process.start()
    found = [told.get(timeout=seconds + 120) for _ in readers]
    stop.set()
    for process in (*writers, *readers):
        process.join()
    return found


def test_18_a_reader_never_meets_a_folder_that_is_replaced(tmp_path: Path) -> None:
    found = stress(tmp_path / "models" / "m", 2.0, n_readers=1)
    assert all(isinstance(n, int) and n > 0 for n in found), found


def test_18_a_folder_replaced_again_and_again_while_it_is_read_is_read_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    save_model(variant(0), folder)
    read, left = reading._read, [5]

    def read_and_be_overtaken(path: Path, name: str, *more: int) -> bytes:
        content = read(path, name, *more)
        if left[0] and name == "config.json":
            left[0] -= 1
            with monkeypatch.context() as patch:
                patch.setattr(reading, "_read", read)
                save_model(variant((left[0] + 1) % 2), folder)
        return content

    monkeypatch.setattr(reading, "_read", read_and_be_overtaken)
    model = load_model(folder)
    assert left == [0]
    assert model.network.config.hidden_size == 4 + NAMES.index(model.classes)  # type: ignore[arg-type]


def test_18_a_folder_that_stays_damaged_is_told_at_once(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    (tmp_path / "m/config.json").write_text("{")
    start = time.perf_counter()
    for folder in (tmp_path / "m", tmp_path / "nowhere"):
        with pytest.raises(ModelError):
            load_model(folder)
    assert time.perf_counter() - start < 1.0


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as parent:
        place = Path(parent) / "models" / "m"
        sys.stdout.write(f"{stress(place, float(sys.argv[1]), n_readers=3, n_writers=1)}\n")

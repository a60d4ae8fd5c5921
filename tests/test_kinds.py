"""A kind of model is one file: saving, loading, validation and the command line follow from it."""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.test_folder import make_model
from textrnn.cli import app as command_line
from textrnn.cli.app import app
from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.protocol import Contents
from textrnn.storage import kinds
from textrnn.storage.kinds.base import Kind, Parts
from textrnn.storage.reading import load, load_classifier, load_saved
from textrnn.storage.weights_validation import Wanted, check_tensors
from textrnn.storage.writing import save_model
from textrnn.system.fields import check_fields, mapping, whole
from textrnn.text.tokenizers import Tokenizer, make_tokenizer
from textrnn.typing import Floats


@dataclass(frozen=True)
class Scale:
    """A model of a kind that nobody has: some numbers."""

    weights: Floats
    tokenizer: Tokenizer = field(default_factory=lambda: make_tokenizer("word"))
    classes: tuple[str, ...] = ()
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def save(self, write: Callable[[Contents], None]) -> None:
        write(Contents({"scale": {"n": len(self.weights)}}, {"weights": self.weights}))


def check(config: Mapping[str, Any]) -> None:
    check_fields(config["scale"], {"n": whole(1, 10)}, "scale")


def of_scale(config: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"weights": Wanted((config["scale"]["n"],), ("F64",))}
    return {"weights.safetensors": lambda found: check_tensors(found, wanted)}


def load_scale(parts: Parts) -> Scale:
    return Scale(parts.arrays("weights.safetensors")["weights"], parts.tokenizer())


SCALE = Kind(
    name="scale",
    commands=("weigh apples", "weigh pears"),
    training="weigh train",
    fields={"scale": mapping()},
    check=check,
    vocabularies=lambda _: {},
    arrays=of_scale,
    load=load_scale,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("textrnn.storage.kinds.scale")
    module.KIND = SCALE  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(kinds.OF_KEYS, "scale", "scale")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a classifier under ./models, and a newer scale."""
    monkeypatch.chdir(tmp_path)
    save_model(make_model(), "models/older")
    os.utime("models/older/config.json", ns=(1, 1))
    figures = {"figures": {"kilograms": 2.5}, "corpus": "apples"}
    save_model(Scale(np.arange(3.0)), "models/newer", metrics=figures)
    return tmp_path / "models"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_saved_and_loaded(models: Path) -> None:
    saved = load_saved(models / "newer", kinds=("scale",))
    np.testing.assert_array_equal(saved.model.weights, np.arange(3.0))
    assert saved.config["format_version"] == SCALE.version
    assert isinstance(load(models / "newer"), Scale)


def test_another_kind_is_refused_with_what_takes_it(models: Path) -> None:
    told = "is a scale, not a classifier.*textrnn weigh apples and textrnn weigh pears take it"
    for read in (load_classifier, load_saved):
        with pytest.raises(ModelError, match=told):
            read(models / "newer")
    with pytest.raises(ModelError, match="is a classifier, not a scale; textrnn predict and "):
        load(models / "older", "scale")
    done = run("predict", "warm", "--model", "newer")
    assert done.exit_code == 4
    assert "weigh pears" in done.stderr


@pytest.mark.usefixtures("models")
def test_each_command_takes_the_newest_of_its_kind() -> None:
    done = run("predict", "warm")
    assert (done.exit_code, "models/older" in done.stderr) == (0, True)
    assert json.loads(run("inspect", "--json").stdout)["kind"] == "scale"


@pytest.mark.usefixtures("models")
def test_it_is_shown() -> None:
    shown = run("inspect").stdout
    assert all(told in shown for told in ("scale", "kilograms", "2.5", "weights", "[3]"))
    listed = {model["name"]: model for model in json.loads(run("models", "--json").stdout)}
    assert listed["newer"]["figures"] == {"kilograms": 2.5}
    assert [listed[name]["kind"] for name in ("newer", "older")] == ["scale", "classifier"]
    shown = run("models").stdout
    assert "scale; 0.0 MB" in shown
    assert "kilograms 2.5" in shown


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scale": {"n": 11}}, "scale.n is 11"),
        ({"scale": {"n": 2}}, "'weights' is of shape"),
        ({"network": {}}, "unknown field"),
        ({"linear": {}}, "."),
    ],
)
def test_a_stranger_s_configuration(models: Path, change: dict[str, Any], told: str) -> None:
    from textrnn.storage.format import config_checksum

    folder = models / "newer"
    config = {**json.loads((folder / "config.json").read_bytes()), **change}
    config["checksum"] = config_checksum(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedModelError, match=told):
        load(folder)
    assert run("predict", "warm").exit_code in (0, 4)
    assert "newer" in run("models").stdout


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"scale\.n is 11"):
        save_model(Scale(np.arange(11.0)), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_commands_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    group = command_line.Group("Weigh fruit.", {"models": "models"})
    package = types.ModuleType("textrnn.cli.weigh")
    module = types.ModuleType("textrnn.cli.weigh.models")

    def models() -> None:
        """Weigh models."""
        typer.echo("weighed")

    module.models = models  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(command_line.GROUPS, "weigh", group)
    assert "Weigh fruit." in run("--help").stdout
    shown = run("weigh", "--help")
    assert (shown.exit_code, "Weigh models." in shown.stdout) == (0, True)
    assert run("weigh", "models").stdout == "weighed\n"
    assert run("weigh", "pears").exit_code == 2
    assert run("weigh").exit_code == 2

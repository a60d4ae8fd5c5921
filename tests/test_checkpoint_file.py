"""The checkpoint file: the same arrays back, or a refusal; whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from textrnn.errors import ModelError
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.system import files
from textrnn.system.weights_file import read_metadata


def test_a_checkpoint_comes_back_and_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    arrays = {"a/b": np.arange(6.0).reshape(2, 3), "c": np.zeros((0, 2), dtype=np.float32)}
    save_arrays(path, arrays, {"epoch": 3, "rng": {"state": 2**100}})
    back, state = load_arrays(path)
    assert state == {"epoch": 3, "rng": {"state": 2**100}}
    assert all(np.array_equal(back[name], value) for name, value in arrays.items())
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="train without resume"):
        load_arrays(path)


def test_two_writers_of_one_checkpoint_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.checkpoint"
    write = files.write_durably

    def write_then_be_overtaken(file: Path, content: bytes) -> None:
        write(file, content)
        monkeypatch.setattr(files, "write_durably", write)
        save_arrays(path, {"a": np.ones(2)}, {"epoch": 1})

    monkeypatch.setattr(files, "write_durably", write_then_be_overtaken)
    save_arrays(path, {"a": np.zeros(2)}, {"epoch": 2})
    assert load_arrays(path)[1] == {"epoch": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".c.0123abcd", tmp_path / ".c.4567abcd"
    other = tmp_path / ".c.notes"
    for file in (old, fresh, other):
        file.write_text("half")
    for file in (old, other):
        os.utime(file, (0, 0))
    save_arrays(tmp_path / "c", {}, {})
    assert {file.name for file in tmp_path.iterdir()} == {"c", fresh.name, other.name}


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_arrays(tmp_path / "c", {}, {"epoch": 1})

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_durably", fail)
    with pytest.raises(ModelError, match="No space left"):
        save_arrays(tmp_path / "c", {}, {"epoch": 2})
    assert load_arrays(tmp_path / "c")[1] == {"epoch": 1}


def test_the_checksum_is_the_same_on_every_machine(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    save_arrays(path, {"a": np.arange(6.0), "b": np.ones((2, 3), np.float32)}, {})
    whole = read_metadata(path)  # the package writes it in any order
    # As a machine of the other byte order has them.
    save_arrays(path, {"a": np.arange(6.0).astype(">f8"), "b": np.ones((2, 3), ">f4")}, {})
    assert read_metadata(path) == whole
    assert load_arrays(path)[0]["a"].tolist() == [0, 1, 2, 3, 4, 5]

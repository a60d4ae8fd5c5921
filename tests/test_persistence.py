"""The model folder: the same bits back, and a clear refusal of anything else."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from textrnn import persistence
from textrnn.errors import ModelError
from textrnn.model import TextModel
from textrnn.network import Network, NetworkConfig
from textrnn.persistence import load_arrays, load_model, save_arrays, save_model
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary

WORDS = [["a", "warm", "day"], ["a", "cold", "tab\there", "day"], ["\u2028", "\ud800", "<unk>"]]


def make_model(**changes: object) -> TextModel:
    vocabulary = Vocabulary.build(WORDS)
    shapes = {"embedding_dim": 5, "hidden_size": 4, "bidirectional": True, **changes}
    config = NetworkConfig(n_classes=2, vocabulary_size=len(vocabulary), **shapes)  # type: ignore[arg-type]
    network = Network.initialise(config, np.random.default_rng(3))
    return TextModel(make_tokenizer("word"), vocabulary, network, ("no", "yes"), 50, {"cell": "x"})


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "gru"])
@pytest.mark.parametrize("embedding_dim", [None, 5])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_model_comes_back_with_the_same_bits(
    tmp_path: Path, cell: str, embedding_dim: int | None, num_layers: int
) -> None:
    model = make_model(cell=cell, embedding_dim=embedding_dim, num_layers=num_layers)
    save_model(model, tmp_path / "m", metrics={"accuracy": 0.5}, card="# card")
    back = load_model(tmp_path / "m")
    assert back.vocabulary == model.vocabulary
    assert back.classes == model.classes
    assert back.max_length == model.max_length
    assert back.tokenizer == model.tokenizer
    assert back.settings == model.settings
    assert back.network.params.keys() == model.network.params.keys()
    for name, value in model.network.params.items():
        assert value.tobytes() == back.network.params[name].tobytes()
    texts = ["a warm day", "", "unheard of"]
    assert np.array_equal(model.predict_proba(texts), back.predict_proba(texts))
    assert persistence.read_metrics(tmp_path / "m") == {"accuracy": 0.5}


def load_all(folder: Path) -> None:
    load_model(folder)
    persistence.read_metrics(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "weights.safetensors", "vocabulary.txt", "metrics.json"]
)
def test_any_flipped_byte_is_noticed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder, metrics={"a": 1})
    original = (folder / name).read_bytes()
    for position in np.linspace(0, len(original) - 1, 25).astype(int):
        content = bytearray(original)
        content[position] ^= 0x04
        (folder / name).write_bytes(content)
        with pytest.raises(ModelError, match=r"damaged|no textrnn model|has format"):
            load_all(folder)
    (folder / name).write_bytes(original)
    load_all(folder)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "vocabulary.txt"])
def test_truncated_and_missing_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder)
    original = (folder / name).read_bytes()
    (folder / name).write_bytes(original[: len(original) // 2])
    with pytest.raises(ModelError, match="damaged"):
        load_model(folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_model(folder)


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    config["format_version"], config["textrnn_version"] = 99, "7.0"
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"format 99, written by textrnn 7\.0.*Upgrade"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("content", ['{"format": "onnx"}', "[1, 2]", "{", "\x00"])
def test_foreign_folders_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"no textrnn model|damaged"):
        load_model(tmp_path)
    with pytest.raises(ModelError, match="no model folder"):
        load_model(tmp_path / "nowhere")


def test_somebodys_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match=r"'thesis\.tex', which is not of a model"):
        save_model(make_model(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_model_of_another_library_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="not replaced"):
        save_model(make_model(), tmp_path)


def test_a_file_added_to_a_model_is_never_deleted(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    (tmp_path / "m/notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"notes\.txt"):
        save_model(make_model(), tmp_path / "m")
    assert (tmp_path / "m/notes.txt").read_text() == "mine"


def test_a_damaged_model_is_replaced(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    (tmp_path / "m/config.json").write_text("{")
    save_model(make_model(), tmp_path / "m")
    load_model(tmp_path / "m")


def test_a_crash_while_writing_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(make_model(), tmp_path / "m", card="old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(persistence, "write_durably", fail)
    with pytest.raises(ModelError, match="No space left on device"):
        save_model(make_model(), tmp_path / "m", card="new")
    assert (tmp_path / "m/README.md").read_text() == "old"
    load_model(tmp_path / "m")
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


def test_a_crash_between_the_renames_is_mended(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m", card="old")
    (tmp_path / "m").rename(tmp_path / ".m.previous")
    load_model(tmp_path / "m")
    assert (tmp_path / "m/README.md").read_text() == "old"


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    big = make_model(hidden_size=64)
    pid = os.fork()
    if pid == 0:  # a limit on file sizes cannot be taken back, so a child bears it
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        try:
            save_model(big, tmp_path / "m")
        except ModelError as error:
            os._exit(0 if "cannot write" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert list(tmp_path.iterdir()) == []


def test_ones_own_tokenizer_must_be_given_again(tmp_path: Path) -> None:
    model = make_model()
    mine = TextModel(str.split, model.vocabulary, model.network, model.classes)
    save_model(mine, tmp_path / "m")
    with pytest.raises(ModelError, match=r"tokenizer=\.\.\."):
        load_model(tmp_path / "m")
    assert load_model(tmp_path / "m", tokenizer=str.split).tokenizer is str.split


def test_checkpoint_files_round_trip_and_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    arrays = {"a/b": np.arange(6.0).reshape(2, 3), "c": np.zeros((0, 2), dtype=np.float32)}
    save_arrays(path, arrays, {"epoch": 3, "rng": {"state": 2**100}})
    back, state = load_arrays(path)
    assert state == {"epoch": 3, "rng": {"state": 2**100}}
    assert all(np.array_equal(back[name], value) for name, value in arrays.items())
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="train without --resume"):
        load_arrays(path)

"""The model folder: the same bits back, and a clear refusal of anything else."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.networks import network_config
from textrnn.cli.models import find_model, trained_models
from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.bag_of_words import PRESENCE, LinearForm, LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.linear.hashing import NGramKind
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.network import Network
from textrnn.storage import reading
from textrnn.storage.loading import load_model
from textrnn.storage.reading import read_config, read_metrics
from textrnn.storage.writing import check_writable, save_model
from textrnn.system import files as disk
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary

WORDS = [["a", "warm", "day"], ["a", "cold", "tab\there", "day"], ["\u2028", "\ud800", "<unk>"]]


def make_model(**changes: object) -> TextModel:
    vocabulary = Vocabulary.build(WORDS)
    shapes = {"embedding_dim": 5, "hidden_size": 4, "bidirectional": True, **changes}
    config = network_config(n_classes=2, vocabulary_size=len(vocabulary), **shapes)  # type: ignore[arg-type]
    network = Network.initialise(config, np.random.default_rng(3))
    return TextModel(make_tokenizer("word"), vocabulary, network, ("no", "yes"), 50, {"cell": "x"})


def make_ngrams() -> NGramModel:
    keys = np.arange(3, dtype=np.uint64)
    return NGramModel(NGramKind(1), keys, np.ones((3, 1), np.float32), np.zeros(1, np.float32))


def make_linear(bias: float) -> LinearModel:
    keys, weights = np.arange(2, dtype=np.uint64), np.ones((2, 1), np.float32)
    form, scale = LinearForm("bow_lr", 1, PRESENCE), np.zeros(0, np.float32)
    return LinearModel(
        make_tokenizer("word"), ("no", "yes"), form, keys, weights, np.array([bias]), scale
    )


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "lstm_forget", "gru"])
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
    assert read_metrics(tmp_path / "m") == {"accuracy": 0.5}


def load_all(folder: Path) -> None:
    load_model(folder)
    read_metrics(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "weights.safetensors", "vocabulary.txt", "metrics.json"]
)
def test_any_flipped_byte_is_noticed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "PAUSE", 0.0)
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

    monkeypatch.setattr(disk, "write_durably", fail)
    with pytest.raises(ModelError, match="No space left on device"):
        save_model(make_model(), tmp_path / "m", card="new")
    assert (tmp_path / "m/README.md").read_text() == "old"
    load_model(tmp_path / "m")
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


def card(folder: Path) -> str:
    return (folder / "README.md").read_text()


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def call_between_the_renames(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let ``act`` run once while the old folder is set aside and the new one not in place."""
    rename = Path.rename

    def rename_and_act(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if target.name.endswith(".previous"):
            monkeypatch.setattr(Path, "rename", rename)
            act()
        return moved

    monkeypatch.setattr(Path, "rename", rename_and_act)


def test_after_a_crash_between_the_renames_the_old_model_is_read_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(make_model(), "models/m", metrics={"a": 1}, card="old")
    Path("models/m").rename("models/.m.previous")
    load_model("models/m")
    assert read_metrics(Path("models/m")) == {"a": 1}
    waiting = Path("models/.m.previous")
    assert find_model("m") == find_model("models/m") == find_model(None) == waiting
    assert names_in(Path("models")) == {".m.previous"}
    with pytest.raises(ModelError, match=r"Did you mean 'm'\? Models under ./models: 'm'\."):
        find_model("mm")
    save_model(make_model(), "models/m", card="new")
    assert card(find_model("m")) == "new"
    assert names_in(Path("models")) == {"m"}
    assert trained_models() == [Path("models/m")]


def test_a_reader_never_disturbs_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder, card="old")
    seen = []

    def read() -> None:
        load_model(folder)
        seen.append(card(find_model(str(folder))))

    call_between_the_renames(monkeypatch, read)
    save_model(make_model(), folder, card="new")
    assert seen == ["old"]
    assert card(folder) == "new"
    assert names_in(tmp_path) == {"m"}


def test_a_writer_that_is_overtaken_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder, card="old")
    call_between_the_renames(
        monkeypatch, lambda: save_model(make_model(), folder, card="the other's")
    )
    save_model(make_model(), folder, card="mine")
    assert card(folder) == "mine"
    assert names_in(tmp_path) == {"m"}


def test_a_new_model_that_cannot_take_its_place_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder, card="old")

    def refuse(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        with pytest.raises(ModelError, match=r"resource busy.*Nothing is lost") as caught:
            save_model(make_model(), folder, card="new")
    (kept,) = set(tmp_path.iterdir()) - {folder}
    assert repr(str(kept)) in str(caught.value)
    assert (card(folder), card(kept)) == ("old", "new")
    load_model(kept)
    os.utime(kept, (0, 0))
    save_model(make_model(), folder)
    assert kept.exists(), "a whole model is nobody's litter"


def test_somebodys_files_that_appear_while_saving_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = disk.write_durably

    def write_and_be_visited(file: Path, content: bytes) -> None:
        write(file, content)
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m/notes.txt").write_text("mine")

    monkeypatch.setattr(disk, "write_durably", write_and_be_visited)
    with pytest.raises(ModelError, match=r"notes\.txt.*Nothing is lost"):
        save_model(make_model(), tmp_path / "m")
    assert names_in(tmp_path / "m") == {"notes.txt"}


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".m.0123abcd", tmp_path / ".m.4567abcd"
    for folder in (old, fresh):
        folder.mkdir()
        (folder / "weights.safetensors").write_text("half")
    os.utime(old, (0, 0))
    save_model(make_model(), tmp_path / "m")
    assert names_in(tmp_path) == {"m", fresh.name}


def test_a_model_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder)
    read = reading._read

    def read_and_be_overtaken(path: Path, name: str, most: int) -> bytes:
        content = read(path, name, most)
        monkeypatch.setattr(reading, "_read", read)
        save_model(make_model(hidden_size=6), folder)
        return content

    monkeypatch.setattr(reading, "_read", read_and_be_overtaken)
    assert load_model(folder).network.config.hidden_size == 6


def test_two_writers_and_a_reader_at_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save_model(make_model(), folder)
    failures: list[Exception] = []

    def repeat(act: Callable[[], object]) -> None:
        try:
            for _ in range(8):
                act()
        except Exception as error:
            failures.append(error)

    acts = [lambda: save_model(make_model(), folder)] * 2 + [lambda: load_model(folder)]
    threads = [threading.Thread(target=repeat, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    load_model(folder)
    assert names_in(tmp_path) <= {"m", ".m.previous"}


def test_a_linked_folder_is_written_through_the_link(tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to("runs/seven")
    for text in ("one", "two"):
        check_writable(link)
        save_model(make_model(), link, card=text)
        assert link.is_symlink()
        assert card(tmp_path / "runs/seven") == text
    assert names_in(tmp_path) == {"latest", "runs"}
    (tmp_path / "runs/seven").rename(tmp_path / "runs/.seven.previous")
    load_model(link)


@pytest.mark.parametrize("name", ["damaged", "x is damaged: y"])
def test_a_name_of_a_folder_says_nothing_about_whose_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    for write in (check_writable, lambda path: save_model(make_model(), path)):
        with pytest.raises(ModelError, match="not replaced"):
            write(folder)
    assert names_in(folder) == {"config.json"}


@pytest.mark.parametrize(
    "files", [{"README.md": "hello"}, {"config.json": "{ // mine\n}", "README.md": "hello"}]
)
def test_files_that_only_share_our_names_are_never_replaced(
    tmp_path: Path, files: dict[str, str]
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ModelError):
        save_model(make_model(), tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == files


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in [
        ("file", "is a file"),
        ("file/m", "is a file"),
        ("x" * 250, "name too long"),
        ("loop", "symbolic links"),
    ]:
        with pytest.raises(ModelError, match=why):
            check_writable(tmp_path / name)
    with pytest.raises(ModelError, match="mount point"):
        check_writable(Path("/"))
    assert names_in(tmp_path) == {"file", "loop"}


def test_a_damaged_model_has_its_own_error(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    (tmp_path / "m/config.json").write_text("{")
    with pytest.raises(DamagedModelError):
        read_config(tmp_path / "m")


def test_the_folder_has_the_usual_rights_and_the_umask_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda _: pytest.fail("other threads write files too"))
        save_model(make_model(), tmp_path / "m")
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o750


def test_odd_numbers_do_not_undo_a_training(tmp_path: Path) -> None:
    odd = {
        "epochs": np.int64(3),
        "best": np.float32(0.5),
        "done": np.bool_(True),
        "loss": [float("nan"), np.inf, (1, 2)],
        "curve": np.arange(2),
        "source": Path("reviews.csv"),
        "weights": {np.int64(10): 1.0, 9: np.nan},
    }
    even = {
        "epochs": 3,
        "best": 0.5,
        "done": True,
        "loss": [None, None, [1, 2]],
        "curve": [0, 1],
        "source": "reviews.csv",
        "weights": {"10": 1.0, "9": None},
    }
    model = make_model()
    model.settings.update(odd)
    save_model(model, tmp_path / "m", metrics=odd)
    assert read_metrics(tmp_path / "m") == even
    assert load_model(tmp_path / "m").settings == {"cell": "x", **even}


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    import resource  # where the test can run at all

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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["network", "n-grams", "bias of the n-grams", "linear"])
def test_weights_with_which_nothing_can_be_predicted_are_not_saved(
    tmp_path: Path, part: str, value: float
) -> None:
    model: Classifier = replace(make_model(), ngrams=make_ngrams())
    save_model(model, tmp_path / "m")
    before = (tmp_path / "m/config.json").read_bytes()
    assert isinstance(model, TextModel)
    assert model.ngrams is not None
    if part == "network":
        model.network.params["linear.bias"][0] = value
    elif part == "n-grams":
        model.ngrams.weights[0] = value
    elif part == "bias of the n-grams":
        model.ngrams.bias[0] = value
    else:
        model = make_linear(value)
    with pytest.raises(ModelError, match=f"hold {value}.*Train it again"):
        save_model(model, tmp_path / "m")
    assert (tmp_path / "m/config.json").read_bytes() == before


@pytest.mark.parametrize("compact", [False, True])
def test_weights_of_ngrams_that_a_file_cannot_hold_are_refused(
    tmp_path: Path, compact: bool
) -> None:
    model = replace(make_model(), ngrams=make_ngrams())
    assert model.ngrams is not None
    model.ngrams.weights[0] = 70_000
    with pytest.raises(ModelError, match=r"weights of the n-grams' hold 70000.*65504"):
        save_model(model, tmp_path / "m", compact=compact)
    assert not (tmp_path / "m").exists()

"""The cache of tokens: found by content, never wrong, and never in the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn.cli.app import app
from textrnn.text import cache
from textrnn.text.cache import cache_folder, content_key, read, tokenise_once, write
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenizers import CharTokenizer, JiebaTokenizer, Tokenizer, WordTokenizer

TEXTS = ["A good film, <br/>isn't it?", "", "bad \ud800 é\n film 房间"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache that keeps small corpora too."""
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path))
    return tmp_path / "tokens"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("tokenizer", [WordTokenizer(), CharTokenizer(), JiebaTokenizer()])
def test_the_second_time_tokens_are_read(folder: Path, tokenizer: Tokenizer) -> None:
    made, from_cache = tokenise_once(tokenizer, TEXTS)
    assert not from_cache
    assert list(made) == [tokenizer(text) for text in TEXTS]
    kept, from_cache = tokenise_once(tokenizer, TEXTS)
    assert from_cache
    assert list(kept) == list(made)
    assert kept.words == made.words
    assert (kept.ids.dtype, kept.starts.dtype) == (made.ids.dtype, made.starts.dtype)
    assert len(files(folder)) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(st.characters(), max_size=4), max_size=4)))
def test_a_file_gives_back_any_tokens(tmp_path: Path, lists: list[list[str]]) -> None:
    path = tmp_path / "x.npz"
    write(path, encode_lists(lists))
    found = read(path)
    assert found is not None
    assert list(found) == lists


def test_a_file_is_the_same_on_every_machine(tmp_path: Path) -> None:
    texts = encode_lists([["a", "film"], [], ["a"]])
    here, there = tmp_path / "here.npz", tmp_path / "there.npz"
    write(here, texts)
    swapped = EncodedTexts(texts.ids.astype(">i4"), texts.starts.astype(">i8"), texts.words)
    write(there, swapped)
    with np.load(here) as first, np.load(there) as second:
        assert {name: array.dtype.str for name, array in first.items()} == {
            "numbers": "<i4",
            "starts": "<i8",
            "spelling": "|u1",
            "word_lengths": "<i8",
        }
        for name, array in first.items():
            assert (array.dtype.str, array.tobytes()) == (
                second[name].dtype.str,
                second[name].tobytes(),
            )
    found = read(there)
    assert found is not None
    assert found.ids.dtype == np.int32
    assert found.ids.dtype.isnative
    assert list(found) == list(texts)


def arrays_of(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("numbers", lambda a: a + 1),
        ("numbers", lambda a: a - 1),
        ("numbers", lambda a: a.astype(np.int64)),
        ("numbers", lambda a: a.reshape(-1, 1)),
        ("starts", lambda a: a[::-1]),
        ("starts", lambda a: a + 1),
        ("starts", lambda a: a[:0]),
        ("starts", lambda a: a.astype(float)),
        ("word_lengths", lambda a: a + 1),
        ("word_lengths", lambda a: a - 2),
        ("word_lengths", lambda a: a * 2**40),
        ("spelling", lambda a: a[:-1]),
        ("spelling", lambda a: np.full_like(a, 255)),
        ("spelling", lambda a: np.array([object()] * len(a))),
    ],
)
def test_18_a_file_that_does_not_add_up_is_none(
    tmp_path: Path, name: str, change: Callable[[Any], Any]
) -> None:
    path = tmp_path / "x.npz"
    write(path, encode_lists([["a", "good", "film"], [], ["good"]]))
    assert read(path) is not None
    found = arrays_of(path)
    np.savez(path, **{**found, name: change(found[name])})
    assert read(path) is None


def test_18_a_file_of_the_cache_makes_no_more_of_itself_than_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write(path, encode_lists([["a"]]))
    np.savez_compressed(path, **arrays_of(path))
    assert read(path) is None
    for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")):
        path.rmdir() if path.is_dir() else path.unlink()
        make(path)
        assert read(path) is None


def test_another_content_has_another_key() -> None:
    keys = [
        content_key(tokenizer, texts)
        for tokenizer in (WordTokenizer(), WordTokenizer(lowercase=False), CharTokenizer())
        for texts in (["ab", "c"], ["a", "bc"], ["c", "ab"], ["ab", "c", ""], [])
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)


def test_another_source_of_the_tokenizer_has_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_key(WordTokenizer(), TEXTS)
    here = Path(cache.__file__).parent
    for name in ("tokenizers.py", "_words.py"):
        (tmp_path / name).write_bytes((here / name).read_bytes())
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert content_key(WordTokenizer(), TEXTS) == before
    with (tmp_path / "_words.py").open("a") as file:
        file.write("# changed\n")
    assert content_key(WordTokenizer(), TEXTS) != before
    (tmp_path / "_words.py").unlink()
    assert content_key(WordTokenizer(), TEXTS) is None


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("unicodedata", "unidata_version", "99.0.0"),
        ("platform", "python_version", lambda: "3.99.0"),
    ],
)
def test_pythons_that_may_read_letters_otherwise_share_no_tokens(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, value: object
) -> None:
    before = content_key(WordTokenizer(), TEXTS)
    monkeypatch.setattr(f"textrnn.text.cache.{module}.{name}", value)
    assert content_key(WordTokenizer(), TEXTS) != before


def test_tokens_of_a_foreign_tokenizer_are_not_kept(folder: Path) -> None:
    for _ in range(2):
        found, from_cache = tokenise_once(str.split, TEXTS)
        assert not from_cache
        assert list(found) == [text.split() for text in TEXTS]
    assert files(folder) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other arrays", "folder", "pickle"])
def test_a_damaged_file_is_written_again(folder: Path, damage: str) -> None:
    made, _ = tokenise_once(WordTokenizer(), TEXTS)
    (path,) = files(folder)
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "flipped":
            at = whole.index(made.ids.tobytes())
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        case "empty":
            path.write_bytes(b"")
        case "other arrays":
            np.savez(path, numbers=np.zeros(3))
        case "pickle":
            import pickle

            path.write_bytes(pickle.dumps([1, 2]))
        case "folder":
            path.unlink()
            path.mkdir()
    again, from_cache = tokenise_once(WordTokenizer(), TEXTS)
    assert not from_cache
    assert list(again) == list(made)
    if damage != "folder":  # which cannot be replaced
        assert path.read_bytes() == whole
        assert tokenise_once(WordTokenizer(), TEXTS)[1]


def test_no_flipped_byte_changes_a_token(tmp_path: Path) -> None:
    texts = encode_lists([["a", "b", "a"], [], ["\ud800"]])
    path = tmp_path / "x.npz"
    write(path, texts)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        found = read(path)
        assert found is None or list(found) == list(texts), place


@pytest.mark.parametrize("how", ["argument", "environment", "small", "unwritable"])
def test_without_a_cache(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "environment":
        monkeypatch.setenv("TEXTRNN_CACHE", "off")
        assert cache_folder() is None
    elif how == "small":
        monkeypatch.setattr(cache, "WORTH_KEEPING", 1_000)
    elif how == "unwritable":
        folder.write_text("a file where the folder should be")
    for _ in range(2):
        found, from_cache = tokenise_once(WordTokenizer(), TEXTS, cache=how != "argument")
        assert not from_cache
        assert list(found) == [WordTokenizer()(text) for text in TEXTS]
    assert not folder.is_dir()


def test_a_full_disk_only_means_no_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "replace_file", no_space)
    found, _ = tokenise_once(WordTokenizer(), TEXTS)
    assert list(found) == [WordTokenizer()(text) for text in TEXTS]
    assert files(folder) == []


def test_the_files_unused_for_longest_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora = [[f"{name} film"] for name in ("one", "two", "six")]
    for age, texts in enumerate(corpora[:2]):
        tokenise_once(WordTokenizer(), texts)
        path = folder / f"{content_key(WordTokenizer(), texts)}.npz"
        os.utime(path, (1_000 + age, 1_000 + age))
    assert tokenise_once(WordTokenizer(), corpora[0])[1]  # used again, so the other is older now
    monkeypatch.setattr(cache, "LIMIT", 2 * files(folder)[0].stat().st_size)
    tokenise_once(WordTokenizer(), corpora[2])
    left = {path.stem for path in files(folder)}
    assert left == {content_key(WordTokenizer(), corpora[i]) for i in (0, 2)}
    monkeypatch.setattr(cache, "LIMIT", 1)
    tokenise_once(WordTokenizer(), ["a file larger than all may be"])
    assert {path.stem for path in files(folder)} == left


def test_a_file_that_would_be_too_large_is_not_even_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*_: object, **__: object) -> None:
        raise AssertionError("built")

    monkeypatch.setattr(np, "savez", built)
    monkeypatch.setattr(cache, "LIMIT", 10)
    write(tmp_path / "x.npz", encode_lists([["some", "words"]]))
    assert files(tmp_path) == []


def test_what_killed_writers_left_goes_after_a_day(tmp_path: Path) -> None:
    left, new, other = (tmp_path / name for name in (".a.npz.01ab", ".b.npz.01ab", ".c.txt"))
    for file in (left, new, other):
        file.write_bytes(b"half")
    for file in (left, other):
        os.utime(file, (1_000, 1_000))
    write(tmp_path / "x.npz", encode_lists([["word"]]))
    assert files(tmp_path) == sorted([new, other, tmp_path / "x.npz"])


def test_the_usual_folder_is_the_systems_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTRNN_CACHE")
    folder = cache_folder()
    assert folder is not None
    assert folder.parts[-1] == "tokens"
    assert "textrnn" in folder.parts


@pytest.mark.parametrize("command", ["compare", "train"])
def test_the_option_of_the_commands(folder: Path, tmp_path: Path, command: str) -> None:
    options = ["--quiet", "--jobs", "1"]
    if command == "compare":
        options.append("--no-network")
    else:
        options += ["--no-baselines", "--epochs", "1", "--hidden", "4", "--out", f"{tmp_path}/m"]
    for option, kept in (("--no-cache", 0), ("--cache", 1)):
        found = CliRunner().invoke(app, [command, "cars", *options, option])
        assert found.exit_code == 0, found.output
        assert len(files(folder)) == kept

"""Corpora by name and by path, their splits and what they refuse."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.corpora import (
    Corpus,
    Split,
    check_split,
    describe_corpora,
    holdout,
    load_corpus,
    load_labelled,
    stratified_split,
)
from textrnn.corpora.corpus import likely_separator
from textrnn.corpora.registry import ENTRIES
from textrnn.errors import CorpusNotFoundError, DataError, UsageError

ROWS = "text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
SPLITS = ("train", "test")
REAL = os.environ.get("TEXTRNN_DATA")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Look nowhere but in the test's own folder, and never fetch."""
    monkeypatch.delenv("TEXTRNN_DATA", raising=False)
    monkeypatch.setenv("TEXTRNN_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def put(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_file_is_split_and_says_so(tmp_path: Path) -> None:
    path = put(tmp_path, mine=ROWS) / "mine.csv"
    corpus = load_corpus(path)
    assert corpus.name == "mine"
    assert corpus.source == str(path)
    assert corpus.test is not None
    assert (len(corpus.train), len(corpus.test)) == (16, 4)
    assert Counter(corpus.test.labels) == {"a": 2, "b": 2}
    assert "4 of the rows were set aside" in corpus.notes[0]
    assert load_corpus(path).fingerprint() == corpus.fingerprint()
    assert load_corpus(path, random_state=1).fingerprint() != corpus.fingerprint()
    half = load_corpus(str(path), test_fraction=0.5)
    assert half.test is not None
    assert len(half.test) == 10
    assert (corpus.test_fraction, half.test_fraction) == (0.2, 0.5)


def test_evaluated_are_the_texts_held_out_at_the_training(tmp_path: Path) -> None:
    folder = put(tmp_path / "own", train=ROWS)
    trained = load_corpus(folder, test_fraction=0.3, random_state=5)
    labelled = load_labelled(folder, test_fraction=0.3, random_state=5)
    assert (labelled.rows, labelled.split) == (trained.test, "test")
    assert labelled.corpus is not None
    assert labelled.corpus.fingerprint() == trained.fingerprint()
    assert load_labelled(folder).rows != trained.test
    own = put(tmp_path / "tested", train=ROWS, test="text,label\nnew,a\n")
    assert load_labelled(own, test_fraction=0.3).rows == Split(["new"], ["a"])
    everything = load_labelled(folder / "train.csv")
    assert (len(everything.rows), everything.split, everything.corpus) == (20, "all", None)


def test_a_folder_keeps_its_splits(tmp_path: Path) -> None:
    folder = put(tmp_path / "own", train=ROWS, dev=ROWS, test=ROWS, unsup="text\nfree\ntext 3\n")
    corpus = load_corpus(folder)
    assert corpus.validation is not None
    assert corpus.train == corpus.validation == corpus.test
    assert corpus.test_fraction is None
    assert load_corpus(folder, default_fraction=0.5).fingerprint() == corpus.fingerprint()
    assert corpus.unlabelled is None
    assert corpus.notes == [
        "20 of the 20 validation texts also stand in train",
        "20 of the 20 test texts also stand in train",
    ]
    assert load_corpus(folder, unlabelled=True).unlabelled == ["free"]  # "text 3" is tested
    other = put(tmp_path, other="text,label\nnew,a\n") / "other.csv"
    tested = load_corpus(folder, test=other)
    assert (tested.test, tested.test_fraction) == (Split(["new"], ["a"]), None)
    assert tested.notes == [
        f"'own' has a test split of its own (20 texts), which is not used: test={str(other)!r} is",
        "20 of the 20 validation texts also stand in train",
    ]
    with pytest.raises(UsageError, match="has its own test split"):
        load_corpus(folder, test_fraction=0.1)
    with pytest.raises(UsageError, match="exclude each other"):
        load_corpus(folder, test_fraction=0.1, test=other)


def test_guesses_are_among_the_notes(tmp_path: Path) -> None:
    rows = ROWS.replace("text,label", "My text,Is it?")
    folder = put(tmp_path / "own", train=rows, test=rows)
    told = [
        f"'{folder / name}.csv': columns: text = 'My text', label = 'Is it?'" for name in SPLITS
    ]
    assert load_corpus(folder).notes[:2] == told
    assert load_corpus(folder / "train.csv").notes[0] == told[0]
    assert load_labelled(folder / "test.csv").notes == told[1:]
    assert load_labelled(folder / "test.csv").rows == load_corpus(folder).test


def test_the_layout_of_the_imdb_archive(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            (tmp_path / "aclImdb" / split / label).mkdir(parents=True)
            (tmp_path / "aclImdb" / split / label / "0_1.txt").write_text(f"{split} {label}")
    (tmp_path / "aclImdb" / "train" / "unsup").mkdir()
    (tmp_path / "aclImdb" / "train" / "unsup" / "0_0.txt").write_text("free")
    corpus = load_corpus("./aclImdb", unlabelled=True)
    assert corpus.train == Split(["train neg", "train pos"], ["neg", "pos"])
    assert corpus.test == Split(["test neg", "test pos"], ["neg", "pos"])
    assert corpus.unlabelled == ["free"]


def test_names_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def source() -> str:
        return load_corpus("imdb").source

    with pytest.raises(CorpusNotFoundError, match=r"'imdb' is not on this machine.*train\.csv"):
        source()
    put(tmp_path / "cache" / "textrnn" / "corpora" / "imdb", train=ROWS)
    assert source() == str(tmp_path / "cache" / "textrnn" / "corpora" / "imdb")
    put(tmp_path / "data" / "imdb", train=ROWS)
    assert source() == str(Path("data") / "imdb")
    put(tmp_path / "mine" / "imdb", train=ROWS)
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path / "mine"))
    assert source() == str(tmp_path / "mine" / "imdb")
    put(tmp_path / "mine" / "imdb", train="")
    with pytest.raises(DataError, match="is empty"):
        source()


def test_a_name_wins_over_a_file(tmp_path: Path) -> None:
    put(tmp_path / "cars", train=ROWS)
    assert len(load_corpus("cars").train) == 3600
    assert load_corpus("./cars").train.classes == ["a", "b"]
    (tmp_path / "cars2").write_text("x")
    with pytest.raises(DataError, match=r"are read from \.csv"):
        load_corpus("cars2")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFoundError, match=r"'imbd'\. Did you mean 'imdb'\? Corpora: cars,"):
        load_corpus("imbd")
    with pytest.raises(CorpusNotFoundError, match="no file or folder"):
        load_corpus(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="hf:owner/name"):
        load_corpus("hf:nobody")
    with pytest.raises(DataError, match=r"neither train\.csv"):
        load_corpus(tmp_path)
    with pytest.raises(DataError, match="has no unlabelled texts"):
        load_corpus("cars", unlabelled=True)


def test_corpora_that_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        load_corpus(put(tmp_path, none="text,label\n") / "none.csv")
    with pytest.raises(DataError, match="only one class, 'a'; at least two"):
        load_corpus(put(tmp_path, one="text,label\nx,a\ny,a\n") / "one.csv")
    ids = "text,label\n" + "".join(f"text {i},{i}\n" for i in range(40))
    told = "40 rows with 40 different labels: every label occurs once.*label_column"
    with pytest.raises(DataError, match=told):
        load_corpus(put(tmp_path, ids=ids) / "ids.csv")
    with pytest.raises(DataError, match=told):
        load_corpus(tmp_path / "ids.csv", test=put(tmp_path, mine=ROWS) / "mine.csv")
    strange = put(tmp_path, strange="text,label\nx,A\n") / "strange.csv"
    with pytest.raises(DataError, match="label 'A', which no training row has"):
        load_corpus(put(tmp_path, mine=ROWS) / "mine.csv", test=strange)
    with pytest.raises(DataError, match="3 texts but 1 labels"):
        Split(["a", "b", "c"], ["x"])
    with pytest.raises(DataError, match="here is empty"):
        check_split(Split([], []), "here")


def test_describe_corpora(tmp_path: Path) -> None:
    put(tmp_path / "data" / "sst2", train=ROWS)
    found = {info.name: info for info in describe_corpora()}
    assert list(found) == list(ENTRIES)
    assert found["cars"].is_local
    assert found["sst2"].where == str(Path("data") / "sst2")
    assert found["imdb"].where == "hub:stanfordnlp/imdb"
    assert not found["imdb"].is_local
    assert all(info.classes and info.description and info.rows[0] for info in found.values())


def test_fingerprint_sees_every_row() -> None:
    split = Split(["a", "bc"], ["x", "y"])
    prints = {
        Corpus("c", train, test=test).fingerprint()
        for train, test in (
            (split, None),
            (split, split),
            (Split(["bc", "a"], ["y", "x"]), None),
            (Split(["ab", "c"], ["x", "y"]), None),
            (Split(["a", "bc"], ["y", "x"]), None),
            (Split(["a", "bc", "x"], ["y", "x", "y"]), None),
        )
    }
    assert len(prints) == 6
    assert Corpus("other name", split).fingerprint() == Corpus("c", split).fingerprint()


ROW = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz"))


@given(st.lists(ROW, min_size=1, max_size=40), st.floats(0.05, 0.95), st.integers(0, 3))
def test_stratified_split(rows: list[tuple[str, str]], fraction: float, seed: int) -> None:
    split = Split([text for text, _ in rows], [label for _, label in rows])
    first, second = stratified_split(split, fraction, random_state=seed)
    assert (first, second) == stratified_split(split, fraction, random_state=seed)
    kept, gone = (list(zip(part.texts, part.labels, strict=True)) for part in (first, second))
    assert Counter(kept + gone) == Counter(rows)
    assert first.classes == split.classes
    assert not set(first.texts) & set(second.texts)
    assert len(second) <= fraction * len(split) + 1.5 * len(split.classes)


def test_stratified_split_is_exact_for_distinct_texts() -> None:
    split = Split([str(i) for i in range(100)], ["a"] * 70 + ["b"] * 29 + ["c"])
    first, second = stratified_split(split, 0.2, random_state=0)
    assert Counter(second.labels) == {"a": 14, "b": 6}
    assert first.texts == sorted(first.texts, key=int)
    assert second.texts != [str(i) for i in range(14)]
    for wrong in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="between 0 and 1"):
            stratified_split(split, wrong, random_state=0)


NUMBERED = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0, 1, True, "1", 2.5, None]))


@given(st.lists(NUMBERED, min_size=1, max_size=40), st.floats(0.05, 0.95), st.integers(0, 3))
def test_holdout(rows: list[tuple[str, Hashable]], fraction: float, seed: int) -> None:
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    held = holdout(texts, labels, fraction, random_state=seed)
    assert held.shape == (len(rows),)
    assert held.dtype.kind == "b"
    assert held.tolist() == holdout(texts, labels, fraction, random_state=seed).tolist()
    gone = {text for text, out in zip(texts, held, strict=True) if out}
    assert gone.isdisjoint(text for text, out in zip(texts, held, strict=True) if not out)
    assert {label for label, out in zip(labels, held, strict=True) if not out} == set(labels)


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_a_share_of_each_class_is_held_out_copies_together(copies: int) -> None:
    """So many rows, not so many different texts."""
    texts = [str(i) for i in range(40) for _ in range(copies)]
    labels = ["a"] * 24 * copies + ["b"] * 16 * copies
    held = holdout(texts, labels, 0.25, random_state=0)
    gone = Counter(label for label, out in zip(labels, held, strict=True) if out)
    assert gone == {"a": 6 * copies, "b": 4 * copies}


def test_of_few_texts_one_is_held_out() -> None:
    texts = [str(i) for i in range(8)]
    assert holdout(texts, ["a", "b"] * 4, 0.05, random_state=0).sum() == 1


def test_holdout_is_what_a_split_is_cut_by() -> None:
    split = Split([str(i % 30) for i in range(60)], ["a", "b", "c"] * 20)
    held = holdout(split.texts, split.labels, 0.25, random_state=7)
    _, second = stratified_split(split, 0.25, random_state=7)
    assert second.texts == [text for text, out in zip(split.texts, held, strict=True) if out]
    assert not holdout(["a", "a", "b"], [0, 0, 1], 0.5, random_state=0).any()
    with pytest.raises(UsageError, match="between 0 and 1"):
        holdout(["a"], [0], 1.0, random_state=0)


@pytest.mark.skipif(not REAL or not Path(REAL, "imdb").is_dir(), reason="TEXTRNN_DATA has no imdb")
def test_unlabelled_reviews_of_the_test_set_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REAL is not None
    monkeypatch.setenv("TEXTRNN_DATA", str(Path(__file__).parents[1] / REAL))
    corpus = load_corpus("imdb", unlabelled=True)
    assert corpus.unlabelled is not None
    assert len(corpus.unlabelled) == 50_000 - 270


@pytest.mark.parametrize(
    ("classes", "mark"),
    [
        (["comedy|drama", "drama"], "|"),
        (["a", "a; b", "c"], ";"),
        (["a,b", "b"], ","),
        (["yes, please", "no"], None),
        (["a|b", "c|d"], None),
        (["1", "5", "1,5"], None),
        (["a", "b"], None),
    ],
)
def test_labels_that_look_like_several_in_one(classes: list[str], mark: str | None) -> None:
    assert likely_separator(classes) == mark


def test_a_separator_that_was_forgotten_is_named(tmp_path: Path) -> None:
    rows = [f"text {i},{('a', 'a|b', 'b')[i % 3]}" for i in range(30)]
    path = tmp_path / "tags.csv"
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    assert any("label_separator='|'" in note for note in load_corpus(path).notes)
    notes = load_corpus(path, label_separator="|").notes
    assert not any("--label-separator" in note for note in notes)

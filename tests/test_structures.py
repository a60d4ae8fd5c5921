"""Texts for language models, taggers and transducers: files, folders, names, splits."""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path

import pytest

from textrnn.corpora import (
    Lines,
    Pairs,
    TaggedTexts,
    judged_lines,
    judged_pairs,
    judged_tagged,
    load_corpus,
    load_lines,
    load_pairs,
    load_tagged,
    read_pairs,
    read_sources,
)
from textrnn.corpora.lines import read_lines
from textrnn.corpora.material import Material
from textrnn.errors import CorpusNotFoundError, DataError, UsageError

TEXTS = [f"text number {i}" for i in range(40)]


def stream(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\nc d\t\n",
        "\ufeffa\tb\r\n\r\n  \nc d\t",
        "source\ttarget\na\tb\nc d\t\n",
        "\n \nsource\ttarget\na\tb\nc d\t\n",
    ],
)
def test_a_pair_a_line(text: str) -> None:
    assert read_pairs(stream(text)) == Pairs(["a", "c d"], ["b", ""])


def test_sources_come_one_for_one() -> None:
    assert list(read_sources(stream("a\r\n\n b\n"))) == ["a", "", " b"]
    notes: list[str] = []
    assert list(read_sources(stream("a\tx\nb\ty\tz\n"), note=notes.append)) == ["a", "b"]
    assert len(notes) == 1
    assert list(read_sources(stream("Source\tTarget\na\tx\n"))) == ["a"]
    assert list(read_sources(stream("\nsource\ttarget\na\tx\n"))) == ["", "a"]
    assert list(read_sources(stream("a\tx\nsource\ttarget\n"))) == ["a", "source"]
    assert list(read_sources(stream('{"source": "a"}\n{"source": ""}\n'), format="jsonl")) == [
        *["a", ""]
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\nc\n", "line 2 has no tab, 'c'; write the source, one tab and the target"),
        ("a\tb\n\nc\td\te\n", "line 3 has 2 tabs, "),
        ("a\tb\nc\0\td\n", "line 2 holds a NUL byte"),
    ],
)
def test_what_is_wrong_with_pairs_is_said(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_pairs(stream(text))
    assert message in str(caught.value)


def test_tables_of_pairs(tmp_path: Path) -> None:
    wanted = Pairs(["a, b", "c"], ["x", "y\tz"])
    rows = [("1", "x", "a, b"), ("2", "y\tz", "c")]
    objects = [{"id": i, "tgt": target, "src": source} for i, target, source in rows]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in objects))
    (tmp_path / "a.csv").write_text('id,target,source\n1,x,"a, b"\n2,y\tz,c\n')
    for name in ("a.jsonl", "a.csv"):
        assert read_pairs(tmp_path / name) == wanted
        assert list(read_sources(tmp_path / name)) == wanted.sources
    (tmp_path / "a.csv").write_text("from,to\na,b\n")
    with pytest.raises(DataError, match="no column is called 'source'; columns: 'from', 'to'"):
        read_pairs(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("source,target\na,b\nc\n")
    with pytest.raises(DataError, match="line 3 has 1 fields"):
        read_pairs(tmp_path / "a.csv")


def test_texts_of_lines_tables_and_folders(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"one\r\n\r\n \r\ntwo"))
    found = read_lines(tmp_path / "a.txt.xz", note=notes.append)
    assert found == Lines(["one", "two"])
    assert [note.endswith("empty texts left out: 2") for note in notes] == [True]
    (tmp_path / "a.csv").write_text("review,stars,label\none,5,pos\ntwo,1.0,neg\n")
    assert read_lines(tmp_path / "a.csv") == found
    assert read_lines(tmp_path / "a.csv", condition="label") == Lines(found.texts, ["pos", "neg"])
    assert read_lines(tmp_path / "a.csv", condition="stars") == Lines(found.texts, ["5", "1.0"])
    with pytest.raises(DataError, match=r"there is no column 'star' .* Did you mean 'stars'"):
        read_lines(tmp_path / "a.csv", condition="star")
    with pytest.raises(DataError, match="has a text a line and no labels"):
        read_lines(tmp_path / "a.txt.xz", condition="label")
    for label, text in (("neg", "two"), ("pos", "one")):
        (tmp_path / "folder" / label).mkdir(parents=True)
        (tmp_path / "folder" / label / "1.txt").write_text(text)
    assert read_lines(tmp_path / "folder") == Lines(["two", "one"])
    assert read_lines(tmp_path / "folder", condition="label").labels == ["neg", "pos"]
    assert read_lines(tmp_path / "folder" / "pos") == Lines(["one"])
    for empty in ("", "\n\n"):
        (tmp_path / "a.txt").write_text(empty)
        with pytest.raises(DataError, match="is empty: it holds no text"):
            read_lines(tmp_path / "a.txt")


def test_a_share_is_held_out_equal_texts_together(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS * 2))
    found = load_lines(path, random_state=1)
    assert found.test is not None
    assert (len(found.train), len(found.test), found.test_fraction) == (72, 8, 0.1)
    assert set(found.train.texts).isdisjoint(found.test.texts)
    assert found.notes[-1] == "no test split given: 8 of the texts were set aside for it"
    assert found.fingerprint() == load_lines(path, random_state=1).fingerprint()
    assert found.fingerprint() != load_lines(path, random_state=2).fingerprint()
    parted = found.parted(0.25, random_state=0)
    assert parted.validation is not None
    assert (len(parted.train), len(parted.validation)) == (54, 18)
    assert set(parted.train.texts).isdisjoint(parted.validation.texts)
    assert parted.parted(0.5, random_state=1) is parted
    assert len(load_lines(path, test_fraction=0.5).train) == 40
    with pytest.raises(UsageError, match=r"test_fraction is 2\.0"):
        load_lines(path, test_fraction=2.0)


def test_too_few_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n" * 5)
    with pytest.raises(DataError, match=r"has 5 texts \(1 different\), too few to set 10%"):
        load_pairs(path)
    with pytest.raises(DataError, match=r"1 text \(1 different\) left to train on: too few to"):
        Material("x", Lines(["a"])).parted(0.1, random_state=0)
    path.write_text("")
    with pytest.raises(DataError, match="the training split of 'a' is empty"):
        load_tagged(path)
    with pytest.raises(DataError, match="is empty"):
        judged_pairs(path)


def test_files_for_the_splits(tmp_path: Path) -> None:
    for name, text in (
        ("train", "a\tX\n\nb\tY\n"),
        ("valid", "c\tX\n"),
        ("test", "a\tX\n\nd\tZ\n"),
    ):
        (tmp_path / f"{name}.tsv").write_text(text)
    found = load_tagged(tmp_path / "train.tsv", test=tmp_path / "test.tsv")
    assert found.test == TaggedTexts([["a"], ["d"]], [["X"], ["Z"]])
    assert found.test_fraction is None
    assert "1 of the 2 test texts also stand in train" in found.notes[0]
    assert "has the tag 'Z', which no training text has" in found.notes[1]
    with pytest.raises(DataError, match="the validation split of 'train' has the tag 'Z'"):
        load_tagged(
            tmp_path / "train.tsv", test=tmp_path / "valid.tsv", validation=tmp_path / "test.tsv"
        )
    whole = load_tagged(tmp_path)
    assert whole.name == tmp_path.name
    assert [len(whole.train), whole.validation and len(whole.validation)] == [2, 1]
    other = load_tagged(tmp_path, test=tmp_path / "valid.tsv")
    assert other.test == TaggedTexts([["c"]], [["X"]])
    assert "has a test split of its own (2 texts), which is not used" in other.notes[0]
    with pytest.raises(UsageError, match="has its own test split; leave test_fraction out"):
        load_tagged(tmp_path, test_fraction=0.5)
    with pytest.raises(UsageError, match="test is empty; give a file"):
        load_tagged(tmp_path / "train.tsv", test="")


def test_labels_of_all_splits_have_one_spelling(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,1.0\nb,0.0\nc,1.0\n")
    (tmp_path / "test.csv").write_text("text,label\nd,1\n")
    found = load_lines(tmp_path, condition="label")
    assert found.train.labels == ["1", "0", "1"]
    assert found.test == Lines(["d"], ["1"])
    assert load_lines(tmp_path).train == Lines(["a", "b", "c"])


def test_texts_to_judge_by(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS))
    found = judged_lines(path)
    assert (found.rows, found.split) == (Lines(TEXTS), "all")
    with pytest.raises(UsageError, match="has no splits; leave split out"):
        judged_lines(path, split="test")
    (tmp_path / "train.tsv").write_text("a\tX\n")
    (tmp_path / "test.tsv").write_text("b\tX\n")
    assert judged_tagged(tmp_path).rows.tokens == [["b"]]
    assert judged_tagged(tmp_path, split="train").rows.tokens == [["a"]]
    assert judged_pairs(tmp_path).rows == Pairs(["b"], ["X"])
    with pytest.raises(UsageError, match="has no split 'validation'; it has: train, test"):
        judged_pairs(tmp_path, split="validation")


def test_labelled_corpora_are_texts_for_a_language_model_alone() -> None:
    plain, labelled = load_lines("cars"), load_lines("cars", condition="label")
    corpus = load_corpus("cars")
    assert plain.train.texts == labelled.train.texts == corpus.train.texts
    assert labelled.train.labels == corpus.train.labels
    assert plain.train.labels is None
    assert labelled.test == judged_lines("cars", condition="label").rows
    for load in (load_tagged, load_pairs):
        with pytest.raises(DataError, match="'cars' holds texts with a label each; textrnn train"):
            load("cars")
    with pytest.raises(DataError, match="has no texts without labels"):
        load_lines("cars", unlabelled=True)
    with pytest.raises(UsageError, match="exclude each other"):
        load_lines("cars", unlabelled=True, condition="label")


def test_unlabelled_texts_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,1\nb,0\n")
    (tmp_path / "unsup.csv").write_text("text\n" + "\n".join(TEXTS))
    found = load_lines(tmp_path, unlabelled=True)
    assert sorted(found.train.texts + (found.test.texts if found.test else [])) == sorted(TEXTS)


def test_what_is_nowhere(tmp_path: Path) -> None:
    for load in (load_lines, load_tagged, load_pairs):
        with pytest.raises(CorpusNotFoundError, match="there is no corpus or file 'carz'"):
            load("carz")
        with pytest.raises((CorpusNotFoundError, DataError), match=r"no.* file"):
            load(tmp_path / "no.tsv")
    for load in (load_tagged, load_pairs):
        with pytest.raises(DataError, match="is a folder"):
            load(tmp_path)

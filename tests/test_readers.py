"""Files as people have them: right, wrong and damaged."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.corpora import Split, read_split, read_texts
from textrnn.errors import DataError, UsageError

ROWS = [('fine, "really"\nfine', "good"), ("", "bad"), ("schön 好", "good"), ("meh", "bad")]
SPLIT = Split([text for text, _ in ROWS], [label for _, label in ROWS])


def write_csv(rows: list[tuple[str, ...]], **options: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, **options).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


def write_jsonl(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


SENTENCES = (["All good.", "a b", "c d", "e f", "g h"], ["odd", "x", "y", "x", "y"])
CSV = write_csv([("text", "label"), *ROWS])
JSONL = write_jsonl([{"label": label, "text": text} for text, label in ROWS])


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)],
)
@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", CSV), ("a.jsonl", JSONL), ("a.ndjson", JSONL)]
)
def test_formats_and_packings(
    name: str, data: bytes, suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(pack(data))
    assert read_split(path) == SPLIT
    assert list(read_texts(path)) == SPLIT.texts
    if suffix:
        path.write_bytes(pack(data * 50)[:-20])
        with pytest.raises(DataError, match=r"a\.\w+\.\w+"):
            read_split(path)


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "a.parquet"
    for labels in ([1, 0, 1, 0], [1.0, 0.0, 1.0, 0.0]):
        table = pyarrow.table({"id": [1, 2, 3, 4], "text": SPLIT.texts, "label": labels})
        pyarrow.parquet.write_table(table, path)
        assert read_split(path) == Split(SPLIT.texts, ["1", "0", "1", "0"])
        assert list(read_texts(path)) == SPLIT.texts
    flags = pyarrow.table({"text": SPLIT.texts, "label": [True, False, True, None]})
    pyarrow.parquet.write_table(flags, path)
    with pytest.raises(DataError, match=r"row 4: the label in 'label' is empty"):
        read_split(path)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", None], "label": [1, 2]}), path)
    with pytest.raises(DataError, match=r"row 2: a text is needed in 'text', not nothing"):
        read_split(path)
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_split(path)


@pytest.mark.parametrize(
    ("data", "texts", "labels"),
    [
        (
            b"\xef\xbb\xbfText,Label\r\nhi there, pos \r\nbye,neg\r\n",
            ["hi there", "bye"],
            ["pos", "neg"],
        ),
        (b"id,review,sentiment\n1,a,x\n2,b,y\n", ["a", "b"], ["x", "y"]),
        (b"label,remark\nx,a\ny,b\n", ["a", "b"], ["x", "y"]),
        (b"text,label\n\na,1\n\nb,1.0\n", ["a", "b"], ["1", "1"]),
        # without a header: the label repeats, and the first row is data
        (b"pos,it is fine\nneg,no\npos,ah\n", ["it is fine", "no", "ah"], ["pos", "neg", "pos"]),
        (b"so good,pos\nso bad,neg\n", ["so good", "so bad"], ["pos", "neg"]),
        # a header of more than single words: its label is not one of those that repeat below
        (
            b"Customer comment,Happy?\nfine thing,yes\nnot so,no\nmore,yes\nworse,no\n",
            ["fine thing", "not so", "more", "worse"],
            ["yes", "no", "yes", "no"],
        ),
        (
            b"My label,My text\n1,fine thing\n0,not so\n1,more\n0,worse\n",
            ["fine thing", "not so", "more", "worse"],
            ["1", "0", "1", "0"],
        ),
        # no header: a sentence, a number, a label seen below
        (b"All good.,odd\na b,x\nc d,y\ne f,x\ng h,y\n", *SENTENCES),
        (
            b"so so,3\nso good,5\nso bad,1\nbest,5\nworst,1\n",
            ["so so", "so good", "so bad", "best", "worst"],
            ["3", "5", "1", "5", "1"],
        ),
        # unknown names that are names all the same
        (
            b"remark,mood\nfine thing,pos\nnot so,neg\nmore,pos\n",
            ["fine thing", "not so", "more"],
            ["pos", "neg", "pos"],
        ),
    ],
)
def test_csv_columns(data: bytes, texts: list[str], labels: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    assert read_split(path) == Split(texts, labels)
    assert list(read_texts(path)) == texts


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (b"text,label\na,x\nb,y\n", []),
        (b"text;label\na, b;x\nb;y\n", ["the columns are separated by semicolons"]),
        (b"text\tlabel\na, b\tx\nb\ty\n", ["the columns are separated by tabs"]),
        (
            b'"text, long"|label\na|x\nb|y\n',
            [
                "the columns are separated by bars (|)",
                "columns: text = 'text, long', label = 'label'",
            ],
        ),
        (
            b"My text,My label\na b,x\nc d,y\ne f,x\ng h,y\n",
            ["columns: text = 'My text', label = 'My label'"],
        ),
        (
            b"x,a b\ny,c d\nx,e f\ny,g h\n",
            [
                "no header found: the first line is read as data; "
                "columns: text is the second, label the first"
            ],
        ),
    ],
)
def test_what_is_guessed_is_told(data: bytes, notes: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    told: list[str] = []
    rows = read_split(path, note=told.append)
    assert told == [f"{str(path)!r}: {note}" for note in notes]
    told.clear()
    assert list(read_texts(path, note=told.append)) == rows.texts
    assert told == [f"{str(path)!r}: {note}" for note in notes]


def test_tsv_has_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b'text\tlabel\n"oh, well\tx\n5" disk"\ty\n')
    assert read_split(path) == Split(['"oh, well', '5" disk"'], ["x", "y"])


def test_columns_by_choice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"title,text,stars\nA,one,5\nB,two,1\n")
    chosen = read_split(path, text_column="title", label_column="stars")
    assert chosen == Split(["A", "B"], ["5", "1"])
    with pytest.raises(
        DataError, match=r"no column 'star' .*'title', 'text', 'stars'\. Did you mean 'stars'"
    ):
        read_split(path, label_column="star")
    with pytest.raises(DataError, match=r"'title', 'text', 'stars'.*text_column and label_column"):
        read_split(path)


WRONG = {
    "empty": ("a.csv", b"", "is empty"),
    "empty jsonl": ("a.jsonl", b"\n\n", "is empty"),
    "ragged": (
        "a.csv",
        b"text,label\na,x\nb,y,z\n",
        "line 3 has 3 fields where the first line has 2",
    ),
    "short": ("a.csv", b"text,label\na\n", "line 2 has 1 fields"),
    "open quote": ("a.csv", b'text,label\na,x\n"b,y\nc,x\n', "lines 3 to 4: a quote is left open"),
    "quote inside": ("a.csv", b'text,label\n"a"b,x\n', "line 2"),
    "latin-1": (
        "a.csv",
        b"text,label\na,x\nsch\xf6n,y\n",
        r"line 3, byte 4 \(0xf6\).*iconv -f .* -t UTF-8",
    ),
    "utf-16": ("a.csv", "text,label\na,x\n".encode("utf-16"), "iconv -f UTF-16"),
    "gbk": (
        "a.csv",
        "text,label\n房间很好，非常干净,good\n".encode("gbk"),
        r"line 2, byte 1 .*iconv -f GB18030",
    ),
    "cyrillic": (
        "a.csv",
        "text,label\nОчень хорошо,good\n".encode("cp1251"),
        r"line 2, byte 1 .*iconv -f WINDOWS-1252",
    ),
    "old mac": ("a.csv", b"text,label\ra,x\rb,y\r", r"carriage returns .*tr '\\r' '\\n'"),
    "old mac jsonl": ("a.jsonl", JSONL.replace(b"\n", b"\r"), "carriage returns"),
    "nul": ("a.csv", b"text,label\na\0b,x\n", r"line 2 holds a NUL byte \(place 2\)"),
    "no label": ("a.csv", b"text,label\na,x\nb,  \n", "line 3: the label in 'label' is empty"),
    "ids": (
        "a.csv",
        b"1,first words\n2,second ones\n3,third ones\n4,last\n",
        "cannot tell which column",
    ),
    "twins": ("a.csv", b"aa,bb\ncc,dd\n", "cannot tell which column"),
    "twice": ("a.csv", b"text,text,kind\na,b,c\n", "cannot tell|more than one"),
    "not json": ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": \n', "line 2 is not JSON"),
    "deep json": ("a.jsonl", b"[" * 200_000 + b"\n", "line 1 is not JSON|not an object"),
    "long number": ("a.jsonl", b'{"text": ' + b"9" * 5000 + b"}\n", "line 1 is not JSON"),
    "not object": ("a.jsonl", b'["a", "x"]\n', "not an object"),
    "key missing": (
        "a.jsonl",
        b'{"text": "a", "label": 1}\n{"label": 2}\n',
        "line 2: a text is needed",
    ),
    "null label": (
        "a.jsonl",
        b'{"text": "a", "label": null}\n',
        "line 1: the label in 'label' is empty",
    ),
    "list label": ("a.jsonl", b'{"text": "a", "label": [1]}\n', r"\[1\] in 'label' is no label"),
    "half a character": ("a.jsonl", b'{"text": "\\ud83d", "label": 1}\n', "half a character"),
    "no format": ("a.docx", b"PK", "are read from .csv"),
    "not gzip": ("a.csv.gz", b"text,label\n", "fetch it again"),
    "not xz": ("a.csv.xz", b"text,label\n", "fetch it again"),
}


@pytest.mark.parametrize(("name", "data", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_split(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_split(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no such file"):
        list(read_texts(tmp_path / "none.txt"))
    with pytest.raises(DataError, match="no class folders"):
        read_split(tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        list(read_texts(tmp_path))
    with pytest.raises(UsageError, match="Did you mean 'jsonl'"):
        list(read_texts(io.BytesIO(b""), format="json"))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "open.csv"])
def test_a_record_without_end_is_refused_soon(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textrnn.corpora.readers.MAX_RECORD", 2**20)
    path = tmp_path / name
    block = b'text,label\na,x\n"' + b"word\n" * 300_000 if name == "open.csv" else b"w" * 2**21
    path.write_bytes(block)
    with pytest.raises(DataError, match=r"line \d.* longer than 1 MiB"):
        read_split(path)


def test_long_texts_are_read(tmp_path: Path) -> None:
    long = "word " * 2_000_000
    (tmp_path / "a.txt").write_text(f"{long}\nshort\n")
    (tmp_path / "a.csv").write_text(f"text\n{long}\nshort\n")
    for name in ("a.txt", "a.csv"):
        assert [len(text) for text in read_texts(tmp_path / name)] == [len(long), 5]


def test_streams() -> None:
    lines = b'\xef\xbb\xbfone\r\n\ntwo, "three\nfour'
    assert list(read_texts(io.BytesIO(lines))) == ["one", "", 'two, "three', "four"]
    assert list(read_texts(io.StringIO("a\n\nb"))) == ["a", "", "b"]
    assert list(read_texts(io.TextIOWrapper(io.BytesIO(b"a\nb\n")))) == ["a", "b"]
    assert list(read_texts(io.BytesIO(b""))) == []
    assert list(read_texts(io.BytesIO(JSONL), format="jsonl")) == SPLIT.texts
    assert list(read_texts(io.BytesIO(CSV), format="csv")) == SPLIT.texts
    with pytest.raises(DataError, match="line 2, byte 1"):
        list(read_texts(io.BytesIO(b"a\n\xff\n")))


def test_streaming_takes_no_memory_and_answers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b"some words of no importance\n" * 50_000)
    tracemalloc.start()
    n = sum(1 for _ in read_texts(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 50_000
    assert peak < 2**20

    class Endless(io.RawIOBase):
        def read(self, size: int | None = -1) -> bytes:
            assert size == 0, "the stream has no end"
            return b""

        def readline(self, size: int | None = -1) -> bytes:
            return b"again\n" if size else b""

    texts = read_texts(Endless())  # type: ignore[arg-type]
    assert next(texts) == next(texts) == "again"


def test_class_folders(tmp_path: Path) -> None:
    for name, text in {"pos/10_9.txt": "ten", "pos/9_1.txt": "nine\n", "neg/0.txt": "zero"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_split(tmp_path) == Split(["zero", "nine", "ten"], ["neg", "pos", "pos"])
    for name in (".git/a.txt", ".ipynb_checkpoints/b.txt", "__MACOSX/c.txt", "pos/._9_1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff of a program")
    (tmp_path / "pictures").mkdir()
    assert read_split(tmp_path).classes == ["neg", "pos"]
    (tmp_path / "pos" / "11.txt").write_bytes(b"\xe9")
    with pytest.raises(DataError, match=r"11\.txt', byte 1 \(0xe9\)"):
        read_split(tmp_path)


def test_reading_text_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    code = (
        "import sys; from textrnn.corpora import read_split, read_texts;"
        f"read_split({str(tmp_path / 'a.csv')!r}); list(read_texts({str(tmp_path / 'a.csv')!r}));"
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'datasets', 'lzma') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["a", "b b", "ç"])), min_size=1, max_size=8))
def test_what_was_written_is_read(rows: list[tuple[str, str]]) -> None:
    texts = [text for text, _ in rows]
    data = write_csv([("text", "label"), *rows])
    assert list(read_texts(io.BytesIO(data), format="csv")) == texts
    lines = write_jsonl([{"text": text, "label": label} for text, label in rows])
    assert list(read_texts(io.BytesIO(lines), format="jsonl")) == texts


@given(st.binary(max_size=200), st.sampled_from(["lines", "csv", "tsv", "jsonl", "parquet"]))
def test_any_bytes_give_texts_or_our_error(data: bytes, form: str) -> None:
    with contextlib.suppress(DataError):
        assert all(isinstance(text, str) for text in read_texts(io.BytesIO(data), format=form))


def test_a_label_in_a_list_is_never_cut_in_two(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"text": "a", "label": ["x|y", "z"]}, {"text": "b", "label": ["z"]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_split(path, label_separator=";").label_sets == [["x|y", "z"], ["z"]]
    with pytest.raises(DataError, match=r"'x\|y' in the list .* holds the mark"):
        read_split(path, label_separator="|")
    rows[0]["label"] = "x|y"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_split(path, label_separator="|").label_sets == [["x", "y"], ["z"]]


def test_a_label_is_no_infinite_number(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "label": 1e999}\n{"text": "b", "label": 1}\n')
    with pytest.raises(DataError, match="is no label"):
        read_split(path)

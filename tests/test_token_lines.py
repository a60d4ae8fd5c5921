"""Files of tokens and tags as people have them: each form, each mistake, tags or none."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.corpora import TaggedTexts, read_tagged, read_tokens
from textrnn.errors import DataError, UsageError


def stream(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


@pytest.mark.parametrize(
    ("text", "tokens", "tags"),
    [
        ("a\tX\nb\tO\n\nc\tX\n", [["a", "b"], ["c"]], [["X", "O"], ["X"]]),
        ("\n\na\tX\n\n \n\t\nc\tX", [["a"], ["c"]], [["X"], ["X"]]),
        ("\ufeffa\tX \r\n b\tY\r\n\r\nc\tZ\r\n", [["a", "b"], ["c"]], [["X", "Y"], ["Z"]]),
        ("New York\tLOC\n", [["New York"]], [["LOC"]]),
        ('{\tO\n"\tX\n#\tY\n# b\tZ\n', [["{", '"', "#", "# b"]], [["O", "X", "Y", "Z"]]),
        ("", [], []),
        ("\n \n", [], []),
    ],
)
def test_a_token_a_line(text: str, tokens: list[list[str]], tags: list[list[str]]) -> None:
    assert read_tagged(stream(text)) == TaggedTexts(tokens, tags)
    assert list(read_tokens(stream(text))) == tokens


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-DOCSTART- -X- O\n\nEU NNP ORG\nsays VB O\n\nx y z\n", ["DOCSTART", "blanks", "of 3"]),
        ("EU\tNNP\tORG\nsays\tVB\tO\n\nx\ty\tz\n", ["of 3 columns the first is the token"]),
        ("EU ORG\nsays O\n\nx z\n", ["separated by blanks"]),
        ("# id = 1\nEU\tORG\nsays\tO\n\n# id = 2\nx\tz\n", ["begin with #"]),
        ("Word\tTag\nEU\tORG\nsays\tO\n\nx\tz\n", ["line 1 names the columns"]),
    ],
)
def test_other_files_are_understood_and_it_is_told(text: str, told: list[str]) -> None:
    notes: list[str] = []
    found = read_tagged(stream(text), note=notes.append)
    assert found == TaggedTexts([["EU", "says"], ["x"]], [["ORG", "O"], ["z"]])
    assert len(notes) == len(told)
    assert all(part in note for part, note in zip(told, notes, strict=True))
    assert list(read_tokens(stream(text))) == found.tokens


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tX\nb\n", "line 2 has no tag, only 'b'; write a token, a tab and its tag on each"),
        ("a\tX\nb\t \n", "line 2 has no tag, only 'b'"),
        ("a\nb\n", "line 1 has no tag, only 'a'"),
        ("a\tX\n\n\tO\n", "line 3 has no token before its tab"),
        ("a\tN\tX\nb\tX\n", "line 2 has 2 columns where the first text has 3"),
        ("it is here\n", "line 1 has no tab but several words, 'it is here'"),
        ("it is here\tO O O\n", "line 1 has 3 words before the tab and as many after it"),
        ('{"tokens": ["a"]}', "line 1 has no 'tags', but 'tokens'"),
        ('{"text": "a"}', "line 1 has no 'tokens', but 'text'"),
        ('{"tokens": "a b", "tags": ["X"]}', "line 1: 'a b' in 'tokens' is no list"),
        ('{"tokens": ["a"], "tags": ["X", "Y"]}', "line 1 has 1 tokens but 2 tags"),
        ('\n{"tokens": [3], "tags": ["X"]}', "line 2: a text is needed in 'tokens', not 3"),
        ('{"tokens": ["a"], "tags": [""]}', "line 1: the label in 'tags' is empty"),
        ('{"tokens": ["a"]', "line 1 is not JSON"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_tagged(stream(text))
    assert message in str(caught.value)


def test_without_tags_there_is_no_need_of_any() -> None:
    assert list(read_tokens(stream("a\nb\n\nc\n"))) == [["a", "b"], ["c"]]
    assert list(read_tokens(stream("a\tX\nb\n"))) == [["a", "b"]]
    assert list(read_tokens(stream('{"tokens": ["a"]}\n{"tokens": []}\n'))) == [["a"], []]
    with pytest.raises(DataError, match="line 1 has no tab but several words"):
        list(read_tokens(stream("it is here\nand there\n")))


def test_json_lines_and_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    wanted = TaggedTexts([["a", "b\tc"], ["d"]], [["X", "3"], ["O"]])
    rows = [{"tokens": ["a", "b\tc"], "tags": ["X", 3]}, {"tokens": ["d"], "tags": ["O"]}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes: list[str] = []
    assert read_tagged(tmp_path / "a.jsonl") == wanted
    empty = (tmp_path / "a.jsonl").read_text() + '{"tokens": [], "tags": []}\n'
    assert read_tagged(stream(empty), note=notes.append) == wanted
    assert notes == ["texts without tokens left out: 1"]
    columns = {"tokens": wanted.tokens, "tags": wanted.tags}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert read_tagged(tmp_path / "a.parquet") == wanted
    (tmp_path / "a.csv").write_text("a,X\n")
    with pytest.raises(DataError, match="tags are not read from CSV"):
        read_tagged(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="unknown format 'csv'"):
        read_tagged(tmp_path / "a.csv", format="csv")
    with pytest.raises(DataError, match="there is no such file"):
        list(read_tokens(tmp_path / "b.tsv"))


def test_a_text_without_end_is_refused_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textrnn.corpora.token_lines.MAX_TOKENS", 1_000)
    endless: Any = _Endless()
    with pytest.raises(DataError, match="has more than 1,000 tokens; put an empty line"):
        next(read_tokens(io.BufferedReader(endless)))


class _Endless(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        n = len(buffer) // 2 * 2
        buffer[:n] = b"a\n" * (n // 2)
        return n


def test_texts_are_read_as_they_come() -> None:
    """The first is there before the second is asked for."""
    texts = read_tokens(io.BytesIO(b"a\tX\n\n" + b"b\n\n" * 3 + b"\xff\tO\n"))
    assert [next(texts) for _ in range(4)] == [["a"], ["b"], ["b"], ["b"]]
    with pytest.raises(DataError, match="line 9, byte 1"):
        next(texts)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Z")), min_size=1).filter(
    lambda word: word.strip() == word and "-DOCSTART-" not in word and word[0] != "\ufeff"
)


@given(st.lists(st.lists(st.tuples(WORDS, WORDS), min_size=1), max_size=4), st.integers(1, 3))
def test_what_was_written_is_read(texts: list[list[tuple[str, str]]], n_blank: int) -> None:
    lines = ["".join(f"{token}\t{tag}\n" for token, tag in text) for text in texts]
    first = next((pair for text in texts for pair in text), ("", ""))
    if first[0].lower() in ("token", "tokens", "word", "words", "form"):
        return
    found = read_tagged(stream(("\n" * n_blank).join(lines)))
    assert found.tokens == [[token for token, _ in text] for text in texts]
    assert found.tags == [[tag for _, tag in text] for text in texts]


@given(st.binary(max_size=60))
def test_any_bytes_give_texts_or_our_error(data: bytes) -> None:
    try:
        found = read_tagged(io.BytesIO(data))
    except DataError:
        return
    assert all(map(len, found.tokens))


def test_lists_of_ones_own_are_checked() -> None:
    with pytest.raises(DataError, match="text 2 has 1 tokens but 2 tags; each token needs one"):
        TaggedTexts([["a"], ["b"]], [["X"], ["X", "Y"]])
    with pytest.raises(DataError, match="2 tokens but 1 tags; each row needs one of each"):
        TaggedTexts([["a"], ["b"]], [["X"]])


def test_equal_texts_stay_together_and_every_tag_in_training() -> None:
    texts = TaggedTexts(
        [["a", str(i % 20)] for i in range(60)],
        [["O", "RARE" if i == 7 else "X"] for i in range(60)],
    )
    train, held = texts.parted(0.2, random_state=3)
    assert len(held) == 12
    assert "RARE" in train.classes
    assert set(map(tuple, train.tokens)).isdisjoint(map(tuple, held.tokens))
    again = texts.parted(0.2, random_state=3)
    assert again == (train, held)
    assert any(texts.parted(0.2, random_state=s) != again for s in (4, 5))
    prints = {texts.fingerprint(), train.fingerprint(), held.fingerprint()}
    moved = TaggedTexts([["a0"]], [["X"]]), TaggedTexts([["a"]], [["0X"]])
    prints |= {one.fingerprint() for one in moved}
    assert len(prints) == 5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("the cat sat\n\nhi\n", [["the", "cat", "sat"], [], ["hi"]]),
        ("hello\nthe cat\n", [["hello"], ["the", "cat"]]),
        ("hello\n", [["hello"]]),
        ("a\nb\n\nc\n", [["a", "b"], ["c"]]),
        ("EU NNP\nsays VBZ\n\nx NNP\n", [["EU", "says"], ["x"]]),
        ("EU NNP\n", [["EU", "NNP"]]),
        ("EU NNP\nsays a VBZ\n", [["EU", "NNP"], ["says", "a", "VBZ"]]),
        ("# id = 1\nEU\tNNP\n", [["EU"]]),
        ("# id = 1\nEU says\n", [["#", "id", "=", "1"], ["EU", "says"]]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_lines_that_are_texts_are_told_from_lines_of_tokens(
    content: str, expected: list[list[str]]
) -> None:
    found = read_tokens(io.BytesIO(content.encode()), tags={"NNP", "VBZ"})
    assert list(found) == expected

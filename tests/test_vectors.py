import bz2
import gzip
import lzma
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textrnn.errors import DataError
from textrnn.text.vectors import WordVectors, embedding_matrix, load_vectors, train_word2vec
from textrnn.text.vocabulary import UNKNOWN, Vocabulary

ROWS = {"the": [0.25, -1.5, 3.0], "Éa": [1e-3, 2.0, 0.5], ",": [0.0, 7.0, -0.125]}
GLOVE = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS.items()).encode()
WORD2VEC = b"3 3\n" + GLOVE
BINARY = b"3 3\n" + b"".join(
    word.encode() + b" " + np.array(row, dtype="<f4").tobytes() + b"\n"
    for word, row in ROWS.items()
)
FORMATS = {"glove": GLOVE, "word2vec": WORD2VEC, "binary": BINARY}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}
CORPUS = [["one", "two", "three"], ["two", "three", "four"], ["one", "four", "two"]] * 30
TRAIN = """
from textrnn.text.vectors import train_word2vec
from tests.test_vectors import CORPUS
result = train_word2vec(CORPUS, vector_size=8, random_state=3)
print(result.words, result.vectors.tobytes().hex())
"""


def check(vectors: WordVectors) -> None:
    assert vectors.words == list(ROWS)
    assert vectors.vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors.vectors, np.array(list(ROWS.values()), np.float32))


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", FORMATS)
def test_formats(tmp_path: Path, name: str, packer: str) -> None:
    path = tmp_path / f"vectors.any{packer}"
    path.write_bytes(PACKERS[packer](FORMATS[name]))
    check(load_vectors(path))
    check(load_vectors(str(path)))


@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(tmp_path: Path, binary: bool) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    theirs = KeyedVectors(7)
    theirs.add_vectors([f"wörd{i}" for i in range(50)], vectors)
    theirs.save_word2vec_format(str(tmp_path / "vectors"), binary=binary)
    ours = load_vectors(tmp_path / "vectors")
    assert ours.words == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, vectors)


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(categories=["L", "P"]), min_size=1), min_size=1, unique=True),
    st.data(),
)
def test_text_gives_back_every_word_and_number(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], data: st.DataObject
) -> None:
    numbers = st.floats(-(2.0**99), 2.0**99, width=32)
    vectors = data.draw(arrays(np.float32, (len(words), 2), elements=numbers))
    lines = [f"{word} {row[0]!s} {row[1]!s}\n" for word, row in zip(words, vectors, strict=True)]
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    path.write_text(f"{len(words)} 2\n{''.join(lines)}", encoding="utf-8", newline="\n")
    read = load_vectors(path)
    assert read.words == words
    np.testing.assert_array_equal(read.vectors, vectors)


def test_lenient_where_files_are_known_to_be_odd(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"the 1 2 \r\n. . . 3 4\r\nthe 5 6\r\n7 8 9\r\n")
    vectors = load_vectors(path)
    assert vectors.words == ["the", ". . .", "the", "7"]
    assert vectors.index["the"] == 0
    assert len(vectors) == 4
    path.write_bytes(BINARY.replace("É".encode(), b"\xc3"))
    assert load_vectors(path).words == ["the", "a", ","]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no word vectors: its first line is empty"),
        (b"just some words\n", "holds no word vectors: it starts with 'just some words'"),
        (b"0 3\n", "holds 0 vectors"),
        (b"3 0\n", "holds no word vectors"),
        (b"a 1 2\nb 1\n", "line 2: 1 numbers instead of 2"),
        (b"a 1 2\nb 1 2 3\n", "line 2: more than 2 numbers"),
        (b"1 2\na 1 2 3\n", "line 2: more than 2 numbers"),
        (b"2 2\na 1 2\nb 1 x\n", "line 3: 'x' is not a number"),
        (b"a 1 2\n\xff 1 2\n", "line 2: the word is not UTF-8 text"),
        (WORD2VEC[:-25], "line 3: 1 numbers instead of 3"),
        (WORD2VEC[: WORD2VEC.index(b",")], "holds 2 vectors instead of 3"),
        (BINARY[:-9], "cannot be read: it is damaged or cut off; get it again"),
        (b"99999999999 300\na 1\n", "line 1: 99999999999 vectors cannot be in so small a file"),
        (b"a 1 2\nb nan 1\n", "the vector of 'b' holds a number that is not finite"),
        (b"a 1 2\nb 1e99 1\n", "the vector of 'b' holds a number that is not finite"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_vectors(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "bytes" not in str(caught.value)


def test_18_no_memory_is_taken_for_what_a_first_line_claims(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gz"
    for header in (b"100000000 300\n", b"10000 300\n"):
        path.write_bytes(gzip.compress(header + b"a " + bytes(1_200) + bytes(10**6)))
        tracemalloc.start()
        with pytest.raises(DataError, match=r"so small a file|damaged or cut off"):
            load_vectors(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
    path = tmp_path / "vectors"
    path.write_bytes(b"300000 300\na " + bytes(10**6))
    with pytest.raises(DataError, match="cannot be in so small a file"):
        load_vectors(path)


def test_18_no_line_is_endless(tmp_path: Path) -> None:
    path = tmp_path / "vectors.xz"
    path.write_bytes(lzma.compress(b"a 1 2\nb " + b"1" * 40_000_000))
    tracemalloc.start()
    with pytest.raises(DataError, match="line 2: longer than"):
        load_vectors(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000  # of which 8 MB are what unpacking takes
    tracemalloc.stop()


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt' cannot be read: No such file"):
        load_vectors(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is a folder, not a file of word vectors"):
        load_vectors(tmp_path)


@pytest.mark.parametrize("packer", [".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("name", ["word2vec", "binary"])
def test_damaged_archives(tmp_path: Path, packer: str, name: str) -> None:
    path = tmp_path / f"vectors{packer}"
    path.write_bytes(FORMATS[name])
    with pytest.raises(DataError, match=rf"cannot be read: it is no whole \{packer} file"):
        load_vectors(path)
    path.write_bytes(PACKERS[packer](FORMATS[name] * 50)[:-20])
    with pytest.raises(DataError, match=r"cannot be read|holds"):
        load_vectors(path)


def test_word2vec_puts_words_of_like_company_together() -> None:
    rng = np.random.default_rng(0)
    groups = [[f"{letter}{i}" for i in range(100)] for letter in "ab"]
    corpus = [rng.choice(groups[i % 2], 12).tolist() for i in range(1500)]
    found = train_word2vec(corpus, vector_size=16, random_state=0)
    assert found.vectors.shape == (200, 16)
    assert found.vectors.dtype == np.float32
    vectors = found.vectors - found.vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = (vectors @ vectors.T - 2 * np.eye(200)).argmax(axis=1)
    groups_found = [word[0] for word in found.words]
    neighbours = [groups_found[row] for row in nearest]
    assert np.mean([a == b for a, b in zip(groups_found, neighbours, strict=True)]) > 0.95


def test_word2vec_is_the_same_in_every_process() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", TRAIN],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert "two" in outputs[0]


def test_word2vec_depends_on_the_seed() -> None:
    first, second = (train_word2vec(iter(CORPUS), vector_size=4, random_state=s) for s in (0, 1))
    assert first.words == second.words
    assert not np.array_equal(first.vectors, second.vectors)


def test_word2vec_reads_a_long_text_to_its_end() -> None:
    found = train_word2vec([["a"] * 30_000 + ["z"] * 9], min_count=9, random_state=0, vector_size=2)
    assert found.words == ["a", "z"]


@pytest.mark.parametrize("corpus", [[], [[]], [["rare", "words"]]])
def test_word2vec_needs_words(corpus: list[list[str]]) -> None:
    with pytest.raises(DataError, match="occurs 5 times"):
        train_word2vec(corpus, random_state=0)


def test_embedding_matrix() -> None:
    words = WordVectors(
        ["good", "Paris", "NATO", "Good", UNKNOWN],
        np.arange(20, dtype=np.float32).reshape(5, 4) ** 2,
    )
    vocabulary = Vocabulary(
        (UNKNOWN, "good", "GOOD", "paris", "nato", "zzz"), np.array([100, 4, 3, 2, 1, 10])
    )
    matrix, share = embedding_matrix(
        vocabulary, words, rng=np.random.default_rng(0), dtype=np.float64
    )
    assert matrix.shape == (6, 4)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix[1:5], words.vectors[[0, 0, 1, 2]])
    assert share == 0.5
    assert not np.array_equal(matrix[0], words.vectors[4])
    again, _ = embedding_matrix(vocabulary, words, rng=np.random.default_rng(0), dtype=np.float64)
    np.testing.assert_array_equal(matrix, again)


def test_words_without_vectors_are_drawn_as_wide_as_the_others() -> None:
    rng = np.random.default_rng(0)
    wide = np.array([1, 5], dtype=np.float32)
    words = WordVectors(
        [f"w{i}" for i in range(4000)], wide * rng.standard_normal((4000, 2), np.float32)
    )
    unknown = [[f"x{i}" for i in range(4000)]]
    for documents, covered in ((unknown, 0.0), ([*unknown, words.words], 0.5)):
        vocabulary = Vocabulary.build(documents)
        matrix, share = embedding_matrix(vocabulary, words, rng=rng, dtype=np.float32)
        drawn = matrix[[token.startswith("x") for token in vocabulary.tokens]]
        np.testing.assert_allclose(drawn.std(axis=0), wide, rtol=0.1)
        assert share == covered
        assert matrix.dtype == np.float32
    assert embedding_matrix(Vocabulary.build([]), words, rng=rng, dtype=np.float32)[1] == 0.0


@pytest.mark.parametrize(
    ("pattern", "shape", "near"),
    [("glove*", (2446, 50), 0.78), ("gnews*", (8000, 300), 0.65), ("zh_char*", (4729, 200), None)],
)
def test_real_vectors(pattern: str, shape: tuple[int, ...], near: float | None) -> None:
    folder = Path(os.environ.get("TEXTRNN_DATA", "")) / "vectors"
    if "TEXTRNN_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("TEXTRNN_DATA names no folder that holds vectors")
    words = load_vectors(next(folder.glob(pattern)))
    assert words.vectors.shape == shape
    if near is not None:
        king, queen = (words.vectors[words.index[word]] for word in ("king", "queen"))
        cosine = king @ queen / np.linalg.norm(king) / np.linalg.norm(queen)
        assert cosine == pytest.approx(near, abs=0.01)

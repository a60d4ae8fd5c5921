import copy
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from textrnn.errors import ModelError, UsageError
from textrnn.text.vocabulary import UNKNOWN, Vocabulary

DOCUMENTS = [["good", "film", "good"], ["bad", "film"], ["a", "film", "."], []]
TOKENS = st.text(st.characters(), max_size=5)  # lone surrogates and all


def test_tokens_are_numbered_by_count_then_alphabet() -> None:
    vocabulary = Vocabulary.build(DOCUMENTS)
    assert vocabulary.tokens == (UNKNOWN, "film", "good", ".", "a", "bad")
    assert vocabulary.counts.tolist() == [0, 3, 2, 1, 1, 1]
    assert vocabulary.counts.dtype == np.int64
    assert vocabulary.index["good"] == 2
    assert len(vocabulary) == 6
    assert "good" in vocabulary
    assert "great" not in vocabulary


def test_what_is_left_out_is_counted_as_unknown() -> None:
    vocabulary = Vocabulary.build(iter(DOCUMENTS), min_df=2)
    assert vocabulary.tokens == (UNKNOWN, "film")
    assert vocabulary.counts.tolist() == [5, 3]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=8),
    st.one_of(st.integers(1, 3), st.floats(0, 0.5)),
    st.one_of(st.integers(3, 9), st.floats(0.5, 1)),
    st.one_of(st.none(), st.integers(1, 7)),
)
def test_limits_mean_what_they_mean_to_scikit_learn(
    documents: list[list[str]], min_df: int | float, max_df: int | float, max_features: int | None
) -> None:
    theirs = CountVectorizer(analyzer=list, min_df=min_df, max_df=max_df, max_features=max_features)
    ours = Vocabulary.build(documents, min_df=min_df, max_df=max_df, max_features=max_features)
    try:
        counts = theirs.fit_transform(documents).sum(axis=0).A1
    except ValueError:  # where scikit-learn gives up, nothing but the unknown token is left
        assert len(ours) == 1
        return
    # Which of the equally frequent tokens are cut off is each library's own affair.
    assert Counter(ours.counts[1:].tolist()) == Counter(counts.tolist())
    if max_features is None:
        assert set(ours.tokens[1:]) == set(theirs.vocabulary_)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_df": 0}, "min_df is 0"),
        ({"min_df": True}, "min_df is True"),
        ({"min_df": 1.5}, "min_df is 1.5"),
        ({"min_df": "2"}, "min_df is '2'"),
        ({"max_df": -0.1}, "max_df is -0.1"),
        ({"max_df": float("nan")}, "max_df is nan"),
        ({"max_features": 0}, "max_features is 0"),
        ({"max_features": 2.0}, "max_features is 2.0"),
    ],
)
def test_wrong_limits(wrong: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Vocabulary.build(DOCUMENTS, **wrong)


def test_strings_are_no_token_lists() -> None:
    with pytest.raises(UsageError, match="not from a string"):
        Vocabulary.build("good film")
    with pytest.raises(UsageError, match="document 2 is a string"):
        Vocabulary.build([["good"], "film"])
    with pytest.raises(UsageError, match="not the string 'film'"):
        Vocabulary.build(DOCUMENTS).encode("film")


def test_a_word_spelt_like_the_unknown_token_is_unknown() -> None:
    vocabulary = Vocabulary.build([[UNKNOWN, "a", UNKNOWN]])
    assert vocabulary.tokens == (UNKNOWN, "a")
    assert vocabulary.counts.tolist() == [2, 1]
    assert vocabulary.encode([UNKNOWN, "a"]).tolist() == [0, 1]


def test_encode_and_decode() -> None:
    vocabulary = Vocabulary.build(DOCUMENTS)
    ids = vocabulary.encode(["good", "great", "film"])
    assert ids.tolist() == [2, 0, 1]
    assert ids.dtype == np.int32
    assert vocabulary.decode(ids) == ["good", UNKNOWN, "film"]
    assert vocabulary.encode([]).tolist() == [0]
    for wrong in (-1, 6):
        with pytest.raises(UsageError, match=f"id {wrong} is not in a vocabulary of 6"):
            vocabulary.decode([1, wrong])


def test_unknown_probabilities() -> None:
    vocabulary = Vocabulary((UNKNOWN, "a", "b", "c"), np.array([9, 3, 1, 0]))
    probabilities = vocabulary.unknown_probabilities()
    np.testing.assert_allclose(probabilities, [0, 0.25 / 3.25, 0.2, 1], rtol=1e-6)
    assert probabilities.dtype == np.float32
    assert not vocabulary.unknown_probabilities(0).any()
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="alpha is"):
            vocabulary.unknown_probabilities(wrong)


def test_it_is_an_immutable_value() -> None:
    vocabulary = Vocabulary.build(DOCUMENTS)
    assert vocabulary == Vocabulary.build(DOCUMENTS)
    assert hash(vocabulary) == hash(Vocabulary.build(DOCUMENTS))
    assert vocabulary != Vocabulary.build(DOCUMENTS[:2])
    assert vocabulary != Vocabulary(vocabulary.tokens, vocabulary.counts + 1)
    assert vocabulary != 3
    for twin in (pickle.loads(pickle.dumps(vocabulary)), copy.deepcopy(vocabulary)):
        assert twin == vocabulary
        assert not twin.counts.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1
    with pytest.raises(AttributeError):
        vocabulary.tokens = ()  # type: ignore[misc]
    assert repr(vocabulary) == "Vocabulary(6 tokens, 8 occurrences)"


@pytest.mark.parametrize(
    ("tokens", "counts"),
    [((), []), (("a",), [1]), ((UNKNOWN, "a", "a"), [0, 1, 1]), ((UNKNOWN,), [1, 2])],
)
def test_what_is_no_vocabulary(tokens: tuple[str, ...], counts: list[int]) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        Vocabulary(tokens, np.array(counts))


@settings(deadline=None)
@given(st.lists(st.lists(TOKENS)))
def test_a_file_gives_back_any_token(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[str]]
) -> None:
    vocabulary = Vocabulary.build(documents)
    text = vocabulary.dumps()
    assert Vocabulary.loads(text) == vocabulary
    assert len(text.splitlines()) == len(vocabulary)
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary


def test_the_file_is_readable(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build([["é", "é", "tab\there", "back\\slash", "\u2028\ud800"]])
    assert vocabulary.dumps() == (
        "<unk>\t0\né\t2\nback\\\\slash\t1\ntab\\there\t1\n\\u2028\\ud800\t1\n"
    )
    path = tmp_path / "windows.txt"
    path.write_bytes(vocabulary.dumps().replace("\n", "\r\n").encode())
    assert Vocabulary.load(path) == vocabulary


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("<unk>\t1", 1),
        ("<unk>\t1\na\t2", 2),
        ("a\t1\n", 1),
        ("<unk>\t1\na\n", 2),
        ("<unk>\t1\n\n", 2),
        ("<unk>\t1\t2\n3\n", 1),
        ("<unk>\t1\na\t2\t3\nb\n", 2),
        ("<unk>\t1\na\tmany\n", 2),
        ("<unk>\t1\na\t2\t\nb\t1\n", 2),
        ("<unk>\t1\na\t-2\n", 2),
        ("<unk>\t1\na\t99999999999999999999\n", 2),
        ("<unk>\t1\na\t2\nb\t1\na\t1\n", 4),
        ("<unk>\t1\na\\x\t2\n", 2),
        ("<unk>\t1\n\\u00g1\t2\n", 2),
    ],
)
def test_a_malformed_text_names_the_line(text: str, line: int) -> None:
    with pytest.raises(ModelError, match=f"^here, line {line}: "):
        Vocabulary.loads(text, where="here")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.txt' cannot be read: No such file"):
        Vocabulary.load(tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_bytes(b"<unk>\t1\n\xff\t2\n")
    with pytest.raises(ModelError, match=r"bad\.txt', line 2: not UTF-8"):
        Vocabulary.load(tmp_path / "bad.txt")


def test_the_counts_given_stay_the_callers() -> None:
    counts = np.array([0, 3, 2])
    vocabulary = Vocabulary((UNKNOWN, "a", "b"), counts)
    counts[1] = 9
    assert vocabulary.counts.tolist() == [0, 3, 2]

"""Words as text: written as people do, and the same words again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.joining import join_words
from textrnn.text.tokenizers import CharTokenizer, WordTokenizer

WORDS = WordTokenizer()


@pytest.mark.parametrize(
    "text",
    [
        "it's good, isn't it? yes!",
        'he said "no," and (then) left; 8/10.',
        "a well-known film... and/or a book: $5, 50%.",
        "l'amour :-) <3 http://example.org/a",
        "这部电影很好。 great!",
        "",
        "don't",
    ],
)
def test_text_comes_back_as_it_was_written(text: str) -> None:
    assert join_words(WORDS, WORDS(text)) == text


@given(st.text(max_size=60))
def test_the_words_of_any_text_come_back(text: str) -> None:
    words = WORDS(text)
    spaced = " ".join(words)
    joined = join_words(WORDS, words)
    # Some words come back from no text at all: where spaces do not help, they are all there is.
    assert WORDS(joined) == words or joined == spaced


@given(st.lists(st.sampled_from([*".,!?;:()'\"-/$<>&#5", "a", "n't", "'s", "br", "...", "这"])))
def test_words_in_any_order_come_back_where_spaces_do(words: list[str]) -> None:
    if WORDS(" ".join(words)) == words:
        assert WORDS(join_words(WORDS, words)) == words


def test_characters_have_nothing_between_them() -> None:
    tokens = CharTokenizer()("A cat, too.")
    assert join_words(CharTokenizer(), tokens) == "a cat, too."


def test_a_tokenizer_of_somebodys_own_is_taken_at_its_word() -> None:
    assert join_words(str.split, ["a", ",", "b"]) == "a , b"

"""Words back to text, because what a model writes is to be read by people, and by models again.

Words are put together as people write them, without a space before a comma, but only where the
tokenizer takes them apart again: the text has the same tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from textrnn.text._words import UNSPACED
from textrnn.text.tokenizers import CharTokenizer, Tokenizer

_CLOSING = r"[.,!?;:)\]}%…]+|(?i:n't|'(?:s|re|ve|ll|d|m))"
_OPENING = r"[(\[{$#@]|\w+'"
_BETWEEN = r"[-/]"
_WIDE = rf"[{UNSPACED}\u3001-\u303f\uff01-\uff65]"
"""Scripts without spaces between words, and their punctuation."""
_QUOTES = ('"', "'")
TAIL = 8
"""Words that the next one is looked at with: no token reaches further back."""


def join_words(tokenizer: Tokenizer, words: Sequence[str]) -> str:
    """A text of some tokens, which has these tokens again wherever any text of them has.

    Characters are put together as they are.
    """
    if isinstance(tokenizer, CharTokenizer):
        return "".join(words)
    text = "".join(_with_spaces(tokenizer, words))
    return text if tokenizer(text) == list(words) else " ".join(words)


def _with_spaces(tokenizer: Tokenizer, words: Sequence[str]) -> list[str]:
    """The words, with spaces between those that are not one piece of writing."""
    pieces: list[str] = []
    tail: list[str] = []  # the last words since a space
    is_open = dict.fromkeys(_QUOTES, False)
    before = ""
    for word in words:
        near = bool(before) and _are_near(before, word, is_open)
        if near and tokenizer("".join(tail) + word) == [*tail, word]:
            tail = [*tail[1 - TAIL :], word]
        else:
            if before:
                pieces.append(" ")
            tail = [word]
        pieces.append(word)
        if word in is_open:
            is_open[word] = not is_open[word]
        before = word
    return pieces


def _are_near(before: str, word: str, is_open: dict[str, bool]) -> bool:
    """Whether people write one word right after another; a quote knows whether it is open."""
    if word in is_open:
        return is_open[word]
    if re.fullmatch(_CLOSING, word) or re.fullmatch(_OPENING, before):
        return True
    if before in is_open:
        return is_open[before]
    if re.fullmatch(_BETWEEN, word):
        return before[-1].isalnum()
    if re.fullmatch(_BETWEEN, before):
        return word[0].isalnum()
    return bool(re.match(_WIDE, word) and re.search(f"{_WIDE}$", before))

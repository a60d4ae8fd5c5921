"""Text to tokens, because everything after this counts words and nothing else.

A tokeniser is any callable from a text to a list of strings. Some have names: `word` for
languages that put spaces between words (those that do not are read character by character),
`char`, `every_char`, which leaves blanks as they are, `jieba` for Chinese words, and `blank` for
texts whose tokens somebody has told apart. All take time linear in the text, whatever it holds:
what users send is not always language.

The same text gives the same tokens on every Python, but for characters that are newer than its
Unicode: those of Unicode 15 and later (240 letters and signs of rare scripts so far, such as
Kawi and Nag Mundari) are no letters to Python 3.11, which has Unicode 14.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from threading import Lock
from typing import TypeAlias, cast

from textrnn.errors import MissingDependencyError, UsageError, did_you_mean
from textrnn.text._words import clean, word_pattern
from textrnn.wording.messages import ForScripts, Parameter
from textrnn.wording.quoting import quoted

Tokenizer: TypeAlias = Callable[[str], list[str]]
"""Anything that turns a text into a list of tokens."""

BLOCK = 65_536
"""A longer text is read in blocks of at most so many characters."""
_SEAM = 4_096  # a block ends at the last white space among so many characters

_UP_TO_LAST_SPACE = re.compile(r"(?s:.*)\s")
_SPACES = re.compile(r"\s+")
_LONG_RUN = re.compile(r"(\w{1000})(?=\w)")


def blocks(text: str) -> Iterator[str]:
    """Cut a text at white space, so that its beginning is tokenised without its end.

    A block ends after a white space, and outside tags, if its last few thousand characters
    allow it. Of a run of white space at a cut, one character is kept.
    """
    start = 0
    while len(text) - start > BLOCK:
        end = start + BLOCK
        space = _UP_TO_LAST_SPACE.match(text, end - _SEAM, end)
        end = space.end() if space else end
        tag = text.rfind("<", end - _SEAM, end)
        if tag >= 0 and text.find(">", tag, end) < 0:
            space, end = None, tag
        yield text[start:end]
        rest = _SPACES.match(text, end) if space else None
        start = rest.end() if rest else end
    yield text[start:]


@dataclass(frozen=True)
class _BlockTokenizer:
    """What the tokenisers share: long texts in blocks, equality, `repr` and pickling."""

    lowercase: bool = True

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        if len(text) <= BLOCK:
            return self._tokens(text)
        return list(chain.from_iterable(map(self._tokens, blocks(text))))

    def first(self, text: str, limit: int) -> list[str]:
        """Return `self(text)[:limit]`, for limit >= 0, reading no further than that needs."""
        return list(islice(chain.from_iterable(map(self._tokens, blocks(text))), limit))

    def _tokens(self, block: str) -> list[str]:
        raise NotImplementedError


@dataclass(frozen=True)
class WordTokenizer(_BlockTokenizer):
    """Words, numbers, punctuation, emoticons and emoji, each a token.

    Markup goes and HTML entities are decoded. Contractions fall apart as in the Penn Treebank,
    so that raw text and Treebank text give the same tokens: "don't" is `do n't`, "it's" is
    `it 's`; any other apostrophe stays with the letters before it, as in `l' amour`. Chinese,
    Japanese, Thai, Lao, Khmer and Burmese are read by characters, marks included.
    """

    def _tokens(self, block: str) -> list[str]:
        text = clean(block, lowercase=self.lowercase)
        # A space before "n't" is far cheaper than a pattern that looks for it in every word.
        text = text.replace("n't", " n't").replace("N'T", " N'T")
        return word_pattern(ascii_only=text.isascii()).findall(text)


@dataclass(frozen=True)
class CharTokenizer(_BlockTokenizer):
    """Characters; a run of white space is one `" "`."""

    def _tokens(self, block: str) -> list[str]:
        return list(_SPACES.sub(" ", block.lower() if self.lowercase else block))


@dataclass(frozen=True)
class EveryCharTokenizer(CharTokenizer):
    """Every character, blanks as they are: joined, the tokens are the text."""

    def __call__(self, text: str) -> list[str]:
        return self._tokens(text)

    def first(self, text: str, limit: int) -> list[str]:
        """Return `self(text)[:limit]`: of text in lower case some letters depend on the next."""
        return self(text)[:limit]

    def _tokens(self, block: str) -> list[str]:
        return list(block.lower() if self.lowercase else block)


@dataclass(frozen=True)
class JiebaTokenizer(_BlockTokenizer):
    """Chinese words, found by jieba. White space separates and is dropped.

    Raises:
        MissingDependencyError: when jieba is not installed.
    """

    def __post_init__(self) -> None:
        """Complain at once, not after the corpus has been read."""
        _jieba_cut()

    def _tokens(self, block: str) -> list[str]:
        text = clean(block, lowercase=self.lowercase)
        # jieba takes quadratic time in a run of letters without any punctuation.
        text = _LONG_RUN.sub(r"\1 ", text)
        return [token for token in _jieba_cut()(text) if not token.isspace()]


@dataclass(frozen=True)
class BlankTokenizer(_BlockTokenizer):
    """What stands between white space, as it is and whole, however long."""

    def __call__(self, text: str) -> list[str]:
        return self._tokens(text)

    def first(self, text: str, limit: int) -> list[str]:
        """Return `self(text)[:limit]`."""
        return self(text)[:limit]

    def _tokens(self, block: str) -> list[str]:
        return (block.lower() if self.lowercase else block).split()


_IMPORTING = Lock()


@functools.cache
def _jieba_cut() -> Tokenizer:
    """Return jieba's cutter, with its dictionary left to be read at the first use."""
    import logging
    import warnings

    try:
        # Two threads at it would leave the warnings of all ignored.
        with _IMPORTING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in jieba's own patterns
            import jieba
    except ImportError as error:
        raise MissingDependencyError(
            "the tokenizer 'jieba' needs the package jieba: pip install jieba"
        ) from error
    jieba.setLogLevel(logging.WARNING)
    return cast(Tokenizer, jieba.Tokenizer().lcut)


TOKENIZERS: dict[str, type[_BlockTokenizer]] = {
    "word": WordTokenizer,
    "char": CharTokenizer,
    "every_char": EveryCharTokenizer,
    "jieba": JiebaTokenizer,
    "blank": BlankTokenizer,
}
"""The tokenisers that have a name; a saved model can only name these."""


def make_tokenizer(tokenizer: str | Tokenizer, *, lowercase: bool = True) -> Tokenizer:
    """Return the tokeniser of that name, or the callable itself.

    Raises:
        UsageError: for an unknown name, or something that cannot be called.
        MissingDependencyError: when the tokeniser's package is not installed.
    """
    if isinstance(tokenizer, str):
        if tokenizer in TOKENIZERS:
            return TOKENIZERS[tokenizer](lowercase=lowercase)
        raise UsageError(
            Parameter("tokenizer"),
            f" is {quoted(tokenizer)}; use one of {', '.join(TOKENIZERS)}",
            ForScripts(", or a callable"),
            f".{did_you_mean(tokenizer, TOKENIZERS)}",
        )
    if not callable(tokenizer):
        raise UsageError(
            Parameter("tokenizer"),
            f" is {quoted(tokenizer)}; use one of {', '.join(TOKENIZERS)}, "
            "or a callable that turns a text into a list of strings.",
        )
    return tokenizer


def tokenizer_name(tokenizer: Tokenizer) -> str | None:
    """Return the name `make_tokenizer` knows a tokeniser by, None for a foreign callable."""
    for name, kind in TOKENIZERS.items():
        if type(tokenizer) is kind:
            return name
    return None


def first_tokens(tokenizer: Tokenizer, text: str, limit: int | None) -> list[str]:
    """Return a text's first tokens, all of them when limit is None.

    A tokeniser with a method `first(text, limit)` need not read the whole text.
    """
    if limit is None:
        return tokenizer(text)
    first = getattr(tokenizer, "first", None)
    if first is None:
        return tokenizer(text)[:limit]
    return cast("list[str]", first(text, limit))

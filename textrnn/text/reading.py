"""Where a text is cut: of each the first ``max_length`` tokens are read, and nothing else is.

Training, evaluation and prediction all come here, with strings or with what is tokenised already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from textrnn.errors import UsageError
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenizers import Tokenizer, first_tokens
from textrnn.wording.quoting import quoted

Text: TypeAlias = str | Sequence[str]
"""A text, or its tokens."""


def read_texts(tokenizer: Tokenizer, texts: Iterable[Text], max_length: int | None) -> EncodedTexts:
    """The first tokens of each text, of which there may be any number if ``max_length`` is None.

    Raises:
        UsageError: ``texts`` is a bare string, whose letters nobody means to be texts.
    """
    check_is_no_text(texts)
    if isinstance(texts, EncodedTexts):
        return texts.cut(max_length)
    return encode_lists(
        first_tokens(tokenizer, text, max_length) if isinstance(text, str) else text[:max_length]
        for text in texts
    )


def check_is_no_text(texts: Iterable[Text]) -> None:
    """Raise UsageError if what should be many texts is a bare string."""
    if isinstance(texts, str):
        raise UsageError(
            f"texts is the single string {quoted(texts)}, but must be a list of texts: "
            "write [text].",
            parameter="texts",
        )

"""A trained classifier without its training: text in, probabilities out.

This is all that prediction needs, and it imports nothing heavy: the command line
answers from it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textrnn.inference import predict_proba
from textrnn.network import Network
from textrnn.stream import Stream
from textrnn.text.tokenizers import Tokenizer, first_tokens
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ids


@dataclass(frozen=True)
class TextModel:
    """Tokenizer, vocabulary, network and class labels.

    Attributes:
        tokenizer: text to tokens.
        vocabulary: tokens to ids.
        network: ids to probabilities.
        classes: the label of each class, in the order of the probabilities' columns.
        max_length: words read of each text, counted from its beginning; None reads all.
        settings: how it was trained, for those who look inside.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    network: Network
    classes: tuple[str | int | float | bool, ...]
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of texts; at least one id each, the unknown word for an empty text."""
        return [
            self.vocabulary.encode(first_tokens(self.tokenizer, text, self.max_length))
            for text in texts
        ]

    def encode_tokens(self, token_lists: Sequence[Sequence[str]]) -> list[Ids]:
        """Token ids of texts that are tokenised already."""
        return [self.vocabulary.encode(tokens[: self.max_length]) for tokens in token_lists]

    def stream(self) -> Stream:
        """A reader that takes one token at a time; of models that read left to right only."""
        return Stream(self.network, self.vocabulary)

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """Class probabilities, shape (n_texts, C)."""
        return predict_proba(self.network, self.encode(texts))

"""A trained tagger without its training: tokens in, a tag of each out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from textrnn.inference.batches import length_batches
from textrnn.inference.protocol import Contents
from textrnn.nn.finite import check_finite
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.text.pieces import forms_of
from textrnn.text.reading import Text, read_texts
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Bools, Floats, Ids, Ints

USUAL = "usual.tags"
"""Name of the numbers of the words' most frequent tags among a folder's weights."""


@dataclass(frozen=True)
class TaggerModel:
    """Vocabulary, network and tags.

    Attributes:
        tokenizer: cuts what is no list of tokens.
        vocabulary: words to ids.
        network: ids, or forms, to logits of the tags of each token.
        classes: the tags, in the order of the logits' columns.
        usual: the number of the most frequent tag of each word in training, int32 of shape (V,),
            that of id 0 being the most frequent of all: what a tagger must beat.
        settings: how it was trained, for those who look inside.
        lowercase: whether words are looked up in lower case; they are spelt as they are written.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    network: Network
    classes: tuple[str | int | float | bool, ...]
    usual: Ints
    settings: dict[str, Any] = field(default_factory=dict)
    lowercase: bool = False

    @property
    def max_length(self) -> int | None:
        """All of a text is tagged, however long."""
        return None

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The tokens of texts, all of them; see ``read_texts``."""
        return read_texts(self.tokenizer, texts, None)

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        """Texts as the network reads them: with ids of the vocabulary, or forms where it spells.

        No token comes or goes: an empty text stays empty. What was encoded so before stays.
        """
        tokens = self.tokens(texts)
        if tokens.words is self.vocabulary.tokens or tokens.forms is not None:
            return tokens
        ids = self.word_ids(tokens.words)
        config = self.network.config
        if config.char_dim is None:
            return EncodedTexts(ids[tokens.ids], tokens.starts, self.vocabulary.tokens)
        return replace(tokens, forms=forms_of(tokens.words, ids, config.n_pieces))

    def word_ids(self, words: Sequence[str]) -> Ids:
        """Ids of words in the vocabulary, int32 of shape (n,), 0 for unknown ones."""
        known = [word.lower() for word in words] if self.lowercase else words
        return self.vocabulary.encode(known)[: len(words)]  # no words are one unknown word

    def predict_logits(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> Floats:
        """Logits of every token, text after text, (n_tokens, C).

        Raises:
            ModelError: the weights make numbers that are not finite.
        """
        encoded = self.encode(texts)
        config, lengths = self.network.config, encoded.lengths
        out = np.empty((encoded.n_tokens, config.n_classes), dtype=self.network.dtype)
        filled = np.flatnonzero(lengths)
        workspace = workspace or Workspace()
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for batch in length_batches(lengths[filled]):
                rows = filled[batch]
                packed = self.network.pack_rows(encoded.ids, encoded.starts, rows, encoded.forms)
                out[encoded.tokens_of(rows)] = self.network.predict_logits(packed, workspace)
        check_finite(out, "some tokens")
        return out

    def predict_proba(self, texts: Iterable[Text], *, workspace: Workspace | None = None) -> Floats:
        """Probabilities of the tags of every token, float64 of shape (n_tokens, C)."""
        logits = self.predict_logits(texts, workspace=workspace)
        return self.network.config.output.probabilities(logits.astype(np.float64))

    def predict(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> list[list[Any]]:
        """The tags of each text, as many as it has tokens."""
        encoded = self.encode(texts)
        return self.told(self.predict_logits(encoded, workspace=workspace).argmax(axis=1), encoded)

    def told(self, numbers: Ints, texts: EncodedTexts) -> list[list[Any]]:
        """Numbers of tags, of every token of some texts, as the tags of each text."""
        tags = [self.classes[number] for number in numbers.tolist()]
        return list(in_texts(tags, texts))

    def is_unknown(self, tokens: EncodedTexts) -> Bools:
        """Of every token whether its word is not in the vocabulary, (n_tokens,)."""
        unknown: Bools = self.word_ids(tokens.words)[tokens.ids] == 0
        return unknown

    def usual_tags(self, tokens: EncodedTexts) -> Ints:
        """The number of the most frequent tag of every token's word in training, (n_tokens,)."""
        usual: Ints = self.usual[self.word_ids(tokens.words)][tokens.ids]
        return usual

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Model``."""
        config = {
            "network": self.network.config.to_dict(),
            "tagger": {"lowercase": self.lowercase},
        }
        weights = {**self.network.params, USUAL: self.usual.astype(np.uint32)}
        tables = self.network.config.tables()
        write(Contents(config, weights, tables, self.vocabulary.dumps()))  # type: ignore[arg-type]


def in_texts(values: Sequence[Any], texts: EncodedTexts) -> Iterator[list[Any]]:
    """Values of every token, as those of each text."""
    for start, end in pairwise(texts.starts.tolist()):
        yield list(values[start:end])

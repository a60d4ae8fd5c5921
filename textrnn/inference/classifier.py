"""A trained classifier without its training: text in, probabilities out.

This is all that prediction needs, and it imports nothing heavy: the command line
answers from it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from textrnn.errors import UsageError
from textrnn.evaluation.thresholds import decide
from textrnn.inference.batches import predict_logits
from textrnn.inference.protocol import Contents
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.finite import check_finite
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, read_texts
from textrnn.text.spelling import EDIT, LEFT_OUT
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ints
from textrnn.wording.messages import Setting

if TYPE_CHECKING:
    from textrnn.inference.stream import Stream

SAME, NEAREST = "same", "nearest"
UNKNOWN_WORDS = (NEAREST, SAME)


@dataclass(frozen=True)
class TextModel:
    """Tokenizer, vocabulary, network, n-gram model and class labels.

    Attributes:
        tokenizer: text to tokens.
        vocabulary: tokens to ids.
        network: ids to probabilities.
        classes: the label of each class, in the order of the probabilities' columns.
        max_length: words read of each text, counted from its beginning; None reads all.
        settings: how it was trained, for those who look inside.
        ngrams: a linear model whose logits are added to the network's; None for the
            network alone.
        threshold: see ``thresholds.decide``.
        unknown_words: ``"same"`` reads all words that are not in the vocabulary as one;
            ``"nearest"`` first looks for a known word that is one edit away.
        spelling_rule: what one edit is, of ``spelling.SPELLING_RULES``. A model of textrnn 0.1.0
            keeps the rule of then, wherever it is taken.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    network: Network
    classes: tuple[str | int | float | bool, ...]
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    ngrams: NGramModel | None = None
    threshold: float | None = None
    unknown_words: str = SAME
    spelling_rule: str = EDIT

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The tokens that are read of each text; see ``read_texts``."""
        return read_texts(self.tokenizer, texts, self.max_length)

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        """Texts with ids of the vocabulary; an empty one is the unknown word alone.

        What was encoded so before stays as it is.
        """
        tokens = self.tokens(texts)
        if tokens.words is self.vocabulary.tokens:
            return tokens
        return self.vocabulary.encode_all(self.corrected(tokens))

    def ngram_logits(self, tokens: EncodedTexts) -> Floats:
        """Logits of the n-gram model alone, which there must be, shape (n_texts, C)."""
        return self._ngram_logits(tokens, self.corrected(tokens))

    def stream(self) -> Stream:
        """A reader that takes one token at a time.

        Raises:
            UsageError: the model reads from both ends, or looks at n-grams.
        """
        from textrnn.inference.stream import Stream

        stream = Stream(
            self.network,
            self.vocabulary,
            correct_spelling=self.unknown_words == NEAREST,
            spelling_rule=self.spelling_rule,
            answer=self.answer,
        )
        if self.ngrams is not None:
            raise UsageError(
                "this model adds the n-grams of the whole text to what the network reads; "
                "train with ",
                Setting("ngrams", "none"),
                " to stream.",
            )
        return stream

    def answer(self, found: Floats) -> Floats:
        """What the model says, of what its network's output means, same shape: the same."""
        return found

    def predict_proba(self, texts: Iterable[Text], *, workspace: Workspace | None = None) -> Floats:
        """Class probabilities, float64 of shape (n_texts, C), whatever the network works in.

        In double precision a row adds up to one, and a logit however small decides. A workspace
        is worth giving where many calls follow each other.

        Raises:
            ModelError: the weights make numbers that are not finite, as those of a ReLU network
                may in long texts.
        """
        logits = self.predict_logits(texts, workspace=workspace)
        return self.answer(self.network.config.output.probabilities(logits.astype(np.float64)))

    def predict_logits(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> Floats:
        """Logits of network and n-grams together, shape (n_texts, C)."""
        tokens = self.tokens(texts)
        corrected = self.corrected(tokens)
        with np.errstate(over="ignore", invalid="ignore"):  # told once, by its result
            logits = predict_logits(self.network, self.vocabulary.encode_all(corrected), workspace)
            if self.ngrams is not None:
                logits += self._ngram_logits(tokens, corrected)
        check_finite(logits)
        return logits

    def corrected(self, tokens: EncodedTexts) -> EncodedTexts:
        """Texts as the network reads them."""
        if self.unknown_words != NEAREST:
            return tokens
        return self.vocabulary.corrected(tokens, self.spelling_rule)

    def _ngram_logits(self, tokens: EncodedTexts, corrected: EncodedTexts) -> Floats:
        assert self.ngrams is not None
        return self.ngrams.logits(self.ngrams.keep_known(tokens, corrected))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the logits."""
        return self.network.dtype

    @property
    def multilabel(self) -> bool:
        """Whether a text has any number of the classes, not one."""
        return self.network.config.multilabel

    def decide(self, probabilities: Floats) -> Ints:
        """The answers, by the model's threshold; see ``thresholds.decide``."""
        return decide(probabilities, self.threshold, multilabel=self.multilabel)

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Classifier``."""
        is_new = self.unknown_words == NEAREST and self.spelling_rule != LEFT_OUT
        config = {
            "network": self.network.config.to_dict(),
            "unknown_words": self.unknown_words,
            **({"slip": self.spelling_rule} if is_new else {}),
            "ngrams": None if self.ngrams is None else self.ngrams.kind.to_dict(),
            "threshold": self.threshold,
        }
        tables = self.network.config.tables()
        write(Contents(config, self.network.params, tables, self.vocabulary.dumps(), self.ngrams))

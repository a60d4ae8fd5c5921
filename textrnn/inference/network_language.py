"""A recurrent network that tells which word comes next: what `inference.language` asks, answered.

Above the vocabulary stand marks: ``end = len(vocabulary)``, which is read at a text's beginning and
told at its end, and then the labels of a conditioned model, which are only read.

    read    [end or label, w1, ..., wn]
    told    [w1, ..., wn, end]

A label is read in the place of the first mark (``first``), or its vector is added to that of every
word (``each``), which the network is told by a number for each pair of a word and a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from textrnn.inference.batches import length_batches
from textrnn.inference.language import encode
from textrnn.inference.protocol import Contents
from textrnn.nn.finite import check_finite
from textrnn.nn.labelled import shifts
from textrnn.nn.language import States, next_words, push, tell
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text
from textrnn.text.tokenizers import CharTokenizer, Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ids, Ints

FIRST, EACH = "first", "each"
CONDITIONS = (FIRST, EACH)
"""Where a conditioned network reads the label."""
WORDS_AT_ONCE = 32_768
"""Words of the texts that are read side by side."""


class ReadingState(NamedTuple):
    """What is remembered of n texts of which something was read."""

    states: States
    labels: Ints | None
    """Of each text, (n,), where every word is read with it."""


@dataclass(frozen=True)
class NetworkLanguageModel:
    """Tokenizer, vocabulary, and a network over its words and the marks above them.

    Attributes:
        tokenizer: text to tokens.
        vocabulary: tokens to ids.
        network: its classes are the words of the vocabulary and the end.
        labels: what texts are conditioned on; none if they are not.
        label_shares: of the training texts, (C,).
        max_length: None: a text is read from its beginning to its end.
        settings: how it was trained, for those who look inside.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    network: Network
    labels: tuple[str, ...] = ()
    label_shares: Floats = field(default_factory=lambda: np.zeros(0))
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, as all models call them."""
        return self.labels

    @property
    def condition(self) -> str:
        """Where a label is read, one of ``CONDITIONS``."""
        return EACH if self.network.config.n_labels else FIRST

    @property
    def is_characters(self) -> bool:
        """Whether what is told are characters, which are put together as they are."""
        return isinstance(self.tokenizer, CharTokenizer)

    @property
    def end(self) -> int:
        """The mark that is read at the beginning of a text and told at its end."""
        return len(self.vocabulary)

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        """Texts with ids of the vocabulary, an empty one without any."""
        return encode(self.tokenizer, self.vocabulary, texts, self.max_length)

    # --------------------------------------------------------------- whole texts

    def inputs(self, texts: EncodedTexts, labels: Ints | None = None) -> EncodedTexts:
        """What the network reads of encoded texts: a mark, and all words of each.

        Raises:
            ValueError: there are labels and the model has none, or the other way round.
        """
        self._check_labels(labels)
        n = len(texts)
        ids = np.insert(texts.ids, texts.starts[:-1], self._first(n, labels))
        starts = texts.starts + np.arange(n + 1)
        if labels is not None and self.condition == EACH:
            ids += self._shifts(np.repeat(labels, np.diff(starts)))
        return EncodedTexts(ids, starts, self.vocabulary.tokens)

    def targets(self, texts: EncodedTexts) -> Ids:
        """What it is to tell at each of them: the words of each text and its end."""
        return np.insert(texts.ids, texts.starts[1:], self.end)

    def log_probabilities(self, texts: EncodedTexts, labels: Ints | None = None) -> Floats:
        """The natural logarithm of the probability of every word, and of each text's end.

        See ``language.LanguageModel``.

        Raises:
            ModelError: the weights make numbers that are not finite.
        """
        read, told = self.inputs(texts, labels), self.targets(texts)
        found, space = np.empty(len(told)), Workspace()
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for some in length_batches(read.lengths, max_tokens=WORDS_AT_ONCE):
                of_some = tell(self.network, read.ids, read.starts, told, some, workspace=space)
                found[read.tokens_of(some)] = of_some.log_probabilities
        check_finite(found, "some words")
        return found

    # -------------------------------------------------------------- word by word

    def begin(self, n: int, labels: Ints | None = None) -> ReadingState:
        """The state of n texts of which nothing was read yet, with their labels, (n,)."""
        self._check_labels(labels)
        kept = labels if self.condition == EACH else None
        return self._read(None, self._first(n, labels), kept)

    def next(self, state: ReadingState) -> Floats:
        """The logarithm of the probability of each word to be the next one, and of the end.

        Raises:
            ModelError: the weights make numbers that are not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            found = next_words(self.network, state.states)
        check_finite(found)
        return found

    def push(self, state: ReadingState, ids: Ints) -> ReadingState:
        """The state after one more word of each text; the given one stays as it was."""
        return self._read(state.states, ids, state.labels)

    def take(self, state: ReadingState, rows: Ints) -> ReadingState:
        """The state of some of the texts, by their numbers, which may come more than once."""
        labels = None if state.labels is None else state.labels[rows]
        return ReadingState(state.states.take(rows), labels)

    def _read(self, states: States | None, ids: Ints, labels: Ints | None) -> ReadingState:
        """Read a word, or first mark, of each text."""
        pairs = ids if labels is None else ids + self._shifts(labels)
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            return ReadingState(push(self.network, states, pairs), labels)

    # ---------------------------------------------------------------------- marks

    def _first(self, n: int, labels: Ints | None) -> Ids:
        """The mark before each of n texts."""
        marks = np.full(n, self.end, np.int32)
        if labels is not None and self.condition == FIRST:
            marks += 1 + labels.astype(np.int32)
        return marks

    def _shifts(self, labels: Ints) -> Ids:
        """What makes the number of a word that of the word with a label."""
        return shifts(labels, self.network.config.vocabulary_size)

    def _check_labels(self, labels: Ints | None) -> None:
        if (labels is not None) != bool(self.labels):
            has = "has labels, but none are" if self.labels else "has no labels, but some are"
            raise ValueError(f"the model {has} given")

    # ---------------------------------------------------------------- persistence

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Model``."""
        config = {
            "network": self.network.config.to_dict(),
            "language_model": {"label_shares": self.label_shares.tolist()},
        }
        tables = self.network.config.tables()
        write(Contents(config, self.network.params, tables, self.vocabulary.dumps()))

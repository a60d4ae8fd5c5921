"""A conditioned language model that writes for its label on purpose: Bayes' rule over the labels.

A text that was written under a label need not show it: half of a review says what a film is about.
Here a word counts for more the more it tells of the label l, beside all others that there are:

    q(w | l, so far)  in proportion to  p(w | l, so far) p(l | so far, w) ** strength
    p(l | so far, w)  in proportion to  p(l) p(so far, w | l)

which is a classifier that the model is itself (kin to Dathathri et al. 2020; Krause et al. 2021). A
strength of 0 is the model as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from textrnn.inference.language import LanguageModel, State
from textrnn.inference.protocol import Contents
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ints


class UnderAll(NamedTuple):
    """What is remembered of n texts, each read under every one of the C labels.

    Attributes:
        labels: the one that each is written for, shape (n,).
        state: of n times C texts.
        so_far: ln p(label, what was read), shape (n, C).
        coming: ln p of each next word and the end under each label, shape (n, C, V + 1).
    """

    labels: Ints
    state: State
    so_far: Floats
    coming: Floats


@dataclass(frozen=True)
class Strengthened:
    """A model with labels, to write with; see ``language.LanguageModel``.

    What it says of texts that are there is what the model says: only ``next`` is another.

    Attributes:
        model: that has labels.
        strength: 0 or more.
    """

    model: LanguageModel
    strength: float

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    @property
    def vocabulary(self) -> Vocabulary:
        return self.model.vocabulary

    @property
    def labels(self) -> tuple[str, ...]:
        return self.model.labels

    @property
    def label_shares(self) -> Floats:
        return self.model.label_shares

    @property
    def max_length(self) -> int | None:
        return self.model.max_length

    @property
    def settings(self) -> dict[str, Any]:
        return self.model.settings

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        return self.model.encode(texts)

    def log_probabilities(self, texts: EncodedTexts, labels: Ints | None = None) -> Floats:
        return self.model.log_probabilities(texts, labels)

    def save(self, write: Callable[[Contents], None]) -> None:
        self.model.save(write)

    # -------------------------------------------------------------- word by word

    def begin(self, n: int, labels: Ints | None = None) -> UnderAll:
        """The state of n texts of which nothing was read yet, with their labels, (n,)."""
        assert labels is not None, "a model with labels is told which"
        C = len(self.labels)
        state = self.model.begin(n * C, np.tile(np.arange(C), n))
        with np.errstate(divide="ignore"):
            shares = np.log(np.asarray(self.label_shares, np.float64))
        return self._at(labels, state, np.tile(shares, (n, 1)))

    def next(self, state: UnderAll) -> Floats:
        """The logarithm of the probability of each word to be the next one, and of the end."""
        rows = np.arange(len(state.labels))
        together = state.so_far[:, :, np.newaxis] + state.coming
        own = state.coming[rows, state.labels]
        can_be = np.isfinite(own)
        of_label = np.zeros_like(own)
        every = np.logaddexp.reduce(together, axis=1)
        np.subtract(together[rows, state.labels], every, out=of_label, where=can_be)
        found = own + self.strength * of_label
        log_probabilities: Floats = found - np.logaddexp.reduce(found, axis=1, keepdims=True)
        return log_probabilities

    def push(self, state: UnderAll, ids: Ints) -> UnderAll:
        """The state after one more word of each text; the given one stays as it was."""
        so_far = state.so_far + state.coming[np.arange(len(ids)), :, ids]
        after = self.model.push(state.state, np.repeat(ids, len(self.labels)))
        return self._at(state.labels, after, so_far)

    def take(self, state: UnderAll, rows: Ints) -> UnderAll:
        """The state of some of the texts, by their numbers."""
        C = len(self.labels)
        inner = (rows[:, np.newaxis] * C + np.arange(C)).reshape(-1)
        return UnderAll(
            state.labels[rows],
            self.model.take(state.state, inner),
            state.so_far[rows],
            state.coming[rows],
        )

    def _at(self, labels: Ints, state: State, so_far: Floats) -> UnderAll:
        coming = np.asarray(self.model.next(state), np.float64)
        return UnderAll(labels, state, so_far, coming.reshape(len(labels), len(self.labels), -1))

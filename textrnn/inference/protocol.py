"""What every trained classifier can do: a network, a network with n-grams, a bag of words.

Who predicts, scores, compares or saves needs no more of it, and asks nobody what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text
from textrnn.text.tokenizers import Tokenizer
from textrnn.typing import Floats, Ints, Params


class Contents(NamedTuple):
    """What a folder holds of a classifier, beside what all classifiers have.

    Attributes:
        config: of its own kind, JSON-ready.
        weights: what it learned, by name.
        tables: names of weights whose rows a compact folder rounds one by one.
        vocabulary: as text, or None.
        ngrams: that stand beside it, or None.
        others: further files, by their names.
    """

    config: dict[str, Any]
    weights: Params
    tables: tuple[str, ...] = ()
    vocabulary: str | None = None
    ngrams: NGramModel | None = None
    others: Mapping[str, bytes] = MappingProxyType({})


class Model(Protocol):
    """What every kind of model is: something learned of texts that can be kept in a folder."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to tokens."""

    @property
    def classes(self) -> tuple[str | int | float | bool, ...]:
        """The labels that it knows, in their order; of some kinds there are none."""

    @property
    def max_length(self) -> int | None:
        """Words read of each text, counted from its beginning; None reads all."""

    @property
    def settings(self) -> dict[str, Any]:
        """How it was trained, for those who look inside."""

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; ``storage.writing.save_model`` writes that."""


class Classifier(Model, Protocol):
    """A tokenizer, what was learned, and the labels of the classes, one a column of the logits."""

    @property
    def threshold(self) -> float | None:
        """See ``thresholds.decide``."""

    @property
    def multilabel(self) -> bool:
        """Whether a text has any number of the classes, not one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the logits."""

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The tokens that are read of each text."""

    def predict_logits(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> Floats:
        """Logits as they come, shape (n_texts, C): none is taken back from a probability."""

    def predict_proba(self, texts: Iterable[Text], *, workspace: Workspace | None = None) -> Floats:
        """What the logits mean, float64 of shape (n_texts, C)."""

    def decide(self, probabilities: Floats) -> Ints:
        """The answers, by the threshold; see ``thresholds.decide``."""

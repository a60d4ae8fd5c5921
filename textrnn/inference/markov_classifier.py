"""A classifier by Bayes' rule as a saved model: a Markov chain a class, without scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textrnn.evaluation.thresholds import decide
from textrnn.inference.language import encode
from textrnn.inference.markov import arrays_of
from textrnn.inference.protocol import Contents
from textrnn.linear.markov import Chain, joint_logits
from textrnn.nn.losses import softmax
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, read_texts
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ints


@dataclass(frozen=True)
class MarkovClassifier:
    """A tokenizer, a vocabulary, and how probable a text is under each class.

    Attributes:
        tokenizer: text to tokens.
        vocabulary: the words of all classes.
        chains: of each class, all of the same order.
        prior: the probability of each class before anything is read, float64 of shape (C,).
        classes: the label of each class, in the order of the probabilities' columns.
        settings: how it was trained, for those who look inside.
        threshold: see ``thresholds.decide``.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    chains: tuple[Chain, ...]
    prior: Floats
    classes: tuple[str | int | float | bool, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    threshold: float | None = None

    max_length = None
    multilabel = False
    dtype = np.dtype(np.float64)

    @property
    def order(self) -> int:
        """Words of the longest n-gram."""
        return self.chains[0].order

    @property
    def n_ngrams(self) -> int:
        """N-grams of all lengths, of all chains."""
        return sum(chain.n_ngrams for chain in self.chains)

    @property
    def n_parameters(self) -> int:
        """Numbers that were learned: a count of each n-gram."""
        return self.n_ngrams

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The tokens of each text; see ``read_texts``."""
        return read_texts(self.tokenizer, texts, self.max_length)

    def predict_proba(self, texts: Iterable[Text], *, workspace: Workspace | None = None) -> Floats:
        """Class probabilities, float64 of shape (n_texts, C); a workspace is not needed."""
        return softmax(self.predict_logits(texts, workspace=workspace))

    def predict_logits(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> Floats:
        """The logarithm of each class and text together, float64 of shape (n_texts, C)."""
        del workspace
        encoded = encode(self.tokenizer, self.vocabulary, texts)
        return joint_logits(self.chains, self.prior, encoded.ids, encoded.starts)

    def decide(self, probabilities: Floats) -> Ints:
        """The answers; see ``thresholds.decide``."""
        return decide(probabilities, self.threshold)

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Model``."""
        config = {
            "order": self.order,
            "n_words": len(self.vocabulary),
            "label_shares": self.prior.tolist(),
        }
        arrays, vocabulary = arrays_of(self.chains), self.vocabulary.dumps()
        write(Contents({"markov_bayes": config}, arrays, vocabulary=vocabulary))

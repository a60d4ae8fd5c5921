"""Texts to learn from or to judge by, with what is to be predicted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textrnn.errors import DataError
from textrnn.inference.classifier import TextModel
from textrnn.nn import targets as of_texts
from textrnn.nn.targets import Targets
from textrnn.text import encoded
from textrnn.text.encoded import EncodedTexts
from textrnn.typing import Bools, Counts, Floats, Ints


@dataclass(frozen=True, eq=False)
class Examples:
    """Tokenised texts, cut to the length that is read of them, with their targets.

    Attributes:
        texts: with the ids of their own words, or, where a network reads them, of its vocabulary.
        targets: what is to be predicted of each.
        weights: weight of each text in the loss, shape (n,), or None for ones.
        at_tokens: whether there is a target for each token, in the order of ``texts.ids``, and a
            weight, 0 where nothing is asked; None then is a mean over a text's tokens.
    """

    texts: EncodedTexts
    targets: Targets
    weights: Floats | None = None
    at_tokens: bool = False

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)

    @property
    def lengths(self) -> Counts:
        """Words of each text, (n,)."""
        return self.texts.lengths

    @property
    def n_tokens(self) -> int:
        """Words of all texts."""
        return self.texts.n_tokens

    def bare(self) -> Examples:
        """The same without the words of the ids, which no network reads."""
        return replace(self, texts=replace(self.texts, words=()))

    def take(self, rows: Ints | Bools) -> Examples:
        """The texts at some positions, or where booleans of shape (n,) are true."""
        texts = self.texts.take(rows)
        places = self.texts.tokens_of(rows) if self.at_tokens else rows
        weights = None if self.weights is None else self.weights[places]
        return replace(self, texts=texts, targets=self.targets.take(places), weights=weights)

    def _weights_given(self, dtype: Any) -> Floats:
        """The weights, or what None of them means."""
        if self.weights is not None:
            return self.weights
        if self.at_tokens:
            return np.repeat(1.0 / self.lengths, self.lengths).astype(dtype)
        return np.ones(len(self), dtype)

    def encode(self, model: TextModel) -> Examples:
        """The same with ids of a model's vocabulary."""
        return replace(self, texts=model.encode(self.texts))


def concatenated(parts: Sequence[Examples]) -> Examples:
    """All texts, one part after the other; those without weights weigh 1 where others have some.

    Raises:
        DataError: some have a target for each token, and others have not.
    """
    at_tokens = {part.at_tokens for part in parts}
    if len(at_tokens) > 1:
        raise DataError("targets of texts and targets of tokens do not belong together.")
    weights = None
    if any(part.weights is not None for part in parts):
        dtype = next(part.weights.dtype for part in parts if part.weights is not None)
        each = (part._weights_given(dtype) for part in parts)
        weights = np.concatenate([*each])
    texts = encoded.concatenated([part.texts for part in parts])
    targets = of_texts.concatenated([part.targets for part in parts])
    return Examples(texts, targets, weights, at_tokens=at_tokens.pop())

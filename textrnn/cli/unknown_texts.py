"""Texts of which a model knows no word: its answer to them is a guess, and the user should know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.storage.bundled import bundled_folder

BEGINNING = 50
"""Characters that are looked at first: in nearly all texts a known word is among them."""


class UnknownTexts:
    """Counts the texts of a stream that a model can only guess at.

    Args:
        model: of a bag of words nothing is counted.
        folder: where it was read from.
    """

    def __init__(self, model: Classifier, folder: Path) -> None:
        self.model = model
        self.is_english = folder == bundled_folder("sentiment-en")
        self.n = 0
        self.n_chinese = 0

    def count(self, texts: Sequence[str]) -> None:
        """Look at some further texts."""
        if not isinstance(self.model, TextModel):
            return
        index = self.model.vocabulary.index
        tokenizer = self.model.tokenizer
        suspects = [
            text
            for text in texts
            # The last token of a beginning may be cut.
            if not any(token in index for token in tokenizer(text[:BEGINNING])[:-1])
        ]
        if suspects:
            self.n += _unknown(self.model, suspects)
        if self.is_english:
            self.n_chinese += sum(is_chinese(text) for text in texts if not text.isascii())

    def notes(self) -> list[str]:
        """What to tell of them in the end."""
        told = []
        if self.n:
            texts, verb = ("1 text", "has") if self.n == 1 else (f"{self.n:,} texts", "have")
            told.append(f"{texts} {verb} no word the model knows; it guesses by its bias")
        if self.n_chinese:
            told.append("sentiment-en reads English; for Chinese take -m sentiment-zh")
        return told


def _unknown(model: TextModel, texts: Sequence[str]) -> int:
    """The number of texts of which neither the network nor the n-grams know anything."""
    ids = model.encode(texts)
    nothing = np.logical_or.reduceat(ids.ids, ids.starts[:-1]) == 0
    if model.ngrams is not None and nothing.any():
        of_empty = model.ngram_logits(model.tokens([""]))
        logits = model.ngram_logits(model.tokens(texts))
        nothing &= (logits == of_empty).all(axis=1)
    return int(nothing.sum())


def is_chinese(text: str) -> bool:
    """Whether most characters of a text, but for spaces, are Chinese."""
    characters = [c for c in text if not c.isspace()]
    return 2 * sum("\u4e00" <= c <= "\u9fff" for c in characters) > len(characters)

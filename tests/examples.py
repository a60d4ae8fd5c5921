"""Texts and targets of tests, from lists, in the containers of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts, as_encoded
from textrnn.training.examples import Examples
from textrnn.typing import Floats, Ids


def texts_of(documents: Sequence[Ids]) -> EncodedTexts:
    """Documents of token ids, of words that nobody asks for."""
    starts = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return EncodedTexts(np.concatenate([np.zeros(0, np.int32), *documents]), starts, ())


def documents_of(texts: EncodedTexts) -> list[Ids]:
    """The way back."""
    return [texts.ids_of(row) for row in range(len(texts))]


def targets_of(values: Any) -> Targets:
    """Classes (n,), labels (n, C), or probabilities (n, C) if there are fractions."""
    values = np.asarray(values)
    if values.ndim == 1:
        return Targets.hard(values, max(int(values.max(initial=0)) + 1, 2))
    fractions = ((values > 0) & (values < 1)).any()
    return Targets.soft(values) if fractions else Targets.multilabel(values)


def examples(texts: Any, targets: Any, weights: Floats | None = None) -> Examples:
    """Lists of tokens, or of token ids, with their targets."""
    if not isinstance(texts, EncodedTexts):
        are_ids = len(texts) and isinstance(texts[0], np.ndarray)
        texts = texts_of(texts) if are_ids else as_encoded(texts)
    if not isinstance(targets, Targets):
        targets = targets_of(targets)
    return Examples(texts, targets, weights)

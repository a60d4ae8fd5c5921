"""A network that begins where a language model ended: its word vectors, and its layers if they fit.

What a language model learned of texts without labels is in the vectors of words and in the weights
by which it reads on. A network over the same kind of tokens takes the vector of every word that the
language model knows and, of the layers from the bottom up, all that have the same shape. Of a layer
that reads from both ends it is the first direction that begins so: a language model has no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import cast

import numpy as np

from textrnn.errors import UsageError
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.network import Network
from textrnn.storage.reading import load
from textrnn.text.tokenizers import Tokenizer, tokenizer_name
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Source:
    """A language model to begin from, and what it is called."""

    model: NetworkLanguageModel
    path: str | os.PathLike[str]

    def vectors(self, vocabulary: Vocabulary, rng: np.random.Generator) -> tuple[Floats, int]:
        """Vectors of a vocabulary, (V, D), and of how many of its words they are the model's.

        Others are drawn, as widely spread as the model's own are.

        Raises:
            UsageError: the model knows none of the words.
        """
        table = self.model.network.params[EMBEDDING]
        known = self.model.vocabulary.index
        found = np.array([known.get(word, -1) for word in vocabulary.tokens])
        there = found >= 0
        if not there[1:].any():
            raise UsageError(
                Parameter("init_from"),
                f" is {quoted(self.path)}, which knows none of the {len(vocabulary) - 1:,} words "
                "of the texts; give a language model of such texts.",
            )
        vectors = rng.normal(0.0, table.std(), (len(vocabulary), table.shape[1]))
        vectors[there] = table[found[there]]
        return vectors.astype(table.dtype), int(there[1:].sum())

    def take_layers(self, network: Network) -> int:
        """Give a network the weights of the lowest layers that fit; return how many they are."""
        own, theirs = network.body, self.model.network.body
        if (own.name, own.cell) != (theirs.name, theirs.cell):
            return 0
        pairs = zip(range(len(own.layers)), range(len(theirs.layers)), strict=False)
        for number, _ in pairs:
            to, by = own.layer(number), theirs.layer(number)
            if any(_but_directions(to[name]) != _but_directions(by[name]) for name in by):
                return number
            for name, value in by.items():
                to[name][:, :1] = value
        return min(len(own.layers), len(theirs.layers))

    def told(self, network: Network, vocabulary: Vocabulary, n_words: int, n_layers: int) -> str:
        """A line about what was taken, and what was not."""
        line = (
            f"from {quoted(self.path)}: the vectors of {n_words:,} of {len(vocabulary) - 1:,} words"
        )
        n, theirs = len(network.body.layers), len(self.model.network.body.layers)
        if n_layers:
            first = " (the first direction of each)" if network.config.bidirectional else ""
            line += f", and the weights of {n_layers} of {n} layers{first}"
        if n_layers < min(n, theirs):
            config = self.model.network.config
            line += (
                f"; the others do not fit, as the language model has {theirs} layers of "
                f"{config.hidden_size} units of {config.cell}, one way"
            )
        return line


def source_of(path: str | os.PathLike[str], tokenizer: Tokenizer) -> Source:
    """The language model of a folder, to begin from.

    Raises:
        ModelError: the folder is missing, damaged, or of another kind.
        UsageError: it reads other tokens than those of the tokenizer, or words without vectors.
    """
    model = cast("NetworkLanguageModel", load(path, "language model"))
    if model.tokenizer != tokenizer:
        raise UsageError(
            Parameter("init_from"),
            f" is {quoted(path)}, which reads other tokens ({_named(model.tokenizer)}) than are "
            f"read here ({_named(tokenizer)}); choose the same ",
            Parameter("tokenizer"),
            " and ",
            Parameter("lowercase"),
            ".",
        )
    if EMBEDDING not in model.network.params:
        raise UsageError(
            Parameter("init_from"),
            f" is {quoted(path)}, whose words have no vectors to begin with.",
        )
    return Source(model, path)


def _but_directions(value: Floats) -> tuple[int, ...]:
    """The shape (G, S, ...) of a layer's weights without S."""
    return value.shape[:1] + value.shape[2:]


def _named(tokenizer: Tokenizer) -> str:
    """What a tokenizer is called, and whether it keeps case."""
    name = tokenizer_name(tokenizer) or "one of your own"
    return name if getattr(tokenizer, "lowercase", True) else f"{name}, case kept"

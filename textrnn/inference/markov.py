"""Markov chains as a language model: text in, probabilities out, one chain for each label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from textrnn.inference.language import encode
from textrnn.inference.protocol import Contents
from textrnn.linear.markov import Chain, Fitted, fit_chains
from textrnn.linear.markov_counts import Level, smallest
from textrnn.system.runs import pieces
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ints, Params


class ChainState(NamedTuple):
    """What is remembered of n texts of which something was read.

    Attributes:
        labels: of each text, the number of its chain, shape (n,).
        histories: shape (n, order - 1); see ``linear.markov.Chain.begin``.
    """

    labels: Ints
    histories: Ints


@dataclass(frozen=True)
class MarkovModel:
    """Tokenizer, vocabulary, and a Markov chain over its words, or one for each label.

    Attributes:
        tokenizer: text to tokens.
        vocabulary: tokens to ids.
        chains: one, or one for each label, all of the same order.
        labels: what texts are conditioned on; none if they are not.
        label_shares: of the training texts, (C,).
        max_length: None: a text is read from its beginning to its end.
        settings: how it was trained, for those who look inside.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    chains: tuple[Chain, ...]
    labels: tuple[str, ...] = ()
    label_shares: Floats = field(default_factory=lambda: np.zeros(0))
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, as all models call them."""
        return self.labels

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

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        """Texts with ids of the vocabulary, an empty one without any."""
        return encode(self.tokenizer, self.vocabulary, texts, self.max_length)

    def log_probabilities(self, texts: EncodedTexts, labels: Ints | None = None) -> Floats:
        """The natural logarithm of the probability of every word, and of each text's end.

        See ``language.LanguageModel``.
        """
        found = np.empty(texts.n_tokens + len(texts))
        starts = texts.starts + np.arange(len(texts) + 1)
        for chain, rows in self._by_chain(self._chain_of(len(texts), labels)):
            some = texts.take(rows)
            places = pieces(starts[rows], some.lengths + 1)
            found[places] = chain.log_probabilities(some.ids, some.starts)
        return found

    def begin(self, n: int, labels: Ints | None = None) -> ChainState:
        """The state of n texts of which nothing was read yet, with their labels, (n,)."""
        return ChainState(self._chain_of(n, labels), self.chains[0].begin(n))

    def next(self, state: ChainState) -> Floats:
        """The logarithm of the probability of each word to be the next one, and of the end."""
        found = np.empty((len(state.labels), len(self.vocabulary) + 1))
        for chain, rows in self._by_chain(state.labels):
            found[rows] = np.log(chain.next(state.histories[rows]))
        return found

    def push(self, state: ChainState, ids: Ints) -> ChainState:
        """The state after one more word of each text; the given one stays as it was."""
        histories = np.empty_like(state.histories)
        for chain, rows in self._by_chain(state.labels):
            histories[rows] = chain.push(state.histories[rows], ids[rows])
        return ChainState(state.labels, histories)

    def take(self, state: ChainState, rows: Ints) -> ChainState:
        """The state of some of the texts, by their numbers."""
        return ChainState(state.labels[rows], state.histories[rows])

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Model``."""
        config = {
            "order": self.order,
            "n_words": len(self.vocabulary),
            "label_shares": self.label_shares.tolist(),
        }
        arrays, vocabulary = arrays_of(self.chains), self.vocabulary.dumps()
        write(Contents({"markov": config}, arrays, vocabulary=vocabulary))

    def _chain_of(self, n: int, labels: Ints | None) -> Ints:
        """The number of the chain of each of n texts.

        Raises:
            ValueError: there are labels and the model has none, or the other way round.
        """
        if (labels is not None) != bool(self.labels):
            has = "has labels, but none are" if self.labels else "has no labels, but some are"
            raise ValueError(f"the model {has} given")
        return np.zeros(n, dtype=np.int64) if labels is None else labels

    def _by_chain(self, numbers: Ints) -> list[tuple[Chain, Ints]]:
        """Each chain that some texts have, and which they are."""
        return [(self.chains[c], np.flatnonzero(numbers == c)) for c in np.unique(numbers).tolist()]


def fit_models(
    texts: EncodedTexts, labels: Ints | None = None, *, n_labels: int = 0, orders: Sequence[int]
) -> dict[int, tuple[Fitted, ...]]:
    """Chains of some orders, one for each label, from texts that are counted once.

    Args:
        texts: with ids of a vocabulary, its words.
        labels: the number of each text's label, shape (n_texts,), of which each must have a text;
            None if there are none.
        n_labels: how many there are.
        orders: of the chains.
    """
    n_marks = len(texts.words) + 1
    parts = [texts] if labels is None else [texts.take(labels == c) for c in range(n_labels)]
    each = [fit_chains(part.ids, part.starts, n_marks=n_marks, orders=orders) for part in parts]
    return {order: tuple(fitted[order] for fitted in each) for order in orders}


def arrays_of(chains: Sequence[Chain]) -> Params:
    """What a file holds of some chains: the inverse of ``chains_of``."""
    arrays: dict[str, Any] = {}
    for c, chain in enumerate(chains):
        arrays[f"{c}.discounts"] = chain.discounts
        arrays[f"{c}.counts.1"] = smallest(chain.firsts)
        for n, level in enumerate(chain.levels, 2):
            arrays[f"{c}.followers.{n}"] = smallest(np.diff(level.starts))
            arrays[f"{c}.words.{n}"] = level.words
            arrays[f"{c}.counts.{n}"] = level.counts
    return arrays


def chains_of(arrays: Params, *, n_chains: int, order: int) -> tuple[Chain, ...]:
    """The chains whose n-grams some arrays hold; they must be sound."""
    return tuple(_chain_of(arrays, c, order) for c in range(n_chains))


def _chain_of(arrays: dict[str, Any], c: int, order: int) -> Chain:
    levels = []
    for n in range(2, order + 1):
        followers = arrays[f"{c}.followers.{n}"]
        starts = np.zeros(len(followers) + 1, dtype=np.int64)
        np.cumsum(followers, out=starts[1:])
        levels.append(Level(starts, arrays[f"{c}.words.{n}"], arrays[f"{c}.counts.{n}"]))
    return Chain(arrays[f"{c}.counts.1"], tuple(levels), arrays[f"{c}.discounts"])

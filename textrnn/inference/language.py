"""What every language model can do, a network or a Markov chain, and what its numbers say of texts.

A language model gives every word of a text a probability, by the words before it, and the end of
the text one as well. What is asked of one, which text is the better one, what comes next, a text
of its own, needs no more of it than the protocol here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from textrnn.errors import UsageError, did_you_mean
from textrnn.inference.protocol import Contents
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, read_texts
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Counts, Floats, Ints
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import listed, quoted

State: TypeAlias = Any
"""What a model remembers of some texts that it reads side by side; each has a form of its own."""


class LanguageModel(Protocol):
    """A tokenizer, a vocabulary, and the probability of every word that may come next.

    Words have the ids of the vocabulary, 0 of which is all words that are unknown. The end of a
    text is one mark more, ``len(vocabulary)``. A conditioned model has labels, and what it says
    of a text depends on the label, which is given by its number among them.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to tokens."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Tokens to ids."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What texts are conditioned on; none if they are not."""

    @property
    def label_shares(self) -> Floats:
        """The share of the training texts that had each label, shape (C,), adding up to one."""

    @property
    def max_length(self) -> int | None:
        """Words read of each text, counted from its beginning; None reads all."""

    @property
    def settings(self) -> dict[str, Any]:
        """How it was trained, for those who look inside."""

    def encode(self, texts: Iterable[Text]) -> EncodedTexts:
        """Texts with ids of the vocabulary, an empty one without any; see ``encode``."""

    def log_probabilities(self, texts: EncodedTexts, labels: Ints | None = None) -> Floats:
        """The natural logarithm of the probability of every word, and of each text's end.

        Args:
            texts: as ``encode`` gives them.
            labels: of each text, shape (n_texts,), if the model has any; None if not.

        Returns:
            shape (n_tokens + n_texts,): words and end of one text after those of the other.
        """

    def begin(self, n: int, labels: Ints | None = None) -> State:
        """The state of n texts of which nothing was read yet, with their labels, shape (n,)."""

    def next(self, state: State) -> Floats:
        """The logarithm of the probability of each word to be the next one, and of the end.

        Shape (n, V + 1), the end last.
        """

    def push(self, state: State, ids: Ints) -> State:
        """The state after one more word of each text, shape (n,); the given one stays as it was."""

    def take(self, state: State, rows: Ints) -> State:
        """The state of some of the texts, by their numbers, which may come more than once."""

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Classifier``."""


def encode(
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    texts: Iterable[Text],
    max_length: int | None = None,
) -> EncodedTexts:
    """Texts with ids of a vocabulary, 0 for unknown words; an empty text has none.

    A classifier must read a word of each text. A language model need not: it knows the end.
    """
    tokens = read_texts(tokenizer, texts, max_length)
    if tokens.words is vocabulary.tokens:
        return tokens
    ids = vocabulary.encode(tokens.words)[tokens.ids]
    return EncodedTexts(ids, tokens.starts, vocabulary.tokens)


class Scores(NamedTuple):
    """What a model says of each of n texts.

    Attributes:
        n_tokens: words and one end, int64 of shape (n,).
        n_unknown: of the words, int64 of shape (n,).
        log_probability: of all of them, natural, float64 of shape (n,).
    """

    n_tokens: Counts
    n_unknown: Counts
    log_probability: Floats

    @property
    def perplexity(self) -> Floats:
        """exp(-log_probability / n_tokens), shape (n,): of how many words it was a choice."""
        with np.errstate(over="ignore"):
            perplexity: Floats = np.exp(-self.log_probability / self.n_tokens)
        return perplexity

    @property
    def figures(self) -> Figures:
        """The figures of all texts together; there must be one."""
        n_tokens = int(self.n_tokens.sum())
        bits = float(-self.log_probability.sum()) / n_tokens / math.log(2.0)
        n_words = n_tokens - len(self.n_tokens)
        return Figures(
            perplexity=2.0**bits if bits < 1024.0 else math.inf,
            bits_per_token=bits,
            n_tokens=n_tokens,
            unknown=int(self.n_unknown.sum()) / max(n_words, 1),
        )


class Figures(NamedTuple):
    """What a model says of a corpus.

    Attributes:
        perplexity: exp of the mean of -ln p over all tokens.
        bits_per_token: the mean of -log2 p.
        n_tokens: words, and one end a text.
        unknown: the share of the words that are unknown; all of them count as one type.
    """

    perplexity: float
    bits_per_token: float
    n_tokens: int
    unknown: float


def score(
    model: LanguageModel,
    texts: Iterable[Text],
    *,
    label: str | None = None,
    labels: Ints | None = None,
) -> Scores:
    """The log-probability of each text.

    Of a conditioned model, and without labels, a text's probability is that of its being written
    under any label: the mean over the labels, weighed by their shares.

    Args:
        model: a language model.
        texts: any number.
        label: of all of them.
        labels: that of each by its number, (n_texts,); instead of ``label``.

    Raises:
        UsageError: the model does not know the label, or knows none at all.
    """
    encoded = model.encode(texts)
    starts = encoded.starts
    n = len(encoded)
    unknown_before = np.concatenate([[0], np.cumsum(encoded.ids == 0)])
    n_unknown = unknown_before[starts[1:]] - unknown_before[starts[:-1]]
    number = label_number(model, label)
    if number is not None:
        labels = np.full(n, number)
    if labels is not None or not model.labels:
        found = _of_texts(model, encoded, labels)
    else:
        shares = _log_shares(model)
        each = [_of_texts(model, encoded, np.full(n, c)) for c in range(len(model.labels))]
        found = np.logaddexp.reduce(np.stack(each) + shares[:, np.newaxis], axis=0)
    return Scores(encoded.lengths + 1, n_unknown, found)


def joined_scores(parts: Iterable[Scores]) -> Scores:
    """The scores of all texts of some parts, of which there must be one."""
    return Scores(*map(np.concatenate, zip(*parts, strict=True)))


def _of_texts(model: LanguageModel, texts: EncodedTexts, labels: Ints | None) -> Floats:
    """The log-probability of each text, its end included, float64 of shape (n_texts,)."""
    if not len(texts):
        return np.zeros(0)
    each = np.asarray(model.log_probabilities(texts, labels), dtype=np.float64)
    # Every text has its end, so that no piece is empty.
    sums: Floats = np.add.reduceat(each, texts.starts[:-1] + np.arange(len(texts)))
    return sums


def label_number(model: LanguageModel, label: str | None) -> int | None:
    """The number of a label among a model's, None for None.

    Raises:
        UsageError: the model does not know it.
    """
    if label is None:
        return None
    if not model.labels:
        raise UsageError(
            Parameter("label"),
            f" is {quoted(label)}, but the model was not trained on labels; leave it out.",
        )
    if label not in model.labels:
        raise UsageError(
            Parameter("label"),
            f" is {quoted(label)}, but the model has {listed(model.labels)}."
            f"{did_you_mean(label, model.labels)}",
        )
    return model.labels.index(label)


def _log_shares(model: LanguageModel) -> Floats:
    """The logarithm of each label's share, shape (C,); -inf of one that no text had."""
    with np.errstate(divide="ignore"):
        shares: Floats = np.log(np.asarray(model.label_shares, dtype=np.float64))
    return shares


class Reading(NamedTuple):
    """The beginning of a text as it was read, under one label or each of them.

    Attributes:
        state: of one text, or of C, one for each label.
        shares: how probable each of the labels is, now that so much was read, shape (C,); (1,) of
            one text.
        labels: the number of each, or None if the model has no labels.
    """

    state: State
    shares: Floats
    labels: Ints | None


def read(model: LanguageModel, beginning: Text, *, label: str | None = None) -> Reading:
    """Read the beginning of a text, none of which is its end.

    Of a conditioned model, and without a label, the beginning says how probable each label is.

    Raises:
        UsageError: the model does not know the label, or knows none at all.
    """
    encoded = model.encode([beginning])
    number = label_number(model, label)
    labels = np.arange(len(model.labels)) if model.labels else None
    if number is not None:
        labels = np.array([number])
    n = 1 if labels is None else len(labels)
    state = model.begin(n, labels)
    for word in encoded.ids.tolist():
        state = model.push(state, np.full(n, word))
    if n == 1 or labels is None:
        return Reading(state, np.ones(1), labels)
    logs = _log_shares(model)
    if encoded.n_tokens:
        of_words = [model.log_probabilities(encoded, labels[c : c + 1])[:-1] for c in range(n)]
        logs = logs + np.sum(of_words, axis=1, dtype=np.float64)
    shares = np.exp(logs - logs.max())
    return Reading(state, shares / shares.sum(), labels)

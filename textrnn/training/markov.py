"""The fit of Markov chains, of an order that is given or that held-out texts choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from textrnn.inference.language import encode, score
from textrnn.inference.markov import MarkovModel, fit_models
from textrnn.linear.markov import Fitted
from textrnn.text.encoded import EncodedTexts, concatenated
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Ints

ORDERS = (1, 2, 3, 4, 5)
"""Those that are tried where none is given."""


class ChainTexts(NamedTuple):
    """Tokenised texts, and the number of each one's label, shape (n_texts,), or None."""

    tokens: EncodedTexts
    labels: Ints | None = None


class MarkovFit(NamedTuple):
    """What came of a fit.

    Attributes:
        model: of the order that was chosen, or given.
        perplexities: on the held-out texts, by the orders that were tried; empty if there was
            nothing to choose.
    """

    model: MarkovModel
    perplexities: dict[int, float]


def fit_markov(
    train: ChainTexts,
    held_out: ChainTexts | None,
    *,
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    labels: tuple[str, ...] = (),
    orders: Sequence[int] = ORDERS,
    settings: dict[str, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> MarkovFit:
    """Fit chains, one for each label.

    Of several orders the one of the least perplexity on the held-out texts is taken. These are
    then learned from, too: they had no other part in what was learned.

    Args:
        train: texts to learn from.
        held_out: others, or None if there is one order.
        tokenizer: that cut them.
        vocabulary: the words that are told apart.
        labels: what the texts are conditioned on, each of which some text has.
        orders: to choose from.
        settings: that the model keeps.
        say: is told what was tried, and of discounts that could not be estimated.
    """
    parts = [_encoded(vocabulary, part) for part in (train, held_out) if part is not None]
    found: dict[int, float] = {}
    if len(orders) > 1:
        assert held_out is not None, "an order is chosen on held-out texts"
        for order, fitted in _fit(parts[:1], labels, orders).items():
            chains = tuple(one.chain for one in fitted)
            model = MarkovModel(tokenizer, vocabulary, chains, labels, _shares(parts[:1], labels))
            found[order] = score(model, parts[1].tokens, labels=parts[1].labels).figures.perplexity
            say(f"Markov chain of order {order}: held-out perplexity {found[order]:,.2f}")
    best = min(orders, key=lambda order: (found.get(order, 0.0), order))
    fitted = _fit(parts, labels, [best])[best]
    _tell_fallbacks(fitted, labels, say)
    model = MarkovModel(
        tokenizer,
        vocabulary,
        tuple(one.chain for one in fitted),
        labels,
        _shares(parts, labels),
        settings={**(settings or {}), "markov": best},
    )
    return MarkovFit(model, found)


def _encoded(vocabulary: Vocabulary, texts: ChainTexts) -> ChainTexts:
    return texts._replace(tokens=encode(list, vocabulary, texts.tokens))


def _fit(
    parts: Sequence[ChainTexts], labels: tuple[str, ...], orders: Sequence[int]
) -> dict[int, tuple[Fitted, ...]]:
    """Chains of all parts together; see ``inference.markov.fit_models``."""
    texts = concatenated([part.tokens for part in parts])
    return fit_models(texts, _numbers(parts, labels), n_labels=len(labels), orders=orders)


def _numbers(parts: Sequence[ChainTexts], labels: tuple[str, ...]) -> Ints | None:
    """The labels of all parts, one after the other; None if there are none."""
    if not labels:
        return None
    return np.concatenate([part.labels for part in parts if part.labels is not None])


def _shares(parts: Sequence[ChainTexts], labels: tuple[str, ...]) -> Any:
    """The share of each label among the texts of all parts, shape (C,)."""
    numbers = _numbers(parts, labels)
    if numbers is None:
        return np.zeros(0)
    return np.bincount(numbers, minlength=len(labels)) / len(numbers)


def _tell_fallbacks(
    fitted: Sequence[Fitted], labels: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Say of which orders the discounts are not the texts' own."""
    for i, (_, orders) in enumerate(fitted):
        if orders:
            of = f" of the label {labels[i]}" if labels else ""
            which = ", ".join(map(str, orders))
            say(
                f"note: Markov chain{of}: too few counts of 1, 2 and 3 for the discounts of order "
                f"{which}; usual ones are taken"
            )

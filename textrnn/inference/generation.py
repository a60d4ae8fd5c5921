"""What a language model says comes next, and the texts that it writes, a word drawn at a time.

Each text is drawn with a generator of its own, so that the third text of a seed is the same
however many are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textrnn.errors import UsageError
from textrnn.inference.language import LanguageModel, Reading, State, read
from textrnn.inference.strengthened import Strengthened
from textrnn.system.numerals import is_real, is_whole
from textrnn.text.joining import join_words
from textrnn.text.reading import Text, read_texts
from textrnn.typing import Bools, Counts, Floats, Ints
from textrnn.wording.messages import stated

TOGETHER = 256
"""Texts that are written side by side."""
AT_ONCE = 64
"""Chances that are drawn together of each of them."""
MAX_TOKENS = 200
"""Words of a text, if nothing else is said."""

STRENGTH = 1.0
"""Of a label, if nothing else is said. Of 120 reviews of IMDB written at 0, 78 of a hundred were
taken for their label by a classifier of others, and 93 at 1; as many pairs of words differed."""


class NextWords(NamedTuple):
    """What may come after the beginning of a text.

    Attributes:
        words: the most probable ones, with their probabilities, the most probable first.
        end: the probability that the text is over.
        unknown: that of all words that the model does not know, together.
    """

    words: list[tuple[str, float]]
    end: float
    unknown: float


def next_words(
    model: LanguageModel, beginning: Text, *, top_k: int | None = None, label: str | None = None
) -> NextWords:
    """The words that may come next, all of them if ``top_k`` is None.

    Of a conditioned model, and without a label, each label has its say, as far as the beginning
    makes it probable.

    Raises:
        UsageError: ``top_k`` is below 1, or the model does not know the label.
    """
    Sampling(top_k=top_k)
    reading = read(model, beginning, label=label)
    logs = np.asarray(model.next(reading.state), dtype=np.float64)
    probabilities = reading.shares @ np.exp(logs)
    order = np.argsort(-probabilities[1:-1], kind="stable")[:top_k] + 1
    words = model.vocabulary.decode(order)
    return NextWords(
        list(zip(words, probabilities[order].tolist(), strict=True)),
        end=float(probabilities[-1]),
        unknown=float(probabilities[0]),
    )


@dataclass(frozen=True)
class Sampling:
    """How a word is drawn: by its probability, p, or something sharper.

    Attributes:
        temperature: a word is drawn in proportion to p ** (1 / temperature); at 0 the most
            probable one is taken.
        top_k: only so many words may be drawn, the most probable; None for all.
        top_p: only the fewest words that have this probability together may, the nucleus
            (Holtzman et al. 2020); None for all. It is taken of what the others leave.

    Raises:
        UsageError: a number is out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not is_real(self.temperature) or not 0.0 <= self.temperature < np.inf:
            raise UsageError(
                stated("temperature", self.temperature), ", but must be a number, 0 or more."
            )
        if self.top_k is not None and (not is_whole(self.top_k) or self.top_k < 1):
            raise UsageError(stated("top_k", self.top_k), ", but must be a whole number from 1.")
        if self.top_p is not None and not (is_real(self.top_p) and 0.0 < self.top_p <= 1.0):
            raise UsageError(stated("top_p", self.top_p), ", but must be above 0 and at most 1.")

    def weights(self, log_probabilities: Floats) -> Floats:
        """How likely each word is to be drawn, of the largest weight 1; the unknown one never is.

        Args:
            log_probabilities: natural, shape (n, V + 1).

        Returns:
            float64 of the same shape.
        """
        logs = np.array(log_probabilities, dtype=np.float64)
        logs[:, 0] = -np.inf
        logs -= logs.max(axis=1, keepdims=True)
        if self.temperature == 0.0:
            return _first(logs, np.ones(len(logs), dtype=np.int64)).astype(np.float64)
        weights: Floats = np.exp(logs / self.temperature)
        if self.top_k is not None and self.top_k < weights.shape[1]:
            weights *= _first(weights, np.full(len(weights), self.top_k))
        if self.top_p is not None and self.top_p < 1.0:
            reached = np.cumsum(-np.sort(-weights, axis=1), axis=1)
            enough = reached < self.top_p * reached[:, -1:]
            weights *= _first(weights, 1 + enough.sum(axis=1))
        return weights


def _first(values: Floats, k: Counts) -> Bools:
    """Which are among the k largest of their row; of equal ones those come first that stand first.

    Args:
        values: shape (n, m).
        k: from 1 to m, shape (n,).
    """
    if (k == 1).all():  # no need to sort
        first: Bools = values.argmax(axis=1)[:, np.newaxis] == np.arange(values.shape[1])
        return first
    last = -np.sort(-values, axis=1)[np.arange(len(values)), k - 1][:, np.newaxis]
    above, equal = values > last, values == last
    room = k - above.sum(axis=1)
    chosen: Bools = above | (equal & (np.cumsum(equal, axis=1) <= room[:, np.newaxis]))
    return chosen


def draw(weights: Floats, uniform: Floats) -> Ints:
    """The column that each row's number picks, shape (n,): each as often as its weight says.

    Args:
        weights: shape (n, m), one of each row above 0.
        uniform: from 0 up to but not with 1, shape (n,).
    """
    reached = np.cumsum(weights, axis=1)
    total = reached[:, -1]
    target = np.minimum(uniform * total, np.nextafter(total, 0.0))  # the product is rounded
    chosen: Ints = (reached <= target[:, np.newaxis]).sum(axis=1)
    return chosen


class Written(NamedTuple):
    """A text that a model wrote.

    Attributes:
        text: its beginning and what the model wrote on.
        words: those that the model wrote, without the beginning.
        label: under which it was written; None if the model has no labels.
        ended: whether the model ended it; if not, it had the most words that were allowed.
    """

    text: str
    words: list[str]
    label: str | None
    ended: bool


def generate(
    model: LanguageModel,
    n: int = 1,
    *,
    beginning: Text = "",
    max_tokens: int = MAX_TOKENS,
    sampling: Sampling | None = None,
    label: str | None = None,
    strength: float | None = None,
    seed: int = 0,
) -> Iterator[Written]:
    """Write texts, one after the other.

    Args:
        model: a language model.
        n: texts to write.
        beginning: of each text, which is read first.
        max_tokens: words that are written of a text at most.
        sampling: how words are drawn; by default by their probabilities.
        label: of a conditioned model. Without one each text gets a label by chance, by their
            shares and by what the beginning says of them.
        strength: of a conditioned model, how much it counts what a word tells of the label; see
            ``strengthened``. None is ``STRENGTH``.
        seed: of all draws.

    Raises:
        UsageError: a number is out of its range, or the model does not know the label.
    """
    for name, value, least in (("n", n, 0), ("max_tokens", max_tokens, 0), ("seed", seed, 0)):
        if not is_whole(value) or value < least:
            raise UsageError(stated(name, value), f", but must be a whole number from {least}.")
    if strength is not None and not (is_real(strength) and 0.0 <= strength < np.inf):
        raise UsageError(stated("strength", strength), ", but must be a number, 0 or more.")
    if strength is not None and not model.labels:
        raise UsageError(
            stated("strength", strength),
            ", but the model was not trained on labels; leave it out.",
        )
    if model.labels and strength != 0.0:
        model = Strengthened(model, STRENGTH if strength is None else strength)
    (words,) = read_texts(model.tokenizer, [beginning], model.max_length)
    reading = read(model, words, label=label)
    sampling = sampling or Sampling()
    return _in_groups(model, n, reading, words, sampling, max_tokens, seed)


def _in_groups(
    model: LanguageModel,
    n: int,
    reading: Reading,
    beginning: list[str],
    sampling: Sampling,
    max_tokens: int,
    seed: int,
) -> Iterator[Written]:
    """Write n texts, some at a time; see ``generate``."""
    for first in range(0, n, TOGETHER):
        numbers = range(first, min(first + TOGETHER, n))
        chances = _chances([np.random.default_rng([seed, i]) for i in numbers])
        shares = np.broadcast_to(reading.shares, (len(numbers), len(reading.shares)))
        under = draw(shares, next(chances))
        state = model.take(reading.state, under)
        written, ended = _write(model, state, sampling, chances, n=len(numbers), most=max_tokens)
        for row, ids in enumerate(written):
            words = model.vocabulary.decode(np.array(ids, dtype=np.int64))
            label = None if reading.labels is None else model.labels[reading.labels[under[row]]]
            text = join_words(model.tokenizer, [*beginning, *words])
            yield Written(text, words, label, bool(ended[row]))


def _chances(generators: Sequence[np.random.Generator]) -> Iterator[Floats]:
    """A chance of each text, shape (n,), again and again: as many are drawn as are asked for."""
    while True:
        yield from np.stack([each.random(AT_ONCE) for each in generators], axis=1)


def _write(
    model: LanguageModel,
    state: State,
    sampling: Sampling,
    chances: Iterator[Floats],
    *,
    n: int,
    most: int,
) -> tuple[list[list[int]], Bools]:
    """Write on from n states, each with chances of its own, the most words that are allowed.

    Returns:
        ids of the words of each text, and whether it ended, shape (n,).
    """
    rows, end = np.arange(n), len(model.vocabulary)
    ids: list[list[int]] = [[] for _ in range(n)]
    ended = np.zeros(n, dtype=bool)
    for step in range(most):
        chosen = draw(sampling.weights(model.next(state)), next(chances)[rows])
        goes_on = chosen != end
        over = rows[~goes_on]
        ended[over] = True
        if len(over):
            rows, chosen = rows[goes_on], chosen[goes_on]
            if not len(rows):
                break
            state = model.take(state, np.flatnonzero(goes_on))
        for row, word in zip(rows.tolist(), chosen.tolist(), strict=True):
            ids[row].append(word)
        if step + 1 < most:
            state = model.push(state, chosen)
    return ids, ended

"""A bag of words as a saved model: text in, probabilities out, without scikit-learn.

All linear classifiers over n-grams of words are one form: what an n-gram counts for in its
text, times its weights, summed, made probabilities. That form is kept and nothing of how it
was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from textrnn.errors import UsageError
from textrnn.evaluation.thresholds import decide
from textrnn.inference.protocol import Contents
from textrnn.linear.hashing import word_ngrams
from textrnn.nn.losses import softmax
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, read_texts
from textrnn.text.tokenizers import Tokenizer
from textrnn.typing import Floats, Ints, Keys
from textrnn.wording.quoting import quoted

COUNTS, PRESENCE, TFIDF = "counts", "presence", "tfidf"


@dataclass(frozen=True)
class LinearForm:
    """What the numbers of a linear model mean.

    Attributes:
        name: of the baseline it was, as ``nbsvm``.
        max_n: words of the longest n-gram.
        value: what an n-gram that stands c times in a text counts for: c (``counts``), 1
            (``presence``), or (1 + log c) times its ``scale``, all values of a text divided
            by their Euclidean length (``tfidf``).
        one_against_rest: of three classes or more each is a logistic regression of its own,
            and their probabilities are divided by their sum; otherwise softmax.
    """

    name: str
    max_n: int
    value: str
    one_against_rest: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class LinearModel:
    """A tokenizer, weights of n-grams and class labels.

    Attributes:
        tokenizer: text to tokens.
        classes: the label of each class, in the order of the probabilities' columns.
        form: how values, logits and probabilities are made.
        keys: hashes of the n-grams that have weights, ascending, uint64 of shape (n,). All 64
            bits, as a million known n-grams of 40 would be mistaken for others now and then.
        weights: float32 of shape (n, K): K is the number of classes, or 1 for two of them, of
            which the weights are for the second.
        bias: float64 of shape (K,).
        scale: float32 of shape (n,); empty unless ``form.value`` is ``tfidf``.
        settings: how it was trained, for those who look inside.
        threshold: see ``thresholds.decide``.
    """

    tokenizer: Tokenizer
    classes: tuple[str | int | float | bool, ...]
    form: LinearForm
    keys: Keys
    weights: Floats
    bias: Floats
    scale: Floats
    settings: dict[str, Any] = field(default_factory=dict)
    threshold: float | None = None

    max_length = None
    multilabel = False
    dtype = np.dtype(np.float64)

    def __post_init__(self) -> None:
        n, K = len(self.keys), len(self.classes) if len(self.classes) > 2 else 1
        scales = n if self.form.value == TFIDF else 0
        shapes = (self.weights.shape, self.bias.shape, self.scale.shape)
        if shapes != ((n, K), (K,), (scales,)) or self.form.value not in (COUNTS, PRESENCE, TFIDF):
            raise UsageError(
                f"a linear model of {n} n-grams and {len(self.classes)} classes cannot have "
                f"arrays of shapes {shapes} and values {quoted(self.form.value)}."
            )

    @property
    def n_parameters(self) -> int:
        """Numbers that were learned."""
        return int(self.weights.size + self.bias.size + self.scale.size)

    def arrays(self) -> dict[str, Any]:
        """What a file holds."""
        return {name: getattr(self, name) for name in ("keys", "weights", "bias", "scale")}

    @classmethod
    def of(
        cls,
        form: Mapping[str, Any],
        arrays: Mapping[str, Any],
        *,
        tokenizer: Tokenizer,
        classes: Sequence[Any],
        settings: dict[str, Any],
        threshold: float | None = None,
    ) -> LinearModel:
        """The inverse of ``form.to_dict`` and ``arrays``."""
        return cls(
            tokenizer,
            tuple(classes),
            LinearForm(**form),
            **arrays,
            settings=settings,
            threshold=threshold,
        )

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The tokens of each text; see ``read_texts``."""
        return read_texts(self.tokenizer, texts, self.max_length)

    def predict_proba(self, texts: Iterable[Text], *, workspace: Workspace | None = None) -> Floats:
        """Class probabilities, float64 of shape (n_texts, C); a workspace is not needed."""
        return softmax(self.predict_logits(texts, workspace=workspace))

    def predict_logits(
        self, texts: Iterable[Text], *, workspace: Workspace | None = None
    ) -> Floats:
        """What has the probabilities as its softmax, float64 of shape (n_texts, C)."""
        del workspace
        logits = self._logits(self.tokens(texts))
        if len(self.bias) == 1:
            return np.hstack([np.zeros_like(logits), logits])
        # In logs, where a probability that rounds to zero still has its digits.
        return -np.logaddexp(0.0, -logits) if self.form.one_against_rest else logits

    def decide(self, probabilities: Floats) -> Ints:
        """The answers; see ``thresholds.decide``."""
        return decide(probabilities, self.threshold)

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Classifier``."""
        config = {"linear": self.form.to_dict(), "threshold": self.threshold}
        write(Contents(config, self.arrays()))

    def _logits(self, texts: EncodedTexts) -> Floats:
        """Logits, float64 of shape (len(texts), K)."""
        n, K = len(texts), len(self.bias)
        sums, squares = np.zeros((n, K)), np.zeros(n)
        for hashes, rows in word_ngrams(texts, self.form.max_n):
            columns, rows, counts = self._counted(hashes, rows, n)
            values = self._values(counts, columns)
            squares += np.bincount(rows, values**2, minlength=n)
            for k in range(K):
                sums[:, k] += np.bincount(rows, values * self.weights[columns, k], minlength=n)
        if self.form.value == TFIDF:
            sums /= np.sqrt(np.where(squares > 0.0, squares, 1.0))[:, np.newaxis]
        return sums + self.bias

    def _counted(self, hashes: Keys, rows: Ints, n: int) -> tuple[Ints, Ints, Ints]:
        """Column, row and count of each known n-gram in each of n texts, all of shape (m,)."""
        if not len(self.keys):
            hashes, rows = hashes[:0], rows[:0]
        # The last key not above each hash, or the first one.
        columns = np.searchsorted(self.keys[1:], hashes, side="right")
        known = self.keys[columns] == hashes
        pairs, counts = np.unique(columns[known] * n + rows[known], return_counts=True)
        return pairs // max(n, 1), pairs % max(n, 1), counts

    def _values(self, counts: Ints, columns: Ints) -> Floats:
        """What n-grams that stand so often in a text count for, float64 of shape (n,)."""
        if self.form.value == PRESENCE:
            return np.ones(len(counts))
        if self.form.value == COUNTS:
            return counts.astype(np.float64)
        return (1.0 + np.log(counts)) * self.scale[columns]

"""Train a linear model over n-grams: naive Bayes ratios, then logistic regression.

Every feature is multiplied by its log-count ratio (Wang and Manning 2012), as in the NB-SVM
baseline, and the weights of a logistic regression are learned on top. The loss is convex:
nothing in it is random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array

from textrnn.linear.hashing import NGramKind, distinct_ngrams
from textrnn.linear.log_count_ratio import log_count_ratio
from textrnn.linear.ngram_model import NGramModel, find, text_sizes
from textrnn.nn.losses import SIGMOID, SOFTMAX
from textrnn.nn.targets import Targets
from textrnn.system.runs import runs
from textrnn.text.encoded import EncodedTexts
from textrnn.typing import Bools, Floats, Ints, Keys

MAX_STEPS = 60
ROUNDING = 1e-5
"""Share by which a sum of weights may miss a whole number."""


@dataclass(frozen=True)
class NGramFeatures:
    """Distinct n-grams of the training texts.

    Attributes:
        kind: which n-grams are looked at.
        keys: of the columns, ascending.
        matrix: ones, CSR of shape (texts, columns).
        sizes: square root of the number of distinct n-grams of each text, those without a
            column too, float32 of shape (texts,).
    """

    kind: NGramKind
    keys: Keys
    matrix: csr_array
    sizes: Floats

    def take(self, rows: Ints) -> NGramFeatures:
        """The features of some texts."""
        return NGramFeatures(self.kind, self.keys, self.matrix[rows], self.sizes[rows])


def ngram_features(
    texts: EncodedTexts,
    kind: NGramKind,
    *,
    max_features: int,
    min_df: int = 1,
    weights: Floats | None = None,
) -> NGramFeatures:
    """Extract the n-grams of some texts.

    Args:
        texts: tokenised.
        kind: which n-grams.
        max_features: if there are more, those that occur in the fewest texts are left out; of
            equals, those with the largest keys.
        min_df: texts that an n-gram must occur in; one of them that weighs more counts as more,
            but as no less than one: weights may be scaled to any mean.
        weights: of the texts, shape (n,), each of which counts as so many; None for ones.
    """
    blocks = list(distinct_ngrams(texts, kind))
    keys, n, df = _counted(blocks, weights)
    # Weights that were scaled do not add up to whole numbers.
    is_kept = np.maximum(n, df) >= min_df * (1.0 - ROUNDING)
    keys, df = keys[is_kept], df[is_kept]
    if len(keys) > max_features:
        keys = keys[np.sort(np.argsort(-df, kind="stable")[:max_features])]
    rows, columns = [], []
    counts = np.zeros(len(texts), dtype=np.int64)
    for of_block, their_rows in blocks:
        counts += np.bincount(their_rows, minlength=len(texts))
        places, known = find(of_block, keys)
        rows.append(their_rows[known].astype(np.int32))
        columns.append(places[known].astype(np.int32))
    blocks.clear()
    where = (np.concatenate(rows), np.concatenate(columns))
    ones = np.ones(len(where[0]), dtype=np.float32)
    matrix = csr_array((ones, where), shape=(len(texts), len(keys)))
    return NGramFeatures(kind, keys, matrix, text_sizes(counts))


def _counted(
    blocks: list[tuple[Keys, Ints]], weights: Floats | None = None
) -> tuple[Keys, Ints, Ints | Floats]:
    """All keys of sorted blocks, ascending, how often each occurs, and how often by weights."""
    keys = np.concatenate([np.zeros(0, np.uint64), *(keys for keys, _ in blocks)])
    if weights is not None:
        order = np.argsort(keys, kind="stable")
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for _, rows in blocks)])[order]
        keys = keys[order]
        begins, n = runs(keys)
        df = np.add.reduceat(weights[rows].astype(np.float64), begins) if len(begins) else begins
        return keys[begins], n, df
    if len(blocks) > 1:
        keys.sort()
    begins, n = runs(keys)
    return keys[begins], n, n


def fit_ngrams(
    features: NGramFeatures,
    targets: Targets,
    *,
    C: float,
    weights: Floats | None = None,
) -> NGramModel:
    """Fit the weights.

    Args:
        features: of the training texts.
        targets: of the texts, classes or labels.
        C: inverse strength of the L2 penalty, as in scikit-learn.
        weights: of the texts, shape (n,), each of which counts as so many; None for ones.
    """
    counts = features.matrix
    positive = _positive(targets)
    ratios = np.stack([log_count_ratio(counts, of_class, weights) for of_class in positive], axis=1)
    cells = np.repeat(1.0 / features.sizes, np.diff(counts.indptr))
    X = csr_array((cells, counts.indices, counts.indptr), shape=counts.shape)
    independent = targets.is_multilabel or targets.n_classes == 2
    problem = _Problem(X, ratios, np.stack(positive, axis=1), C, weights, independent=independent)
    n, K = ratios.shape
    solved = minimize(
        problem.loss_and_gradient,
        np.zeros((n + 1) * K),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_STEPS, "maxcor": 6, "ftol": 1e-7},
    )
    found = solved.x.reshape(n + 1, K)
    learned = (found[:-1] * ratios).astype(np.float32)
    return NGramModel(features.kind, features.keys, learned, found[-1].astype(np.float32))


def naive_bayes(
    features: NGramFeatures, targets: Targets, weights: Floats | None = None
) -> NGramModel:
    """The log-count ratios alone as weights: nothing is fitted, so nothing is overfitted.

    With ``weights`` (n,) a text counts as so many.
    """
    positive = _positive(targets)
    ratios = [log_count_ratio(features.matrix, of_class, weights) for of_class in positive]
    bias = np.zeros(len(ratios), dtype=np.float32)
    return NGramModel(features.kind, features.keys, np.stack(ratios, axis=1), bias)


def _positive(targets: Targets) -> list[Bools]:
    """Which texts are of a class, for each class; of two classes, for the second."""
    if targets.is_multilabel:
        return list(targets.values.T > 0)
    C = targets.n_classes
    return [targets.values == k for k in (range(C) if C > 2 else [1])]


class _Problem:
    """Logistic loss of columns that are independent, or else softmax loss; with an L2 penalty."""

    def __init__(
        self,
        X: csr_array,
        ratios: Floats,
        positive: Bools,
        C: float,
        weights: Floats | None,
        *,
        independent: bool,
    ) -> None:
        self.X, self.X_T = X, X.T.tocsr()
        self.ratios, self.penalty, self.weights = ratios, 1.0 / C, weights
        self.loss = SIGMOID.loss if independent else SOFTMAX.loss
        self.targets: Ints = positive.astype(np.int64) if independent else positive.argmax(axis=1)

    def loss_and_gradient(self, parameters: Floats) -> tuple[float, Floats]:
        """At weights (columns + 1, K), flattened; the last row is the bias."""
        parameters = parameters.reshape(-1, self.ratios.shape[1])
        w, bias = parameters[:-1], parameters[-1]
        z = self.X @ (w.astype(np.float32) * self.ratios) + bias
        loss, d_z = self.loss(z, self.targets, self.weights, batch_size=1)  # the sum, no mean
        d_w = (self.X_T @ d_z.astype(np.float32)) * self.ratios + self.penalty * w
        loss += 0.5 * self.penalty * float(np.vdot(w, w))
        return loss, np.vstack([d_w, d_z.sum(axis=0)]).ravel()

"""Train a linear model over n-grams: naive Bayes ratios, then logistic regression.

Every feature is multiplied by its log-count ratio (Wang and Manning 2012), as in the NB-SVM
baseline, and the weights of a logistic regression are learned on top. The loss is convex:
the result does not depend on chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array

from textrnn.ngram_model import NGramModel, find
from textrnn.text.ngram_keys import NGramKind, distinct_ngrams
from textrnn.text.tokenised import NumberedTexts
from textrnn.typing import Floats, Ints, Keys

SMOOTHING = 1.0
"""Added to every n-gram's count, so that one seen in a single class has a finite ratio."""
MAX_STEPS = 60


@dataclass(frozen=True)
class NGramFeatures:
    """Distinct n-grams of the training texts.

    Attributes:
        kind: which n-grams are looked at.
        keys: of the columns, ascending.
        matrix: ones, CSR of shape (texts, columns).
    """

    kind: NGramKind
    keys: Keys
    matrix: csr_array

    def take(self, rows: Ints) -> NGramFeatures:
        """The features of some texts."""
        return NGramFeatures(self.kind, self.keys, self.matrix[rows])


def ngram_features(
    texts: NumberedTexts, kind: NGramKind, *, max_features: int, min_df: int = 1
) -> NGramFeatures:
    """Extract the n-grams of some texts.

    Args:
        texts: tokenised.
        kind: which n-grams.
        max_features: if there are more, those that occur in the fewest texts are left out.
        min_df: texts that an n-gram must occur in.
    """
    blocks = list(distinct_ngrams(texts, kind))
    keys, df = _counted(blocks)
    if len(keys) > max_features:
        # The smallest frequency that leaves at most so many.
        at_least = np.cumsum(np.bincount(df)[::-1])[::-1]
        min_df = max(min_df, int(np.flatnonzero(at_least <= max_features)[0]))
    keys = keys[df >= min_df]
    rows, columns = [], []
    for of_block, their_rows in blocks:
        places, known = find(of_block, keys)
        rows.append(their_rows[known].astype(np.int32))
        columns.append(places[known].astype(np.int32))
    blocks.clear()
    where = (np.concatenate(rows), np.concatenate(columns))
    ones = np.ones(len(where[0]), dtype=np.float32)
    return NGramFeatures(kind, keys, csr_array((ones, where), shape=(len(texts), len(keys))))


def _counted(blocks: list[tuple[Keys, Ints]]) -> tuple[Keys, Ints]:
    """All keys of sorted blocks, ascending, and how often each occurs."""
    keys = np.concatenate([keys for keys, _ in blocks])
    if len(blocks) > 1:
        keys.sort()
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[begins], np.diff(begins, append=len(keys))


def fit_ngrams(
    features: NGramFeatures,
    targets: Ints,
    n_classes: int,
    *,
    C: float,
    weights: Floats | None = None,
) -> NGramModel:
    """Fit the weights.

    Args:
        features: of the training texts.
        targets: class numbers, shape (n,).
        n_classes: number of classes.
        C: inverse strength of the L2 penalty, as in scikit-learn.
        weights: of each text in the loss, shape (n,), or None.
    """
    counts = features.matrix
    positive = [targets == k for k in (range(n_classes) if n_classes > 2 else [1])]
    ratios = np.stack([_log_count_ratio(counts, of_class) for of_class in positive], axis=1)
    sizes = np.sqrt(np.maximum(np.diff(counts.indptr), 1)).astype(np.float32)
    cells = np.repeat(1.0 / sizes, np.diff(counts.indptr))
    X = csr_array((cells, counts.indices, counts.indptr), shape=counts.shape)
    problem = _Problem(X, ratios, np.stack(positive, axis=1), C, weights)
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


def _log_count_ratio(counts: csr_array, positive: Ints) -> Floats:
    """log((share of each n-gram in a class) / (share in the others)), shape (columns,)."""
    total = np.bincount(counts.indices, minlength=counts.shape[1])
    p = SMOOTHING + np.bincount(counts[positive].indices, minlength=counts.shape[1])
    q = 2 * SMOOTHING + total - p
    ratio: Floats = (np.log(p / p.sum()) - np.log(q / q.sum())).astype(np.float32)
    return ratio


class _Problem:
    """Logistic loss of two classes or softmax loss of more, with an L2 penalty."""

    def __init__(
        self, X: csr_array, ratios: Floats, positive: Ints, C: float, weights: Floats | None
    ) -> None:
        self.X, self.X_T = X, X.T.tocsr()
        self.ratios, self.positive, self.penalty = ratios, positive, 1.0 / C
        self.weights = np.ones((len(positive), 1)) if weights is None else weights[:, np.newaxis]

    def loss_and_gradient(self, parameters: Floats) -> tuple[float, Floats]:
        """At weights (columns + 1, K), flattened; the last row is the bias."""
        parameters = parameters.reshape(-1, self.ratios.shape[1])
        w, bias = parameters[:-1], parameters[-1]
        z = self.X @ (w.astype(np.float32) * self.ratios) + bias
        losses, d_z = _losses(z, self.positive)
        d_z = d_z * self.weights
        d_w = (self.X_T @ d_z.astype(np.float32)) * self.ratios + self.penalty * w
        loss = float((losses * self.weights[:, 0]).sum() + 0.5 * self.penalty * np.vdot(w, w))
        return loss, np.vstack([d_w, d_z.sum(axis=0)]).ravel()


def _losses(z: Floats, positive: Ints) -> tuple[Floats, Floats]:
    """Loss of each text in nats, and the gradient of its logits (n, K)."""
    if z.shape[1] == 1:
        losses = np.logaddexp(0.0, np.where(positive, -z, z))[:, 0]
        return losses, 0.5 * (1.0 + np.tanh(0.5 * z)) - positive
    shifted = z - z.max(axis=1, keepdims=True)
    log_norm = np.log(np.exp(shifted).sum(axis=1))
    return log_norm - (shifted * positive).sum(axis=1), np.exp(
        shifted - log_norm[:, np.newaxis]
    ) - positive

"""NB-SVM, the bag-of-words model that beat many a network (Wang & Manning 2012).

Each n-gram is weighted by how much more often it occurs in one class than in the
others, which is naive Bayes, and a linear classifier learns from these weighted
n-grams. As in Mesnil et al. 2015 the linear classifier is a logistic regression, so
that it gives probabilities; the interpolation of the first paper is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from textrnn.linear.log_count_ratio import log_count_ratio
from textrnn.typing import Bools, ClassWeight, Floats


def logistic_regression(*, C: float = 1.0, class_weight: ClassWeight = None) -> LogisticRegression:
    """Return the linear classifier of all baselines, with ``C`` as in scikit-learn.

    On IMDB's word counts and n-grams newton-cg took about half the time of liblinear for the
    same accuracy, and it works in the counts' own float32. Five to fifteen steps do;
    the limit is far away so that nobody reads a warning about convergence.
    """
    return LogisticRegression(C=C, class_weight=class_weight, solver="newton-cg", max_iter=1000)


class LogCountRatio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weights each column by the log-ratio of its shares in two classes.

    Column j is multiplied by ``ratio_[j]``; see `log_count_ratio`, whose smoothing ``alpha`` is.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(
        self, counts: csr_array, positive: Bools, sample_weight: Floats | None = None
    ) -> LogCountRatio:
        """Learn the ratios from counts of shape (B, columns) and booleans of shape (B,).

        A row of ``sample_weight`` k, shape (B,), counts as k rows.
        """
        positive = np.asarray(positive, dtype=bool)
        ratio = log_count_ratio(counts, positive, sample_weight, smoothing=self.alpha)
        self.ratio_ = ratio.astype(counts.dtype)
        return self

    def transform(self, counts: csr_array) -> csr_array:
        """Return the weighted counts, same shape and dtype."""
        weighted = counts.data * self.ratio_[counts.indices]
        return csr_array((weighted, counts.indices, counts.indptr), shape=counts.shape)


class NBSVM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Log-count ratios and a logistic regression; one against the rest for many classes.

    ``C`` is the inverse strength of the L2 penalty, ``alpha`` the smoothing of the
    ratios, ``class_weight`` None, "balanced" or a weight for each label.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        alpha: float = 1.0,
        class_weight: ClassWeight = None,
    ) -> None:
        self.C = C
        self.alpha = alpha
        self.class_weight = class_weight

    def fit(self, counts: csr_array, labels: Sequence[str]) -> NBSVM:
        """Learn from binary counts of shape (B, columns) and labels of shape (B,)."""
        self.classes_ = np.unique(labels)
        weights = compute_sample_weight(self.class_weight, labels)
        # Two classes are one question: its answer for the second is the first's reversed.
        asked = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.models_ = [
            self._one_against_rest(counts, np.asarray(labels) == label, weights) for label in asked
        ]
        return self

    def predict_proba(self, counts: csr_array) -> Floats:
        """Return probabilities of shape (B, C), columns in the order of ``classes_``."""
        yes = np.column_stack([model.predict_proba(counts)[:, 1] for model in self.models_])
        if len(self.classes_) == 2:
            return np.hstack([1 - yes, yes])
        normalised: Floats = yes / yes.sum(axis=1, keepdims=True)
        return normalised

    def predict(self, counts: csr_array) -> NDArray[np.str_]:
        """Return the most probable label of each row."""
        labels: NDArray[np.str_] = self.classes_[self.predict_proba(counts).argmax(axis=1)]
        return labels

    def _one_against_rest(self, counts: csr_array, positive: Bools, weights: Floats) -> Pipeline:
        model = Pipeline(
            [("ratio", LogCountRatio(self.alpha)), ("logistic", logistic_regression(C=self.C))]
        )
        return model.fit(
            counts, positive, ratio__sample_weight=weights, logistic__sample_weight=weights
        )

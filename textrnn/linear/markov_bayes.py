"""A classifier by Bayes' rule: a Markov chain for each class tells how probable its texts are.

    p(class | text) is in proportion to p(class) p(text | class)

Naive Bayes is the same with words that know nothing of each other (order 1, smoothed otherwise).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from textrnn.linear.counts import TokenLists
from textrnn.linear.markov import fit_chain, joint_logits
from textrnn.text.encoded import EncodedTexts, as_encoded
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import ClassWeight, Floats, Ids

LEAST = 1e-12
"""Of the probability of a class whose texts weigh nothing: it has a logarithm."""


class MarkovBayes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Chains of one order over the words of all classes.

    After ``fit``: ``classes_``, sorted; ``vocabulary_``, of all words; ``chains_`` and ``prior_``,
    shape (C,), of each class.
    """

    def __init__(self, *, order: int = 2, class_weight: ClassWeight = None) -> None:
        self.order = order
        self.class_weight = class_weight

    def fit(self, X: TokenLists, y: Sequence[str]) -> MarkovBayes:
        """Learn from lists of tokens and their labels; of a class of weight k a text counts k."""
        texts = as_encoded(X)
        self.classes_, numbers = np.unique(np.asarray(y), return_inverse=True)
        self.vocabulary_ = Vocabulary.build(texts)
        weights = compute_sample_weight(self.class_weight, y)
        prior = np.maximum(np.bincount(numbers, weights), LEAST)
        self.prior_ = prior / prior.sum()
        ids, n_marks = self._ids(texts), len(self.vocabulary_) + 1
        encoded = EncodedTexts(ids, texts.starts, self.vocabulary_.tokens)
        self.chains_ = []
        for number in range(len(self.classes_)):
            part = encoded.take(numbers == number)
            fitted = fit_chain(part.ids, part.starts, n_marks=n_marks, order=int(self.order))
            self.chains_.append(fitted.chain)
        return self

    def predict_proba(self, X: TokenLists) -> Floats:
        """Probabilities of the classes, float64 of shape (n_texts, C)."""
        texts = as_encoded(X)
        logits = joint_logits(self.chains_, self.prior_, self._ids(texts), texts.starts)
        likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = likelihoods / likelihoods.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: TokenLists) -> np.ndarray:
        """The most probable class of each text."""
        found: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found

    def _ids(self, texts: EncodedTexts) -> Ids:
        """The number of each word, int32 of shape (N,)."""
        return self.vocabulary_.encode(texts.words)[texts.ids]

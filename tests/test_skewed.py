"""Classes of very different size: weights that are to help the rare one do so everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.linear.baselines import fit_baselines
from textrnn.text.encoded import as_encoded
from textrnn.training.class_weight import weights_by_class
from textrnn.training.ngrams import choose_ngrams
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight


def skewed(n: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """One text of twenty is of the rare class; its sign is often there, and seldom in others.

    By Bayes a text with the sign is still more likely of the common class: whoever counts
    all mistakes alike never answers "rare".
    """
    rng = np.random.default_rng(seed)
    rare = np.arange(n) % 20 == 0
    sign = rng.random(n) < np.where(rare, 0.7, 0.07)
    # Few different ones, so that there is nothing to learn by heart.
    words = [[f"place{i}", f"thing{j}"] for i, j in rng.integers(0, 5, (n, 2))]
    texts = [
        ["sign", *those] if is_there else those for those, is_there in zip(words, sign, strict=True)
    ]
    return texts, ["rare" if is_rare else "common" for is_rare in rare]


TRAIN, HELD_OUT, TEST = skewed(1_000, 0), skewed(300, 1), skewed(1_000, 2)


def recall(predicted: list[str]) -> float:
    asked = [
        answer == "rare"
        for answer, label in zip(predicted, TEST[1], strict=True)
        if label == "rare"
    ]
    return sum(asked) / len(asked)


@pytest.mark.parametrize("ngrams", ["none", "words"])
def test_the_classifier(ngrams: str) -> None:
    """Also after factors and biases were fitted to held-out texts as skewed as the others."""

    def of(class_weight: ClassWeight) -> float:
        model = TextRNNClassifier(
            ngrams=ngrams, hidden_size=8, embedding_dim=8, max_iter=6, bidirectional=False,
            learning_rate_init=0.02, class_weight=class_weight, random_state=0,
            label_smoothing=0.0, ema_decay=0.0,
        )  # fmt: skip
        model.fit(
            [" ".join(words) for words in TRAIN[0]],
            TRAIN[1],
            validation_data=([" ".join(words) for words in HELD_OUT[0]], HELD_OUT[1]),
        )
        return recall(model.predict([" ".join(words) for words in TEST[0]]).tolist())

    plain, balanced = of(None), of("balanced")
    assert plain < 0.3
    assert balanced > 0.5


def test_the_ngram_model() -> None:
    def of(class_weight: ClassWeight) -> float:
        parts = [
            examples(
                texts,
                np.array([label == "rare" for label in labels], dtype=np.int64),
                weights_by_class(labels, class_weight),
            )
            for texts, labels in (TRAIN, HELD_OUT, TEST)
        ]
        chosen = choose_ngrams(Settings(ngrams="words"), parts[0], parts[1])
        fitted = chosen.parts[-1].model  # before it is naive Bayes, which has no weights
        answers = fitted.logits(as_encoded(parts[2].texts)).argmax(axis=1)
        return recall([("common", "rare")[answer] for answer in answers])

    plain, balanced = of(None), of("balanced")
    assert plain < 0.3
    assert balanced > 0.5


@pytest.mark.parametrize("name", ["bow_lr", "tfidf_lr", "nbsvm"])
def test_the_baselines(name: str) -> None:
    """Those that have weights: naive Bayes and the majority have none."""

    def of(class_weight: ClassWeight) -> float:
        (fitted,) = fit_baselines(*TRAIN, *HELD_OUT, names=[name], class_weight=class_weight)
        answers = fitted.predict_proba(TEST[0]).argmax(axis=1)
        return recall([fitted.classes[answer] for answer in answers])

    plain, balanced = of(None), of("balanced")
    assert plain < 0.3
    assert balanced > 0.5

"""How much there is time for: texts whose n-grams are counted, texts for a student, another fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from textrnn.corpora.sampling import drawn_rows
from textrnn.errors import ModelError
from textrnn.inference.pool import predict_many
from textrnn.text.encoded import EncodedTexts
from textrnn.training.budget import Deadline
from textrnn.training.ensemble import Ensemble
from textrnn.training.examples import Examples
from textrnn.training.ngrams import choose_ngrams
from textrnn.training.settings import Settings
from textrnn.wording.messages import Parameter

Texts = TypeVar("Texts", Examples, EncodedTexts)

TRIED_TEXTS = 2_000
"""Texts whose n-grams are timed, where there are several times as many."""
WORTH_REFITTING = 0.5
"""Of the time that choosing the n-gram model took, what must be left to fit it to all texts."""
NGRAM_FITS = 4
"""Time to choose an n-gram model of words and to fit it again, over that of one fit."""
NGRAM_SHARE = 0.5
"""Of the time left that n-grams may take before texts are left out."""
PSEUDO_LABEL_SHARE = 0.4
"""Of the time left after a teacher's training, what its pseudo-labels and the n-grams that learn
them may take."""
FEWEST_UNLABELLED = 500
"""Unlabelled texts below which there is no time for a student, if there are more."""


def drawn(texts: Texts, n: int) -> Texts:
    """So many of the texts, drawn at random; the same each time.

    Of texts with labels each class in proportion, and at least one of each label.
    """
    if n >= len(texts):
        return texts
    rng = np.random.default_rng(0)
    if not isinstance(texts, Examples):
        return texts.take(np.sort(rng.permutation(len(texts))[:n]))
    return texts.take(drawn_rows(texts.targets.label_sets(), n, rng))


def texts_that_fit(settings: Settings, train: Examples, deadline: Deadline) -> int:
    """Number of the training texts of which there is time to count n-grams.

    At least those on which that is tried.
    """
    if len(train) < 2 * NGRAM_FITS * TRIED_TEXTS:
        return len(train)  # which takes little longer than to try
    some = drawn(train, TRIED_TEXTS)
    begun = deadline.clock()
    choose_ngrams(replace(settings, ngrams="words"), some, None)
    all_texts = NGRAM_FITS * (deadline.clock() - begun) * len(train) / len(some)
    share = NGRAM_SHARE * max(deadline.left(), 0.0) / max(all_texts, 1e-9)
    return min(max(int(share * len(train)), TRIED_TEXTS), len(train))


def unlabelled_that_fit(
    teacher: Ensemble, texts: EncodedTexts, deadline: Deadline, refit: float, n_jobs: int
) -> tuple[int, float]:
    """Number of unlabelled texts that there is time for, and the seconds beside their network.

    Each is read twice by the teacher, and twice its n-grams are fitted, in ``refit`` seconds. Of
    too few nothing is learned: then it is 0.
    """
    classifier, some = teacher.classifier(), drawn(texts, TRIED_TEXTS // 4)
    begun = deadline.clock()
    predict_many(classifier, some, n_jobs)
    a_text = 2 * ((deadline.clock() - begun) / len(some) + refit)
    n = min(int(PSEUDO_LABEL_SHARE * max(deadline.left(), 0.0) / max(a_text, 1e-9)), len(texts))
    return (n, n * a_text) if n >= min(FEWEST_UNLABELLED, len(texts)) else (0, 0.0)


def unlabelled_before(n_student: int, n_labelled: int, n_unlabelled: int) -> int:
    """Number of unlabelled texts among all texts of a student's run, which is resumed.

    Raises:
        ModelError: there cannot have been so many, or none.
    """
    if not n_labelled < n_student <= n_labelled + n_unlabelled:
        raise ModelError(
            f"the checkpoint of the student is of {n_student:,} texts, which this run has not; "
            "train without ",
            Parameter("resume"),
            ".",
        )
    return n_student - n_labelled


def is_time_to_refit(deadline: Deadline | None, seconds: float) -> bool:
    """Whether enough time is left to fit the n-gram model again; it took so many seconds."""
    return deadline is None or deadline.left() > WORTH_REFITTING * seconds

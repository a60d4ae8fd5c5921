"""Which of the training texts are held out to validate by: one choice for every face.

The command line and the estimators come here, so that the same texts and the same seed give the
same split, and with the same settings the same model.
"""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.corpora.sampling import holdout, strata
from textrnn.nn.targets import REAL, Targets
from textrnn.typing import Bools


def validation_rows(texts: Sequence[str], targets: Targets, fraction: float, *, seed: int) -> Bools:
    """The rows to hold out, (n,): of each class its share, and equal texts on one side.

    None is where the texts are too few; see ``corpora.sampling.holdout``.

    Args:
        texts: as they came.
        targets: the classes or labels of each, or its number.
        fraction: the share to hold out.
        seed: of the choice.
    """
    if targets.kind == REAL:
        return holdout(texts, [""] * len(texts), fraction, random_state=seed)
    # Names that are sorted as the classes are, whatever these are called.
    names = [f"{k:09d}" for k in range(targets.n_classes)]
    label_sets = [[names[k] for k in labels] for labels in targets.label_sets()]
    return holdout(texts, strata(label_sets), fraction, random_state=seed, label_sets=label_sets)

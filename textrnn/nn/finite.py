"""The one check that weights make numbers: they may be a stranger's, or of a run that diverged."""

from __future__ import annotations

import numpy as np

from textrnn.errors import ModelError
from textrnn.typing import Floats


def check_finite(logits: Floats, of: str | None = None) -> None:
    """Check logits, or what they became.

    Args:
        logits: of shape (n, ...), a text a row.
        of: what they are of; by default the text of the first row in which one is no number.

    Raises:
        ModelError: one is not finite.
    """
    finite = np.isfinite(logits)
    if finite.all():
        return
    if of is None:
        of = f"text {int(finite.reshape(len(logits), -1).all(axis=1).argmin()) + 1}"
    raise ModelError(
        f"the model's weights are so large that the logits of {of} are no numbers; train it again "
        "with a lower learning rate."
    )

"""What ``textrnn train`` looks at before the work: mistakes are told at once."""

from __future__ import annotations

from pathlib import Path

from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.wording.quoting import quoted


def check_out(out: Path) -> None:
    """Complain of a folder that cannot be replaced by another, as it has no name."""
    if out.name in ("", ".."):
        raise UsageError(
            f"--out is {quoted(out)}, but must be a folder with a name of its own, such as "
            "models/mine."
        )


def check_embedding(embedding: str) -> None:
    """Complain before the corpus is read."""
    from textrnn.training.settings import EMBEDDINGS

    if embedding not in EMBEDDINGS and not Path(embedding).exists():
        raise DataError(
            f"--embedding is {quoted(embedding)}, but there is no such file of word vectors, and "
            f"it is none of {', '.join(EMBEDDINGS)}.{did_you_mean(embedding, EMBEDDINGS)}"
        )

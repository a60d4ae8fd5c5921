"""What ``textrnn train`` looks at before the work: mistakes are told at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textrnn.cli.models import tell_replaced
from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.wording.quoting import quoted

LIMITS = {"--epochs": 1_000_000, "--max-steps": 10**9, "--layers": 100, "--jobs": 1_000}
"""Far more than anybody needs: above them a slip of the finger would run for ever."""


def check_limits(given: dict[str, int | None]) -> None:
    """Complain of a number far above what anybody needs."""
    for option, value in given.items():
        if value is not None and value > LIMITS[option]:
            raise UsageError(f"{option} is {value}, but must be at most {LIMITS[option]:,}.")


def check_out(out: Path) -> None:
    """Complain of a folder that cannot be replaced by another, as it has no name."""
    if out.name in ("", ".."):
        raise UsageError(
            f"--out is {quoted(out)}, but must be a folder with a name of its own, such as "
            "models/mine."
        )


def check_tuning(tune_threshold: str, threshold: float | None) -> None:
    """Complain of a threshold that is to be tuned for something unknown, or is given too."""
    if threshold is not None:
        raise UsageError(
            f"--threshold is {threshold} and --tune-threshold {quoted(tune_threshold)}; give one "
            "of them."
        )
    if tune_threshold != "f1":
        raise UsageError(f"--tune-threshold is {quoted(tune_threshold)}, but must be f1.")


def tell_checkpoint(out: Path, resume: bool, tell: Callable[[str], None]) -> None:
    """Tell if an unfinished run will be lost, or a finished one."""
    if resume:
        return
    from textrnn.experiments.run import checkpoint_path

    path = checkpoint_path(out)
    if path.exists():
        tell(
            f"note: {quoted(path)}, an unfinished run, will be replaced; "
            "--resume would go on with it"
        )
    else:
        tell_replaced(out, tell)


def check_embedding(embedding: str) -> None:
    """Complain before the corpus is read."""
    from textrnn.training.settings import EMBEDDINGS

    if embedding not in EMBEDDINGS and not Path(embedding).exists():
        raise DataError(
            f"--embedding is {quoted(embedding)}, but there is no such file of word vectors, and "
            f"it is none of {', '.join(EMBEDDINGS)}.{did_you_mean(embedding, EMBEDDINGS)}"
        )

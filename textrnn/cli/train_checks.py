"""What ``textrnn train`` looks at before the work: mistakes are told at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.training.settings import Settings


def check_out(out: Path) -> None:
    """Complain of a folder that cannot be replaced by another, as it has no name."""
    if out.name in ("", ".."):
        raise UsageError(
            f"--out is {quoted(out)}, but must be a folder with a name of its own, such as "
            "models/mine."
        )


def check_regression(
    given: Collection[str], *, separator: str | None, unlabelled: str | None
) -> None:
    """Complain of options that are for classes, where labels are numbers."""
    from textrnn.training.regression import OF_CLASSES

    options = {"label_separator": separator, "unlabelled": unlabelled}
    wrong = [name for name in (*OF_CLASSES, *options) if name in given or options.get(name)]
    if wrong:
        raise UsageError(
            Parameter(wrong[0]),
            " and ",
            Parameter("regression"),
            " exclude each other: there are no classes; give one of them.",
        )


def check_validation(validation: str | None, given: Collection[str]) -> None:
    """Refuse validation texts, and a share of others to be held out for them.

    Raises:
        UsageError: both are given.
    """
    if validation is not None and "validation_fraction" in given:
        raise UsageError(
            Parameter("validation"),
            " and ",
            Parameter("validation_fraction"),
            " exclude each other; give one of them.",
        )


def check_embedding(embedding: str) -> None:
    """Complain before the corpus is read."""
    from textrnn.training.settings import EMBEDDINGS

    if embedding not in EMBEDDINGS and not Path(embedding).exists():
        raise DataError(
            f"--embedding is {quoted(embedding)}, but there is no such file of word vectors, and "
            f"it is none of {', '.join(EMBEDDINGS)}.{did_you_mean(embedding, EMBEDDINGS)}"
        )


def folder_name(name: str) -> str:
    """A corpus's name as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"


def with_source(settings: Settings) -> Settings:
    """The settings with the folder of the language model to begin from, if there is to be one.

    Raises:
        ModelError: there is no such model, or it is of another kind.
    """
    if settings.init_from is None:
        return settings
    from textrnn.cli.models import find_model
    from textrnn.storage.reading import load

    folder = find_model(str(settings.init_from), "language model")
    load(folder, "language model")
    return replace(settings, init_from=str(folder))

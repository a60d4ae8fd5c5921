"""What the commands that evaluate a saved model share: the frame of their JSON, and their gates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textrnn.cli.options import say
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.corpora.loading import Labelled
    from textrnn.corpora.structures import Judged

GATE_FAILED = 1


def framed(
    folder: Path,
    corpus: str,
    judged: Labelled | Judged[Any],
    scores: Mapping[str, Any],
    warnings: list[str],
) -> dict[str, Any]:
    """Scores with what they are about, JSON-ready.

    Args:
        folder: of the model.
        corpus: the name or path that the texts were asked for by.
        judged: the texts.
        scores: of them.
        warnings: what the scores must not be read without.
    """
    about = {"model": str(folder), "corpus": corpus, "split": judged.split}
    return {**about, **scores, "warnings": warnings}


def check_share(option: str, bound: float | None) -> None:
    """Raise UsageError for a bound of a share that is none."""
    if bound is not None and not 0.0 <= bound <= 1.0:
        raise UsageError(f"{option} is {bound}, but must be from 0 to 1.")


def check_gate(
    what: str,
    value: float | None,
    option: str,
    bound: float | None,
    *,
    at_most: bool = False,
) -> None:
    """End with ``GATE_FAILED`` if a value is on the wrong side of its bound.

    Args:
        what: the value's name.
        value: what was measured; None passes.
        option: that gave the bound.
        bound: None passes.
        at_most: whether lower values are the better ones.
    """
    if value is None or bound is None:
        return
    # a value that is not a number passes no gate
    if not (value <= bound if at_most else value >= bound):
        side = "above" if at_most else "below"
        say(f"textrnn: the {what} of {value:.4f} is {side} {option} {bound}")
        raise typer.Exit(GATE_FAILED)

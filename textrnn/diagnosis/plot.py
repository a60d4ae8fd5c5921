"""The gradient by distance as a picture; needs matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from textrnn.diagnosis.flow import GradientFlow, Reading
from textrnn.errors import DataError, MissingDependencyError, UsageError, reason
from textrnn.system.files import real_path, replace_file
from textrnn.wording.quoting import quoted

FORMATS = ("png", "svg", "pdf")
"""Of pictures, as the endings of their files say."""
NO_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What keeps the same picture from being other bytes tomorrow."""


def check_picture(path: str | os.PathLike[str]) -> None:
    """Find out whether a picture can be drawn, before any work is done for it.

    Raises:
        UsageError: the ending of the file is of no format.
        DataError: there is no such folder.
        MissingDependencyError: matplotlib is missing.
    """
    format_of(path)
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise DataError(f"cannot write {quoted(path)}: there is no folder {quoted(folder)}.")
    _figure()


def format_of(path: str | os.PathLike[str]) -> str:
    """The format of a picture.

    Raises:
        UsageError: it is none of ``FORMATS``.
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError(f"the picture {quoted(path)} has no ending that says its format: {known}.")
    return ending


def plot(flow: GradientFlow, path: str | os.PathLike[str]) -> None:
    """Draw what is left of the gradient by distance, and the line of its decay, into a file.

    The file is written whole or not at all.

    Raises:
        UsageError: the ending of the file is of no format.
        DataError: it cannot be written.
        MissingDependencyError: matplotlib is missing.
    """
    ending, figure = format_of(path), _figure()
    axes = figure.subplots()
    for reading in flow.readings:
        _draw(axes, reading)
    axes.set_yscale("log")
    axes.set_xlabel("words after the state")
    axes.set_ylabel("share of the gradient that is left")
    axes.set_title(f"{flow.cell}, {flow.n_texts:,} texts")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format=ending, metadata=NO_DATE.get(ending))
    try:
        replace_file(real_path(path), content.getvalue())
    except OSError as error:
        raise DataError(f"cannot write {quoted(path)}: {reason(error)}.") from error


def _draw(axes: Any, reading: Reading) -> None:
    """A line of what was measured, and a broken one of what the decay says."""
    there = [d for d in reading.distance if reading.left[d] > 0.0]
    name = f"layer {reading.layer + 1}, {reading.direction}"
    measured = [reading.left[d] for d in there]
    (line,) = axes.plot(there, measured, label=name, marker="." if len(there) < 2 else None)
    if reading.decay and len(there) > 1:
        first = there[1]
        fitted = [measured[1] * reading.decay ** (d - first) for d in there[1:]]
        label = f"{reading.decay:.3f} a word"
        axes.plot(there[1:], fitted, "--", color=line.get_color(), alpha=0.5, label=label)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "a picture needs the package matplotlib: pip install matplotlib, as textrnn[plot] does"
        ) from error
    return Figure(figsize=(7.0, 4.5), layout="constrained")

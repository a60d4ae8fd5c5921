"""What the command line prints of models that predict numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textrnn.cli.output import figure, print_line, print_table, print_warnings
from textrnn.evaluation.scores import Scores
from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:
    from textrnn.storage.report import RunReport
    from textrnn.typing import Floats

DIGITS = 6
"""Significant ones of a prediction in JSON."""


def print_numbers_report(report: RunReport) -> None:
    """What ``train --regression`` found."""
    if report.test is None:
        return
    print_numbers(report.test)
    if report.baselines:
        network = replace(report.test, seconds=report.seconds)
        rows = [_row(name, of) for name, of in {**report.baselines, "network": network}.items()]
        header = ("model", "abs. error", "95 % interval", "R²", "rank corr.", "seconds")
        print_table(header, rows, title="Comparison on the test texts")
    print_warnings(report.warnings)
    if report.recommendation:
        print_line(report.recommendation)


def print_numbers(scores: Scores) -> None:
    """The scores of predicted numbers, each with its interval."""
    for title, value, interval in (
        ("mean absolute error", scores.mean_absolute_error, scores.mean_absolute_error_interval),
        ("R²", scores.r2, scores.r2_interval),
        ("rank correlation", scores.spearman, scores.spearman_interval),
    ):
        told = figure(value)
        if interval is not None:
            told += f" (95 % interval {figure(interval[0])} – {figure(interval[1])})"
        print_line(f"{title:<21}{told}")
    print_line(f"{'texts':<21}{scores.n:,}")
    print_line()


def _row(name: str, scores: Scores) -> list[str]:
    interval = scores.mean_absolute_error_interval or (None, None)
    return [
        name,
        figure(scores.mean_absolute_error),
        "–".join(figure(bound, 3) for bound in interval),
        figure(scores.r2),
        figure(scores.spearman),
        figure(scores.seconds, 1),
    ]


def number_records(
    texts: Sequence[str], predictions: Floats, *, as_json: bool, ascii_only: bool
) -> Iterator[str]:
    """A line about each text: of JSON, or the number and the text with a tab between.

    Args:
        texts: of a chunk.
        predictions: for them, (n, 1).
        as_json: JSON.
        ascii_only: whether that is to be ASCII.
    """
    for text, (number,) in zip(texts, predictions.tolist(), strict=True):
        if as_json:
            record: dict[str, Any] = {"text": text, "prediction": float(f"{number:.{DIGITS}g}")}
            yield json_line(record, ascii_only=ascii_only) + "\n"
        else:
            yield f"{number:.4f}\t{one_line(text)}\n"

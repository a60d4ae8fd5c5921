"""Results on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:  # imported where something was trained: the rest does without
    from textrnn.evaluation.scores import Costs, Scores
    from textrnn.experiments.contest_report import ContestReport
    from textrnn.experiments.learning_curve import LearningCurve
    from textrnn.storage.report import RunReport


def print_json(value: Any) -> None:
    """One JSON object on one line, in ASCII where the terminal has no more."""
    print(json_line(value, ascii_only=not is_unicode(sys.stdout)))


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes any character; one in memory does."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def print_line(text: str = "") -> None:
    """A line of text on stdout, whatever it holds."""
    print(one_line(text))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """A table; numbers to the right, words to the left, a blank line after it."""
    table = [list(map(one_line, row)) for row in (header, *rows)]
    columns = list(zip(*table, strict=True))
    sizes = [max(map(width, column)) for column in columns]
    right = [all(map(_is_figure, column[1:])) for column in columns]
    if title:
        print_line(title)
    for number, row in enumerate(table):
        cells = [
            " " * (size - width(cell)) + cell if flush else cell + " " * (size - width(cell))
            for cell, size, flush in zip(row, sizes, right, strict=True)
        ]
        print("  ".join(cells).rstrip())
        if number == 0:
            print(_dash() * (sum(sizes) + 2 * (len(sizes) - 1)))
    print()


def _dash() -> str:
    return "─" if is_unicode(sys.stdout) else "-"


def print_entries(entries: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Names with some lines about each, as wide as the terminal, a blank line after them."""
    import shutil
    import textwrap

    entries = [(one_line(name), list(map(one_line, lines))) for name, lines in entries]
    indent = " " * (max(width(name) for name, _ in entries) + 2)
    columns = max(shutil.get_terminal_size().columns, 40) if sys.stdout.isatty() else 80
    for name, lines in entries:
        text = [
            part
            for line in lines
            for part in textwrap.wrap(
                line, columns - len(indent), break_long_words=False, break_on_hyphens=False
            )
        ]
        print(name.ljust(len(indent)) + f"\n{indent}".join(text))
    print()


def width(text: str) -> int:
    """Columns of a terminal that a text takes: two for each Chinese character."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(c) or c in "\u200d\ufe0f" else 2 if east_asian_width(c) in "WF" else 1
        for c in text
    )


def _is_figure(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell[0] in "-+–<"


def figure(value: float | None, digits: int = 4) -> str:
    """A number for a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def print_report(report: RunReport) -> None:
    """What ``train`` found."""
    if report.test:
        print_evaluation(report.test)
    if report.baselines:
        from textrnn.evaluation.recommendation import CLASSIFIER

        results = dict(report.baselines)
        if report.test:
            results[CLASSIFIER] = replace(report.test, seconds=report.seconds)
        header = (
            "model",
            "accuracy",
            "95 % interval",
            "macro F1",
            "log loss",
            "ROC AUC",
            "seconds",
        )
        rows = [_summary_row(name, scores) for name, scores in results.items()]
        print_table(header, rows, title="Comparison on the test texts")
    if report.test:
        print_warnings(report.warnings)
    if report.recommendation:
        print_line(report.recommendation)


def print_warnings(warnings: Sequence[str] | None) -> None:
    """What a score must not be read without."""
    for warning in warnings or ():
        print_line(f"Warning: {warning}.")


def _summary_row(name: str, scores: Scores) -> list[str]:
    return [
        name,
        figure(scores.accuracy),
        _interval(scores, 3),
        figure(scores.macro_f1),
        figure(scores.log_loss),
        figure(scores.roc_auc),
        figure(scores.seconds, 1),
    ]


def _interval(scores: Scores, digits: int, between: str = "–") -> str:
    return between.join(figure(bound, digits) for bound in scores.accuracy_interval or ())


SCORES = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "hamming_loss": "Hamming loss",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
    "calibration_error": "calibration error",
}
"""What is shown of scores, by its names there."""


def print_evaluation(scores: Scores) -> None:
    """A classifier's figures, by class too, and its confusion matrix if classes exclude others."""
    told = {"accuracy": f"{figure(scores.accuracy)} (95 % interval {_interval(scores, 4, ' – ')})"}
    known = scores.to_dict()
    told |= {title: figure(known[name]) for name, title in SCORES.items() if name in known}
    told["texts"] = f"{scores.n:,}"
    for name, score in told.items():
        print_line(f"{name:<17}  {score}")
    print_line()
    lines = scores.per_class or ()
    rows = [
        [
            str(line.label),
            figure(line.precision),
            figure(line.recall),
            figure(line.f1),
            f"{line.support:,}",
        ]
        for line in lines
    ]
    print_table(("class", "precision", "recall", "F1", "texts"), rows)
    if scores.confusion is None:
        return
    labels = [str(line.label) for line in lines]
    counts = [
        [label, *(f"{n:,}" for n in row)]
        for label, row in zip(labels, scores.confusion, strict=True)
    ]
    print_table(("true \\ predicted", *labels), counts)


def print_comparison(report: ContestReport) -> None:
    """What ``compare`` found: scores and costs side by side, the learning curve, what to use."""
    from textrnn.evaluation.recommendation import CLASSIFIER

    results = dict(report.baselines)
    if report.test is not None:
        results[CLASSIFIER] = report.test
    header = (
        *("model", "accuracy", "95 % interval", "macro F1", "calibration error"),
        *("seconds", "ms a text", "MB"),
    )
    rows = [_costed_row(name, of, report.costs.get(name)) for name, of in results.items()]
    if rows:
        print_table(header, rows, title="Comparison on the test texts")
        print_warnings(report.warnings)
    curve = report.learning_curve
    if curve is not None and curve.points:
        _print_curve(curve)
    for sentence in (curve.crossing if curve else "", report.recommendation):
        if sentence:
            print_line(sentence)


def _costed_row(name: str, scores: Scores, costs: Costs | None) -> list[str]:
    return [
        name,
        figure(scores.accuracy),
        _interval(scores, 3),
        figure(scores.macro_f1),
        figure(scores.calibration_error),
        figure(None if costs is None else costs.seconds, 1),
        figure(None if costs is None else costs.latency_ms, 2),
        figure(None if costs is None else costs.size_bytes / 1e6, 3),
    ]


def _print_curve(curve: LearningCurve) -> None:
    """Accuracy by the share of the training texts."""
    names = list(curve.points[-1].accuracy)
    rows = [
        [
            f"{point.n_train:,}",
            f"{100 * point.fraction:g} %",
            *(figure(point.accuracy.get(name)) for name in names),
            _p(point.p_value),
        ]
        for point in curve.points
    ]
    title = (
        "Accuracy on the test texts by training texts; p: of the classifier against the best\n"
        "other, corrected for its choice, each size for itself"
    )
    print_table(("texts", "share", *names, "p"), rows, title=title)


def _p(p_value: float | None) -> str:
    return "<0.001" if p_value is not None and p_value < 0.001 else figure(p_value, 3)

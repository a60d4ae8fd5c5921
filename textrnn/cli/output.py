"""Results on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import one_line


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


def print_report(report: dict[str, Any]) -> None:
    """What ``train`` and ``compare`` found."""
    if report.get("test"):
        print_evaluation(report["test"])
    if report.get("baselines"):
        rows = [
            _summary_row(name, result)
            for name, result in _results(report).items()
            if result is not None
        ]
        header = (
            "model",
            "accuracy",
            "95 % interval",
            "macro F1",
            "log loss",
            "ROC AUC",
            "seconds",
        )
        print_table(header, rows, title="Comparison on the test texts")
    if report.get("test"):
        print_warnings(report)
    if report.get("verdict"):
        print_line(report["verdict"])


def print_warnings(report: dict[str, Any]) -> None:
    """What a score must not be read without."""
    for warning in report.get("warnings") or ():
        print_line(f"Warning: {warning}.")


def _results(report: dict[str, Any]) -> dict[str, Any]:
    results = dict(report.get("baselines") or {})
    if report.get("test"):
        results["textrnn"] = {**report["test"], "seconds": report.get("seconds")}
    return results


def _summary_row(name: str, result: dict[str, Any]) -> list[str]:
    low, high = result["accuracy_interval"]
    return [
        name,
        figure(result["accuracy"]),
        f"{low:.3f}–{high:.3f}",
        figure(result["macro_f1"]),
        figure(result["log_loss"]),
        figure(result["roc_auc"]),
        figure(result.get("seconds"), 1),
    ]


SCORES = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "hamming_loss": "Hamming loss",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
    "calibration_error": "calibration error",
}
"""What is shown of a report, by its names there."""


def print_evaluation(test: dict[str, Any]) -> None:
    """The network's figures, class by class, and its confusion matrix if classes exclude others."""
    low, high = test["accuracy_interval"]
    scores = {"accuracy": f"{test['accuracy']:.4f} (95 % interval {low:.4f} – {high:.4f})"}
    scores |= {title: figure(test[name]) for name, title in SCORES.items() if name in test}
    scores["texts"] = f"{test['n']:,}"
    for name, score in scores.items():
        print_line(f"{name:<17}  {score}")
    print_line()
    rows = [
        [
            str(line["label"]),
            figure(line["precision"]),
            figure(line["recall"]),
            figure(line["f1"]),
            f"{line['support']:,}",
        ]
        for line in test["per_class"]
    ]
    print_table(("class", "precision", "recall", "F1", "texts"), rows)
    if test.get("confusion") is None:
        return
    labels = [str(line["label"]) for line in test["per_class"]]
    counts = [
        [label, *(f"{n:,}" for n in row)]
        for label, row in zip(labels, test["confusion"], strict=True)
    ]
    print_table(("true \\ predicted", *labels), counts)


def print_comparison(report: dict[str, Any]) -> None:
    """What ``compare`` found: scores and costs side by side, the learning curve, the verdict."""
    results = dict(report["baselines"])
    if report["test"] is not None:
        results["network"] = report["test"]
    header = (
        *("model", "accuracy", "95 % interval", "macro F1", "calibration error"),
        *("seconds", "ms a text", "MB"),
    )
    rows = [_costed_row(name, of, report["costs"].get(name, {})) for name, of in results.items()]
    if rows:
        print_table(header, rows, title="Comparison on the test texts")
        print_warnings(report)
    curve = report["learning_curve"]
    if curve is not None and curve["points"]:
        _print_curve(curve)
    for sentence in (curve["crossing"] if curve else "", report["verdict"]):
        if sentence:
            print_line(sentence)


def _costed_row(name: str, result: dict[str, Any], costs: dict[str, Any]) -> list[str]:
    low, high = result["accuracy_interval"]
    size = costs.get("size_bytes")
    return [
        name,
        figure(result["accuracy"]),
        f"{low:.3f}–{high:.3f}",
        figure(result["macro_f1"]),
        figure(result["calibration_error"]),
        figure(costs.get("seconds"), 1),
        figure(costs.get("latency_ms"), 2),
        figure(None if size is None else size / 1e6, 3),
    ]


def _print_curve(curve: dict[str, Any]) -> None:
    """Accuracy by the share of the training texts."""
    points = curve["points"]
    names = list(points[-1]["accuracy"])
    rows = [
        [
            f"{point['n_train']:,}",
            f"{100 * point['fraction']:g} %",
            *(figure(point["accuracy"].get(name)) for name in names),
            _chance(point["p_value"]),
        ]
        for point in points
    ]
    title = (
        "Accuracy on the test texts by training texts; p: of the network against the best other,\n"
        "corrected for its choice, each size for itself"
    )
    print_table(("texts", "share", *names, "p"), rows, title=title)


def _chance(p_value: float | None) -> str:
    return "<0.001" if p_value is not None and p_value < 0.001 else figure(p_value, 3)

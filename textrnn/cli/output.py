"""Results on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """A table; numbers to the right, words to the left."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=title or None, title_justify="left", padding=(0, 1, 0, 0)
    )
    for column, name in enumerate(header):
        numeric = all(_is_figure(row[column]) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # A file or a pipe has no width of its own: never fold a table that goes there.
    width = None if sys.stdout.isatty() else 10_000
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def _is_figure(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell[0] in "-+–"


def figure(value: float | None, digits: int = 4) -> str:
    """A number for a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def print_report(report: dict[str, Any]) -> None:
    """What ``train`` and ``compare`` found."""
    if report.get("test"):
        print_evaluation(report["test"])
    rows = [
        _summary_row(name, result)
        for name, result in _results(report).items()
        if result is not None
    ]
    if rows:
        header = ("model", "accuracy", "95 % interval", "macro F1", "log loss", "ROC AUC", "ECE")
        print_table((*header, "seconds"), rows, title="Comparison on the test texts")
    if report.get("verdict"):
        print(report["verdict"])


def _results(report: dict[str, Any]) -> dict[str, Any]:
    results = dict(report.get("baselines", {}))
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
        figure(result["calibration_error"]),
        figure(result.get("seconds"), 1),
    ]


def print_evaluation(test: dict[str, Any]) -> None:
    """The network's figures, class by class, and its confusion matrix."""
    low, high = test["accuracy_interval"]
    print(
        f"accuracy {test['accuracy']:.4f} (95 % interval {low:.4f} – {high:.4f}), "
        f"macro F1 {test['macro_f1']:.4f}, log loss {figure(test['log_loss'])}, "
        f"ROC AUC {figure(test['roc_auc'])}, calibration error "
        f"{figure(test['calibration_error'])}, {test['n']:,} texts"
    )
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
    labels = [str(line["label"]) for line in test["per_class"]]
    counts = [
        [label, *(f"{n:,}" for n in row)]
        for label, row in zip(labels, test["confusion"], strict=True)
    ]
    print_table(("true \\ predicted", *labels), counts)

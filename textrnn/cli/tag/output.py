"""The scores of a tagger, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.cli.output import figure, print_entries, print_table

TITLES = {
    "accuracy": "tags right",
    "unknown_accuracy": "of unknown words",
    "unknown": "share of unknown words",
    "baseline_accuracy": "most frequent tag of each word",
    "linear_accuracy": "linear model",
    "macro_f1": "macro F1",
    "exact": "texts with all tags right",
    "entity_f1": "F1 of entities",
}
"""What the figures are called."""


def print_figures(figures: Mapping[str, float], *, title: str) -> None:
    """Figures of a tagger, a line each."""
    lines = [f"{TITLES.get(name, name)}: {value:.4f}" for name, value in figures.items()]
    print_entries([(title, lines)])


def print_tags(lines: Sequence[Mapping[str, Any]], *, of: str = "tag") -> None:
    """A table of precision, recall and F1 of tags, or of types of entities."""
    rows = [
        [
            str(line["label"]),
            *(figure(line[name]) for name in ("precision", "recall", "f1")),
            f"{line['support']:,}",
        ]
        for line in lines
    ]
    if rows:
        print_table((of, "precision", "recall", "F1", "there are"), rows)

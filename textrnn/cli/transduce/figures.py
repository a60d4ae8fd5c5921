"""The figures of a transducer, for people."""

from __future__ import annotations

from collections.abc import Mapping

HEADER = ("exact", "token_accuracy", "error_rate")


def print_figures(rows: Mapping[str, Mapping[str, float]], n: int) -> None:
    """A table of who writes the targets of n pairs, and how well."""
    from textrnn.cli.output import figure, print_table

    names = [name.replace("_", " ") for name in HEADER]
    table = [[name, *(figure(found.get(key)) for key in HEADER)] for name, found in rows.items()]
    print_table(("", *names), table, title=f"Answers to {n:,} sources")

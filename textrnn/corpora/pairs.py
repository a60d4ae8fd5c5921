"""Sources and targets: source TAB target on a line, or a table with columns of these names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from textrnn.corpora.byte_lines import text_lines
from textrnn.corpora.columns import Note, find_column, ignore
from textrnn.corpora.formats import MAX_RECORD, Table, check_format, open_source, open_table
from textrnn.corpora.readers import check_text
from textrnn.corpora.rows import Pairs
from textrnn.errors import DataError
from textrnn.wording.quoting import listed, quoted

SOURCES, TARGETS = ("source", "src", "input"), ("target", "tgt", "output")
"""Names of the columns, the best known first."""
FORM = "write the source, one tab and the target on each line"


def read_pairs(
    source: str | Path | IO[Any], *, format: str | None = None, note: Note = ignore
) -> Pairs:
    """Read sources with their targets, to train on or to score.

    ``format`` is ``lines``, ``csv``, ``tsv``, ``jsonl`` or ``parquet``, by default what the file
    name says, or else ``lines``. Lines, those of ``.tsv`` too, have exactly one tab; blank ones are
    left out. ``note`` receives a line about each guess.

    Raises:
        DataError: a line has no tab or several, or something cannot be read; the message names it.
        UsageError: there is no such format.
    """
    where, named, opened = open_source(source)
    form = check_format(format or named or "lines")
    found = Pairs([], [])
    with opened as stream:
        rows = (
            _of_lines(text_lines(stream, where, MAX_RECORD), where, note)
            if form in ("lines", "tsv")
            else _of_table(open_table(stream, form, where, MAX_RECORD), where)
        )
        for one, other in rows:
            found.sources.append(one)
            found.targets.append(other)
    return found


def read_sources(
    source: str | Path | IO[Any], *, format: str | None = None, note: Note = ignore
) -> Iterator[str]:
    """Yield each source of a file or an open stream, empty ones too, in order.

    Of a line with a tab, the source is what stands before it. Arguments and errors are those of
    ``read_pairs``.
    """
    where, named, opened = open_source(source)
    form = check_format(format or named or "lines")
    with opened as stream:
        if form not in ("lines", "tsv"):
            table = open_table(stream, form, where, None)
            for number, (value,) in table.select([_column(table, SOURCES, where)]):
                yield check_text(value, f"{where}: {table.unit} {number}", SOURCES[0])
            return
        is_told, is_first = False, True
        for line in text_lines(stream, where, None):
            one, tab, rest = line.rstrip("\r\n").partition("\t")
            if is_first and _is_header(one, rest):
                note(f"{where}: the first line names the columns")
                is_first = False
                continue
            is_first = is_first and not line.strip()
            if tab and not is_told:
                note(f"{where}: of lines with a tab, what stands before it is the source")
                is_told = True
            yield one


def _of_lines(lines: Iterator[str], where: str, note: Note) -> Iterator[tuple[str, str]]:
    left_out, is_first = 0, True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            left_out += 1
            continue
        one, *others = line.rstrip("\r\n").split("\t")
        if len(others) != 1:
            seen = f"{len(others)} tabs" if others else "no tab"
            raise DataError(
                f"{where}: line {number} has {seen}, {quoted(line.strip(), 40)}; {FORM}"
            )
        was_first, is_first = is_first, False
        if was_first and _is_header(one, others[0]):
            note(f"{where}: the first line names the columns")
            continue
        yield one, others[0]
    if left_out:
        note(f"{where}: blank lines left out: {left_out:,}")


def _is_header(one: str, other: str) -> bool:
    return one.strip().lower() in SOURCES and other.strip().lower() in TARGETS


def _of_table(table: Table, where: str) -> Iterator[tuple[str, str]]:
    chosen = [_column(table, names, where) for names in (SOURCES, TARGETS)]
    for number, values in table.select(chosen):
        place = f"{where}: {table.unit} {number}"
        one, other = (
            check_text(value, place, table.columns[i])
            for value, i in zip(values, chosen, strict=True)
        )
        yield one, other


def _column(table: Table, names: tuple[str, ...], where: str) -> int:
    """The column of one of some names; DataError if there is none."""
    found = find_column(table.columns, None, names, where=where, what=f"the {names[0]}")
    if found is None:
        raise DataError(
            f"{where}: no column is called {quoted(names[0])}; columns: "
            f"{listed(table.columns, 12, each=40)}. Call them source and target"
        )
    return found

"""Which column of a table holds the text and which the label, and whether the first line is data.

Columns are found by name. A CSV or TSV file of exactly two columns needs no known names, and no
header: the label is the column with fewer distinct values (the shorter one when they tie). Its
first line is a header if its label is seen nowhere below and both cells look like names: single
words or, where the labels below repeat, anything short that is neither a number nor a sentence.
Whatever is guessed is told.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from textrnn.corpora.formats import SEPARATORS, Row, Table
from textrnn.errors import DataError, did_you_mean
from textrnn.wording.messages import Advice, Parameter
from textrnn.wording.quoting import listed, quoted

Note = Callable[[str], None]
"""Receives a line about how a file was understood."""

TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "content",
    "comment",
    "message",
    "question",
    "sms",
    "document",
    "body",
    "tweet",
    "title",
)
LABEL_NAMES = (
    "label",
    "labels",
    "class",
    "sentiment",
    "category",
    "target",
    "label_text",
    "polarity",
    "topic",
    "coarse_label",
)
SAMPLE = 1000
"""Rows that a guess looks at."""
LONGEST_NAME = 40
PLACES = ("first", "second")
_WORD = re.compile(r"[^\W\d][\w-]*")
_SENTENCE_END = tuple(".!。！")


@dataclass(frozen=True)
class Chosen:
    """The columns wanted of a table: their names, and the rows of their values."""

    names: tuple[str, ...]
    rows: Iterator[Row]


def ignore(line: str) -> None:
    """Take no note."""
    del line


def find_column(
    columns: Sequence[str], wanted: str | None, names: Sequence[str], *, where: str, what: str
) -> int | None:
    """Return the index of the wanted column, or of the best known name, or ``None``.

    Raises DataError when a wanted column is missing, or when two columns bear the name.
    """
    if wanted is None:
        lowered = [column.lower() for column in columns]
        known = next((name for name in names if name in lowered), None)
        if known is not None and lowered.count(known) > 1:
            raise DataError(
                f"{where}: more than one column is called {quoted(known)} ({what}); "
                f"columns: {listed(columns, 12, each=40)}. Rename all but one"
            )
        return None if known is None else lowered.index(known)
    if columns.count(wanted) != 1:
        trouble = "no" if wanted not in columns else "more than one"
        raise DataError(
            f"{where}: there is {trouble} column {quoted(wanted)} ({what}); "
            f"columns: {listed(columns, 12, each=40)}.{did_you_mean(wanted, columns)}"
        )
    return columns.index(wanted)


def unclear_columns(columns: Sequence[str], where: str) -> DataError:
    """Return the error for columns of which text or label cannot be told."""
    return DataError(
        f"{where}: cannot tell which column holds what; columns: {listed(columns, 12, each=40)}",
        Advice(
            ". Name them with ",
            Parameter("text_column"),
            " and ",
            Parameter("label_column"),
            otherwise=Advice(
                ". Name the text's with ",
                Parameter("text_column"),
                otherwise=". Call them text and label",
            ),
        ),
    )


def choose_labelled(
    table: Table, where: str, text_column: str | None, label_column: str | None, note: Note
) -> Chosen:
    """Return the text and the label column of a table; DataError if they cannot be told."""
    columns = table.columns
    _note_separator(table, where, note)
    text = find_column(columns, text_column, TEXT_NAMES, where=where, what="the text")
    label = find_column(columns, label_column, LABEL_NAMES, where=where, what="the label")
    if len(columns) == 2 and (text is None) != (label is None):
        text, label = (1 - (label or 0), label) if text is None else (text, 1 - text)
        _note_columns(columns, text, label, where, note)
    if text is not None and label is not None and text != label:
        return Chosen((columns[text], columns[label]), table.select([text, label]))
    if len(columns) != 2 or text is not None or table.named:
        raise unclear_columns(columns, where)
    return _guess(table, where, note)


def choose_text(table: Table, where: str, text_column: str | None, note: Note) -> Chosen:
    """Return the text column of a table, the same as ``choose_labelled`` where there is a label."""
    columns = table.columns
    _note_separator(table, where, note)
    text = find_column(columns, text_column, TEXT_NAMES, where=where, what="the text")
    label = find_column(columns, None, LABEL_NAMES, where=where, what="the label")
    if text is None and len(columns) == 2 and label is not None:
        text = 1 - label
        _note_columns(columns, text, label, where, note)
    if text is None and len(columns) == 1 and table.named:
        text = 0
    if text is not None:
        return Chosen((columns[text],), table.select([text]))
    if len(columns) != 2 or table.named:
        raise unclear_columns(columns, where)
    guessed = _guess(table, where, note)
    return Chosen(guessed.names[:1], ((number, row[:1]) for number, row in guessed.rows))


def _note_separator(table: Table, where: str, note: Note) -> None:
    if table.separator != ",":
        note(f"{where}: the columns are separated by {SEPARATORS[table.separator]}")


def _note_columns(
    columns: Sequence[str], text: int | None, label: int | None, where: str, note: Note
) -> None:
    assert text is not None, "callers know both columns"
    assert label is not None, "callers know both columns"
    note(f"{where}: columns: text = {quoted(columns[text])}, label = {quoted(columns[label])}")


def _guess(table: Table, where: str, note: Note) -> Chosen:
    """Return the columns of a two-column table without known names (rule: see above)."""
    rows = table.select([0, 1])
    sample = list(itertools.islice(rows, SAMPLE))
    first: list[object] = list(table.columns)
    cells = [[str(row[i]) for row in (first, *(row for _, row in sample))] for i in (0, 1)]
    marks = [(len(set(cells[i])), sum(map(len, cells[i]))) for i in (0, 1)]
    label = marks.index(min(marks))
    if marks[0] == marks[1] or len(set(cells[label][1:])) > max(2, len(sample) // 2):
        raise unclear_columns(table.columns, where)
    if _is_header(table.columns, cells[label]):
        _note_columns(table.columns, 1 - label, label, where, note)
        names = (table.columns[1 - label], table.columns[label])
    else:
        note(
            f"{where}: no header found: the first line is read as data; "
            f"columns: text is the {PLACES[1 - label]}, label the {PLACES[label]}"
        )
        names = ("text", "label")
        sample.insert(0, (1, first))
    ordered = (
        (number, [row[1 - label], row[label]]) for number, row in itertools.chain(sample, rows)
    )
    return Chosen(names, ordered)


def _is_header(names: Sequence[str], labels: Sequence[str]) -> bool:
    """Return whether a first row is one of names, given the labels of the first rows."""
    below = labels[1:]
    if labels[0] in {label.strip() for label in below}:
        return False
    if all(_WORD.fullmatch(name) for name in names):
        return True
    labels_repeat = 2 * len(set(below)) <= len(below)
    return labels_repeat and all(map(_looks_like_name, names))


def _looks_like_name(cell: str) -> bool:
    is_short = 0 < len(cell) <= LONGEST_NAME and not cell.endswith(_SENTENCE_END)
    return is_short and any(map(str.isalpha, cell))

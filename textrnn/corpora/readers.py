"""Labelled and unlabelled texts out of files and folders people already have.

Columns are found by name. A CSV or TSV file of exactly two columns needs no
header: the label is the column with fewer distinct values (the shorter one when
they tie), and the first row is data unless both its cells are single words and
its label is seen nowhere below.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import IO, Any

from textrnn.corpora.corpus import Split
from textrnn.corpora.formats import (
    MAX_RECORD,
    Row,
    Table,
    binary,
    check_format,
    decode,
    format_of,
    open_binary,
    open_table,
    text_lines,
)
from textrnn.errors import DataError, did_you_mean

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
UNLABELLED_FOLDERS = ("unsup", "unlabelled", "unlabeled")
SAMPLE = 1000
_NAME = re.compile(r"[^\W\d][\w-]*")


def read_split(
    path: str | Path, *, text_column: str | None = None, label_column: str | None = None
) -> Split:
    """Read labelled texts from a file (CSV, TSV, JSON lines, Parquet) or a folder of classes.

    A folder holds one folder of ``.txt`` files for each class. Raises DataError,
    naming file and line, for whatever cannot be read as labelled text.
    """
    path = Path(path)
    if path.is_dir():
        return _read_class_folders(path)
    form = format_of(path)
    if form is None or form == "lines":
        raise DataError(
            f"{path}: labelled texts are read from .csv, .tsv, .jsonl and .parquet files "
            "(the text ones also as .gz, .xz or .bz2) or a folder of class folders of .txt files"
        )
    with closing(open_binary(path)) as stream:
        table = open_table(stream, form, str(path), MAX_RECORD)
        unit, columns, rows = _labelled_rows(table, str(path), text_column, label_column)
        split = Split([], [])
        for number, (text, label) in rows:
            place = f"{path}: {unit} {number}"
            split.texts.append(check_text(text, place, columns[0]))
            split.labels.append(check_label(label, place, columns[1]))
    return split


def read_texts(
    source: str | Path | IO[Any], *, format: str | None = None, text_column: str | None = None
) -> Iterator[str]:
    """Yield the text of each record of a file or open stream, empty ones too, in order.

    ``format`` is ``lines``, ``csv``, ``tsv``, ``jsonl`` or ``parquet``; by
    default what the file name says, and ``lines`` for streams and other names.
    Texts may be of any length; memory holds one record. Raises DataError as
    :func:`read_split` does, and UsageError for an unknown format.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        where, form = str(path), check_format(format or format_of(path) or "lines")
        opened: Any = closing(open_binary(path))
    else:
        where = str(getattr(source, "name", "the input"))
        form, opened = check_format(format or "lines"), nullcontext(binary(source))
    with opened as stream:
        if form == "lines":
            for line in text_lines(stream, where, None):
                yield line.removesuffix("\n").removesuffix("\r")
            return
        table = open_table(stream, form, where, None)
        unit, column, rows = _text_rows(table, where, text_column)
        for number, (text,) in rows:
            yield check_text(text, f"{where}: {unit} {number}", column)


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
                f"{where}: more than one column is called {known!r} ({what}); "
                f"columns: {listed(columns)}. Rename all but one"
            )
        return None if known is None else lowered.index(known)
    if columns.count(wanted) != 1:
        trouble = "no" if wanted not in columns else "more than one"
        raise DataError(
            f"{where}: there is {trouble} column {wanted!r} ({what}); "
            f"columns: {listed(columns)}.{did_you_mean(wanted, columns)}"
        )
    return columns.index(wanted)


def listed(columns: Sequence[str]) -> str:
    """Return column names for a message, cut where they are many or long."""
    shown = [repr(column if len(column) <= 40 else column[:37] + "...") for column in columns[:12]]
    return ", ".join(shown) + (", ..." if len(columns) > 12 else "")


def unclear_columns(columns: Sequence[str], where: str) -> DataError:
    """Return the error for columns of which text or label cannot be told."""
    return DataError(
        f"{where}: cannot tell which column holds what; columns: {listed(columns)}. "
        "Name them with --text-column and --label-column"
    )


def check_text(value: object, where: str, column: str) -> str:
    """Return ``value`` if it is a text that can be written as UTF-8; DataError otherwise."""
    if not isinstance(value, str):
        seen = "nothing" if value is None else f"{value!r:.40}"
        raise DataError(f"{where}: a text is needed in {column!r}, not {seen}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: {column!r} holds half a character ({value[error.start]!r}); remove it"
            ) from None
    return value


def check_label(value: object, where: str, column: str) -> str:
    """Return a label as text: 1 and 1.0 as "1", True as "true"; DataError for a missing one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isnan(value):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and (label := check_text(value, where, column).strip()):
        return label
    if value is None or isinstance(value, str | float):
        raise DataError(f"{where}: the label in {column!r} is empty; fill it in or remove the row")
    raise DataError(f"{where}: {value!r:.40} in {column!r} is no label; one text or number is")


def _labelled_rows(
    table: Table, where: str, text_column: str | None, label_column: str | None
) -> tuple[str, tuple[str, str], Iterator[Row]]:
    """Return the row unit, the names of both columns and the (text, label) rows."""
    columns = table.columns
    text = find_column(columns, text_column, TEXT_NAMES, where=where, what="the text")
    label = find_column(columns, label_column, LABEL_NAMES, where=where, what="the label")
    if len(columns) == 2 and (text is None) != (label is None):
        text, label = (1 - (label or 0), label) if text is None else (text, 1 - text)
    if text is not None and label is not None and text != label:
        return table.unit, (columns[text], columns[label]), table.select([text, label])
    if len(columns) != 2 or text is not None or table.named:
        raise unclear_columns(columns, where)
    return table.unit, ("text", "label"), _guess(table, where)


def _text_rows(table: Table, where: str, text_column: str | None) -> tuple[str, str, Iterator[Row]]:
    """Return the row unit, the name of the text column and its rows."""
    columns = table.columns
    text = find_column(columns, text_column, TEXT_NAMES, where=where, what="the text")
    label = find_column(columns, None, LABEL_NAMES, where=where, what="the label")
    if text is None and len(columns) == 2 and label is not None:
        text = 1 - label
    if text is None and len(columns) == 1 and table.named:
        text = 0
    if text is not None:
        return table.unit, columns[text], table.select([text])
    if len(columns) != 2 or table.named:
        raise unclear_columns(columns, where)
    return table.unit, "text", ((number, row[:1]) for number, row in _guess(table, where))


def _guess(table: Table, where: str) -> Iterator[Row]:
    """Yield (text, label) rows of a two-column table without known names (rule: see above)."""
    rows = table.select([0, 1])
    sample = list(itertools.islice(rows, SAMPLE))
    first: list[object] = list(table.columns)
    cells = [[str(row[i]) for row in (first, *(row for _, row in sample))] for i in (0, 1)]
    marks = [(len(set(cells[i])), sum(map(len, cells[i]))) for i in (0, 1)]
    label = marks.index(min(marks))
    below = set(cells[label][1:])
    if marks[0] == marks[1] or len(below) > max(2, len(sample) // 2):
        raise unclear_columns(table.columns, where)
    is_header = all(_NAME.fullmatch(name) for name in table.columns) and first[label] not in below
    if not is_header:
        sample.insert(0, (1, first))
    for number, row in itertools.chain(sample, rows):
        yield number, [row[1 - label], row[label]]


def class_folders(folder: Path) -> list[Path]:
    """Return the sub-folders that hold ``.txt`` files, without the unlabelled ones."""
    return sorted(
        child
        for child in folder.iterdir()
        if child.is_dir() and child.name not in UNLABELLED_FOLDERS and any(child.glob("*.txt"))
    )


def read_text_files(folder: Path) -> list[str]:
    """Return the text of each ``.txt`` file of a folder, in the order of their numbers."""

    def key(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in _parts(path.stem)]

    texts = []
    for path in sorted(folder.glob("*.txt"), key=key):
        with closing(open_binary(path)) as stream:
            data = stream.read(MAX_RECORD + 1)
        if len(data) > MAX_RECORD:
            raise DataError(f"{path} is longer than {MAX_RECORD // 2**20} MiB; a text a file")
        texts.append(decode(data.removeprefix(b"\xef\xbb\xbf"), str(path)).rstrip("\r\n"))
    return texts


def _parts(stem: str) -> list[str]:
    return re.findall(r"\d+|\D+", stem)


def _read_class_folders(folder: Path) -> Split:
    classes = class_folders(folder)
    if not classes:
        raise DataError(
            f"{folder} holds no class folders; put each class's .txt files into a folder "
            "named after the class"
        )
    split = Split([], [])
    for child in classes:
        texts = read_text_files(child)
        split.texts.extend(texts)
        split.labels.extend([child.name] * len(texts))
    return split

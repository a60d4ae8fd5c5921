"""Labelled and unlabelled texts out of files and folders people already have."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from textrnn.corpora.byte_lines import decode, open_binary, text_lines
from textrnn.corpora.columns import Note, choose_labelled, choose_text, ignore
from textrnn.corpora.corpus import Split
from textrnn.corpora.formats import (
    MAX_RECORD,
    check_format,
    format_of,
    open_source,
    open_table,
)
from textrnn.corpora.labels import one_spelling
from textrnn.errors import DataError, UsageError
from textrnn.wording.messages import Advice, Parameter, Setting
from textrnn.wording.quoting import quoted

UNLABELLED_FOLDERS = ("unsup", "unlabelled", "unlabeled")


def read_split(
    path: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    note: Note = ignore,
) -> Split:
    """Read labelled texts from a file (CSV, TSV, JSON lines, Parquet) or a folder of classes.

    A folder holds one folder of ``.txt`` files for each class. With a ``label_separator`` a
    text has any number of labels, in one cell between separators or in a list. Labels that are
    one have one spelling, see ``corpora.labels``. ``note`` receives a
    line about each guess, such as which column is which. Raises DataError, naming
    file and line, for whatever cannot be read as labelled text.
    """
    split = read_as_spelled(
        path,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        note=note,
    )
    return split.respelled(one_spelling(split.classes))


def read_as_spelled(
    path: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    note: Note = ignore,
) -> Split:
    """The same with labels as the file spells them: what they mean, all splits tell together."""
    if label_separator == "":
        raise UsageError(
            Parameter("label_separator"), " is empty; give what stands between labels, such as '|'"
        )
    path = Path(path)
    if path.is_dir():
        return _read_class_folders(path, label_separator)
    form = format_of(path)
    if form is None or form == "lines":
        raise DataError(
            f"{quoted(path)}: labelled texts are read from .csv, .tsv, .jsonl and .parquet files "
            "(the text ones also as .gz, .xz or .bz2) or a folder of class folders of .txt files"
        )
    with closing(open_binary(path)) as stream:
        table = open_table(stream, form, quoted(path), MAX_RECORD)
        chosen = choose_labelled(table, quoted(path), text_column, label_column, note)
        split = Split([], [], label_separator)
        for number, (text, label) in chosen.rows:
            place = f"{quoted(path)}: {table.unit} {number}"
            split.texts.append(check_text(text, place, chosen.names[0]))
            if label_separator is None:
                split.labels.append(check_label(label, place, chosen.names[1]))
            else:
                split.labels.append(_check_labels(label, place, chosen.names[1], label_separator))
    return split


def has_labels(path: str | Path, *, text_column: str | None = None) -> bool:
    """Whether labelled texts are read of a file without being told in which column the labels are.

    Lines have none, nor has a table with a text and nothing that is known for a label. Raises
    DataError for a table that cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return True
    form = format_of(path)
    if form is None or form == "lines":
        return False
    with closing(open_binary(path)) as stream:
        table = open_table(stream, form, quoted(path), MAX_RECORD)
        try:
            choose_labelled(table, quoted(path), text_column, None, ignore)
        except DataError:
            return False
    return True


def read_texts(
    source: str | Path | IO[Any],
    *,
    format: str | None = None,
    text_column: str | None = None,
    note: Note = ignore,
) -> Iterator[str]:
    """Yield the text of each record of a file or open stream, empty ones too, in order.

    ``format`` is ``lines``, ``csv``, ``tsv``, ``jsonl`` or ``parquet``; by
    default what the file name says, and ``lines`` for streams and other names.
    Texts may be of any length; memory holds one record. Columns are chosen, and
    ``note`` told, as in :func:`read_split`. Raises DataError as that does, and
    UsageError for an unknown format.
    """
    where, named, opened = open_source(source)
    form = check_format(format or named or "lines")
    with opened as stream:
        if form == "lines":
            for line in text_lines(stream, where, None):
                yield line.removesuffix("\n").removesuffix("\r")
            return
        table = open_table(stream, form, where, None)
        chosen = choose_text(table, where, text_column, note)
        for number, (text,) in chosen.rows:
            yield check_text(text, f"{where}: {table.unit} {number}", chosen.names[0])


def check_text(value: object, where: str, column: str) -> str:
    """Return ``value`` if it is a text that can be written as UTF-8; DataError otherwise."""
    if not isinstance(value, str):
        seen = "nothing" if value is None else quoted(value, 40)
        raise DataError(f"{where}: a text is needed in {quoted(column)}, not {seen}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: {quoted(column)} holds half a character "
                f"({quoted(value[error.start])}); remove it"
            ) from None
    return value


def check_label(value: object, where: str, column: str) -> str:
    """Return a label as it is spelled, True as "true"; DataError for a missing one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, str) and (label := check_text(value, where, column).strip()):
        return label
    if value is None or isinstance(value, str) or value != value:  # or not a number
        raise DataError(
            f"{where}: the label in {quoted(column)} is empty; fill it in or remove the row",
            Advice(
                ", or give ", Parameter("label_separator"), " if a text has any number of labels"
            ),
        )
    hint: object = ""
    if isinstance(value, list):
        hint = Advice("; for lists of labels give ", Setting("label_separator", "|"))
    raise DataError(
        f"{where}: {quoted(value, 40)} in {quoted(column)} is no label; one text or number is",
        hint,
    )


def _check_labels(value: object, where: str, column: str, separator: str) -> str:
    """Return any number of labels in one text: from one, from a list of them, or from nothing."""
    cells = value if isinstance(value, list) else [value]
    given = [cell for cell in cells if cell is not None and str(cell).strip()]
    labels = [check_label(label, where, column) for label in given]
    whole = next((label for label in labels if separator in label), None)
    if isinstance(value, list) and whole is not None:
        raise DataError(
            f"{where}: the label {quoted(whole, 40)} in the list in {quoted(column)} holds the "
            f"mark that stands between labels, {quoted(separator)}; choose another mark",
            Advice(" with ", Parameter("label_separator")),
            ".",
        )
    return separator.join(labels)


def class_folders(folder: Path) -> list[Path]:
    """Return the sub-folders that hold ``.txt`` files, without hidden and unlabelled ones."""
    return sorted(
        child
        for child in folder.iterdir()
        if not child.name.startswith((".", "__"))  # of programs: .git, __MACOSX
        and child.name not in UNLABELLED_FOLDERS
        and child.is_dir()
        and any(_text_files(child))
    )


def _text_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.txt") if not path.name.startswith("."))


def read_text_files(folder: Path) -> list[str]:
    """Return the text of each ``.txt`` file of a folder, in the order of their numbers."""

    def key(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in _parts(path.stem)]

    texts = []
    for path in sorted(_text_files(folder), key=key):
        with closing(open_binary(path)) as stream:
            data = stream.read(MAX_RECORD + 1)
        if len(data) > MAX_RECORD:
            most = f"{MAX_RECORD // 2**20} MiB"
            raise DataError(f"{quoted(path)} is longer than {most}; a text a file")
        texts.append(decode(data.removeprefix(b"\xef\xbb\xbf"), quoted(path)).rstrip("\r\n"))
    return texts


def _parts(stem: str) -> list[str]:
    return re.findall(r"\d+|\D+", stem)


def _read_class_folders(folder: Path, label_separator: str | None) -> Split:
    classes = class_folders(folder)
    if not classes:
        raise DataError(
            f"{quoted(folder)} holds no class folders; put each class's .txt files into a folder "
            "named after the class"
        )
    split = Split([], [], label_separator)
    for child in classes:
        texts = read_text_files(child)
        split.texts.extend(texts)
        split.labels.extend([child.name] * len(texts))
    return split

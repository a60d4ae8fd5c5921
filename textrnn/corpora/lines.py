"""Texts for a language model: a text a line, a table's column, or what classifiers learn from."""

from __future__ import annotations

from pathlib import Path

from textrnn.corpora.columns import Note, ignore
from textrnn.corpora.formats import format_of
from textrnn.corpora.readers import class_folders, read_as_spelled, read_text_files, read_texts
from textrnn.corpora.rows import Lines
from textrnn.errors import DataError
from textrnn.wording.messages import Advice, Setting
from textrnn.wording.quoting import quoted

ANY_LABEL = "label"
"""What to condition on for whatever column holds the label; any other word names a column."""


def read_lines(
    path: str | Path,
    *,
    text_column: str | None = None,
    condition: str | None = None,
    note: Note = ignore,
) -> Lines:
    """Read texts to train a language model on, or to score; empty ones are left out.

    A file has a text a line or, by its name, a table with a column of texts; a folder class
    folders of ``.txt`` files, or such files. With a ``condition`` each text has a label: of the
    column of that name or, if it is ``label``, of whichever column holds labels.

    Raises:
        DataError: it cannot be read, holds no text, or has no labels where there must be some.
    """
    path = Path(path)
    if condition is not None:
        found = _labelled(path, text_column, condition, note)
    elif path.is_dir():
        folders = class_folders(path) or [path]
        found = Lines([text for folder in folders for text in read_text_files(folder)])
    else:
        found = Lines(list(read_texts(path, text_column=text_column, note=note)))
    return without_empty(found, quoted(path), note)


def _labelled(path: Path, text_column: str | None, condition: str, note: Note) -> Lines:
    if not path.is_dir() and path.exists() and format_of(path) in (None, "lines"):
        raise DataError(
            f"{quoted(path)} has a text a line and no labels; bring a .csv, .tsv, .jsonl or "
            ".parquet file with a column of labels, or a folder of class folders",
            Advice(", or leave ", Setting("condition", condition), " out"),
        )
    split = read_as_spelled(
        path,
        text_column=text_column,
        label_column=None if condition == ANY_LABEL else condition,
        note=note,
    )
    return Lines(split.texts, split.labels)


def without_empty(lines: Lines, where: str, note: Note) -> Lines:
    """The texts that are not blank; raise DataError if there is none."""
    import numpy as np

    is_text = np.array([bool(text.strip()) for text in lines.texts], dtype=bool)
    if not is_text.any():
        raise DataError(f"{where} is empty: it holds no text")
    if is_text.all():
        return lines
    note(f"{where}: empty texts left out: {int((~is_text).sum()):,}")
    return lines.take(is_text)

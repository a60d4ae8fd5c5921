"""Rows out of CSV, TSV, JSON lines and Parquet, a few at a time.

Nothing but the current record is held in memory.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textrnn.corpora.byte_lines import PACKED, binary, open_binary, text_lines
from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.wording.quoting import quoted

Row = tuple[int, list[object]]
"""Where a row begins (line or row number, from 1) and its chosen values."""

MAX_RECORD = 64 * 1024 * 1024
"""Bytes a training record may have: far more than any text, little enough to stop early."""
CSV_FIELD_LIMIT = 2**31 - 1  # the csv module keeps it in a C long, 32 bits wide on Windows

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "lines",
}
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)"}
"""What may part the columns of a CSV file."""
HALF = ("halffloat", "float16")
FORMATS = ("lines", "csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True)
class Table:
    """Column names and a way to iterate over some of the columns, once.

    ``named`` tells whether ``columns`` are certainly names; the first row of a
    CSV file may be data. ``separator`` is what parts the columns of a CSV file.
    """

    columns: list[str]
    select: Callable[[Sequence[int]], Iterator[Row]]
    unit: str = "line"
    named: bool = True
    separator: str = ","


def format_of(path: Path) -> str | None:
    """Return the format a file name tells (``train.csv.xz`` is csv), or ``None``."""
    name = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return SUFFIXES.get(name.suffix.lower())


def check_format(name: str) -> str:
    """Return ``name`` if it is a format; raise UsageError if not."""
    if name not in FORMATS:
        raise UsageError(
            f"unknown format {quoted(name)}; choose one of {', '.join(FORMATS)}."
            f"{did_you_mean(name, FORMATS)}",
            parameter="format",
        )
    return name


def open_source(
    source: str | Path | IO[Any],
) -> tuple[str, str | None, AbstractContextManager[IO[bytes]]]:
    """What a file or an open stream is called, the format its name tells, and its bytes.

    These are in a context that closes a file, and leaves a stream open. Raises DataError for a
    file that cannot be opened.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        return quoted(path), format_of(path), closing(open_binary(path))
    name = getattr(source, "name", None)  # a number, if opened by one
    where = "standard input" if name == 0 else "the input"
    return quoted(name) if isinstance(name, str) else where, None, nullcontext(binary(source))


def open_table(stream: IO[bytes], form: str, where: str, limit: int | None) -> Table:
    """Return the table in a stream of ``form`` (csv, tsv, jsonl or parquet)."""
    if form == "parquet":
        return _parquet(stream, where)
    lines = text_lines(stream, where, limit)
    return _jsonl(lines, where) if form == "jsonl" else _csv(lines, where, form, limit)


def _csv(lines: Iterator[str], where: str, form: str, limit: int | None) -> Table:
    """Read CSV (RFC 4180) or TSV (IANA's text/tab-separated-values, which has no quotes)."""
    separator, lines = _find_separator(lines) if form == "csv" else ("\t", lines)
    records = _csv_records(lines, where, form, separator, limit)
    first = next(records, None)
    if first is None:
        raise DataError(f"{where} is empty: not even a header line (text,label) is there")
    header = first[1]

    def select(chosen: Sequence[int]) -> Iterator[Row]:
        for number, fields in records:
            if len(fields) != len(header):
                raise DataError(
                    f"{where}: line {number} has {len(fields)} fields where the first line has "
                    f"{len(header)}; put texts with {SEPARATORS[separator]}, quotes or line "
                    "breaks in quotes"
                )
            yield number, [fields[i] for i in chosen]

    names = [name.strip() for name in header]
    return Table(names, select, named=False, separator=separator)


def _find_separator(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """Return what parts the columns of CSV, by its first line, and all lines again.

    A comma if there is one outside quotes, else whichever of the others is most often there:
    where commas are decimal points, spreadsheets write semicolons.
    """
    blank: list[str] = []
    for line in lines:
        if not line.strip():
            blank.append(line)
            continue
        bare = re.sub(r'"[^"]*("|$)', "", line)
        separator = "," if "," in bare else max(SEPARATORS, key=bare.count)
        return separator, itertools.chain(blank, [line], lines)
    return ",", iter(blank)


def _csv_records(
    lines: Iterator[str], where: str, form: str, separator: str, limit: int | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number of its start, fields) of each record that is not blank."""
    if csv.field_size_limit() < CSV_FIELD_LIMIT:
        csv.field_size_limit(CSV_FIELD_LIMIT)
    start, size = 1, 0

    def watched() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line)
            if limit is not None and size > limit:
                raise DataError(
                    f"{where}: the record at line {start} is longer than {limit // 2**20} MiB; "
                    "is a quote left open there?"
                )
            yield line

    dialect: dict[str, Any] = {"delimiter": separator, "strict": True}
    if form == "tsv":
        dialect["quoting"] = csv.QUOTE_NONE
    reader = csv.reader(watched(), **dialect)
    try:
        for fields in reader:
            if fields:
                yield start, fields
            start, size = reader.line_num + 1, 0
    except csv.Error as error:
        end = reader.line_num
        what = "a quote is left open" if "end of data" in str(error) else str(error)
        place = f"line {start}" if end <= start else f"lines {start} to {end}"
        raise DataError(f"{where}: {place}: {what}; check the quotes there") from None


def _jsonl(lines: Iterator[str], where: str) -> Table:
    objects = json_objects(lines, where)
    first = next(objects, None)
    if first is None:
        raise DataError(f'{where} is empty: write one {{"text": ..., "label": ...}} a line')
    columns = list(first[1])

    def select(chosen: Sequence[int]) -> Iterator[Row]:
        names = [columns[i] for i in chosen]
        yield first[0], [first[1][name] for name in names]
        for number, found in objects:
            yield number, [found.get(name) for name in names]

    return Table(columns, select)


def json_objects(
    lines: Iterable[str], where: str, form: str = '{"text": ..., "label": ...}'
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of JSON lines with their line numbers; DataError for what is none.

    ``form`` is how one is written, for the message.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: line {number} is not JSON ({error})") from None
        if not isinstance(found, dict):
            raise DataError(
                f"{where}: line {number} is {quoted(line.strip()[:30])}, not an object; "
                f"write {form}"
            )
        yield number, found


def _parquet(stream: IO[bytes], where: str) -> Table:
    import pyarrow
    import pyarrow.parquet

    if not stream.seekable():
        raise DataError(f"{where}: Parquet cannot be read from a pipe; give a file")
    try:
        file = pyarrow.parquet.ParquetFile(stream)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{where} is not a Parquet file ({_first_line(error)})") from None
    columns = list(file.schema_arrow.names)

    def select(chosen: Sequence[int]) -> Iterator[Row]:
        names = [columns[i] for i in chosen]
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1024, columns=names):
                lists = [_values(batch.column(name)) for name in names]
                for values in zip(*lists, strict=True):
                    number += 1
                    yield number, list(values)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{where}: damaged Parquet file ({_first_line(error)})") from None

    return Table(columns, select, unit="row")


def _values(column: Any) -> list[Any]:
    """Python values of an Arrow array; a number of single precision as short as it is written."""
    import pyarrow

    found: list[Any] = column.to_pylist()
    if not (pyarrow.types.is_float16(column.type) or pyarrow.types.is_float32(column.type)):
        return found
    return [None if value is None else as_written(value, str(column.type)) for value in found]


def as_written(value: float, kind: str) -> float:
    """A number of lower precision (``float``, ``float32``, ``halffloat``, ``float16``), in short.

    In single precision 0.1 is 0.10000000149, and written as 0.1.
    """
    import numpy as np

    return float(str(np.float16(value) if kind in HALF else np.float32(value)))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Rows out of CSV, TSV, JSON lines, Parquet and plain text, packed or not, a few at a time.

Text files are read as UTF-8 lines in binary, so that a wrong byte can be named
by line and place, and nothing but the current record is held in memory.
"""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from textrnn.errors import DataError, UsageError, did_you_mean

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
PACKED = (".gz", ".xz", ".bz2")
FORMATS = ("lines", "csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True)
class Table:
    """Column names and a way to iterate over some of the columns, once.

    ``named`` tells whether ``columns`` are certainly names; the first row of a
    CSV file may be data.
    """

    columns: list[str]
    select: Callable[[Sequence[int]], Iterator[Row]]
    unit: str = "line"
    named: bool = True


def format_of(path: Path) -> str | None:
    """Return the format a file name tells (``train.csv.xz`` is csv), or ``None``."""
    name = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return SUFFIXES.get(name.suffix.lower())


def check_format(name: str) -> str:
    """Return ``name`` if it is a format; raise UsageError if not."""
    if name not in FORMATS:
        raise UsageError(
            f"unknown format {name!r}; choose one of {', '.join(FORMATS)}."
            f"{did_you_mean(name, FORMATS)}"
        )
    return name


def open_binary(path: Path) -> IO[bytes]:
    """Open a file, unpacking .gz, .xz and .bz2; raise DataError when it cannot be opened."""
    try:
        match path.suffix.lower():
            case ".gz":
                import gzip

                return cast(IO[bytes], gzip.open(path, "rb"))
            case ".xz":
                import lzma

                return lzma.open(path, "rb")
            case ".bz2":
                import bz2

                return bz2.open(path, "rb")
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def raw_lines(stream: IO[bytes], where: str, limit: int | None) -> Iterator[bytes]:
    """Yield lines with their ends; DataError for one beyond ``limit`` or a damaged archive."""
    size = -1 if limit is None else limit + 1
    try:
        number = 0
        while line := stream.readline(size):
            number += 1
            if limit is not None and len(line) > limit:
                raise DataError(
                    f"{where}: line {number} is longer than {limit // 2**20} MiB; "
                    "put one text on each line"
                )
            yield line
    except DataError:
        raise
    except (EOFError, zlib.error, OSError, ValueError) as error:
        raise DataError(f"{where} cannot be read to its end ({error}); fetch it again") from None
    except Exception as error:  # lzma.LZMAError, not imported only to be named here
        if type(error).__name__ != "LZMAError":
            raise
        raise DataError(f"{where} cannot be unpacked ({error}); fetch it again") from None


def text_lines(stream: IO[bytes], where: str, limit: int | None) -> Iterator[str]:
    """Yield decoded lines with their ends; a byte order mark at the start is dropped."""
    for number, line in enumerate(raw_lines(stream, where, limit), start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError(
                    f"{where} is UTF-16, not UTF-8; convert it: "
                    "iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE"
                )
        yield decode(line, f"{where}: line {number}")


def decode(data: bytes, where: str) -> str:
    """Return ``data`` as text; DataError naming the first wrong byte, or a NUL."""
    if b"\0" in data:
        raise DataError(
            f"{where} holds a NUL byte (place {data.index(0) + 1}); "
            "this is no UTF-8 text: convert the file, or remove the byte"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}, byte {error.start + 1} (0x{data[error.start]:02x}) is not UTF-8; convert "
            "the file: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE (or what it was saved in)"
        ) from None


def open_table(stream: IO[bytes], form: str, where: str, limit: int | None) -> Table:
    """Return the table in a stream of ``form`` (csv, tsv, jsonl or parquet)."""
    if form == "parquet":
        return _parquet(stream, where)
    lines = text_lines(stream, where, limit)
    return _jsonl(lines, where) if form == "jsonl" else _csv(lines, where, form, limit)


def _csv(lines: Iterator[str], where: str, form: str, limit: int | None) -> Table:
    """Read CSV (RFC 4180) or TSV (IANA's text/tab-separated-values, which has no quotes)."""
    records = _csv_records(lines, where, form, limit)
    first = next(records, None)
    if first is None:
        raise DataError(f"{where} is empty: not even a header line (text,label) is there")
    header = first[1]

    def select(chosen: Sequence[int]) -> Iterator[Row]:
        for number, fields in records:
            if len(fields) != len(header):
                raise DataError(
                    f"{where}: line {number} has {len(fields)} fields where the first line has "
                    f"{len(header)}; put texts with commas, quotes or line breaks in quotes"
                )
            yield number, [fields[i] for i in chosen]

    return Table([name.strip() for name in header], select, named=False)


def _csv_records(
    lines: Iterator[str], where: str, form: str, limit: int | None
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

    if form == "tsv":
        reader = csv.reader(watched(), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(watched(), strict=True)
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
    objects = _json_objects(lines, where)
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


def _json_objects(lines: Iterator[str], where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: line {number} is not JSON ({error})") from None
        if not isinstance(found, dict):
            raise DataError(
                f"{where}: line {number} is {line.strip()[:30]!r}, not an object; "
                'write {"text": ..., "label": ...}'
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
                lists = [batch.column(name).to_pylist() for name in names]
                for values in zip(*lists, strict=True):
                    number += 1
                    yield number, list(values)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{where}: damaged Parquet file ({_first_line(error)})") from None

    return Table(columns, select, unit="row")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def binary(stream: IO[Any]) -> IO[bytes]:
    """Return the bytes beneath a stream; a text stream without any is encoded again."""
    if hasattr(stream, "buffer"):
        return cast(IO[bytes], stream.buffer)
    if isinstance(stream.read(0), str):
        return io.BytesIO(stream.read().encode("utf-8"))
    return stream

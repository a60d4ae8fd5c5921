"""Lines of text out of files and streams, packed or not, with every wrong byte named by its place.

Files are read as UTF-8 in binary, a line at a time, so that nothing but the current line is
held in memory.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from textrnn.errors import DataError, reason
from textrnn.wording.quoting import quoted

PACKED = (".gz", ".xz", ".bz2")


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
        raise DataError(f"{quoted(path)}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"{quoted(path)} is a folder; give a file in it") from None
    except OSError as error:
        raise DataError(f"{quoted(path)}: {reason(error)}") from None


def binary(stream: IO[Any]) -> IO[bytes]:
    """Return the bytes beneath a stream; a text stream without any is encoded again."""
    if hasattr(stream, "buffer"):
        return cast(IO[bytes], stream.buffer)
    if isinstance(stream.read(0), str):
        return io.BytesIO(stream.read().encode("utf-8"))
    return stream


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
            if b"\r" in line.rstrip(b"\r\n") and not line.endswith(b"\n"):
                raise DataError(
                    f"{where} has no line ends but carriage returns (of old Macs); convert it: "
                    "tr '\\r' '\\n' < FILE > NEW_FILE"
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
        likely = "GB18030" if is_chinese(data) else "WINDOWS-1252"
        raise DataError(
            f"{where}, byte {error.start + 1} (0x{data[error.start]:02x}) is not UTF-8; convert "
            f"the file: iconv -f {likely} -t UTF-8 FILE > NEW_FILE (or what it was saved in)"
        ) from None


def is_chinese(data: bytes) -> bool:
    """Return whether bytes are likely Chinese in GB18030 (or GBK, or GB 2312, its parts).

    Almost any bytes above 127 decode as some Han character. In Chinese text nearly all are of
    the first level of GB 2312, the 3,755 most used ones; accented letters before plain ones and
    small Cyrillic ones decode as others.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    letters = [c.encode("gb18030") for c in text if c.isalpha() and not c.isascii()]
    usual = sum(b"\xb0\xa1" <= c <= b"\xd7\xf9" and c[1] >= 0xA1 for c in letters)
    return 2 * usual > len(letters)

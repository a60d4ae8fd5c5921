"""``textrnn transduce predict``: a target for each source, as a stream."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.incoming import incoming
from textrnn.cli.models import open_model
from textrnn.cli.options import Debug, Json, Quiet, note, silent
from textrnn.cli.output import is_unicode
from textrnn.errors import UsageError
from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:
    from textrnn.inference.transduction import Transduced

DIGITS = 6
"""Of numbers in JSON."""
WIDEST = 100
"""Beginnings that a search follows, at most: above it is a typing error."""

Beam = Annotated[
    int,
    typer.Option(
        "--beam", help="Follow so many beginnings of an answer; 1 takes the best symbol each time."
    ),
]


def predict(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Sources; - reads standard input.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="File of sources, one a line, or a table with a column source; also .gz, .xz.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Folder or name; by default the newest transducer in ./models."
        ),
    ] = None,
    beam: Beam = 1,
    alignment: Annotated[
        bool,
        typer.Option(
            "--alignment", help="Show at which symbols of the source each was written, as a map."
        ),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="Format of standard input or --file: lines, csv, tsv, jsonl, parquet."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the target of each source: a line out for each line in.

    With --json a record has source, target and the natural log_probability of the target; with
    --alignment also source_symbols, target_symbols and the weight that each symbol of the source,
    and the mark behind it, had for each of the target, and for its end.

    Examples:

        textrnn transduce predict "March 5, 2019"

        textrnn transduce predict - --model models/dates --beam 4 --json
    """
    del debug
    check_beam(beam)
    tell = silent if quiet else note

    def read(source: Path | IO[bytes]) -> Iterable[str]:
        from textrnn.corpora.pairs import read_sources

        return read_sources(source, format=format, note=tell)

    source = incoming(
        texts,
        file,
        read,
        of_files={"--format": format},
        example='textrnn transduce predict "March 5, 2019"',
    )
    _, loaded = open_model(model, "transducer", quiet=quiet)
    cut, ascii_only = 0, not is_unicode(sys.stdout)
    for chunk in source:
        for text, found in zip(chunk, loaded.write(chunk, beam_width=beam), strict=True):
            cut += not found.is_whole
            sys.stdout.write(
                _as_json(text, found, alignment, ascii_only=ascii_only)
                if as_json
                else _as_text(found, alignment, ascii_only=ascii_only)
            )
        sys.stdout.flush()
    if cut:
        tell(f"{cut:,} of the answers came to no end and are cut off")


def check_beam(beam: int) -> None:
    """Raise UsageError for a width that no search has."""
    if not 1 <= beam <= WIDEST:
        raise UsageError(f"--beam is {beam}, but must be from 1 to {WIDEST}.")


def _as_text(found: Transduced, alignment: bool, *, ascii_only: bool) -> str:
    line = one_line(found.text) + "\n"
    if not alignment:
        return line
    from textrnn.cli.transduce.heat_map import heat_map

    rows = heat_map(found.source, found.symbols, found.alignment, ascii_only=ascii_only)
    return "".join([line, *(f"{row}\n" for row in rows), "\n"])


def _as_json(text: str, found: Transduced, alignment: bool, *, ascii_only: bool) -> str:
    record: dict[str, Any] = {
        "source": text,
        "target": found.text,
        "log_probability": round(found.log_probability, DIGITS),
    }
    if not found.is_whole:
        record["cut"] = True
    if alignment:
        record |= {
            "source_symbols": found.source,
            "target_symbols": found.symbols,
            "alignment": [[round(x, DIGITS) for x in row] for row in found.alignment.tolist()],
        }
    return json_line(record, ascii_only=ascii_only) + "\n"

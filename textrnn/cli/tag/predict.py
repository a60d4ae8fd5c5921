"""``textrnn tag predict``: a text out for each text in, a tag for each of its tokens."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from textrnn.cli.incoming import incoming
from textrnn.cli.models import open_model
from textrnn.cli.options import Debug, Json, Quiet, note, silent
from textrnn.cli.output import is_unicode
from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import one_line


def predict(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts to tag, their tokens with blanks between; - reads standard input."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="File of texts: what tag train reads, with or without tags, or a text a line, its "
            "tokens with blanks between.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Folder or name; by default the tagger that is the newest in ./models.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of standard input or --file: lines (a token a line), texts (a text a "
            "line), jsonl, parquet; by default what its beginning tells.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tag the tokens of texts, one text out for each text in.

    Without --json: token, tab, tag on each line and an empty line after each text.

    Examples:

        textrnn tag predict "The light can open"

        textrnn tag predict --file new.tsv --json

        cat new.txt | textrnn tag predict - --model models/tagger
    """
    del debug
    from textrnn.corpora.tagged import read_tokens

    _, loaded = open_model(model, "tagger", quiet=quiet)
    tags = frozenset(map(str, loaded.classes))
    read: Any = partial(read_tokens, format=format, note=silent if quiet else note, tags=tags)
    source = incoming(
        texts,
        file,
        read,
        of_files={"--format": format},
        example='textrnn tag predict "The light can open"',
    )
    write = partial(_as_json, ascii_only=not is_unicode(sys.stdout)) if as_json else _as_lines
    for chunk in source:
        tokens = loaded.tokens(chunk)
        for own, given in zip(tokens, loaded.predict(tokens), strict=True):
            sys.stdout.write(write(own, given))
        sys.stdout.flush()


def _as_json(tokens: Sequence[str], tags: Sequence[Any], *, ascii_only: bool) -> str:
    return json_line({"tokens": tokens, "tags": tags}, ascii_only=ascii_only) + "\n"


def _as_lines(tokens: Sequence[str], tags: Sequence[Any]) -> str:
    lines = (f"{one_line(a)}\t{one_line(str(b))}\n" for a, b in zip(tokens, tags, strict=True))
    return "".join(lines) + "\n"

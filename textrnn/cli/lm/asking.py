"""What the commands that ask a language model share: their options, their model, its texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from textrnn.cli.incoming import incoming
from textrnn.cli.models import open_model
from textrnn.cli.output import is_unicode
from textrnn.storage.kinds import LANGUAGE_MODELS
from textrnn.system.plain_json import json_line

if TYPE_CHECKING:
    from textrnn.inference.language import LanguageModel

Texts = Annotated[list[str] | None, typer.Argument(help="Texts; - reads standard input.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Folder or name; by default the language model, or Markov chain, that is the newest "
        "in ./models.",
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        help="File of texts: .txt (one a line), .csv, .tsv, .jsonl, .parquet; also .gz, .xz.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="Format of standard input or --file: lines, csv, tsv, jsonl, parquet."
    ),
]
Label = Annotated[
    str | None,
    typer.Option("--label", help="What a model that was trained with labels is to assume."),
]


def language_model(name: str | None, *, quiet: bool) -> LanguageModel:
    """The language model of that name, or the newest one; see ``open_model``."""
    _, model = open_model(name, *LANGUAGE_MODELS, quiet=quiet)
    return cast("LanguageModel", model)


def texts_of(
    texts: list[str] | None,
    file: Path | None,
    format_: str | None,
    text_column: str | None,
    note: Callable[[str], None],
    *,
    example: str,
) -> Iterator[list[str]]:
    """Chunks of texts from wherever the user has them; see ``incoming``."""

    def read(source: Path | IO[bytes]) -> Iterable[str]:
        from textrnn.corpora.readers import read_texts

        return read_texts(source, format=format_, text_column=text_column, note=note)

    of_files = {"--format": format_, "--text-column": text_column}
    return incoming(texts, file, read, of_files=of_files, example=example)


def write_json(record: dict[str, Any]) -> None:
    """Write a record on a line of its own."""
    sys.stdout.write(json_line(record, ascii_only=not is_unicode(sys.stdout)) + "\n")


def told_unknown(n_unknown: int, n_words: int) -> str:
    """What to tell of words that a model does not know, of which there are some."""
    share = n_unknown / n_words
    return f"{n_unknown:,} of {n_words:,} words ({share:.1%}) are unknown, and count as one word"

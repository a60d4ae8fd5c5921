"""``textrnn lm next``: which word comes next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from textrnn.cli.lm.asking import (
    File,
    Format,
    Label,
    Model,
    Texts,
    language_model,
    texts_of,
    write_json,
)
from textrnn.cli.options import Debug, Json, Quiet, TextColumn, note, silent
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:
    from textrnn.inference.generation import NextWords


def next_words(
    texts: Texts = None,
    file: File = None,
    model: Model = None,
    top_k: Annotated[
        int, typer.Option("--top-k", help="Show the K most probable words, or characters.")
    ] = 5,
    label: Label = None,
    format: Format = None,
    text_column: TextColumn = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tell which words are most probable next.

    Each text is the beginning of one, and has one record. Without --json a record is: word,
    probability, and so on for the other words, then the text, separated by tabs. With it there is
    also how probable it is that the text ends here, or that a word follows that the model does not
    know.

    A model that was trained with labels answers under --label, or else under all of them, by how
    well the beginning goes with each.

    Examples:

        textrnn lm next "this was one of the worst" --top-k 5

        textrnn lm next --file beginnings.txt --json
    """
    del debug
    tell = silent if quiet else note
    example = 'textrnn lm next "this was one of"'
    source = texts_of(texts, file, format, text_column, tell, example=example)
    from textrnn.inference import generation, language

    generation.Sampling(top_k=top_k)
    loaded = language_model(model, quiet=quiet)
    language.label_number(loaded, label)  # before anything is read
    write = _as_json if as_json else _as_line
    for chunk in source:
        for text in chunk:
            write(text, generation.next_words(loaded, text, top_k=top_k, label=label))
        sys.stdout.flush()


def _as_line(text: str, found: NextWords) -> None:
    fields = [f"{one_line(word)}\t{probability:.4f}" for word, probability in found.words]
    sys.stdout.write("\t".join([*fields, one_line(text)]) + "\n")


def _as_json(text: str, found: NextWords) -> None:
    words = [{"word": word, "probability": probability} for word, probability in found.words]
    write_json({"text": text, "next": words, "end": found.end, "unknown": found.unknown})

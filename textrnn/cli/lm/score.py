"""``textrnn lm score``: which text is the better one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from textrnn.cli.lm.asking import (
    File,
    Format,
    Label,
    Model,
    Texts,
    language_model,
    texts_of,
    told_unknown,
    write_json,
)
from textrnn.cli.options import Debug, Json, Quiet, TextColumn, note, silent
from textrnn.wording.quoting import one_line

if TYPE_CHECKING:
    from textrnn.inference.language import Scores


def score(
    texts: Texts = None,
    file: File = None,
    model: Model = None,
    label: Label = None,
    format: Format = None,
    text_column: TextColumn = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score texts by how probable they are.

    One record out for each record in. Without --json a record is: log-probability, perplexity,
    text, separated by tabs. The logarithm is natural, of all words and the end of the text
    together; of two texts of the same length the one of the higher log-probability is the better
    one, of others that of the lower perplexity: of how many words each was a choice. Words that
    the model does not know count as one.

    A model that was trained with labels scores texts under --label, or else under all of them, by
    how many texts had each.

    Examples:

        textrnn lm score "the keys are on the table" "the keys is on the table"

        textrnn lm score --file candidates.txt --json

        cat texts | textrnn lm score - --model models/reviews-lm
    """
    del debug
    tell = silent if quiet else note
    example = 'textrnn lm score "What a film!"'
    source = texts_of(texts, file, format, text_column, tell, example=example)
    loaded = language_model(model, quiet=quiet)
    from textrnn.inference import language

    language.label_number(loaded, label)  # before anything is read
    write = _as_json if as_json else _as_lines
    n_words = n_unknown = 0
    for chunk in source:
        found = language.score(loaded, chunk, label=label)
        write(chunk, found)
        sys.stdout.flush()
        n_words += int(found.n_tokens.sum()) - len(chunk)
        n_unknown += int(found.n_unknown.sum())
    if n_unknown:
        tell(told_unknown(n_unknown, n_words))


def _as_lines(texts: list[str], found: Scores) -> None:
    for text, value, of_how_many in zip(
        texts, found.log_probability, found.perplexity, strict=True
    ):
        sys.stdout.write(f"{value:.4f}\t{of_how_many:.4f}\t{one_line(text)}\n")


def _as_json(texts: list[str], found: Scores) -> None:
    columns = (found.n_tokens, found.n_unknown, found.log_probability, found.perplexity)
    names = ("n_tokens", "n_unknown", "log_probability", "perplexity")
    for text, *values in zip(texts, *(column.tolist() for column in columns), strict=True):
        write_json({"text": text, **dict(zip(names, values, strict=True))})

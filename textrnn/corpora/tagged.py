"""Texts with a tag of each token: token TAB tag, a token a line, an empty line between texts.

Or JSON lines (``{"tokens": [...], "tags": [...]}``), or Parquet with lists in these columns. Lines
of more columns are taken as those of the CoNLL tasks: the first is the token, the last the tag,
with tabs or, in files whose first text has none, blanks between. Where no tags are wanted, a line
may be a text, too, its tokens with blanks between. A text is held in memory at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textrnn.corpora.byte_lines import text_lines
from textrnn.corpora.columns import Note, ignore
from textrnn.corpora.formats import MAX_RECORD, json_objects, open_source, open_table
from textrnn.corpora.readers import check_label, check_text
from textrnn.corpora.rows import TaggedTexts
from textrnn.corpora.token_lines import MAX_TOKENS, TOKEN_AND_TAG, TokenLines, are_texts
from textrnn.errors import DataError, UsageError, did_you_mean
from textrnn.wording.quoting import listed, quoted

FORMATS = ("lines", "texts", "jsonl", "parquet")
TOKENS, TAGS = ("tokens", "words"), ("tags", "labels", "ner_tags", "pos_tags", "upos")
"""Names of the lists, the best known first."""
JSON_FORM = '{"tokens": ["..."], "tags": ["..."]}'


@dataclass(frozen=True)
class Tagged:
    """One text as it stands in a file; ``tags`` is None where there are none."""

    tokens: list[str]
    tags: list[str] | None


def read_tagged(
    source: str | Path | IO[Any], *, format: str | None = None, note: Note = ignore
) -> TaggedTexts:
    """Read texts to train on or to score: every token has a tag; empty texts are left out.

    ``format`` is ``lines``, ``jsonl`` or ``parquet``; by default what the file name says, or else
    the first line, which is JSON or is not. ``note`` receives a line about each guess.

    Raises:
        DataError: a token has no tag, or a line cannot be read; the message names it.
        UsageError: there is no such format.
    """
    found, left_out = TaggedTexts([], []), 0
    for text in _texts(source, format, note, needs_tags=True):
        if text.tokens and text.tags is not None:
            found.tokens.append(text.tokens)
            found.tags.append(text.tags)
        else:
            left_out += 1
    if left_out:
        note(f"texts without tokens left out: {left_out:,}")
    return found


def read_tokens(
    source: str | Path | IO[Any],
    *,
    format: str | None = None,
    note: Note = ignore,
    tags: Collection[str] | None = None,
) -> Iterator[list[str]]:
    """Yield the tokens of each text, whether tags stand beside them or not.

    Of JSON lines and Parquet each record is a text, and so is each line where the format is
    ``texts``, also one without tokens; elsewhere several empty lines are like one. Arguments and
    errors are those of ``read_tagged``. ``tags`` are those that may stand beside tokens: by them
    columns with blanks between are told from texts, see ``token_lines.are_texts``; without any, no
    line is taken for a text.
    """
    return (text.tokens for text in _texts(source, format, note, needs_tags=False, tags=tags))


def _texts(
    source: str | Path | IO[Any],
    format: str | None,
    note: Note,
    *,
    needs_tags: bool,
    tags: Collection[str] | None = None,
) -> Iterator[Tagged]:
    if format is not None and (format not in FORMATS or (needs_tags and format == "texts")):
        raise UsageError(
            f"unknown format {quoted(format)}; choose one of {', '.join(FORMATS)}."
            f"{did_you_mean(format, FORMATS)}",
            parameter="format",
        )
    where, named, opened = open_source(source)
    form = format or ("lines" if named == "tsv" else named)
    with opened as stream:
        if form == "csv":
            raise DataError(
                f"{where}: tags are not read from CSV; write {TOKEN_AND_TAG}, or JSON lines: "
                f"{JSON_FORM}"
            )
        if form == "parquet":
            yield from _of_table(stream, where, needs_tags)
            return
        lines = text_lines(stream, where, MAX_RECORD)
        if form is None:
            form, lines = _told_by_first_line(lines)
        if form == "lines" and format is None and tags is not None:
            has_texts, lines = are_texts(lines, tags)
            if has_texts:
                form = "texts"
                note(f"{where}: each line is a text, its tokens with blanks between")
        if form == "jsonl":
            for number, record in json_objects(lines, where, JSON_FORM):
                yield _of_record(record, f"{where}: line {number}", needs_tags)
            return
        if form == "texts":
            yield from (Tagged(line.split(), None) for line in lines)
            return
        for tokens, own in TokenLines(where, note, needs_tags=needs_tags).texts(lines):
            yield Tagged(tokens, own)


def _told_by_first_line(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """Whether lines are JSON, by the first that is not blank, and all of them again.

    No line of a token and a tag is an object with tokens.
    """
    begun: list[str] = []
    for line in lines:
        begun.append(line)
        if line.strip():
            break
    is_json = begun and begun[-1].lstrip().startswith("{") and '"' in begun[-1]
    return "jsonl" if is_json and "\t" not in begun[-1] else "lines", itertools.chain(begun, lines)


def _of_table(stream: IO[bytes], where: str, needs_tags: bool) -> Iterator[Tagged]:
    table = open_table(stream, "parquet", where, MAX_RECORD)
    chosen = [name for name in table.columns if name in (*TOKENS, *TAGS)]
    for number, values in table.select([table.columns.index(name) for name in chosen]):
        record = dict(zip(chosen, values, strict=True))
        yield _of_record(record, f"{where}: {table.unit} {number}", needs_tags)


def _of_record(record: Mapping[str, Any], where: str, needs_tags: bool) -> Tagged:
    """The text in an object with lists; DataError where something is no list of texts."""
    name = _first_of(TOKENS, record)
    if name is None:
        raise DataError(
            f"{where} has no {quoted(TOKENS[0])}, but {listed(record, 12, each=40)}; "
            f"write {JSON_FORM}"
        )
    cells = _list_in(record, name, where)
    if len(cells) > MAX_TOKENS:
        raise DataError(f"{where} has {len(cells):,} tokens; at most {MAX_TOKENS:,} are read")
    tokens = [check_text(cell, where, name) for cell in cells]
    of_tags = _first_of(TAGS, record)
    if of_tags is None or not needs_tags:
        if needs_tags:
            raise DataError(
                f"{where} has no {quoted(TAGS[0])}, but {listed(record, 12, each=40)}; "
                f"write {JSON_FORM}"
            )
        return Tagged(tokens, None)
    tags = [check_label(cell, where, of_tags) for cell in _list_in(record, of_tags, where)]
    if len(tags) != len(tokens):
        raise DataError(
            f"{where} has {len(tokens)} tokens but {len(tags)} tags; each token needs one"
        )
    return Tagged(tokens, tags)


def _first_of(names: Iterable[str], record: Mapping[str, Any]) -> str | None:
    return next((name for name in names if record.get(name) is not None), None)


def _list_in(record: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = record[name]
    if not isinstance(value, list):
        raise DataError(
            f"{where}: {quoted(value, 40)} in {quoted(name)} is no list; write {JSON_FORM}"
        )
    return value

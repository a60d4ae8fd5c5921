"""``textrnn predict``: one record out for each record in, as a stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from textrnn.cli.models import find_model
from textrnn.cli.run import Debug, Json, Quiet, TextColumn, say
from textrnn.errors import UsageError

BATCH = 256
"""Records predicted together when they are there; a slow stream is answered record by record."""


def predict(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts to classify; - reads standard input.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="File of texts: .txt (one a line), .csv, .tsv, .jsonl, .parquet; also .gz, .xz.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Folder or name; by default the one trained last."),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Show the K most probable classes.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="Format of standard input or --file: lines, csv, tsv, jsonl, parquet."
        ),
    ] = None,
    text_column: TextColumn = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict the class of texts, one record out for each record in.

    Texts come as arguments, from --file, or from standard input. Without --json a
    record is: label, probability, text, separated by tabs.

    Examples:

        textrnn predict "What a waste of two hours."

        textrnn predict --file reviews.csv --text-column review --json

        tail -f log.txt | textrnn predict - --model models/imdb
    """
    del debug
    from textrnn.persistence import load_model

    if top_k is not None and top_k < 1:
        raise UsageError(f"--top-k is {top_k}, but must be 1 or more.")
    records = _records(texts, file, format, text_column)
    folder = find_model(model)
    loaded = load_model(folder)
    if model is None and not quiet:
        say(f"model: {folder}")
    write = sys.stdout.write
    for batch in records:
        probabilities = loaded.predict_proba(batch)
        for text, row in zip(batch, probabilities.tolist(), strict=True):
            ranked = sorted(zip(row, map(_label, loaded.classes), strict=True), key=_by_probability)
            write(_as_json(text, ranked, top_k) if as_json else _as_line(text, ranked, top_k))
        sys.stdout.flush()


def _label(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _by_probability(item: tuple[float, str]) -> float:
    return -item[0]


def _as_json(text: str, ranked: list[tuple[float, str]], top_k: int | None) -> str:
    probability, label = ranked[0]
    record: dict[str, Any] = {
        "text": text,
        "label": label,
        "probability": round(probability, 6),
        "probabilities": {name: round(value, 6) for value, name in ranked},
    }
    if top_k is not None:
        best = ranked[:top_k]
        record["top"] = [{"label": name, "probability": round(value, 6)} for value, name in best]
    return json.dumps(record, ensure_ascii=False) + "\n"


def _as_line(text: str, ranked: list[tuple[float, str]], top_k: int | None) -> str:
    fields = [f"{name}\t{value:.4f}" for value, name in ranked[: top_k or 1]]
    return "\t".join([*fields, " ".join(text.split())]) + "\n"


def _records(
    texts: list[str] | None, file: Path | None, format_: str | None, text_column: str | None
) -> Iterator[list[str]]:
    """Batches of texts from wherever the user has them."""
    if file is not None and texts:
        raise UsageError("texts were given both as arguments and with --file; give one.")
    if texts and texts != ["-"]:
        if "-" in texts:
            raise UsageError("- (standard input) cannot be mixed with texts.")
        return _batches(texts)
    if file is None and not texts and sys.stdin.isatty():
        raise UsageError('nothing to predict; give a text: textrnn predict "What a film!"')
    from textrnn.corpora.readers import read_texts

    if file is not None and str(file) != "-":
        return _batches(read_texts(file, format=format_, text_column=text_column))
    stream = read_texts(sys.stdin.buffer, format=format_, text_column=text_column)
    return _batches_as_they_come(stream)


def _batches(records: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _batches_as_they_come(records: Iterable[str]) -> Iterator[list[str]]:
    """Batches of what is there: all of a fast stream, one record at a time of a slow one.

    A thread reads ahead, at most a few batches, so that a reader of our output never
    waits for a batch to fill.
    """
    import queue
    import threading

    waiting: queue.Queue[str | BaseException | None] = queue.Queue(maxsize=4 * BATCH)

    def read() -> None:
        try:
            for record in records:
                waiting.put(record)
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    ended: BaseException | None = None
    more = True
    while more:
        batch: list[str] = []
        item = waiting.get()
        while True:
            if isinstance(item, str):
                batch.append(item)
            else:
                more, ended = False, item
                break
            if len(batch) == BATCH or waiting.empty():
                break
            item = waiting.get()
        if batch:
            yield batch
    if ended is not None:
        raise ended

"""``textrnn predict``: one record out for each record in, as a stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import compress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from textrnn.cli.incoming import incoming
from textrnn.cli.models import find_model, shown_name
from textrnn.cli.options import (
    Debug,
    Jobs,
    Json,
    Quiet,
    TextColumn,
    Threshold,
    note,
    processes_of,
    say,
    silent,
    with_threshold,
)
from textrnn.cli.output import is_unicode
from textrnn.errors import UsageError
from textrnn.system.plain_json import json_line
from textrnn.wording.quoting import list_item, one_line

if TYPE_CHECKING:
    from textrnn.inference.protocol import Classifier
    from textrnn.typing import Floats

DIGITS = 6
"""Of a probability in JSON."""


Rated: TypeAlias = tuple[float, str]
"""A label with its probability before it."""
Records: TypeAlias = "Callable[[Sequence[str], Floats], Iterator[str]]"
"""Makes a record of each text of a chunk and the answers to them."""


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
        typer.Option(
            "--model",
            "-m",
            help="Folder or name; by default the newest in ./models, or else sentiment-en.",
        ),
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
    threshold: Threshold = None,
    jobs: Jobs = -1,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict the class of texts, one record out for each record in.

    Texts come as arguments, from --file, or from standard input. Without --json a
    record is: label, probability, text, separated by tabs; of a model that predicts numbers:
    number, text. Where a text has any number of labels, they and their probabilities stand with |
    between them, the surest first. Tabs, line ends and what cannot be seen become spaces or go;
    --json has all as it is.

    Examples:

        textrnn predict "What a waste of two hours."

        textrnn predict --file reviews.csv --text-column review --json

        tail -f log.txt | textrnn predict - --model models/imdb
    """
    del debug
    from textrnn.cli.unknown_texts import UnknownTexts
    from textrnn.inference.pool import Predictor
    from textrnn.storage.reading import load_classifier

    if top_k is not None and top_k < 1:
        raise UsageError(f"--top-k is {top_k}, but must be 1 or more.")
    n_jobs = processes_of(jobs)
    tell = silent if quiet else note
    source = _source(texts, file, format, text_column, tell)
    folder = find_model(model)
    loaded = with_threshold(load_classifier(folder), threshold)
    if model is None and not quiet:
        say(f"model: {shown_name(folder)}")
    unknown = UnknownTexts(loaded, folder)
    records = _records_of(loaded, as_json=as_json, top_k=top_k)
    with Predictor(loaded, n_jobs) as predictor:
        for chunk, found in predictor.stream(source):
            for record in records(chunk, found):
                sys.stdout.write(record)
            sys.stdout.flush()
            if not quiet:
                unknown.count(chunk)
    for line in unknown.notes():
        tell(line)


def _records_of(model: Classifier, *, as_json: bool, top_k: int | None) -> Records:
    """What makes records of texts and a model's answers to them."""
    ascii_only = as_json and not is_unicode(sys.stdout)
    if not model.classes:  # it predicts numbers
        from textrnn.cli.numbers import number_records

        if top_k is not None:
            raise UsageError(
                f"--top-k is {top_k}, but the model predicts numbers, not classes; leave it out."
            )
        return partial(number_records, as_json=as_json, ascii_only=ascii_only)
    names = [_label(value) for value in model.classes]
    if not as_json:
        names = list(map(list_item if model.multilabel else one_line, names))
    as_record = partial(_as_json, ascii_only=ascii_only) if as_json else _as_line

    def records(chunk: Sequence[str], probabilities: Floats) -> Iterator[str]:
        answers = model.decide(probabilities).tolist()
        for text, row, answer in zip(chunk, probabilities.tolist(), answers, strict=True):
            ranked = sorted(zip(row, names, strict=True), key=_by_probability)
            yield as_record(text, _chosen(row, names, answer), ranked, top_k)

    return records


def _label(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _by_probability(item: Rated) -> float:
    return -item[0]


def _chosen(row: list[float], names: list[str], answer: int | list[int]) -> Rated | list[Rated]:
    """The class that is the answer, or the labels for which ones stand, the surest first."""
    if isinstance(answer, int):
        return row[answer], names[answer]
    return sorted(compress(zip(row, names, strict=True), answer), key=_by_probability)


def _as_json(
    text: str,
    chosen: Rated | list[Rated],
    ranked: list[Rated],
    top_k: int | None,
    *,
    ascii_only: bool,
) -> str:
    record: dict[str, Any] = {"text": text}
    names, values = [name for _, name in ranked], [value for value, _ in ranked]
    if isinstance(chosen, list):
        probabilities = dict(zip(names, (round(value, DIGITS) for value in values), strict=True))
        record["labels"] = [name for _, name in chosen]
    else:
        probabilities = dict(zip(names, rounded(values), strict=True))
        record |= {"label": chosen[1], "probability": probabilities[chosen[1]]}
    record["probabilities"] = probabilities
    if top_k is not None:
        record["top"] = [
            {"label": name, "probability": probabilities[name]} for name in names[:top_k]
        ]
    return json_line(record, ascii_only=ascii_only) + "\n"


def rounded(values: list[float], digits: int = DIGITS) -> list[float]:
    """Probabilities of classes that exclude each other, rounded so that they still add up to one.

    All are rounded down, and then those up that lost most.
    """
    unit, total = 10**digits, sum(values)
    exact = [value / total * unit for value in values]
    units = [int(value) for value in exact]
    by_loss = sorted(range(len(units)), key=lambda i: units[i] - exact[i])
    for i in by_loss[: unit - sum(units)]:
        units[i] += 1
    return [n / unit for n in units]


def _as_line(text: str, chosen: Rated | list[Rated], ranked: list[Rated], top_k: int | None) -> str:
    if top_k is None and isinstance(chosen, list):
        fields = [
            "|".join(name for _, name in chosen),
            "|".join(f"{value:.4f}" for value, _ in chosen),
        ]
    else:
        shown = [chosen] if isinstance(chosen, tuple) and top_k is None else ranked[:top_k]
        fields = [f"{name}\t{value:.4f}" for value, name in shown]
    return "\t".join([*fields, one_line(text)]) + "\n"


def _source(
    texts: list[str] | None,
    file: Path | None,
    format_: str | None,
    text_column: str | None,
    note: Callable[[str], None],
) -> Iterator[list[str]]:
    """Chunks of texts from wherever the user has them."""

    def read(source: Path | IO[bytes]) -> Iterable[str]:
        from textrnn.corpora.readers import read_texts

        return read_texts(source, format=format_, text_column=text_column, note=note)

    return incoming(
        texts,
        file,
        read,
        of_files={"--format": format_, "--text-column": text_column},
        example='textrnn predict "What a film!"',
    )

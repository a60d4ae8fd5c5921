"""Where a corpus lies, and its rows as they stand there: a name, a path or a hub address."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from textrnn.corpora.corpus import Corpus
from textrnn.corpora.formats import format_of
from textrnn.corpora.generated import GENERATED, check_structure
from textrnn.corpora.hub import HubAddress, download, is_offline, parse_address
from textrnn.corpora.readers import class_folders, read_as_spelled, read_text_files, read_texts
from textrnn.corpora.registry import (
    ENTRIES,
    Entry,
    cache_folder,
    find_split,
    local_folder,
    places,
)
from textrnn.errors import CorpusNotFoundError, DataError, did_you_mean
from textrnn.wording.quoting import quoted


class Columns(TypedDict, total=False):
    """Names of the columns to read, and what stands between labels, where they are told."""

    text_column: str | None
    label_column: str | None
    label_separator: str | None


def read_corpus(given: str, columns: Columns, *, offline: bool) -> Corpus:
    """The splits that lie there, with labels as they are spelled and nothing held out.

    Raises:
        CorpusNotFoundError: there is nothing, here or, unless ``offline``, on the hub.
        DataError: it cannot be read.
    """
    check_structure(given, "classifier")
    if folder := fetched_folder(given, columns, offline=offline):
        is_of_hub = given.startswith("hf:")
        kept: Columns = {"label_separator": columns.get("label_separator")}
        return _read_folder(folder, given, kept if is_of_hub else columns)
    if os.path.exists(given) or any(mark in given for mark in {"/", os.sep}):
        return _read_path(Path(given), columns)
    raise not_found(given)


def fetched_folder(given: str, columns: Columns, *, offline: bool) -> Path | None:
    """The folder of a named corpus or of one of the hub, fetched if need be; None for others.

    Raises:
        CorpusNotFoundError: it is nowhere and, as ``offline`` says, not to be fetched.
    """
    offline = offline or is_offline()
    if given in ENTRIES:
        return _named_folder(ENTRIES[given], offline)
    return _hub_folder(given, columns, offline) if given.startswith("hf:") else None


def not_found(given: str, named: Iterable[str] = ENTRIES) -> CorpusNotFoundError:
    """Return the error for what is neither there nor known; files are named by their ending.

    ``named`` are the corpora that would do.
    """
    if format_of(Path(given)) is not None:
        near = did_you_mean(given, os.listdir())
        here = quoted(Path.cwd())
        return CorpusNotFoundError(f"there is no file {quoted(given)} in {here}.{near}")
    return CorpusNotFoundError(
        f"there is no corpus or file {quoted(given)}."
        f"{did_you_mean(given, [*ENTRIES, *GENERATED])} Corpora: {', '.join(named)}; "
        "or give a file, a folder or hf:owner/name"
    )


def _named_folder(entry: Entry, offline: bool) -> Path:
    """Return the folder of a named corpus, fetching it if it is nowhere."""
    folder = local_folder(entry.name)
    if folder is not None:
        return folder
    if entry.hub_id is None:
        raise CorpusNotFoundError(
            f"the built-in corpus {quoted(entry.name)} is missing from this installation; "
            f"write it again: python -m textrnn.corpora.{entry.name} data/{entry.name}"
        )
    address = HubAddress(
        entry.hub_id,
        revision=entry.revision,
        text_column=entry.text_column,
        label_column=entry.label_column,
        renamed=entry.renamed,
    )
    if offline:
        looked = ", ".join(str(place) for place in places(entry.name))
        raise CorpusNotFoundError(
            f"corpus {quoted(entry.name)} is not on this machine and fetching it is switched off; "
            f"put train.csv and test.csv (header text,label) into one of: {looked}"
        )
    folder = cache_folder(entry.name)
    download(address, folder)
    return folder


def _hub_folder(given: str, columns: Columns, offline: bool) -> Path:
    """Return the cache folder of a hub data set, fetching it if it is not there."""
    address = replace(
        parse_address(given.removeprefix("hf:")),
        text_column=columns.get("text_column"),
        label_column=columns.get("label_column"),
    )
    folder = cache_folder("hub") / address.folder_name
    if find_split(folder, "train"):
        return folder
    if offline:
        raise CorpusNotFoundError(
            f"{quoted(given)} was not fetched before and fetching is switched off; fetch it once "
            "with a connection, or put train.csv (header text,label) into a folder and give its "
            "path"
        )
    download(address, folder)
    return folder


def _read_path(path: Path, columns: Columns) -> Corpus:
    if not path.exists():
        raise CorpusNotFoundError(f"there is no file or folder {quoted(path)}")
    if path.is_dir() and find_split(path, "train"):
        return _read_folder(path, path.resolve().name, columns)
    if path.is_dir() and not class_folders(path):
        raise DataError(
            f"{quoted(path)} holds neither train.csv (or .tsv, .jsonl, .parquet) nor class folders "
            "of .txt files"
        )
    name, notes = path.resolve().name, list[str]()
    rows = read_as_spelled(path, note=notes.append, **columns)
    return Corpus(name.split(".")[0] or name, rows, source=str(path), notes=notes)


def _read_folder(folder: Path, name: str, columns: Columns) -> Corpus:
    """Read the splits of a folder; ``SOURCE.txt`` of a fetched one tells origin and notes."""
    splits, guesses = {}, list[str]()
    for split in ("train", "validation", "test"):
        path = find_split(folder, split)
        splits[split] = read_as_spelled(path, note=guesses.append, **columns) if path else None
    train = splits["train"]
    assert train is not None, "callers look for the training split first"
    source, notes = str(folder), list[str]()
    if (folder / "SOURCE.txt").is_file():
        first, *notes = (folder / "SOURCE.txt").read_text(encoding="utf-8").splitlines() or [source]
        source = f"{first}, kept in {folder}"
    unsup = find_split(folder, "unsup")
    reader = functools.partial(_read_unlabelled, unsup, columns) if unsup else None
    notes += guesses
    return Corpus(name, train, splits["validation"], splits["test"], reader, source, notes)


def _read_unlabelled(path: Path, columns: Columns) -> list[str]:
    if path.is_dir():
        return read_text_files(path)
    return list(read_texts(path, text_column=columns.get("text_column")))

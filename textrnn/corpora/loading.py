"""From a name, a path or a hub address to a corpus with checked splits."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textrnn.corpora.corpus import Corpus, Split, check_split, stratified_split
from textrnn.corpora.formats import format_of
from textrnn.corpora.hub import HubAddress, download, is_offline, parse_address
from textrnn.corpora.readers import class_folders, read_split, read_text_files, read_texts
from textrnn.corpora.registry import (
    ENTRIES,
    Entry,
    cache_folder,
    find_split,
    local_folder,
    places,
)
from textrnn.errors import CorpusNotFoundError, DataError, UsageError, did_you_mean

TEST_FRACTION = 0.2
Columns = dict[str, str | None]


def load_corpus(
    name_or_path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    test: str | os.PathLike[str] | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
    offline: bool = False,
    unlabelled: bool = False,
) -> Corpus:
    """Load a named corpus, a file, a folder or a data set of the hub (``hf:owner/name``).

    A named corpus is looked for in ``$TEXTRNN_DATA/NAME``, ``./data/NAME`` and
    the user's cache, then fetched from the hub and kept in the cache. A known
    name wins over a file of that name; write ``./NAME`` for the file. The test
    split is ``test`` (a file or folder), else the corpus's own, else a
    stratified ``test_fraction`` (0.2) of the training rows. With ``unlabelled``
    the corpus can read its unlabelled texts, without those equal to a test text.

    Raises CorpusNotFoundError for a name found nowhere or, when ``offline`` (or
    TEXTRNN_OFFLINE, HF_HUB_OFFLINE or HF_DATASETS_OFFLINE) is set, not found
    here; DataError for what cannot be read; UsageError for options that exclude
    each other.
    """
    if test is not None and test_fraction is not None:
        raise UsageError("--test and --test-fraction exclude each other; give one of them")
    given = os.fspath(name_or_path)
    columns: Columns = {"text_column": text_column, "label_column": label_column}
    if given in ENTRIES:
        folder = _named_folder(ENTRIES[given], offline or is_offline())
        corpus = _read_folder(folder, given, columns)
    elif given.startswith("hf:"):
        folder = _hub_folder(given, columns, offline or is_offline())
        corpus = _read_folder(folder, given, {})
    elif os.path.exists(given) or any(mark in given for mark in {"/", os.sep}):
        corpus = _read_path(Path(given), columns)
    else:
        raise _not_found(given)
    return _finish(corpus, test, test_fraction, columns, random_state, unlabelled)


def _not_found(given: str) -> CorpusNotFoundError:
    """Return the error for what is neither there nor known; files are named by their ending."""
    if format_of(Path(given)) is not None:
        near = did_you_mean(given, os.listdir())
        return CorpusNotFoundError(f"there is no file {given!r} in {os.getcwd()!r}.{near}")
    return CorpusNotFoundError(
        f"there is no corpus or file {given!r}.{did_you_mean(given, ENTRIES)} "
        f"Corpora: {', '.join(ENTRIES)}; or give a file, a folder or hf:owner/name"
    )


def load_labelled(
    name_or_path: str | os.PathLike[str],
    *,
    split: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    offline: bool = False,
) -> tuple[Split, str]:
    """Load labelled texts to evaluate on, and the name of their split.

    Of a corpus with splits that is ``split``, by default ``test``; of a file or a
    folder without splits all rows, named ``all``.

    Raises what ``load_corpus`` raises, and UsageError for a split that is not there.
    """
    path = Path(name_or_path)
    is_corpus = os.fspath(name_or_path) in ENTRIES or os.fspath(name_or_path).startswith("hf:")
    if not is_corpus and path.exists() and not (path.is_dir() and find_split(path, "train")):
        if split is not None:
            raise UsageError(f"{path} has no splits; leave --split out to evaluate on all of it")
        rows = read_split(path, text_column=text_column, label_column=label_column)
        if not len(rows):
            raise DataError(f"{path} is empty: it holds no rows")
        return rows, "all"
    corpus = load_corpus(
        name_or_path, text_column=text_column, label_column=label_column, offline=offline
    )
    name = split or "test"
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    found = splits.get(name)
    if found is None:
        there = ", ".join(key for key, value in splits.items() if value is not None)
        raise UsageError(f"{corpus.name} has no split {name!r}; it has: {there}")
    return found, name


def _named_folder(entry: Entry, offline: bool) -> Path:
    """Return the folder of a named corpus, fetching it if it is nowhere."""
    folder = local_folder(entry.name)
    if folder is not None:
        return folder
    if entry.hub_id is None:
        raise CorpusNotFoundError(
            f"the built-in corpus {entry.name!r} is missing from this installation; "
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
            f"corpus {entry.name!r} is not on this machine and fetching it is switched off; "
            f"put train.csv and test.csv (header text,label) into one of: {looked}"
        )
    folder = cache_folder(entry.name)
    download(address, folder)
    return folder


def _hub_folder(given: str, columns: Columns, offline: bool) -> Path:
    """Return the cache folder of a hub data set, fetching it if it is not there."""
    address = replace(
        parse_address(given.removeprefix("hf:")),
        text_column=columns["text_column"],
        label_column=columns["label_column"],
    )
    folder = cache_folder("hub") / address.folder_name
    if find_split(folder, "train"):
        return folder
    if offline:
        raise CorpusNotFoundError(
            f"{given} was not fetched before and fetching is switched off; fetch it once with a "
            "connection, or put train.csv (header text,label) into a folder and give its path"
        )
    download(address, folder)
    return folder


def _read_path(path: Path, columns: Columns) -> Corpus:
    if not path.exists():
        raise CorpusNotFoundError(f"there is no file or folder {str(path)!r}")
    if path.is_dir() and find_split(path, "train"):
        return _read_folder(path, path.resolve().name, columns)
    if path.is_dir() and not class_folders(path):
        raise DataError(
            f"{path} holds neither train.csv (or .tsv, .jsonl, .parquet) nor class folders of "
            ".txt files"
        )
    name = path.resolve().name
    return Corpus(name.split(".")[0] or name, read_split(path, **columns), source=str(path))


def _read_folder(folder: Path, name: str, columns: Columns) -> Corpus:
    """Read the splits of a folder; ``SOURCE.txt`` of a fetched one tells origin and notes."""
    splits = {}
    for split in ("train", "validation", "test"):
        path = find_split(folder, split)
        splits[split] = read_split(path, **columns) if path else None
    train = splits["train"]
    assert train is not None, "callers look for the training split first"
    source, notes = str(folder), list[str]()
    if (folder / "SOURCE.txt").is_file():
        first, *notes = (folder / "SOURCE.txt").read_text(encoding="utf-8").splitlines() or [source]
        source = f"{first}, kept in {folder}"
    unsup = find_split(folder, "unsup")
    reader = functools.partial(_read_unlabelled, unsup, columns) if unsup else None
    return Corpus(name, train, splits["validation"], splits["test"], reader, source, notes)


def _read_unlabelled(path: Path, columns: Columns) -> list[str]:
    if path.is_dir():
        return read_text_files(path)
    return list(read_texts(path, text_column=columns.get("text_column")))


def _finish(
    corpus: Corpus,
    test: str | os.PathLike[str] | None,
    fraction: float | None,
    columns: Columns,
    random_state: int,
    unlabelled: bool,
) -> Corpus:
    """Settle the test split, check all splits, say what is odd, and dress the unlabelled texts."""
    check_split(corpus.train, f"the training split of {corpus.name}")
    train, held_out, notes = corpus.train, corpus.test, list(corpus.notes)
    if test is not None:
        held_out = read_split(os.fspath(test), **columns)
    elif held_out is None:
        train, held_out = _set_aside(corpus, fraction, random_state)
        notes.append(f"no test split given: {len(held_out):,} of the rows were set aside for it")
    elif fraction is not None:
        raise UsageError(f"{corpus.name} has its own test split; leave --test-fraction out")
    for split, where in ((corpus.validation, "validation"), (held_out, "test")):
        if split is not None:
            _check_held_out(train, split, f"the {where} split of {corpus.name}")
    known = set(train.texts)
    if seen := sum(text in known for text in held_out.texts):
        notes.append(f"{seen:,} of the {len(held_out):,} test texts also stand in train")
    if unlabelled and corpus.read_unlabelled is None:
        raise DataError(f"{corpus.name} has no unlabelled texts (unsup.csv with the header text)")
    reader = None
    if unlabelled and corpus.read_unlabelled:
        reader = functools.partial(_without, corpus.read_unlabelled, frozenset(held_out.texts))
    return Corpus(corpus.name, train, corpus.validation, held_out, reader, corpus.source, notes)


def _set_aside(corpus: Corpus, fraction: float | None, random_state: int) -> tuple[Split, Split]:
    """Cut test texts from the training rows of a corpus that has none."""
    fraction = TEST_FRACTION if fraction is None else fraction
    if not 0.0 < fraction < 1.0:
        raise UsageError(f"--test-fraction is {fraction}, but must be above 0 and below 1")
    train, held_out = stratified_split(corpus.train, fraction, random_state=random_state)
    if not len(held_out):
        raise DataError(
            f"{corpus.name} has {len(corpus.train)} rows ({len(set(corpus.train.texts))} different "
            f"texts), too few to set {fraction:.0%} of them aside for a test; bring more, or "
            "give test texts with --test"
        )
    return train, held_out


def _without(read: Callable[[], list[str]], texts: frozenset[str]) -> list[str]:
    """Return the texts read, without those of the test split: 270 of IMDB's are."""
    return [text for text in read() if text not in texts]


def _check_held_out(train: Split, split: Split, where: str) -> None:
    if not len(split):
        raise DataError(f"{where} is empty: it holds no rows")
    known = train.classes
    if strange := sorted(set(split.classes) - set(known)):
        raise DataError(
            f"{where} has the label {strange[0]!r}, which no training row has."
            f"{did_you_mean(strange[0], known)} Training labels: {', '.join(known[:20])}"
        )

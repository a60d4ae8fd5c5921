"""From a name, a path or a hub address to a corpus with checked splits."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from textrnn.corpora.corpus import (
    Corpus,
    Split,
    check_held_out,
    check_labels_repeat,
    check_split,
    likely_separator,
    stratified_split,
)
from textrnn.corpora.formats import format_of
from textrnn.corpora.hub import HubAddress, download, is_offline, parse_address
from textrnn.corpora.labels import one_spelling, several_spellings, spelled_as
from textrnn.corpora.overlap import shared_texts
from textrnn.corpora.readers import class_folders, read_as_spelled, read_text_files, read_texts
from textrnn.corpora.registry import (
    ENTRIES,
    Entry,
    cache_folder,
    find_split,
    local_folder,
    places,
)
from textrnn.errors import CorpusNotFoundError, DataError, UsageError, did_you_mean
from textrnn.wording.messages import Advice, Message, Parameter, Setting, stated
from textrnn.wording.quoting import listed, quoted

TEST_FRACTION = 0.2
"""Share of the rows that is drawn for a test, if neither the corpus nor the caller has another."""


class Columns(TypedDict, total=False):
    """Names of the columns to read, and what stands between labels, where they are told."""

    text_column: str | None
    label_column: str | None
    label_separator: str | None


@dataclass(frozen=True)
class Labelled:
    """Labelled texts to evaluate on.

    ``split`` is the name of the split, and ``corpus`` what it is a split of. All
    rows of a file without splits are the split ``all``, of no corpus; ``notes``
    tell what was guessed about it.
    """

    rows: Split
    split: str
    corpus: Corpus | None = None
    notes: list[str] = field(default_factory=list)


def load_corpus(
    name_or_path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    test: str | os.PathLike[str] | None = None,
    validation: str | os.PathLike[str] | None = None,
    test_fraction: float | None = None,
    default_fraction: float = TEST_FRACTION,
    random_state: int = 0,
    offline: bool = False,
    unlabelled: bool = False,
    classes: Iterable[str] | None = None,
) -> Corpus:
    """Load a named corpus, a file, a folder or a data set of the hub (``hf:owner/name``).

    A named corpus is looked for in ``$TEXTRNN_DATA/NAME``, ``./data/NAME`` and
    the user's cache, then fetched from the hub and kept in the cache. A known
    name wins over a file of that name; write ``./NAME`` for the file. With a
    ``label_separator`` a text has any number of labels, in one cell between separators. The test
    split is ``test`` (a file or folder), else the corpus's own, else a
    stratified share of the training rows, drawn by ``random_state``:
    ``test_fraction``, which a corpus with a test split refuses, or else
    ``default_fraction``. The validation split is ``validation`` (a file or folder), or the
    corpus's own, or none: who trains holds texts back. With ``unlabelled`` the corpus can
    read its unlabelled texts, without those equal to a test text. Labels that are one have one
    spelling in all splits, see ``corpora.labels``: that of ``classes``, a trained model's, if they
    are given.

    Raises CorpusNotFoundError for a name found nowhere or, when ``offline`` (or
    TEXTRNN_OFFLINE, HF_HUB_OFFLINE or HF_DATASETS_OFFLINE) is set, not found
    here; DataError for what cannot be read; UsageError for options that exclude
    each other. The corpus's ``notes`` tell what was guessed or is odd.
    """
    if test is not None and test_fraction is not None:
        raise UsageError(
            Parameter("test"),
            " and ",
            Parameter("test_fraction"),
            " exclude each other; give one of them",
        )
    given = os.fspath(name_or_path)
    columns: Columns = {
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
    }
    if given in ENTRIES:
        folder = _named_folder(ENTRIES[given], offline or is_offline())
        corpus = _read_folder(folder, given, columns)
    elif given.startswith("hf:"):
        folder = _hub_folder(given, columns, offline or is_offline())
        corpus = _read_folder(folder, given, {"label_separator": label_separator})
    elif os.path.exists(given) or any(mark in given for mark in {"/", os.sep}):
        corpus = _read_path(Path(given), columns)
    else:
        raise _not_found(given)
    if corpus.test is not None and test_fraction is not None:
        raise UsageError(
            f"{quoted(corpus.name)} has its own test split; leave ",
            Parameter("test_fraction"),
            " out",
        )
    for split, path in (("test", test), ("validation", validation)):
        if path is not None:
            corpus = _with_split(corpus, split, os.fspath(path), columns)
    has_all_splits = corpus.test is not None and corpus.validation is not None
    corpus = _with_one_spelling(corpus, classes)
    check_split(corpus.train, f"the training split of {quoted(corpus.name)}")
    if not has_all_splits:
        check_labels_repeat(corpus.train, corpus.name)
    if corpus.test is None:
        fraction = default_fraction if test_fraction is None else test_fraction
        corpus = _set_test_aside(corpus, fraction, random_state)
    return _finish(corpus, unlabelled)


def _not_found(given: str) -> CorpusNotFoundError:
    """Return the error for what is neither there nor known; files are named by their ending."""
    if format_of(Path(given)) is not None:
        near = did_you_mean(given, os.listdir())
        here = quoted(Path.cwd())
        return CorpusNotFoundError(f"there is no file {quoted(given)} in {here}.{near}")
    return CorpusNotFoundError(
        f"there is no corpus or file {quoted(given)}.{did_you_mean(given, ENTRIES)} "
        f"Corpora: {', '.join(ENTRIES)}; or give a file, a folder or hf:owner/name"
    )


def load_labelled(
    name_or_path: str | os.PathLike[str],
    *,
    split: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    test_fraction: float = TEST_FRACTION,
    random_state: int = 0,
    offline: bool = False,
    classes: Iterable[str] | None = None,
) -> Labelled:
    """Load labelled texts to evaluate on.

    Of a corpus with splits that is ``split``, by default ``test``; of a file or a
    folder without splits all rows. If a corpus has no test split of its own,
    ``test_fraction`` of its rows are drawn by ``random_state``: give those of the
    training, or texts that were trained on are among them. Labels are spelled as in
    ``load_corpus``.

    Raises what ``load_corpus`` raises, and UsageError for a split that is not there.
    """
    path = Path(name_or_path)
    is_corpus = os.fspath(name_or_path) in ENTRIES or os.fspath(name_or_path).startswith("hf:")
    if not is_corpus and path.exists() and not (path.is_dir() and find_split(path, "train")):
        if split is not None:
            raise UsageError(
                f"{quoted(path)} has no splits; leave ",
                Parameter("split"),
                " out to evaluate on all of it",
            )
        notes: list[str] = []
        rows = read_as_spelled(
            path,
            text_column=text_column,
            label_column=label_column,
            label_separator=label_separator,
            note=notes.append,
        )
        if not len(rows):
            raise DataError(f"{quoted(path)} is empty: it holds no rows")
        spelling = _spelling([rows], classes)
        return Labelled(rows.respelled(spelling), "all", notes=[*notes, *_told(spelling)])
    corpus = load_corpus(
        name_or_path,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        default_fraction=test_fraction,
        random_state=random_state,
        offline=offline,
        classes=classes,
    )
    name = split or "test"
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    found = splits.get(name)
    if found is None:
        there = ", ".join(key for key, value in splits.items() if value is not None)
        raise UsageError(f"{quoted(corpus.name)} has no split {quoted(name)}; it has: {there}")
    return Labelled(found, name, corpus)


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
        text_column=columns["text_column"],
        label_column=columns["label_column"],
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


def _with_split(corpus: Corpus, name: str, path: str, columns: Columns) -> Corpus:
    """Put the texts of a file into a corpus, as its test or validation split."""
    notes = list(corpus.notes)
    split = read_as_spelled(path, note=notes.append, **columns)
    own: Split | None = getattr(corpus, name)
    if own is not None:
        notes.append(
            Message(
                f"{quoted(corpus.name)} has a {name} split of its own ({len(own):,} texts), "
                "which is not used: ",
                Setting(name, path),
                " is",
            )
        )
    changed: dict[str, Any] = {name: split, "notes": notes}
    return replace(corpus, **changed)


def _with_one_spelling(corpus: Corpus, classes: Iterable[str] | None) -> Corpus:
    """Spell the labels of all splits alike, which they tell together: 1 may be 1.0 elsewhere."""
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    there = {name: split for name, split in splits.items() if split is not None}
    spelling = _spelling(there.values(), classes)
    respelled: dict[str, Any] = {name: split.respelled(spelling) for name, split in there.items()}
    return replace(corpus, **respelled, notes=[*corpus.notes, *_told(spelling)])


def _spelling(splits: Iterable[Split], classes: Iterable[str] | None) -> dict[str, str]:
    labels = [label for split in splits for label in split.classes]
    return one_spelling(labels) if classes is None else spelled_as(labels, classes)


def _told(spelling: Mapping[str, str]) -> list[str]:
    """A line about each label that is spelled in several ways."""
    return [
        f"the labels {listed(ways)} are one: {quoted(label)}"
        for label, ways in several_spellings(spelling).items()
    ]


def _set_test_aside(corpus: Corpus, fraction: float, random_state: int) -> Corpus:
    """Draw test texts from the training rows of a corpus that has none."""
    if not 0.0 < fraction < 1.0:
        raise UsageError(stated("test_fraction", fraction), ", but must be above 0 and below 1")
    train, test = stratified_split(corpus.train, fraction, random_state=random_state)
    if not len(test):
        raise DataError(
            f"{quoted(corpus.name)} has {len(corpus.train)} rows "
            f"({len(set(corpus.train.texts))} different texts), too few to set "
            f"{fraction:.0%} of them aside for a test; bring more",
            Advice(", or give test texts with ", Parameter("test")),
        )
    note = f"no test split given: {len(test):,} of the rows were set aside for it"
    notes = [*corpus.notes, note]
    return replace(corpus, train=train, test=test, notes=notes, test_fraction=fraction)


def _finish(corpus: Corpus, unlabelled: bool) -> Corpus:
    """Check the held-out splits, say what is odd, and dress the unlabelled texts."""
    assert corpus.test is not None, "callers settle the test split first"
    for split, where in ((corpus.validation, "validation"), (corpus.test, "test")):
        if split is not None:
            check_held_out(corpus.train, split, f"the {where} split of {quoted(corpus.name)}")
    notes = [*corpus.notes, *(shared.note for shared in shared_texts(corpus) if shared.n)]
    mark = likely_separator(corpus.train.classes) if corpus.train.separator is None else None
    if mark is not None:
        notes.append(
            Message(
                f"some labels look like several in one, with {quoted(mark)} between them",
                Advice("; ", Setting("label_separator", mark), " reads them so"),
            )
        )
    if unlabelled and corpus.read_unlabelled is None:
        raise DataError(
            f"{quoted(corpus.name)} has no unlabelled texts (unsup.csv with the header text)"
        )
    reader = None
    if unlabelled and corpus.read_unlabelled:
        tested = frozenset(corpus.test.texts)
        reader = functools.partial(_without, corpus.read_unlabelled, tested)
    return replace(corpus, read_unlabelled=reader, notes=notes)


def _without(read: Callable[[], list[str]], texts: frozenset[str]) -> list[str]:
    """Return the texts read, without those of the test split: 270 of IMDB's are."""
    return [text for text in read() if text not in texts]

"""From a name, a path or a hub address to a corpus whose splits are whole and checked."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textrnn.corpora.corpus import (
    Corpus,
    Split,
    check_held_out,
    check_labels_repeat,
    check_split,
    likely_separator,
    of_numbers,
    stratified_split,
)
from textrnn.corpora.labels import one_spelling, several_spellings, spelled_as
from textrnn.corpora.overlap import shared_texts
from textrnn.corpora.readers import read_as_spelled
from textrnn.corpora.registry import ENTRIES, find_split
from textrnn.corpora.sources import Columns, read_corpus
from textrnn.errors import DataError, UsageError
from textrnn.wording.messages import Advice, Message, Parameter, Setting, stated
from textrnn.wording.quoting import listed, quoted

TEST_FRACTION = 0.2
"""Share of the rows that is drawn for a test, if neither the corpus nor the caller has another."""


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
    default_fraction: float | None = None,
    random_state: int = 0,
    offline: bool = False,
    unlabelled: bool = False,
    classes: Iterable[str] | None = None,
    numeric: bool = False,
) -> Corpus:
    """Load a named corpus, a file, a folder or a data set of the hub (``hf:owner/name``).

    A named corpus is looked for in ``$TEXTRNN_DATA/NAME``, ``./data/NAME`` and
    the user's cache, then fetched from the hub and kept in the cache. A known
    name wins over a file of that name; write ``./NAME`` for the file. With a
    ``label_separator`` a text has any number of labels, in one cell between separators. The test
    split is ``test`` (a file or folder), else the corpus's own, else a
    stratified share of the training rows, drawn by ``random_state``:
    ``test_fraction``, which a corpus with a test split refuses, or else
    ``default_fraction``, or else a fifth. The validation split is ``validation`` (a file or
    folder), or the corpus's own, or none: who trains holds texts back. With ``unlabelled`` the
    corpus can read its unlabelled texts, without those equal to a test text. Labels that are one
    have one spelling in all splits, see ``corpora.labels``: that of ``classes``, a trained
    model's, if they are given. With ``numeric`` labels are numbers, and no share of each is drawn.

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
    for name, given in (("test", test), ("validation", validation)):
        if given is not None and not os.fspath(given):
            raise UsageError(Parameter(name), " is empty; give a file or a folder, or leave it out")
    columns: Columns = {
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
    }
    corpus = read_corpus(os.fspath(name_or_path), columns, offline=offline)
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
    files = {"test": test, "validation": validation}
    corpus = _of_numbers(corpus, files) if numeric else _with_one_spelling(corpus, classes)
    check_split(corpus.train, f"the training split of {quoted(corpus.name)}")
    if not has_all_splits:
        check_labels_repeat(corpus.train, corpus.name)
    if corpus.test is None:
        fraction = default_fraction or TEST_FRACTION if test_fraction is None else test_fraction
        corpus = _set_test_aside(corpus, fraction, random_state)
    return _finish(corpus, unlabelled)


def load_labelled(
    name_or_path: str | os.PathLike[str],
    *,
    split: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
    offline: bool = False,
    classes: Iterable[str] | None = None,
    numeric: bool = False,
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
        if numeric:
            return Labelled(of_numbers(rows, quoted(path)), "all", notes=notes)
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
        numeric=numeric,
    )
    name = split or "test"
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    found = splits.get(name)
    if found is None:
        there = ", ".join(key for key, value in splits.items() if value is not None)
        raise UsageError(f"{quoted(corpus.name)} has no split {quoted(name)}; it has: {there}")
    return Labelled(found, name, corpus)


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


def _of_numbers(corpus: Corpus, files: Mapping[str, str | os.PathLike[str] | None]) -> Corpus:
    """The corpus with labels that are numbers, however they are spelled.

    Raises:
        DataError: one is none; the message names the split, or the file given for it.
    """
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    numeric: dict[str, Any] = {}
    for name, split in splits.items():
        if split is not None:
            file = files.get(name)
            where = quoted(file) if file else f"the {name} split of {quoted(corpus.name)}"
            numeric[name] = of_numbers(split, where)
    return replace(corpus, **numeric)


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
    is_one = corpus.train.separator is None and not corpus.train.numeric
    mark = likely_separator(corpus.train.classes) if is_one else None
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

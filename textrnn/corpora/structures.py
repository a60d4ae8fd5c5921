"""Texts for a language model, a tagger or a transducer, of whatever people give."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from textrnn.corpora.columns import Note
from textrnn.corpora.generated import GENERATED
from textrnn.corpora.lines import ANY_LABEL, read_lines
from textrnn.corpora.material import Material, R, check_not_empty, finished
from textrnn.corpora.overlap import TEST, TRAIN, VALIDATION
from textrnn.corpora.pairs import read_pairs
from textrnn.corpora.place import UNLABELLED, PathLike, Place, with_files
from textrnn.corpora.registry import find_split
from textrnn.corpora.rows import Lines, Pairs, TaggedTexts
from textrnn.corpora.sources import Columns, fetched_folder
from textrnn.corpora.tagged import read_tagged
from textrnn.errors import DataError, UsageError
from textrnn.wording.messages import Advice, Parameter, Setting
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Judged(Generic[R]):
    """Rows to score a model on, as ``loading.Labelled``: all of a file, or a split of a corpus."""

    rows: R
    split: str
    corpus: Material[R] | None = None
    notes: list[str] = field(default_factory=list)


def load_lines(
    name_or_path: PathLike,
    *,
    condition: str | None = None,
    text_column: str | None = None,
    unlabelled: bool | None = None,
    test: PathLike | None = None,
    validation: PathLike | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
    offline: bool = False,
) -> Material[Lines]:
    """Load texts for a language model: a generated corpus, or what classifiers learn from.

    Args:
        name_or_path: a file of a text a line, a table, a folder, a corpus by name or of the hub.
        condition: the column of the labels to condition on, or ``label`` for whichever holds them.
        text_column: the column of the texts, if it is not found.
        unlabelled: take a corpus's unlabelled texts in place of its labelled ones, and test texts
            of these; None does so where it has some, and nothing is conditioned on labels.
        test: a file of test texts.
        validation: a file of texts to choose the best epoch by.
        test_fraction: the share to draw for a test; a corpus with one of its own refuses it.
        random_state: of the draw.
        offline: never ask the hub.

    Raises:
        CorpusNotFoundError: there is no such corpus or file.
        DataError: it cannot be read, or is of another structure; the message names its command.
        UsageError: two arguments exclude each other, or one has a value that cannot work.
    """
    place = _place_of_lines(name_or_path, condition, text_column, unlabelled, offline)
    files = {"test": test, "validation": validation}
    return finished(with_files(place, files), test_fraction, random_state)


def load_tagged(
    name_or_path: PathLike,
    *,
    test: PathLike | None = None,
    validation: PathLike | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
) -> Material[TaggedTexts]:
    """Load texts with a tag of each token: a file, a folder of splits or a generated corpus.

    Arguments and errors are those of `load_lines`.
    """
    place = _place_of_tagged(name_or_path)
    files = {"test": test, "validation": validation}
    return finished(with_files(place, files), test_fraction, random_state)


def load_pairs(
    name_or_path: PathLike,
    *,
    test: PathLike | None = None,
    validation: PathLike | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
) -> Material[Pairs]:
    """Load sources with their targets: a file, a folder of splits or a generated corpus.

    Arguments and errors are those of `load_lines`.
    """
    place = _place_of_pairs(name_or_path)
    files = {"test": test, "validation": validation}
    return finished(with_files(place, files), test_fraction, random_state)


def judged_lines(
    name_or_path: PathLike,
    *,
    split: str | None = None,
    condition: str | None = None,
    text_column: str | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
    offline: bool = False,
    unlabelled: bool | None = False,
) -> Judged[Lines]:
    """Load texts to score a language model on: all of a file, or a corpus's ``split`` (test).

    If a corpus has no test split of its own, ``test_fraction`` of its texts are drawn by
    ``random_state``: give those of the training, or texts that were trained on are among them. As
    labels have a part in the draw, give its ``condition``, too.

    Arguments and errors are those of `load_lines`; UsageError for a split that is not there.
    """
    place = _place_of_lines(name_or_path, condition, text_column, unlabelled, offline)
    return _judged(place, split, test_fraction, random_state)


def judged_tagged(
    name_or_path: PathLike,
    *,
    split: str | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
) -> Judged[TaggedTexts]:
    """Load tagged texts to score a tagger on, as `judged_lines` does."""
    return _judged(_place_of_tagged(name_or_path), split, test_fraction, random_state)


def judged_pairs(
    name_or_path: PathLike,
    *,
    split: str | None = None,
    test_fraction: float | None = None,
    random_state: int = 0,
) -> Judged[Pairs]:
    """Load pairs to score a transducer on, as `judged_lines` does."""
    return _judged(_place_of_pairs(name_or_path), split, test_fraction, random_state)


def _place_of_lines(
    name_or_path: PathLike,
    condition: str | None,
    text_column: str | None,
    unlabelled: bool | None,
    offline: bool,
) -> Place[Lines]:
    given = os.fspath(name_or_path)
    if unlabelled and condition is not None:
        raise UsageError(
            Parameter("unlabelled"), " and ", Parameter("condition"), " exclude each other."
        )
    if condition is not None and given in GENERATED:
        raise DataError(
            f"the texts of {quoted(given)} have no labels",
            Advice("; leave ", Setting("condition", condition), " out"),
        )
    columns: Columns = {"text_column": text_column}
    if condition is not None and condition != ANY_LABEL:
        columns["label_column"] = condition
    folder = fetched_folder(given, columns, offline=offline)
    if given.startswith("hf:"):  # what is kept of it has our own names
        text_column, condition = None, condition and ANY_LABEL

    if unlabelled is None and condition is None and folder is not None:
        unlabelled = find_split(folder, UNLABELLED) is not None

    def read(path: Path, note: Note) -> Lines:
        return read_lines(path, text_column=text_column, condition=condition, note=note)

    return Place(given, Lines, read, folder, UNLABELLED if unlabelled else TRAIN)


def _place_of_tagged(name_or_path: PathLike) -> Place[TaggedTexts]:
    def read(path: Path, note: Note) -> TaggedTexts:
        return read_tagged(path, note=note)

    return Place(os.fspath(name_or_path), TaggedTexts, read)


def _place_of_pairs(name_or_path: PathLike) -> Place[Pairs]:
    def read(path: Path, note: Note) -> Pairs:
        return read_pairs(path, note=note)

    return Place(os.fspath(name_or_path), Pairs, read)


def _judged(
    place: Place[R], split: str | None, test_fraction: float | None, random_state: int
) -> Judged[R]:
    if not place.has_splits:
        if split is not None:
            raise UsageError(
                f"{quoted(place.given)} has no splits; leave ",
                Parameter("split"),
                " out to evaluate on all of it",
            )
        material = place.splits()
        check_not_empty(material.train, quoted(place.given))
        return Judged(material.train, "all", notes=material.notes)
    found = place.splits()
    drawn = test_fraction if found.test is None else None
    material = finished(found, drawn, random_state)
    name = split or TEST
    there = {TRAIN: material.train, VALIDATION: material.validation, TEST: material.test}
    rows = there.get(name)
    if rows is None:
        known = ", ".join(key for key, value in there.items() if value is not None)
        raise UsageError(f"{quoted(material.name)} has no split {quoted(name)}; it has: {known}")
    return Judged(rows, name, material, material.notes)

"""What a corpus is: texts with labels, cut into splits that are checked before use."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from textrnn.corpora.sampling import holdout, strata
from textrnn.errors import DataError, did_you_mean
from textrnn.system.digests import feed
from textrnn.wording.messages import Advice, Parameter
from textrnn.wording.quoting import listed, quoted

if TYPE_CHECKING:
    from textrnn.typing import Bools, Floats, Ints

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True)
class Split:
    """Texts and their labels, row by row.

    With a ``separator`` each row has any number of labels, in one string between separators. Of a
    ``numeric`` one the labels are numbers, which are predicted as such.
    """

    texts: list[str]
    labels: list[str]
    separator: str | None = None
    numeric: bool = False

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise DataError(
                f"{len(self.texts)} texts but {len(self.labels)} labels; each needs one"
            )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def keys(self) -> list[str]:
        """What equal texts have in common, a row."""
        return self.texts

    @property
    def classes(self) -> list[str]:
        """Distinct labels, sorted."""
        if self.separator is None:
            return sorted(set(self.labels))
        return sorted({label for labels in self.label_sets for label in labels})

    @property
    def label_sets(self) -> list[list[str]]:
        """The labels of each row: one, or with a separator any number."""
        if self.separator is None:
            return [[label] for label in self.labels]
        return [split_labels(labels, self.separator) for labels in self.labels]

    @property
    def strata(self) -> Sequence[Hashable]:
        """One label of each row, by which to cut a part with a share of every label.

        Of numbers there is no label.
        """
        if self.numeric:
            return [""] * len(self)
        return self.labels if self.separator is None else strata(self.label_sets)

    def take(self, rows: Ints | Bools) -> Split:
        """The rows at some positions, or where booleans of shape (n,) are true."""
        import numpy as np

        positions = np.arange(len(self))[rows].tolist()
        texts, labels = [self.texts[i] for i in positions], [self.labels[i] for i in positions]
        return replace(self, texts=texts, labels=labels)

    @property
    def numbers(self) -> Floats:
        """The labels as numbers, (n,).

        Raises:
            DataError: one is none, or not finite.
        """
        import numpy as np

        return np.array([_number(label, row) for row, label in enumerate(self.labels)])

    def holdout(self, fraction: float, *, random_state: int) -> Bools:
        """The rows to hold out, so that every label keeps some; see ``sampling.holdout``."""
        return holdout(
            self.texts,
            self.strata,
            fraction,
            random_state=random_state,
            label_sets=None if self.separator is None else self.label_sets,
        )

    def respelled(self, spelling: Mapping[str, str]) -> Split:
        """The same with each label as ``spelling`` has it; other labels stay."""
        if all(label == spelled for label, spelled in spelling.items()):
            return self
        cells = {cell: self._respelled(cell, spelling) for cell in set(self.labels)}
        return replace(self, labels=[cells[cell] for cell in self.labels])

    def _respelled(self, cell: str, spelling: Mapping[str, str]) -> str:
        if self.separator is None:
            return spelling.get(cell, cell)
        labels = split_labels(cell, self.separator)
        spelled = [spelling.get(label, label) for label in labels]
        return cell if spelled == labels else self.separator.join(spelled)


@dataclass(frozen=True)
class Corpus:
    """A named set of splits and where they came from.

    ``read_unlabelled`` reads the unlabelled texts when called, so that IMDB's
    50,000 are read only by those who want them; ``None`` when there are none.
    ``test_fraction`` is the share of the rows that was drawn for the test split;
    ``None`` when the corpus has one of its own.
    """

    name: str
    train: Split
    validation: Split | None = None
    test: Split | None = None
    read_unlabelled: Callable[[], list[str]] | None = None
    source: str = ""
    notes: list[str] = field(default_factory=list)
    test_fraction: float | None = None

    @property
    def unlabelled(self) -> list[str] | None:
        """Unlabelled texts, read anew at each use, or ``None``."""
        return self.read_unlabelled() if self.read_unlabelled else None

    def fingerprint(self) -> str:
        """Return a SHA-256 (64 hex digits) of all labelled rows, in order."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name in ("train", "validation", "test"):
            split: Split | None = getattr(self, name)
            feed(digest, [name, "" if split is None else str(len(split))])
            if split is not None:
                if split.separator is not None:
                    feed(digest, ["labels between", split.separator])
                feed(digest, split.texts)
                feed(digest, split.labels)
        return digest.hexdigest()


def _number(label: str, row: int) -> float:
    try:
        number = math.nan if "_" in label else float(label)  # 1_005 is Python, no number of a file
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        if _DECIMAL_COMMA.fullmatch(label.strip()):
            raise DataError(
                f"the label {quoted(label)} of row {row + 1} is no finite number: it has a decimal "
                "comma; write a point in its place"
            )
        raise DataError(
            f"the label {quoted(label)} of row {row + 1} is no finite number, as a regression needs"
            "; is another column the label?",
            Advice(" Name it with ", Parameter("label_column")),
        )
    return number


def fingerprint_of(texts: Iterable[str]) -> str:
    """Return a SHA-256 (64 hex digits) of texts, in order."""
    digest = hashlib.sha256()
    feed(digest, texts)
    return digest.hexdigest()


def check_split(split: Split, where: str) -> None:
    """Raise DataError unless ``split`` has rows of at least two classes, or numbers."""
    if not len(split):
        wanted = "numbers" if split.numeric else "classes"
        raise DataError(f"{where} is empty: it holds no rows; at least two {wanted} are needed")
    if split.numeric and len(set(split.numbers.tolist())) < 2:
        raise DataError(f"{where} holds one number only, {split.labels[0]}; nothing varies with it")
    if len(classes := split.classes) < 2:
        found = f"only one class, {quoted(classes[0])}" if classes else "no label"
        raise DataError(f"{where} holds {found}; at least two are needed to learn from")


def check_labels_repeat(split: Split, where: str) -> None:
    """Raise DataError if no two rows share a label, so that none can be held out."""
    n = len(split)
    if split.separator is None and not split.numeric and n > 3 and len(split.classes) == n:
        raise DataError(
            f"{where} has {n} rows with {n} different labels: every label occurs once, so "
            "there is nothing to learn a class from; is another column the label?",
            Advice(" Name it with ", Parameter("label_column")),
        )


def of_numbers(split: Split, where: str) -> Split:
    """The same rows with labels that are numbers.

    Raises:
        DataError: one is none; ``where`` says which file or split holds it.
    """
    numeric = replace(split, numeric=True)
    try:
        _ = numeric.numbers
    except DataError as error:
        raise DataError(f"{where}: ", error.message) from error
    return numeric


def check_held_out(train: Split, split: Split, where: str) -> None:
    """Raise DataError unless ``split`` has rows, and no label that is not trained on."""
    if not len(split):
        raise DataError(f"{where} is empty: it holds no rows")
    if split.numeric:
        _ = split.numbers  # any will do, if they are numbers
        return
    known = train.classes
    if strange := sorted(set(split.classes) - set(known)):
        raise DataError(
            f"{where} has the label {quoted(strange[0])}, which no training row has."
            f"{did_you_mean(strange[0], known)} "
            f"Training labels: {listed(known)}"
        )


def missing_classes(trained: Iterable[str], held: Iterable[str], where: str) -> str | None:
    """A line about classes that validation texts lack, if they do.

    Args:
        trained: labels of the training texts.
        held: labels of the texts that choose the best epoch.
        where: what these texts are, for the message.

    Raises:
        DataError: they are of one class of several, and so would choose what always answers it.
    """
    there = set(held)
    missing = sorted(set(trained) - there)
    if not missing or not there:
        return None
    told = f"{where} has no text of {listed(missing)}"
    if len(there) > 1:
        return f"{told}; the training is stopped by the other classes alone"
    raise DataError(
        f"{told}, but {quoted(there.pop())} alone, and cannot tell how well classes are told "
        "apart; bring validation texts of every class, or leave them out",
        Advice(" and hold some back with ", Parameter("validation_fraction")),
    )


def stratified_split(split: Split, fraction: float, *, random_state: int) -> tuple[Split, Split]:
    """Cut ``split`` in two; ``fraction`` of it goes to the second part, as ``holdout`` chooses.

    The order of rows is kept. Raises UsageError for a fraction outside (0, 1).
    """
    second = split.holdout(fraction, random_state=random_state)
    return split.take(~second), split.take(second)


def split_labels(cell: str, separator: str) -> list[str]:
    """The distinct labels between separators, in order; none of an empty cell."""
    parts = (part.strip() for part in cell.split(separator))
    return list(dict.fromkeys(part for part in parts if part))


def likely_separator(classes: Sequence[str]) -> str | None:
    """What seems to stand between several labels in one cell, or ``None``.

    That is so where a part of a label is a label by itself, as in ``drama`` and ``comedy|drama``.
    """
    for mark in ("|", ";", ","):
        several = [label for label in classes if mark in label]
        parts = {part for label in several for part in split_labels(label, mark)}
        if any(not part.isnumeric() for part in parts & set(classes)):
            return mark
    return None


def indicator(label_sets: Sequence[Sequence[str]], classes: Sequence[str]) -> Ints:
    """Ones where a text has a label, else zeros, shape (len(label_sets), len(classes)).

    Raises DataError for a label that is none of the classes.
    """
    import numpy as np

    column = {label: i for i, label in enumerate(classes)}
    matrix = np.zeros((len(label_sets), len(classes)), dtype=np.int64)
    for row, labels in enumerate(label_sets):
        for label in labels:
            if label not in column:
                raise DataError(
                    f"the label {quoted(label)} of row {row + 1} was never seen in training."
                    f"{did_you_mean(label, classes)} Leave its text out, or train on texts that "
                    "have it"
                )
            matrix[row, column[label]] = 1
    return matrix

"""Where texts for a structure lie, and its rows as they stand there: a name, a file or a folder.

A known name wins over a file of that name, as for classifiers (`sources`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeAlias

from textrnn.corpora.columns import Note
from textrnn.corpora.generated import GENERATED, check_structure
from textrnn.corpora.material import Material, R
from textrnn.corpora.overlap import TEST, TRAIN, VALIDATION
from textrnn.corpora.registry import ENTRIES, find_split
from textrnn.corpora.rows import COMMANDS, Lines
from textrnn.corpora.sources import not_found
from textrnn.errors import DataError, UsageError
from textrnn.wording.messages import Message, Parameter, Setting
from textrnn.wording.quoting import quoted, shell_word

UNLABELLED = "unsup"
"""The split of texts without labels, which only a language model learns from."""

PathLike: TypeAlias = str | os.PathLike[str]
Read: TypeAlias = Callable[[Path, Note], R]


@dataclass(frozen=True)
class Place(Generic[R]):
    """Where a corpus lies and how its files are read.

    Attributes:
        given: its name or path.
        kind: the rows wanted.
        read: a file as such rows.
        folder: of a named corpus of labelled texts; None for others.
        first: the split that is learned from.
    """

    given: str
    kind: type[R]
    read: Read[R]
    folder: Path | None = None
    first: str = TRAIN

    @property
    def has_splits(self) -> bool:
        """Whether it is a corpus by name, or a folder of splits; else all of it is one."""
        path = Path(self.given)
        is_named = self.folder is not None or self.given in GENERATED
        return is_named or (path.is_dir() and find_split(path, self.first) is not None)

    def splits(self) -> Material[R]:
        """What lies there, nothing held out."""
        if self.given in GENERATED:
            return self._generated()
        self._check_name()
        path, notes = self.folder or Path(self.given), list[str]()
        if not self.has_splits:
            name = path.resolve().name
            rows = self.read(path, notes.append)
            return Material(name.split(".")[0] or name, rows, source=str(path), notes=notes)
        found = {}
        names = (TRAIN, VALIDATION, TEST) if self.first == TRAIN else (self.first,)
        for split in names:
            file = find_split(path, split)
            found[split] = None if file is None else self.read(file, notes.append)
        train = found.pop(self.first)
        if train is None:
            raise DataError(f"{quoted(self.given)} has no texts without labels")
        name = self.given if self.folder else path.resolve().name
        held: Any = {split: found.get(split) for split in (VALIDATION, TEST)}
        return Material(name, train, source=str(path), notes=notes, **held)

    def _generated(self) -> Material[R]:
        check_structure(self.given, self.kind.structure)
        made = GENERATED[self.given]
        splits: Any = made.splits()
        return Material(made.name, **splits, source=f"textrnn.corpora.generated.{made.name}")

    def _check_name(self) -> None:
        """Raise DataError for labelled texts where these are of no use, and for what is nowhere."""
        structure = self.kind.structure
        if self.folder is not None:
            return
        if self.given in ENTRIES or self.given.startswith("hf:"):
            raise DataError(
                f"{quoted(self.given)} holds texts with a label each; {COMMANDS['classifier']} "
                f"{shell_word(self.given)} takes it"
            )
        if not os.path.exists(self.given):
            names = (name for name, made in GENERATED.items() if made.structure == structure)
            named = [*names, *(ENTRIES if structure == Lines.structure else ())]
            raise not_found(self.given, named)


def with_files(place: Place[R], files: Mapping[str, PathLike | None]) -> Material[R]:
    """The splits of a place, those for which a file is given read of it."""
    for name, file in files.items():
        if file is not None and not os.fspath(file):
            raise UsageError(Parameter(name), " is empty; give a file, or leave it out")
    material = place.splits()
    for name, file in files.items():
        if file is None:
            continue
        notes = list(material.notes)
        rows = place.read(Path(file), notes.append)
        own: R | None = getattr(material, name)
        if own is not None:
            notes.append(
                Message(
                    f"{quoted(material.name)} has a {name} split of its own ({len(own):,} texts), "
                    "which is not used: ",
                    Setting(name, os.fspath(file)),
                    " is",
                )
            )
        changed: dict[str, Any] = {name: rows, "notes": notes}
        material = replace(material, **changed)
    return material

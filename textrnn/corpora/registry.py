"""The corpora known by name: a row for each, and the places where one is looked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from textrnn.corpora.byte_lines import PACKED
from textrnn.corpora.formats import SUFFIXES
from textrnn.corpora.generated import GENERATED
from textrnn.corpora.readers import UNLABELLED_FOLDERS, class_folders
from textrnn.corpora.rows import COMMANDS

SPLIT_NAMES = {
    "train": ("train",),
    "validation": ("validation", "dev", "valid", "val"),
    "test": ("test",),
    "unsup": ("unsup", "unsupervised", "unlabelled", "unlabeled"),
}
"""What each split may be called, as a file, as a folder and at the hub."""

_NEG_POS = {"0": "neg", "1": "pos", "negative": "neg", "positive": "pos"}


@dataclass(frozen=True)
class Entry:
    """One named corpus: what it is, and where and how the hub keeps it.

    ``rows`` counts the hub's train, validation and test rows. ``renamed`` turns
    the hub's labels into ours. A ``revision`` pins the hub's version; where it
    is ``None`` the newest one is fetched, and named in ``SOURCE.txt``.
    """

    name: str
    description: str
    language: str
    classes: tuple[str, ...]
    rows: tuple[int, int, int]
    hub_id: str | None = None
    revision: str | None = None
    text_column: str = "text"
    label_column: str = "label"
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CorpusInfo:
    """What ``textrnn corpora`` shows; ``where`` is a folder, ``hub:ID`` or nothing.

    ``is_local`` tells whether it can be read without a connection. ``structure`` is what learns
    from it, by ``command``; a language model also takes the texts of what a classifier does.
    """

    name: str
    description: str
    language: str
    classes: tuple[str, ...]
    rows: tuple[int, int, int]
    where: str
    is_local: bool
    structure: str = "classifier"

    @property
    def command(self) -> str:
        """What to write to train on it."""
        return f"{COMMANDS[self.structure]} {self.name}"


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry(
            "cars",
            "sentences whose mood hangs on which car sped into the arena (built in)",
            "English",
            ("comedy", "crime"),
            (3600, 400, 1000),
        ),
        Entry(
            "imdb",
            "long film reviews (Maas et al. 2011), with 50,000 unlabelled ones",
            "English",
            ("neg", "pos"),
            (25000, 0, 25000),
            "stanfordnlp/imdb",
            "e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
        ),
        Entry(
            "sst2",
            "sentences of film reviews, whole sentences only (Socher et al. 2013)",
            "English",
            ("neg", "pos"),
            (6920, 872, 1821),
            # Not stanfordnlp/sst2: that one trains on phrases and hides the test labels.
            "SetFit/sst2",
            "00ea8ccb7a54b4e3780a3e51aa3f80361ff849c0",
            renamed=_NEG_POS,
        ),
        Entry(
            "mr",
            "sentences of film reviews (Pang and Lee 2005), rotten_tomatoes at the hub",
            "English",
            ("neg", "pos"),
            (8530, 1066, 1066),
            "cornell-movie-review-data/rotten_tomatoes",
            "aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
        ),
        Entry(
            "trec",
            "questions by the kind of answer they want (Li and Roth 2002)",
            "English",
            ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"),
            (5452, 0, 500),
            "SetFit/TREC-QC",
            label_column="label_coarse_original",
        ),
        Entry(
            "ag_news",
            "titles and first sentences of news by topic (Zhang et al. 2015)",
            "English",
            ("Business", "Sci/Tech", "Sports", "World"),
            (120000, 0, 7600),
            "fancyzhx/ag_news",
            "eb185aade064a813bc0b7f42de02595523103ca4",
        ),
        Entry(
            "chnsenticorp",
            "reviews of hotels, books and computers (Tan)",
            "Chinese",
            ("neg", "pos"),
            (9600, 1200, 1200),
            "lansinuote/ChnSentiCorp",
            "b0c4c119c3fb33b8e735969202ef9ad13d717e5a",
            renamed=_NEG_POS,
        ),
        Entry(
            "sms_spam",
            "text messages, 13 % of them spam (Almeida et al. 2011); no test split",
            "English",
            ("ham", "spam"),
            (5574, 0, 0),
            "ucirvine/sms_spam",
            "cae486f927c250fe1d4a5b55f11357964ed1646c",
            text_column="sms",
        ),
    )
}


def cache_folder(name: str) -> Path:
    """Return the folder that keeps a corpus fetched from the hub."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("textrnn")) / "corpora" / name


def places(name: str) -> list[Path]:
    """Return the folders where a named corpus is looked for, first one first."""
    own = os.environ.get("TEXTRNN_DATA")
    found = [Path(own).expanduser() / name] if own else []
    found += [Path("data") / name, cache_folder(name)]
    if ENTRIES[name].hub_id is None:
        here = Path(__file__).resolve().parent
        found += [here / "data" / name, here.parents[1] / "data" / name]
    return found


def local_folder(name: str) -> Path | None:
    """Return the first place that holds the corpus, or ``None``."""
    return next((place for place in places(name) if find_split(place, "train")), None)


def find_split(folder: Path, split: str) -> Path | None:
    """Return the file, or folder of class folders, that holds a split of ``SPLIT_NAMES``."""
    for name in SPLIT_NAMES[split]:
        for suffix in SUFFIXES:
            for packing in ("", *PACKED):
                path = folder / f"{name}{suffix}{packing}"
                if path.is_file():
                    return path
    if split == "unsup":
        candidates = [parent / name for parent in (folder, folder / "train") for name in _UNSUP]
        return next((path for path in candidates if path.is_dir()), None)
    candidates = [folder / name for name in SPLIT_NAMES[split]]
    return next((path for path in candidates if path.is_dir() and class_folders(path)), None)


_UNSUP = tuple(dict.fromkeys(UNLABELLED_FOLDERS + SPLIT_NAMES["unsup"]))


def describe_corpora() -> list[CorpusInfo]:
    """Return what is known of every corpus of labelled texts and where it would come from now.

    Looks at folders only; nothing is read or fetched.
    """
    described = []
    for entry in ENTRIES.values():
        folder = local_folder(entry.name)
        where = str(folder) if folder else f"hub:{entry.hub_id}" if entry.hub_id else ""
        described.append(
            CorpusInfo(
                entry.name,
                entry.description,
                entry.language,
                entry.classes,
                entry.rows,
                where,
                folder is not None,
            )
        )
    return described


def describe_generated() -> list[CorpusInfo]:
    """Return what is known of the corpora that are made when they are asked for."""
    where = "textrnn, which makes it"
    return [
        CorpusInfo(
            *(made.name, made.description, made.language, (), made.rows, where, True),
            structure=made.structure,
        )
        for made in GENERATED.values()
    ]

"""``python -m textrnn.corpora.generated NAME OUT_DIR``: a generated corpus as files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from textrnn.corpora.generated import GENERATED, agreement
from textrnn.corpora.rows import Lines, Pairs, Rows, TaggedTexts


def written(rows: Rows) -> tuple[str, Iterable[str]]:
    """How the name of a file of rows ends, and its lines."""
    match rows:
        case Lines():
            return "txt", rows.texts
        case TaggedTexts():
            texts = zip(rows.tokens, rows.tags, strict=True)
            return "tsv", (
                "\n".join(map("\t".join, zip(*text, strict=True))) + "\n" for text in texts
            )
        case Pairs():
            return "tsv", map("\t".join, zip(rows.sources, rows.targets, strict=True))
    raise TypeError(type(rows).__name__)


def write(name: str, folder: Path) -> None:
    """Write a file a split; of agreement also the pairs, each right, wrong and words between."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"{split}.{{}}": written(rows) for split, rows in GENERATED[name].splits().items()}
    if name == "agreement":
        found = agreement.pairs()
        rows = (f"{one.text}\t{one.mistaken}\t{one.n_between}" for one in found)
        files["pairs.{}"] = ("tsv", rows)
    for file, (ending, lines) in files.items():
        text = "".join(f"{line}\n" for line in lines)
        (folder / file.format(ending)).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in GENERATED:
        sys.exit(
            "usage: python -m textrnn.corpora.generated NAME OUT_DIR; "
            f"NAME is one of {', '.join(GENERATED)}"
        )
    write(sys.argv[1], Path(sys.argv[2]))

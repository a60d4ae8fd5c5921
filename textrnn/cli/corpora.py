"""``textrnn corpora``: the named corpora, and where each would come from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from textrnn.cli.options import Debug, Json

if TYPE_CHECKING:
    from textrnn.corpora import CorpusInfo


def corpora(as_json: Json = False, debug: Debug = False) -> None:
    """List the named corpora and where each would come from.

    A corpus is looked for in $TEXTRNN_DATA/NAME, ./data/NAME, the user's cache, and then
    on the Hugging Face hub. Any other: textrnn train hf:owner/name, or a file of your own.
    """
    del debug
    from textrnn.cli.output import print_entries, print_json
    from textrnn.corpora import describe_corpora, describe_generated

    infos = [*describe_corpora(), *describe_generated()]
    if as_json:
        print_json([{**asdict(info), "command": info.command} for info in infos])
        return
    print_entries(
        [
            (
                info.name,
                [
                    info.description,
                    f"{info.language}, {_for(info)}: {_sizes(info.rows)}",
                    f"from {info.where or 'nowhere: it is missing'}",
                ],
            )
            for info in infos
        ]
    )


def _for(info: CorpusInfo) -> str:
    """What learns from it, and what there is to tell apart."""
    if info.classes:
        return f"{len(info.classes)} classes"
    return f"for a {info.structure} ({info.command})"


def _sizes(rows: tuple[int, int, int]) -> str:
    named = zip(rows, ("training", "validation", "test"), strict=True)
    return ", ".join(f"{n:,} {name}" for n, name in named if n) + " texts"

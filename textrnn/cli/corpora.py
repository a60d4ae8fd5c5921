"""``textrnn corpora``: the named corpora, and where each would come from."""

from __future__ import annotations

from dataclasses import asdict

from textrnn.cli.options import Debug, Json


def corpora(as_json: Json = False, debug: Debug = False) -> None:
    """List the named corpora and where each would come from.

    A corpus is looked for in $TEXTRNN_DATA/NAME, ./data/NAME, the user's cache, and then
    on the Hugging Face hub. Any other: textrnn train hf:owner/name, or a file of your own.
    """
    del debug
    from textrnn.cli.output import print_entries, print_json
    from textrnn.corpora import describe_corpora

    infos = describe_corpora()
    if as_json:
        print_json([asdict(info) for info in infos])
        return
    print_entries(
        [
            (
                info.name,
                [
                    info.description,
                    f"{info.language}, {len(info.classes)} classes: {_sizes(info.rows)}",
                    f"from {info.where or 'nowhere: it is missing'}",
                ],
            )
            for info in infos
        ]
    )


def _sizes(rows: tuple[int, int, int]) -> str:
    named = zip(rows, ("training", "validation", "test"), strict=True)
    return ", ".join(f"{n:,} {name}" for n, name in named if n) + " texts"

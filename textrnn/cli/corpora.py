"""``textrnn corpora``: the named corpora, and where each would come from."""

from __future__ import annotations

from dataclasses import asdict

from textrnn.cli.run import Debug, Json


def corpora(as_json: Json = False, debug: Debug = False) -> None:
    """List the named corpora, their sizes and where each would come from now.

    A corpus is looked for in $TEXTRNN_DATA/NAME, ./data/NAME, the user's cache, and then
    on the Hugging Face hub. Any other: textrnn train hf:owner/name, or a file of your own.
    """
    del debug
    from textrnn.cli.output import print_json, print_table
    from textrnn.corpora import describe_corpora

    infos = describe_corpora()
    if as_json:
        print_json([asdict(info) for info in infos])
        return
    rows = [
        [
            info.name,
            info.language,
            str(len(info.classes)),
            *(f"{rows:,}" if rows else "–" for rows in info.rows),
            info.where,
            info.description,
        ]
        for info in infos
    ]
    header = ("name", "language", "classes", "train", "validation", "test", "from", "what")
    print_table(header, rows)

"""What is declared of all settings as tables for the documents, with the options behind them."""

from __future__ import annotations

from collections.abc import Mapping

from textrnn.training.declaration import Declared
from textrnn.training.declared import GROUPS

HEADER = (
    "| in Python | option | default | can be | what it is | searched |",
    "|---|---|---|---|---|---|",
)


def table(settings: Mapping[str, Declared]) -> str:
    """Markdown, under the headings of their groups."""
    lines: list[str] = []
    for group in GROUPS:
        lines += [f"## {group}", "", *HEADER]
        lines += [_row(one) for one in settings.values() if one.group == group]
        lines += [""]
    return "\n".join(lines)


def _row(one: Declared) -> str:
    options = [one.option]
    options += [one.flag.contrary] if one.flag and one.flag.contrary else []
    options += [one.word.option] if one.word else []
    cells = (
        f"`{one.name}`",
        ", ".join(f"`--{option}`" for option in options),
        str(one.default),
        str(one.check.told(one.name)),
        one.help_in_python,
        ", ".join(map(str, one.searched)),
    )
    return f"| {' | '.join(cells)} |"

"""What is declared of all settings as tables for the documents, with the options behind them."""

from __future__ import annotations

from collections.abc import Mapping

from textrnn.cli.option_names import in_options
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
    options = [f"`--{one.option}`"]
    if one.flag and one.flag.help:  # the option says the contrary of the name
        options = [f"{options[0]} sets {one.flag.value}"]
    options += [f"`--{one.flag.contrary}`"] if one.flag and one.flag.contrary else []
    options += [f"`--{one.word.option}`"] if one.word else []
    told = one.check.told(one.name)
    python, option = str(told), in_options(told)
    cells = (
        f"`{one.name}`",
        ", ".join(options),
        str(one.default),
        python if python == option else f"{python}; option: {option}",
        one.help_in_python,
        ", ".join(map(str, one.searched)),
    )
    return f"| {' | '.join(cells)} |"

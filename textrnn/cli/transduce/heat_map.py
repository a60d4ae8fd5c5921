"""An alignment as a map of the terminal: a row for each symbol written, the source above it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textrnn.cli.output import width
from textrnn.typing import Floats
from textrnn.wording.quoting import one_line

SHADES, SHADES_IN_ASCII = " ░▒▓█", " .:+#"
END, END_IN_ASCII = "∎", "$"
"""What stands for the mark behind a text."""
WIDEST = 10
"""Columns of a symbol of the source, at most."""


def heat_map(
    source: Sequence[str], target: Sequence[str], alignment: Floats, *, ascii_only: bool = False
) -> Iterator[str]:
    """The lines of a map.

    Args:
        source: symbols that were read.
        target: symbols that were written.
        alignment: the weight of each symbol of the source and of the mark behind them, (written +
            1, read + 1).
        ascii_only: use no other characters but those of the symbols.
    """
    shades = SHADES_IN_ASCII if ascii_only else SHADES
    end = END_IN_ASCII if ascii_only else END
    read = [_cut(one_line(symbol)) or " " for symbol in [*source, end]]
    written = [one_line(symbol) for symbol in [*target, end]]
    indent = max(map(width, written))
    yield " " * indent + "  " + " ".join(read)
    for symbol, weights in zip(written, alignment.tolist(), strict=False):
        cells = (
            _shade(weight, shades) * width(name) for weight, name in zip(weights, read, strict=True)
        )
        yield (symbol + " " * (indent - width(symbol)) + "  " + " ".join(cells)).rstrip()


def _shade(weight: float, shades: str) -> str:
    """A character that is the darker, the more of the weights a symbol has."""
    return shades[min(int(weight * len(shades)), len(shades) - 1)]


def _cut(symbol: str) -> str:
    """A symbol, shortened if it is too wide for a column."""
    while width(symbol) > WIDEST:
        symbol = symbol[:-1]
    return symbol

"""When two labels are one, though files spell them differently: ``true`` and ``True``, 1 and 1.0.

What a label means follows from its spelling alone, whatever format and type it was read from:

- *A boolean* is ``true`` or ``false`` in any case, and is spelled so, in small letters.
- *A number* is what programs write for one: decimal digits with a minus before them, a fraction
  that is 0 or ends in another digit, and an exponent that has a sign: ``0``, ``-3``, ``1.0``,
  ``0.25``, ``1e+16``. Numbers of the same value are one label, to the last digit; -0 is 0.
- *A word* is all else, and one with nothing but itself. ``007``, ``+1``, ``1.50``, ``1e3`` and
  ``nan`` are words: codes and versions are spelled like that, and 1.10 is not 1.1.

Booleans are no numbers: ``true`` is not 1. Where all labels are whole numbers they are spelled
without a fraction: a table's column with a gap in it has 1.0 where 1 was meant. Otherwise a number
stays as it is spelled, of several ways the one with a fraction: 0.5 and 1.0 are of one column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

BOOLEANS = ("true", "false")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.(0|[0-9]*[1-9]))?([eE][+-][0-9]{1,3})?")


def meaning(label: str) -> str | Decimal:
    """What labels have in common that are one, and no others have."""
    if label.lower() in BOOLEANS:
        return label.lower()
    return Decimal(label) if _NUMBER.fullmatch(label) else label


def one_spelling(labels: Iterable[str]) -> dict[str, str]:
    """How each of the labels that occur together is to be spelled."""
    ways: dict[str | Decimal, list[str]] = {}
    for label in dict.fromkeys(labels):
        ways.setdefault(meaning(label), []).append(label)
    whole = all(isinstance(what, Decimal) and _is_whole(what) for what in ways)
    return {
        label: _spelling(what, spelled, whole=whole)
        for what, spelled in ways.items()
        for label in spelled
    }


def spelled_as(labels: Iterable[str], classes: Iterable[str]) -> dict[str, str]:
    """How each of some labels is spelled among a model's classes, if it is one of them.

    A label that is a class letter by letter is that one; else it is the class that means the
    same, unless several do.
    """
    known: dict[str | Decimal, list[str]] = {}
    for name in dict.fromkeys(classes):
        known.setdefault(meaning(name), []).append(name)
    spelling = one_spelling(labels)
    for label in spelling:
        same = known.get(meaning(label), [])
        if label in same:
            spelling[label] = label
        elif len(same) == 1:
            spelling[label] = same[0]
    return spelling


def several_spellings(spelling: Mapping[str, str]) -> dict[str, list[str]]:
    """The labels that were spelled in several ways, and these ways, sorted."""
    ways: dict[str, list[str]] = {}
    for label, spelled in sorted(spelling.items()):
        ways.setdefault(spelled, []).append(label)
    return {spelled: labels for spelled, labels in ways.items() if len(labels) > 1}


def _spelling(what: str | Decimal, ways: list[str], *, whole: bool) -> str:
    if isinstance(what, str):
        return what
    found = _digits(what)[0] if whole else max(ways, key=lambda way: ("." in way, way))
    return found if what else found.lstrip("-")


def _is_whole(number: Decimal) -> bool:
    return not _digits(number)[1].strip("0")


def _digits(number: Decimal) -> tuple[str, str]:
    """The digits before and behind the point, without an exponent."""
    before, _, behind = f"{number:f}".partition(".")
    return before, behind

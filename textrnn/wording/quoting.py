"""What others wrote, made harmless for the place where it is shown.

A label, a path or a text may hold anything: tabs and line ends, which break a record; escape
sequences, which rule a terminal; marks that turn the direction of writing; letters that cannot be
seen; half characters, which cannot be encoded. Each function here returns text of one line that
says as much of it as the place can bear. Pure; the same value always looks the same.
"""

from __future__ import annotations

import os
import re
import reprlib
from typing import Any

# Patterns are text: most runs need none of them, and to make one takes a millisecond.
_INVISIBLE = (
    # Format characters but for joiners, and for the signs of Arabic and Kaithi, which are seen.
    r"\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
_BREAKS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_HALVES = r"\ud800-\udfff"
_JOINERS = r"\u200c\u200d"
_LETTER = rf"[^\x00-\xa0{_INVISIBLE}{_JOINERS}\u2028\u2029{_HALVES}]"
_UNSAFE = (
    rf"(?P<gap>[{_BREAKS}])|(?P<half>[{_HALVES}])|[{_INVISIBLE}]"
    # Persian, Indic scripts and emoji are joined; between other letters nothing is seen.
    rf"|(?<!{_LETTER})[{_JOINERS}]|[{_JOINERS}](?!{_LETTER})"
)
_ESCAPED = f"[{_BREAKS}{_INVISIBLE}{_JOINERS}{_HALVES}]"
_RAW_IN_JSON = rf"[\x7f-\x9f\u2028\u2029{_INVISIBLE}{_JOINERS}{_HALVES}]"
_MARKDOWN = r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": "&#58;//"}
_ENTITY = "|".join(_ENTITIES) + r"|(?<=\bwww)\.|(?<=\bWWW)\."
_LIST_BAR = "\N{BROKEN BAR}"
QUOTED = 200
"""Characters of a value that a message shows."""
PATH = 1_000
"""Characters of a path that it shows: cut, a path leads nowhere."""


def one_line(text: str) -> str:
    """Text as a cell of a line of tab-separated values, or as a line of a terminal.

    Line ends, tabs and other control characters become spaces, half characters U+FFFD; marks that
    cannot be seen go.
    """
    if text.isprintable():
        return text
    return re.sub(_UNSAFE, _harmless, text)


def _harmless(match: re.Match[str]) -> str:
    if match.lastgroup == "gap":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if match.lastgroup == "half" else ""


def list_item(text: str) -> str:
    """The same where several stand in one cell with ``|`` between them."""
    return one_line(text).replace("|", _LIST_BAR)


def in_markdown(text: str) -> str:
    """Text as a cell of a Markdown table, or within a line: it looks as it is written."""
    escaped = re.sub(_MARKDOWN, r"\\\g<0>", one_line(text).strip())
    return re.sub(_ENTITY, lambda match: _ENTITIES.get(match[0], "&#46;"), escaped)


def quoted(value: Any, limit: int = QUOTED, depth: int = 6) -> str:
    """A value as Python writes it, what cannot be printed escaped, shortened in its middle.

    Args:
        value: anything; of a path, whatever its class, its text.
        limit: characters of each part that is shown; of a path more are.
        depth: levels of lists within lists that are shown.
    """
    if isinstance(value, os.PathLike):
        value, limit = os.fspath(value), max(limit, PATH)
    if isinstance(value, str) and len(value) <= limit:
        return str.__repr__(value)
    short = _Short()
    short.maxstring = short.maxother = short.maxlong = limit
    short.maxlevel = depth
    return one_line(short.repr(value))


class _Short(reprlib.Repr):
    """What Python shortens, and whole numbers of more digits than it writes."""

    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:
            return f"<a whole number of some {x.bit_length() * 0.30103:,.0f} digits>"


def listed(values: Any, limit: int = 20, each: int = QUOTED) -> str:
    """Values with commas between them, each quoted; the first of too many."""
    some = [quoted(value, each) for value in list(values)[:limit]]
    return ", ".join(some) + (", ..." if len(values) > limit else "")


def in_json(text: str) -> str:
    """A JSON text whose strings show nothing raw that harms; it means the same."""
    if text.isprintable():
        return text
    return re.sub(_RAW_IN_JSON, _json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def shell_word(text: str) -> str:
    """Text as one word of a shell's command line, on one line and without raw control characters.

    Where something must be escaped, as bash, zsh and ksh read it; elsewhere as any shell.
    """
    if not re.search(_ESCAPED, text):
        import shlex

        return shlex.quote(text)
    told = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + re.sub(_ESCAPED, _shell_escape, told) + "'"


def _shell_escape(match: re.Match[str]) -> str:
    # Half characters are bytes of a file's name that are no UTF-8.
    is_byte = "\udc80" <= match[0] <= "\udcff"
    data = match[0].encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in data)

"""Messages that know which parameters they speak of, so that each face says its own name for them.

A message is made of pieces: text, and marked names and values. To a script it is a string in the
library's words (``max_length is 0``). A face that calls things otherwise, such as the command line,
gets at the pieces and says them in its own (``--max-length is 0``); nobody's text is searched for
names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textrnn.wording.quoting import quoted


class Face(Protocol):
    """Where messages are told, and its words for parameters; None for what it has no word for."""

    def name(self, parameter: str) -> str | None:
        """What it calls a parameter."""

    def value(self, parameter: str, value: Any) -> str | None:
        """How it writes a parameter's value."""

    def setting(self, parameter: str, value: Any) -> str | None:
        """How a user of it gives a parameter this value."""


class _Piece:
    """What pieces have in common; no dataclass, which takes a millisecond of each start."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # a value may be anything

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, vars(self).values()))})"


class Parameter(_Piece):
    """A parameter's name: ``max_length``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name

    def told(self, face: Face) -> str | None:
        """The name at a face."""
        return face.name(self.name)


class Value(_Piece):
    """A value of a parameter: ``None``, where others may say ``0``."""

    def __init__(self, parameter: str, value: Any) -> None:
        self.parameter, self.value = parameter, value

    def __str__(self) -> str:
        return quoted(self.value)

    def told(self, face: Face) -> str | None:
        """The value at a face."""
        return face.value(self.parameter, self.value)


def stated(parameter: str, value: Any) -> Message:
    """The beginning of most complaints: ``max_length is 0``."""
    return Message(Parameter(parameter), " is ", Value(parameter, value))


class Setting(_Piece):
    """A parameter set to a value: ``bidirectional=False``."""

    def __init__(self, parameter: str, value: Any) -> None:
        self.parameter, self.value = parameter, value

    def __str__(self) -> str:
        return f"{self.parameter}={quoted(self.value)}"

    def told(self, face: Face) -> str | None:
        """How it is set at a face."""
        return face.setting(self.parameter, self.value)


class ForScripts(_Piece):
    """Text that makes sense only to who writes Python, and what others are told in its place."""

    def __init__(self, text: str, otherwise: str = "") -> None:
        self.text, self.otherwise = text, otherwise

    def __str__(self) -> str:
        return self.text

    def told(self, face: Face) -> str:
        """What is told at any other face."""
        del face
        return self.otherwise


class Advice(_Piece):
    """Pieces that are told only where there is a word for each of them, or else others.

    What cannot be done at a face is no remedy there.
    """

    def __init__(self, *pieces: object, otherwise: object = "") -> None:
        self.pieces = pieces
        self.otherwise = otherwise

    def __str__(self) -> str:
        return "".join(map(str, self.pieces))

    def told(self, face: Face) -> str | None:
        """All pieces at a face, or what is told in their place."""
        told = [_told(piece, face) for piece in self.pieces]
        if None in told:
            return _told(self.otherwise, face)
        return "".join(part for part in told if part is not None)


class Message(str):
    """A line of text that keeps its pieces; those of a message within become its own."""

    pieces: tuple[object, ...]

    def __new__(cls, *pieces: object) -> Message:
        """Join pieces to what a script reads."""
        message = super().__new__(cls, "".join(map(str, pieces)))
        flat = (
            part
            for piece in pieces
            for part in (piece.pieces if isinstance(piece, Message) else (piece,))
        )
        message.pieces = tuple(flat)
        return message

    def __reduce__(self) -> tuple[type[Message], tuple[object, ...]]:
        """Errors and warnings travel between processes, with their pieces."""
        return Message, self.pieces

    def told(self, face: Face) -> str:
        """The message in the words of a face, and the library's where it has none."""
        told = ((_told(piece, face), piece) for piece in self.pieces)
        return "".join(str(piece) if words is None else words for words, piece in told)


def first_named(message: Message) -> str | None:
    """The parameter that a message names first; what it only advises does not count."""
    for piece in message.pieces:
        if isinstance(piece, Parameter):
            return piece.name
        if isinstance(piece, Setting):
            return piece.parameter
    return None


def _told(piece: object, face: Face) -> str | None:
    tell: Callable[[Face], str | None] | None = getattr(piece, "told", None)
    return str(piece) if tell is None else tell(face)

"""Every mistake a user can make, as an exception with a plain message.

A message says what was wrong, the value seen and what to do about it. The
command line prints it as one line, with its options in place of parameters, and exits with the
class's ``exit_code``.
"""

from __future__ import annotations

from collections.abc import Iterable

from textrnn.wording.messages import Message, first_named
from textrnn.wording.quoting import one_line, quoted

LONGEST_EDITED = 200
"""Characters of a value that are compared with others: a text is nobody's slip of the finger."""


class TextRNNError(Exception):
    """Base of all errors a user can cause; never raised itself.

    Args:
        pieces: of its message; see `textrnn.wording.messages`.
        parameter: what it is about, by its name in the library; each face has a name of its own
            for it (`wording.messages.Face.name`).
    """

    exit_code = 70

    def __init__(self, *pieces: object, parameter: str | None = None) -> None:
        super().__init__(*pieces)
        self._parameter = parameter

    @property
    def parameter(self) -> str | None:
        """The parameter that the error is about, if it is about one."""
        return self._parameter

    def __str__(self) -> str:
        return one_line(self.message)  # a path or a label in it may hold anything

    @property
    def message(self) -> Message:
        """What it says, with its pieces."""
        return Message(*self.args)


class UsageError(TextRNNError, ValueError):
    """An option or argument has a value that cannot work.

    It is about the parameter that its message names first, unless another one is given.
    """

    exit_code = 2

    @property
    def parameter(self) -> str | None:
        """The parameter that the error is about, if it is about one."""
        return self._parameter or first_named(self.message)


class DataError(TextRNNError, ValueError):
    """A corpus, a file or a set of texts cannot be used as it is."""

    exit_code = 3


class CorpusNotFoundError(DataError):
    """A named corpus is in none of the places where it is looked for."""


class ModelError(TextRNNError, ValueError):
    """A model folder is missing, damaged, foreign or too new."""

    exit_code = 4


class DamagedModelError(ModelError):
    """A model folder of ours is not what was written."""


class TrainingError(TextRNNError, ArithmeticError):
    """Training cannot go on: the loss is no longer a finite number."""

    exit_code = 5


class WorkerError(TextRNNError, RuntimeError):
    """A process that shares the work died, or cannot be started."""

    exit_code = 70


class MissingDependencyError(TextRNNError, ImportError):
    """An optional package is needed for what was asked."""

    exit_code = 6


def reason(error: BaseException) -> str:
    """What an error says, in the system's words if it is one of the system's, without a stop."""
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(told).rstrip(".")


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest choice, or an empty string."""
    import difflib  # only where an error is told: it takes time to import

    near = difflib.get_close_matches(value[:LONGEST_EDITED], list(choices), n=1)
    return f" Did you mean {quoted(near[0])}?" if near else ""

"""What a kind of model says of itself; from it follow validation, reading, and who serves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from textrnn.inference.protocol import Model
from textrnn.system.fields import Field
from textrnn.system.weights_file import Tensors
from textrnn.text.tokenizers import Tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Params

Fits = Callable[[Tensors], None]
"""Checks the header of a file of arrays; see ``weights_validation.check_tensors``."""


class Parts(Protocol):
    """What a folder holds, each part read and checked when it is asked for."""

    @property
    def config(self) -> dict[str, Any]:
        """All of the configuration, checked."""

    def arrays(self, name: str) -> Params:
        """The arrays of a file."""

    def vocabulary(self, name: str) -> Vocabulary:
        """The words of a file."""

    def tokenizer(self) -> Tokenizer:
        """The one the texts were cut with."""


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        name: as messages call it, without an article.
        commands: that take such a model, without ``textrnn``.
        training: an example of a command that trains one, without ``textrnn``.
        fields: of its configuration, beside those that all kinds have, or in their place.
        check: raises ValueError unless a configuration whose fields are what they must be can be
            one of this kind.
        vocabularies: of a checked configuration, the files of words and the words in each.
        arrays: of a checked configuration, the files of arrays and what each must hold.
        load: makes the model.
        numbers: raises ValueError unless the numbers of its arrays, each of which can be, go
            together, and with its checked configuration.
        version: the oldest format of folders that has it.
    """

    name: str
    commands: tuple[str, ...]
    training: str
    fields: Mapping[str, Field]
    check: Callable[[Mapping[str, Any]], None]
    vocabularies: Callable[[Mapping[str, Any]], dict[str, int]]
    arrays: Callable[[Mapping[str, Any]], dict[str, Fits]]
    load: Callable[[Parts], Model]
    numbers: Callable[[Params, Mapping[str, Any]], None] = lambda *_: None
    version: int = 5

    @property
    def told(self) -> str:
        """The name with its article."""
        return f"a {self.name}"

    @property
    def served_by(self) -> str:
        """The commands that take such a model."""
        *first, last = (f"textrnn {name}" for name in self.commands)
        return f"{', '.join(first)} and {last} take it" if first else f"{last} takes it"

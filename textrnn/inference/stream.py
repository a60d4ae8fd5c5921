"""One token in, the class probabilities so far out: for texts that are still being written.

Only a network that reads left to right can answer before the end; one that reads from
both ends cannot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.poolings import Running
from textrnn.text.spelling import EDIT
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Params
from textrnn.wording.messages import Setting


@dataclass(frozen=True)
class StreamState:
    """What a stream has of a text so far; it stays as it is while the stream reads on.

    Attributes:
        layers: each recurrent layer's state, (1, 1, H) by name.
        pooled: the pooling of all outputs so far.
        n_words: how many were read.
    """

    layers: list[Params]
    pooled: Running
    n_words: int


class Stream:
    """Reads a text word by word.

    Args:
        network: reads left to right.
        vocabulary: of the network.
        correct_spelling: read an unknown word as the known one that it is near to.
        spelling_rule: what is near; see ``NearestWords.find``.
        answer: what the model says, of what the network's output means; see ``TextModel.answer``.

    Raises:
        UsageError: the network reads from both ends, or in segments.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        *,
        correct_spelling: bool = False,
        spelling_rule: str = EDIT,
        answer: Callable[[Floats], Floats] = lambda found: found,
    ) -> None:
        if network.config.bidirectional:
            raise UsageError(
                "this model reads each text from both ends, so it has no answer before the end; "
                "train with ",
                Setting("bidirectional", False),
                " to stream.",
            )
        if network.config.segment_length is not None:
            raise UsageError(
                "this model reads long texts in segments, which are known only at the end; train "
                "with ",
                Setting("segment_length", None),
                " to stream.",
            )
        self._vocabulary, self._correct_spelling, self._spelling_rule = (
            vocabulary,
            correct_spelling,
            spelling_rule,
        )
        self._dtype, self._answer = network.dtype, answer
        self._reader = DocumentReader(network)
        self.reset()

    def reset(self) -> None:
        """Forget all that was read."""
        reader = self._reader
        reader.reset()
        self._pooled = reader.head.so_far(self._dtype, reader.params)
        self._n = np.zeros(1, dtype=np.int64)

    @property
    def state(self) -> StreamState:
        """A copy of what was read so far: set it again to go on from here, as often as wanted."""
        return StreamState(self._reader.state, self._copied(self._pooled), int(self._n[0]))

    @state.setter
    def state(self, state: StreamState) -> None:
        self._reader.state = state.layers
        self._pooled = self._copied(state.pooled)
        self._n = np.array([state.n_words], dtype=np.int64)

    def _copied(self, pooled: Running) -> Running:
        params = self._reader.params  # which it may hold, and which nobody changes
        return copy.deepcopy(pooled, {id(params): params})

    def feed(self, token: str) -> Floats:
        """Read one token; return the class probabilities of the text so far, shape (C,), or
        of a regression the number, shape (1,).

        A network that answers at every token returns those of this one.
        """
        number = self._vocabulary.index.get(token, 0)
        if self._correct_spelling and number == 0:
            number = max(int(self._vocabulary.nearest.find([token], self._spelling_rule)[0]), 0)
        return self.feed_id(number)

    def feed_id(self, token: int) -> Floats:
        """The same for a token's id."""
        self._n += 1
        self._pooled.add(self._reader.outputs(slice(token, token + 1)))
        return self._answer(self._reader.probabilities(self._pooled.value(self._n)))

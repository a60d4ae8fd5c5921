"""Additive attention (Bahdanau, Cho and Bengio 2015): which words of its source a step looks at.

    e_ij = v . tanh(s_{i-1} W + h_j U + b)      w_i = softmax over j of e_ij      c_i = sum w_ij h_j

s is the decoder's state, h are the encoder's outputs. ``h_j U + b`` (the keys) is made once for
each word of a source, and so is ``h_j W_c``, what the decoder's cell takes in of it: as
c_i W_c = sum w_ij (h_j W_c), a step is a product of each text's weights with that, and the large
products are those of all words of a batch at once.

Here, and nowhere else, texts are laid out side by side with room for the longest: keys (T, B, A),
so that a step's vectors fall on contiguous rows, and values (B, T, .), for a product a text. A sum
over the packed words of each text (``np.add.reduceat``) takes 30 times as long as these products.
What is behind a text's end has a weight of zero, so no answer depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

STATE, SOURCE, BIAS, VECTOR = (
    "attention.state.W",
    "attention.source.W",
    "attention.b",
    "attention.context",
)


@dataclass(frozen=True)
class Layout:
    """Where the words of packed sources stand when they are laid out side by side.

    Attributes:
        texts: for each packed row the place of its text, (N,).
        words: for each packed row the number of its word in its text, from 0, (N,).
        lengths: of the texts as they are laid out, (B,).
    """

    texts: Ints
    words: Ints
    lengths: Ints

    @classmethod
    def of(cls, sources: PackedBatch, order: Ints) -> Layout:
        """Lay sources out in an order of the caller's positions, as ``PackedBatch.order`` is."""
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        texts = place[sources.order]
        lengths = np.empty_like(sources.lengths)
        lengths[texts] = sources.lengths
        return cls(texts[sources.documents], sources.numbers - 1, lengths)

    @property
    def longest(self) -> int:
        """T, words of the longest text."""
        return int(self.lengths.max())

    def lay_out(self, rows: Floats, name: str, space: Workspace) -> Floats:
        """(N, X) of packed rows to (B, T, X), zeros behind a text's end."""
        shape = (len(self.lengths), self.longest, rows.shape[1])
        found = space.zeros(name, shape, rows.dtype)
        found[self.texts, self.words] = rows
        return found

    def lay_out_by_word(self, rows: Floats, name: str, space: Workspace) -> Floats:
        """(N, X) of packed rows to (T, B, X), zeros behind a text's end."""
        shape = (self.longest, len(self.lengths), rows.shape[1])
        found = space.zeros(name, shape, rows.dtype)
        found[self.words, self.texts] = rows
        return found

    def pack(self, values: Floats) -> Floats:
        """The backward pass of ``lay_out``: (B, T, X) to (N, X)."""
        rows: Floats = values[self.texts, self.words]
        return rows

    def beyond(self, dtype: np.dtype[Any]) -> Floats:
        """What is added to scores, (T, B): minus infinity behind a text's end."""
        behind = np.arange(self.longest)[:, np.newaxis] >= self.lengths
        return np.where(behind, -np.inf, 0.0).astype(dtype)


class Memory(NamedTuple):
    """What a decoder has of its sources, laid out side by side."""

    keys: Floats
    """``h U + b``, (T, B, A)."""
    beyond: Floats
    """Minus infinity behind a text's end, else 0, (T, B)."""
    values: Floats
    """The encoder's outputs, (B, T, F)."""
    taken_in: Floats
    """What the decoder's cell takes in of each, ``h W_c``, (B, T, G * H)."""
    space: Workspace
    """Buffers of a step."""

    @classmethod
    def of(
        cls,
        outputs: Floats,
        layout: Layout,
        params: Params,
        of_contexts: Floats,
        space: Workspace,
    ) -> Memory:
        """Make it of the encoder's outputs (N, F), and ``W_c``, (F, G * H)."""
        keys = outputs @ params[SOURCE]
        keys += params[BIAS]
        return cls(
            layout.lay_out_by_word(keys, "keys", space),
            layout.beyond(outputs.dtype),
            layout.lay_out(outputs, "values", space),
            layout.lay_out(outputs @ of_contexts, "taken in", space),
            space,
        )

    def take(self, texts: Ints) -> Memory:
        """That of some texts, for a search that is done with the others."""
        return self._replace(
            keys=self.keys[:, texts],
            beyond=self.beyond[:, texts],
            values=self.values[texts],
            taken_in=self.taken_in[texts],
        )


def weigh(memory: Memory, states: Floats, params: Params) -> Floats:
    """The weights of the words, (n, K, T), for K states of each of the first n texts, (n, K, H)."""
    n = len(states)
    u = _hidden(memory, states, params)
    scores: Floats = u @ params[VECTOR]
    scores += memory.beyond[:, :n, np.newaxis]
    scores -= scores.max(axis=0)
    weights = np.exp(scores, out=scores)
    weights /= weights.sum(axis=0)
    return np.ascontiguousarray(weights.transpose(1, 2, 0))


def _hidden(memory: Memory, states: Floats, params: Params) -> Floats:
    """``tanh(s W + h U + b)``, (T, n, K, A), valid until the next step."""
    n, K, H = states.shape
    queries = (states.reshape(n * K, H) @ params[STATE]).reshape(n, K, -1)
    T, _, A = memory.keys.shape
    u = memory.space.take("hidden", (T, n, K, A), queries.dtype)
    np.add(memory.keys[:, :n, np.newaxis], queries, out=u)
    return np.tanh(u, out=u)


class WayBack:
    """The backward pass of ``weigh`` over all steps: gradients add up until they are asked for.

    The hidden layer of a step is made once more: kept for all steps it would take T times what
    the keys do.
    """

    def __init__(self, memory: Memory, params: Params) -> None:
        self._memory, self._params = memory, params
        self._d_keys = memory.space.zeros("d_keys", memory.keys.shape, memory.keys.dtype)
        self._d_vector = np.zeros_like(params[VECTOR])
        self._d_state = np.zeros_like(params[STATE])

    def step(self, states: Floats, weights: Floats, d_weights: Floats) -> Floats:
        """The gradient of the states (n, H), from that of their weights, both (n, T)."""
        params = self._params
        d_scores = weights * d_weights
        d_scores -= weights * d_scores.sum(axis=1, keepdims=True)
        by_word = np.ascontiguousarray(d_scores.T)
        u = _hidden(self._memory, states[:, np.newaxis], params)[:, :, 0]
        self._d_vector += by_word.reshape(-1) @ u.reshape(-1, u.shape[-1])
        # v (1 - u^2) d_score: v is multiplied with in the end.
        u *= u
        np.subtract(1.0, u, out=u)
        u *= by_word[..., np.newaxis]
        self._d_keys[:, : len(states)] += u
        d_queries = u.sum(axis=0)
        d_queries *= params[VECTOR]
        self._d_state += states.T @ d_queries
        d_states: Floats = d_queries @ params[STATE].T
        return d_states

    def gradients(self, outputs: Floats, layout: Layout) -> tuple[Floats, Params]:
        """Gradients of the encoder's outputs (N, F), by way of the keys, and of all parameters."""
        d_keys: Floats = self._d_keys[layout.words, layout.texts]
        d_keys *= self._params[VECTOR]
        return d_keys @ self._params[SOURCE].T, {
            STATE: self._d_state,
            SOURCE: outputs.T @ d_keys,
            BIAS: d_keys.sum(axis=0),
            VECTOR: self._d_vector,
        }

"""The network: a body that reads, and a head that answers.

    ids or vectors ─▶ body: input, layer(s) ─▶ head: features, linear ─▶ logits

A head answers once for a whole text, or at every token of it. The forward pass returns a
cache, the backward pass takes it; the network itself holds nothing but its configuration and
its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.bodies import Backpropagated, BodyCache, LayerWatch
from textrnn.nn.cells import Cell
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import add_gradients
from textrnn.nn.heads import Head, HeadCache
from textrnn.nn.heads.every_step import EveryStepHead, why_not_every_step
from textrnn.nn.heads.next_word import NextWordHead
from textrnn.nn.one_way import why_not_one_way
from textrnn.nn.packed import PackedBatch, pack, pack_rows
from textrnn.nn.workspace import Workspace
from textrnn.typing import Counts, Floats, Forms, Ids, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout


WORDS_AT_ONCE = 4_096
"""Words that are read together where each is answered for and nothing is kept."""


@dataclass(frozen=True)
class Cache:
    """What a forward pass leaves for the backward pass."""

    body: BodyCache
    head: HeadCache


class Network:
    """A network over token ids, or over real-valued sequences."""

    def __init__(self, config: NetworkConfig, params: Params) -> None:
        shapes = {name: value.shape for name, value in params.items()}
        if shapes != config.shapes():
            odd = sorted(set(shapes.items()) ^ set(config.shapes().items()))
            raise ValueError(f"parameters do not fit the configuration: {odd[:4]}")
        self.config = config
        self.params = params
        self.body = config.make_body(params)
        self.head: Head = config.make_head()
        self.dtype, self.layer = self.body.dtype, self.body.layer

    @classmethod
    def initialise(
        cls, config: NetworkConfig, rng: np.random.Generator, embedding: Floats | None = None
    ) -> Network:
        """Draw the parameters of a new network.

        Args:
            config: the shapes.
            rng: the source of randomness.
            embedding: word vectors to start from, (V, D); random ones if None.
        """
        params = config.make_body().initialise(rng, embedding)
        return cls(config, params | config.make_head().initialise(rng, np.dtype(config.dtype)))

    @property
    def cell(self) -> Cell:
        """The cell of its recurrent layers.

        Raises:
            ValueError: its body has none, see ``Body.has_cell``.
        """
        if self.body.cell is None:
            raise ValueError(f"the body {self.body.name} has no cell")
        return self.body.cell

    @property
    def n_parameters(self) -> int:
        return sum(value.size for value in self.params.values())

    def freeze(self) -> None:
        """Make the parameters read-only: what is derived from them may then be kept."""
        for value in self.params.values():
            value.flags.writeable = False

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter can change."""
        return not any(value.flags.writeable for value in self.params.values())

    def at_every_step(self) -> Network:
        """The same network, over the same parameters, answering after every word.

        Raises:
            UsageError: it has no answer before the end, or none whose errors can be followed.
        """
        config, head, other = self.config, self.head, copy(self)
        reason = why_not_every_step(
            bidirectional=config.bidirectional,
            segment_length=config.segment_length,
            readout=config.readout,
        )
        if reason is not None:
            raise UsageError("there is no answer after every word: ", reason)
        other.head = EveryStepHead(
            head.n_directions, head.hidden_size, head.n_classes, pooling=config.readout
        )
        return other

    def among(self, words: Ints, shift: Floats) -> Network:
        """The same network, over the same parameters, telling the next word among some.

        Args:
            words: their ids, ascending, (n,): classes are numbered as they stand here.
            shift: is added to their logits, (n,).

        Raises:
            ValueError: its head does not tell the next word.
        """
        if not isinstance(self.head, NextWordHead):
            raise ValueError(f"the {self.config.head} head does not tell the next word")
        other = copy(self)
        other.head = self.head.among(words, shift)
        return other

    def pack(self, documents: Sequence[Ids] | Sequence[Floats]) -> PackedBatch:
        """The batch this network reads documents in, see ``nn.packed.pack``."""
        return pack(documents, self.config.segment_length)

    def pack_rows(
        self, ids: Ids, starts: Counts, rows: Ints | None = None, forms: Forms | None = None
    ) -> PackedBatch:
        """The batch in which it reads some of many documents; see ``packed.pack_rows``."""
        return pack_rows(ids, starts, rows, segment_length=self.config.segment_length, forms=forms)

    # ------------------------------------------------------------------ forward

    def forward(
        self,
        batch: PackedBatch,
        *,
        dropout: Dropout | None = None,
        perturbation: Floats | None = None,
        initial: Sequence[Params] | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, Cache]:
        """Return logits, in the batch's own order, and the cache.

        They are (B, C) of the text head, documents in the order of ``batch.order``: sorted, or
        the caller's where some are read in segments; and (N, C) of the token head, in the order
        of the batch's rows.

        Args:
            batch: the documents.
            dropout: in training.
            perturbation: what is added to the vectors or rows that ``Input.read`` returns; None
                adds nothing.
            initial: the states that each layer begins with, see ``Layer``; None is zeros. Of
                segments where documents are cut, as they are read: in the batch's sorted order.
                Where they end is in ``cache.body.final``.
            workspace: buffers to use again; the cache is valid until the next pass there.
        """
        body = self.body.forward(
            batch,
            dropout=dropout,
            perturbation=perturbation,
            initial=initial,
            workspace=workspace,
        )
        logits, head = self.head.forward(body.outputs, batch, self.params, dropout)
        return logits, Cache(body, head)

    def read(
        self,
        batch: PackedBatch,
        *,
        initial: Sequence[Params] | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, list[Params]]:
        """Logits, in the batch's own order, and each layer's final states, as ``forward``.

        The top layer is read without keeping anything for a backward pass.
        """
        features = self.head.running(batch, self.dtype, self.params)
        body = self.body.forward(batch, initial=initial, take_in=features.add, workspace=workspace)
        return self.head.logits(features.value(batch), self.params), body.final

    def features(
        self, batch: PackedBatch, *, workspace: Workspace | None = None
    ) -> Iterator[tuple[slice, Floats]]:
        """What logits are made of, (answers, F), and which of the answers: some at a time.

        Where a text is read one way and each answer is made of its own word's output, it is read
        ``WORDS_AT_ONCE``, and memory is for so many, however long the texts; else all at once.
        """
        head, config, states = self.head, self.config, None
        reason = why_not_one_way(
            bidirectional=config.bidirectional, segment_length=config.segment_length
        )
        in_pieces = head.is_local and not head.answers_texts and reason is None
        room = WORDS_AT_ONCE if in_pieces else batch.n_tokens
        for first, last in batch.chunks(room):
            chunk, rows = batch.of_steps(first, last) if in_pieces else (batch, slice(None))
            features = head.running(chunk, self.dtype, self.params)
            states = self.body.forward(
                chunk,
                initial=None if states is None else _entered(states, chunk.n_sequences),
                take_in=features.add,
                workspace=workspace,
            ).final
            yield rows, features.value(chunk)

    def predict_logits(self, batch: PackedBatch, workspace: Workspace | None = None) -> Floats:
        """Logits (B, C), documents in the caller's order, or (N, C) of all their tokens."""
        return self.head.in_order(self.read(batch, workspace=workspace)[0], batch)

    def predict_proba(self, batch: PackedBatch, workspace: Workspace | None = None) -> Floats:
        """Class probabilities, or what else the logits mean, in the caller's order."""
        return self.config.output.probabilities(self.predict_logits(batch, workspace))

    # ----------------------------------------------------------------- backward

    def backward(
        self,
        d_logits: Floats,
        cache: Cache,
        *,
        d_final: Sequence[Params] | None = None,
        gradient_floor: float = 0.0,
        watch: LayerWatch | None = None,
    ) -> Backpropagated:
        """Gradients of all parameters, and of initial states and inputs, from that of the logits.

        Args:
            d_logits: gradient of the logits, in the order of ``forward``.
            cache: of the forward pass.
            d_final: gradient of each layer's final states, by name; None is zeros.
            gradient_floor: see ``Layer.backward``.
            watch: see ``Body.backward``.
        """
        batch = cache.body.batch
        d_outputs, d_last, of_head = self.head.backward(d_logits, cache.head, batch, self.params)
        of_body = self.body.backward(
            cache.body,
            d_outputs=d_outputs,
            d_last=d_last,
            d_final=d_final,
            gradient_floor=gradient_floor,
            watch=watch,
        )
        return replace(of_body, params=add_gradients(of_head, of_body.params))


def _entered(states: Sequence[Params], n: int) -> list[Params]:
    """The states of each layer, and zeros for the documents that begin now: n together."""

    def widened(value: Floats) -> Floats:
        S, before, *width = value.shape
        return np.concatenate([value, np.zeros((S, n - before, *width), value.dtype)], axis=1)

    return [{name: widened(value) for name, value in layer.items()} for layer in states]

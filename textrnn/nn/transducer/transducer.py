"""The transducer: an encoder that reads a source, and a decoder that writes a target of it.

    source, mark ─▶ encoder: embedding, layer(s) in one or both directions ─▶ outputs h_j
                                                                              │ attention
    mark, target ─▶ decoder: embedding, a cell that takes in what was found ◀─┘ ─▶ logits

Bahdanau, Cho and Bengio 2015. Like a network it holds its configuration and its parameters alone:
the forward pass returns a cache, the backward pass takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from textrnn.nn.bodies import BodyCache, Recurrent
from textrnn.nn.directions import by_direction, by_token, by_token_backward, side_by_side
from textrnn.nn.gradients import Gradients
from textrnn.nn.packed import PackedBatch, pack_rows
from textrnn.nn.transducer import readout
from textrnn.nn.transducer.attention import Layout
from textrnn.nn.transducer.config import ENCODER, TransducerConfig
from textrnn.nn.transducer.decoder import Decoder, DecoderCache
from textrnn.nn.transducer.readout import ReadoutCache
from textrnn.nn.workspace import Workspace
from textrnn.typing import Counts, Floats, Ids, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout

INITIAL, INITIAL_BIAS = "initial.W", "initial.b"


class Encoded(NamedTuple):
    """What was read of some sources."""

    body: BodyCache
    outputs: Floats
    """A row a word, both directions side by side, (N_s, F)."""
    ends: Floats
    """Where each direction ended, side by side, (B, F), texts in the caller's order."""


class Cache(NamedTuple):
    """What a forward pass leaves for the backward pass."""

    encoded: Encoded
    initial: Params
    """The decoder's first states, (1, B, H) by name, in the order of the targets."""
    decoder: DecoderCache
    readout: ReadoutCache

    @property
    def alignments(self) -> list[Floats]:
        """Of each text, in the caller's order, the weights of its source's words for each answer.

        A row a word of the target and the mark behind it, a column a word of the source and the
        mark behind it.
        """
        targets, lengths = self.decoder.targets, self.decoder.layout.lengths.tolist()
        found = [
            self.decoder.alignment[:n, place, :width][::-1]
            for place, (n, width) in enumerate(zip(targets.lengths.tolist(), lengths, strict=True))
        ]
        return [found[place] for place in np.argsort(targets.order).tolist()]


class Transducer:
    """An encoder and a decoder with attention, over token ids of two vocabularies.

    Raises:
        ValueError: the parameters do not fit the configuration.
    """

    def __init__(self, config: TransducerConfig, params: Params) -> None:
        shapes = {name: value.shape for name, value in params.items()}
        if shapes != config.shapes():
            odd = sorted(set(shapes.items()) ^ set(config.shapes().items()))
            raise ValueError(f"parameters do not fit the configuration: {odd[:4]}")
        self.config, self.params = config, params
        self.dtype = np.dtype(config.dtype)

    @classmethod
    def initialise(cls, config: TransducerConfig, rng: np.random.Generator) -> Transducer:
        """Draw the parameters of a new one."""
        return cls(config, config.initialise(rng))

    @property
    def n_parameters(self) -> int:
        return sum(value.size for value in self.params.values())

    def freeze(self) -> None:
        """Make the parameters read-only."""
        for value in self.params.values():
            value.flags.writeable = False

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter can change."""
        return not any(value.flags.writeable for value in self.params.values())

    @property
    def encoder(self) -> Recurrent:
        """What reads the sources."""
        own = {n: v for n, v in self.params.items() if n.startswith(ENCODER)}
        return self.config.make_encoder({n.removeprefix(ENCODER): v for n, v in own.items()})

    @property
    def decoder(self) -> Decoder:
        """What writes the targets."""
        return Decoder(self.config, self.params)

    # -------------------------------------------------------------------- texts

    def pack_sources(self, ids: Ids, starts: Counts, rows: Ints | None = None) -> PackedBatch:
        """Pack some of many sources, each with the mark behind its words; see ``pack_rows``.

        A source may have no words.
        """
        return pack_rows(*with_mark(ids, starts, rows, self.config.source_end, behind=True))

    def pack_targets(
        self, ids: Ids, starts: Counts, rows: Ints | None = None
    ) -> tuple[PackedBatch, Ints]:
        """What is read of targets, the mark and the words, and what is to be answered, (N,).

        That is the word that comes next, after the last one the mark, in the order of the rows.
        """
        end = self.config.target_end
        wanted = pack_rows(*with_mark(ids, starts, rows, end, behind=True)).ids
        return pack_rows(*with_mark(ids, starts, rows, end, behind=False)), wanted

    # ------------------------------------------------------------------ forward

    def forward(
        self,
        sources: PackedBatch,
        targets: PackedBatch,
        *,
        dropout: Dropout | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, Cache]:
        """Logits (N_t, C) of the word after each that is read of the targets, and a cache.

        They are in the order of the targets' rows.

        Args:
            sources: as ``pack_sources`` makes them.
            targets: as ``pack_targets`` makes them, of the same texts in the same order.
            dropout: in training.
            workspace: buffers to use again; the cache is valid until the next pass there.
        """
        space = workspace or Workspace()
        encoded = self.encode(sources, dropout=dropout, workspace=space.part("encoder"))
        initial = self.begin(encoded.ends[targets.order])
        states, contexts, of_decoder = self.decoder.forward(
            encoded.outputs,
            Layout.of(sources, targets.order),
            initial,
            targets,
            dropout=dropout,
            workspace=space.part("decoder"),
        )
        logits, of_readout = readout.forward(states, contexts, self.params, dropout)
        return logits, Cache(encoded, initial, of_decoder, of_readout)

    def encode(
        self,
        sources: PackedBatch,
        *,
        dropout: Dropout | None = None,
        workspace: Workspace | None = None,
    ) -> Encoded:
        """Read sources."""
        body = self.encoder.forward(sources, dropout=dropout, workspace=workspace)
        ends = np.empty((sources.n_sequences, self.config.n_outputs), self.dtype)
        ends[sources.order] = side_by_side(body.final[-1]["h"])
        return Encoded(body, by_token(body.outputs, sources), ends)

    def begin(self, ends: Floats) -> Params:
        """The decoder's first states, (1, B, H) by name, of where the encoder ended, (B, F)."""
        states = np.matmul(ends, self.params[INITIAL])
        states += self.params[INITIAL_BIAS][:, np.newaxis]
        np.tanh(states, out=states)
        names = self.config.make_cell().carried_names
        return {name: state[np.newaxis] for name, state in zip(names, states, strict=True)}

    # ----------------------------------------------------------------- backward

    def backward(self, d_logits: Floats, cache: Cache) -> Gradients:
        """Gradients of all parameters, from that of the logits; of embeddings as rows."""
        d_states, d_contexts, of_readout = readout.backward(d_logits, cache.readout, self.params)
        found = self.decoder.backward(d_states, d_contexts, cache.decoder)
        d_ends, of_initial = self._begin_backward(found.initial, cache)
        sources = cache.encoded.body.batch
        S = self.config.n_directions
        of_encoder = self.encoder.backward(
            cache.encoded.body,
            d_outputs=by_token_backward(found.outputs, sources, S),
            d_last=by_direction(d_ends, S),
        )
        encoder = {ENCODER + name: value for name, value in of_encoder.params.items()}
        return {**encoder, **found.params, **of_initial, **of_readout}

    def _begin_backward(self, d_initial: Params, cache: Cache) -> tuple[Floats, Gradients]:
        """The backward pass of ``begin``; gradients of the ends in the sources' sorted order."""
        order = cache.decoder.targets.order
        ends = cache.encoded.ends[order]
        states = np.concatenate([cache.initial[name] for name in d_initial])
        d_z = np.concatenate([*d_initial.values()])
        d_z *= 1.0 - states * states
        d_ends = np.empty_like(ends)
        d_ends[order] = np.matmul(d_z, self.params[INITIAL].swapaxes(1, 2)).sum(axis=0)
        return d_ends[cache.encoded.body.batch.order], {
            INITIAL: np.matmul(ends.T, d_z),
            INITIAL_BIAS: d_z.sum(axis=1),
        }


def with_mark(
    ids: Ids, starts: Counts, rows: Ints | None, mark: int, *, behind: bool
) -> tuple[Ids, Counts]:
    """Some of many texts, one after the other, with a mark behind or before the words of each."""
    rows = np.arange(len(starts) - 1) if rows is None else rows
    lengths = (starts[1:] - starts[:-1])[rows]
    new = np.concatenate([[0], np.cumsum(lengths + 1)])
    found = np.full(new[-1], mark, dtype=np.int32)
    places = np.arange(lengths.sum()) + np.repeat(np.arange(len(rows)), lengths)
    before = np.cumsum(lengths) - lengths
    words = np.arange(lengths.sum()) + np.repeat(starts[:-1][rows] - before, lengths)
    found[places + (not behind)] = ids[words]
    return found, new

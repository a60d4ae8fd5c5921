"""The decoder: a recurrent cell that reads the word before and what attention finds in the source.

    a_i = E y_{i-1} W_y + c_i W_c + b            c_i by attention for s_{i-1}
    s_i = cell(a_i, s_{i-1})                     s_0 = tanh(W q) of where the encoder ended
    t_i = tanh(W_r [s_i; c_i] + b_r)             logits = t_i W + b

As in Bahdanau, Cho and Bengio 2015, but for the output, which is made of s_i, that has seen
y_{i-1} and c_i, and in one hidden layer of tanh where theirs is of maxout. Any cell of the table
serves. Here are the steps over a batch of targets that are known.

Targets are packed like other documents, by their own lengths; sources are laid out in the targets'
order, so that the texts of a step come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.bodies import RecurrentLayer
from textrnn.nn.cells import Cell, Trace
from textrnn.nn.gradients import Gradients
from textrnn.nn.inputs import InputCache
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import gather, sum_by_index
from textrnn.nn.transducer.attention import Layout, Memory, WayBack, weigh
from textrnn.nn.transducer.config import DECODER, TransducerConfig
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout


class DecoderCache(NamedTuple):
    """What the backward pass of the decoder needs."""

    outputs: Floats
    """The encoder's, (N_s, F)."""
    layout: Layout
    memory: Memory
    targets: PackedBatch
    weights: Params
    """Of the cell as they were used, after dropout."""
    masks: Params
    inputs: InputCache
    initial: Params
    trace: Trace
    kept: Sequence[tuple[Floats, ...]]
    """What the way back of ``Cell.activate`` needs at each step."""
    alignment: Floats
    """Weights of the source's words at each step, (T_t, B, T_s)."""


class DecoderGradients(NamedTuple):
    """What the decoder hands back."""

    outputs: Floats
    """Of the encoder's outputs, (N_s, F)."""
    initial: Params
    """Of its initial states, (1, B, H) by name."""
    params: Gradients
    """Of its parameters and those of attention."""


class Decoder:
    """The steps of a decoder, over the parameters of a transducer.

    Args:
        config: of the transducer.
        params: all of its parameters.
    """

    def __init__(self, config: TransducerConfig, params: Params) -> None:
        self.config, self.params = config, params
        self.cell: Cell = config.make_cell()
        self.input = config.make_decoder_input()
        self.dtype: np.dtype[Any] = np.dtype(config.dtype)
        self.scale = self.cell.gate_scale(self.dtype)
        own = {n: v for n, v in params.items() if n.startswith(DECODER)}
        self.own = {name.removeprefix(DECODER): value for name, value in own.items()}

    @property
    def of_words(self) -> Params:
        """``W_y`` and ``b``: what the input products of words are made of."""
        return {"W_x": self.own["W_x"][:, :, : self.config.embedding_dim], "b": self.own["b"]}

    @property
    def of_contexts(self) -> Floats:
        """``W_c`` of all gates side by side, (F, G * H)."""
        W_c = self.own["W_x"][:, 0, self.config.embedding_dim :]
        return W_c.transpose(1, 0, 2).reshape(W_c.shape[1], -1)

    def remember(self, outputs: Floats, layout: Layout, space: Workspace) -> Memory:
        """What it has of the encoder's outputs (N_s, F) at its steps."""
        return Memory.of(outputs, layout, self.params, self.of_contexts, space)

    # ------------------------------------------------------------------ forward

    def forward(
        self,
        outputs: Floats,
        layout: Layout,
        initial: Params,
        targets: PackedBatch,
        *,
        dropout: Dropout | None,
        workspace: Workspace,
    ) -> tuple[Floats, Floats, DecoderCache]:
        """States and contexts at every row of the targets, (N_t, H) and (N_t, F), and a cache.

        Args:
            outputs: the encoder's, a row a word, (N_s, F).
            layout: where these words stand among the targets' texts.
            initial: the states to begin with, (1, B, H) by name, in the order of the targets.
            targets: what is read, the mark first.
            dropout: in training.
            workspace: where all of it is kept; it is valid until the next pass there.
        """
        cell, memory = self.cell, self.remember(outputs, layout, workspace)
        layer = RecurrentLayer(
            cell, n_directions=1, hidden_size=self.config.hidden_size, dtype=self.dtype
        )
        masks = layer.masks(self.own, dropout) if dropout else {}
        params = self.own | {name: self.own[name] * mask for name, mask in masks.items()}
        products, inputs = self.input.forward(
            self.own, self.of_words, self.scale, targets, dropout=dropout
        )
        gates = gather(products, targets.inverse[np.newaxis], workspace=workspace)
        trace = self._trace(gates, targets, initial, workspace)
        weights = cell.prepare_forward(params)
        kept: list[tuple[Floats, ...]] = []
        shape = (len(targets.batch_sizes), *memory.values.shape[:2])
        alignment = workspace.zeros("alignment", shape, self.dtype)
        for t, step in reversed([*enumerate(recurrent.unroll(targets, trace.read_before))]):
            step = recurrent.entered(trace, step, initial)
            before = trace.previous("h", step)[0]
            of_words = weigh(memory, before[:, np.newaxis], self.params)
            alignment[t, : len(before)] = of_words[:, 0]
            products = gates[:, :, step.rows]
            products += self.take_in(memory, of_words)
            trace.gates[:, :, step.rows], of_step = cell.activate(products)
            kept.append(of_step)
            cell.forward(weights, trace, step)
        contexts = np.matmul(alignment.transpose(1, 0, 2), memory.values)
        cache = DecoderCache(
            outputs,
            layout,
            memory,
            targets,
            params,
            masks,
            inputs,
            initial,
            trace,
            kept[::-1],
            alignment,
        )
        return trace.h[0], contexts[targets.documents, _steps(targets)], cache

    def take_in(self, memory: Memory, weights: Floats) -> Floats:
        """The part of contexts in the input products, (G, 1, n * K, H), of weights (n, K, T)."""
        n, K, _ = weights.shape
        taken = np.matmul(weights, memory.taken_in[:n])
        products: Floats = taken.reshape(n * K, len(self.scale), 1, -1).transpose(1, 2, 0, 3)
        return products * self.scale

    def _trace(
        self, products: Floats, targets: PackedBatch, initial: Params, space: Workspace
    ) -> Trace:
        """Room for a pass; what ``activate`` returns may have another number of gates."""
        G, _, N, H = products.shape
        K = len(self.cell.activate(np.zeros((G, 1, 1, H), self.dtype))[0])
        B, names = targets.n_sequences, self.cell.state_names
        return Trace(
            space.take("activated", (K, 1, N, H), self.dtype),
            {name: space.take(name, (1, N, H), self.dtype) for name in names},
            space.take("scratch", (max(K, G), 1, B, H), self.dtype),
            initial,
            np.zeros(B, np.int64) if self.cell.needs_times else None,
        )

    # ----------------------------------------------------------------- backward

    def backward(
        self, d_states: Floats, d_contexts: Floats, cache: DecoderCache
    ) -> DecoderGradients:
        """Gradients of all that went in, from those of states (N_t, H) and contexts (N_t, F)."""
        cell, trace, memory, targets = self.cell, cache.trace, cache.memory, cache.targets
        B, H = targets.n_sequences, self.config.hidden_size
        alignment = cache.alignment
        space, of_steps = memory.space, len(alignment)
        shape = (B, of_steps, memory.values.shape[2])
        by_text = space.zeros("d_contexts", shape, self.dtype)
        by_text[targets.documents, _steps(targets)] = d_contexts
        d_alignment = np.matmul(by_text, memory.values.swapaxes(1, 2))
        d_values = np.matmul(alignment.transpose(1, 2, 0), by_text)

        live = {name: np.zeros((1, B, H), self.dtype) for name in cell.carried_names}
        d_gates = space.take("d_gates", trace.gates.shape, self.dtype)
        shape = (len(self.scale), *trace.gates.shape[1:])
        d_products = space.take("d_products", shape, self.dtype)
        shape = (of_steps, B, memory.taken_in.shape[2])
        d_taken = space.zeros("d_taken", shape, self.dtype)
        weights, way_back = cell.prepare_backward(cache.weights), WayBack(memory, self.params)
        for t, step in enumerate(recurrent.unroll(targets, trace.read_before)):
            step = recurrent.entered(trace, step, cache.initial)
            n, rows = step.rows.stop - step.rows.start, step.rows
            of_step = {name: d[:, :n] for name, d in live.items()}
            of_step["h"] += d_states[rows]
            cell.backward(weights, trace, step, of_step, d_gates[:, :, rows])
            d_z = cell.activate_backward(d_gates[:, :, rows], cache.kept[t])
            d_products[:, :, rows] = d_z
            d_taken[t, :n] = d_z.transpose(2, 1, 0, 3).reshape(n, -1)
            d_weights = np.matmul(memory.taken_in[:n], d_taken[t, :n, :, np.newaxis])[..., 0]
            d_weights += d_alignment[:n, t]
            before = trace.previous("h", step)[0]
            of_step["h"] += way_back.step(before, alignment[t, :n], d_weights)
        d_taken_in = np.matmul(alignment.transpose(1, 2, 0), d_taken.transpose(1, 0, 2))
        return self._gathered(cache, live, d_gates, d_products, d_values, d_taken_in, way_back)

    def _gathered(
        self,
        cache: DecoderCache,
        d_initial: Params,
        d_gates: Floats,
        d_products: Floats,
        d_values: Floats,
        d_taken_in: Floats,
        way_back: WayBack,
    ) -> DecoderGradients:
        """What is made of all steps together."""
        targets, layout = cache.targets, cache.layout

        def previous(name: str) -> Floats:
            return recurrent.states_before(cache.trace, name, targets, targets.previous_rows)

        of_cell = self.cell.weight_gradients(cache.trace, previous, d_gates)
        for name, mask in cache.masks.items():
            of_cell[name] *= mask
        n_words = len(targets.distinct)
        space = cache.memory.space.part("words")
        summed = sum_by_index(d_products, targets.inverse[np.newaxis], n_words, workspace=space)
        _, of_words, of_input = self.input.backward(summed, cache.inputs, self.of_words, targets)

        d_outputs, of_attention = way_back.gradients(cache.outputs, layout)
        d_taken_in = layout.pack(d_taken_in)
        d_outputs += d_taken_in @ self.of_contexts.T
        d_outputs += layout.pack(d_values)
        G, H = len(self.scale), self.config.hidden_size
        of_contexts = (cache.outputs.T @ d_taken_in).reshape(-1, G, H).transpose(1, 0, 2)
        W_x = np.concatenate([of_words.pop("W_x"), of_contexts[:, np.newaxis]], axis=2)
        own: Gradients = {**of_cell, "W_x": W_x, **of_words, **of_input}
        params = {DECODER + name: value for name, value in own.items()}
        return DecoderGradients(d_outputs, d_initial, {**params, **of_attention})


def _steps(batch: PackedBatch) -> Ints:
    """For each row the number of its step, (N,): words that stand behind it in its document."""
    steps: Ints = np.repeat(np.arange(len(batch.batch_sizes)), batch.batch_sizes)
    return steps

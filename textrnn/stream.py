"""One token in, the class probabilities so far out: for texts that are still being written.

The same cells as in a batch, on two rows of state that take turns. Only a network that
reads left to right can answer before the end; one that reads from both ends cannot.
"""

from __future__ import annotations

import numpy as np

from textrnn.errors import UsageError
from textrnn.network import EMBEDDING, Network
from textrnn.nn.cells import Step, Trace
from textrnn.nn.readouts import RUNNING
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats

ROWS = (slice(0, 1), slice(1, 2))


class Stream:
    """Reads a text word by word.

    Args:
        network: reads left to right.
        vocabulary: of the network.

    Raises:
        UsageError: the network reads from both ends.
    """

    def __init__(self, network: Network, vocabulary: Vocabulary) -> None:
        config = network.config
        if config.bidirectional:
            raise UsageError(
                "this model reads each text from both ends, so it has no answer before the end; "
                "train with bidirectional=False (--one-way) to stream."
            )
        self._network, self._index = network, vocabulary.index
        self._cell, H = network.cell, config.hidden_size
        self._layers = [network.layer(i) for i in range(config.num_layers)]
        self._weights = [self._cell.prepare_forward(layer) for layer in self._layers]
        self._scale = self._cell.gate_scale(network.dtype)
        self._linear = network.params["linear.weight"]
        self._bias = network.params["linear.bias"]
        G, dtype = self._cell.n_gates, network.dtype
        self._shape = (G, H)
        self._embedding = network.params.get(EMBEDDING)
        # A layer's input product as one product for all gates.
        self._W_x = [
            np.ascontiguousarray(
                (layer["W_x"] * self._scale).transpose(2, 0, 1, 3).reshape(-1, G * H)
            )
            if config.input_size(i) is not None
            else None
            for i, layer in enumerate(self._layers)
        ]
        self._b = [(layer["b"] * self._scale[..., 0]).reshape(-1) for layer in self._layers]
        self._traces = [
            Trace(
                gates=np.empty((G, 1, 2, H), dtype),
                states={name: np.empty((1, 2, H), dtype) for name in self._cell.state_names},
                scratch=np.empty((G, 1, 1, H), dtype),
            )
            for _ in self._layers
        ]
        self.reset()

    def reset(self) -> None:
        """Forget all that was read."""
        config = self._network.config
        self._readout = RUNNING[config.readout]((1, 1, config.hidden_size), self._network.dtype)
        self._read = np.zeros(1, dtype=np.int64)
        self._n = 0

    def feed(self, token: str) -> Floats:
        """Read one token; return the class probabilities of the text so far, shape (C,)."""
        return self.feed_id(self._index.get(token, 0))

    def feed_id(self, token: int) -> Floats:
        """The same for a token's id."""
        turn = self._n & 1
        step = Step(ROWS[turn], ROWS[1 - turn], 1 if self._n else 0)
        h: Floats | None = None
        for i, trace in enumerate(self._traces):
            trace.gates[:, 0, turn] = self._input_product(i, token, h).reshape(self._shape)
            self._cell.forward(self._weights[i], trace, step)
            h = trace.h[0, turn]
        self._n += 1
        self._read[0] = self._n
        self._readout.add(self._traces[-1].h[:, step.rows])
        logits: Floats = np.dot(self._readout.value(self._read)[0, 0], self._linear)
        logits += self._bias
        logits -= np.maximum.reduce(logits)  # the methods take three times as long
        np.exp(logits, out=logits)
        logits /= np.add.reduce(logits)
        return logits

    def _input_product(self, layer: int, token: int, below: Floats | None) -> Floats:
        """``gate_scale * (x W_x + b)`` for all gates, shape (G * H,)."""
        W_x = self._W_x[layer]
        if W_x is None:
            row = self._layers[layer]["W_x"][token] * self._scale[:, :, 0]
            one_hot: Floats = row.reshape(-1) + self._b[layer]
            return one_hot
        if below is None:
            assert self._embedding is not None
            below = self._embedding[token]
        product: Floats = np.dot(below, W_x)
        product += self._b[layer]
        return product

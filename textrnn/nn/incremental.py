"""A network that reads one document at a time, word by word: for latency, not throughput.

A batch of one row is all call overhead in the packed layout. Here the weights are laid out
once for one row a step (``nn.cells.reader``), and serve every text that comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.nn.network import EMBEDDING, Network
from textrnn.nn.poolings import POOLINGS
from textrnn.typing import Floats, Ids, Params


class DocumentReader:
    """Weights side by side, and the state of every layer.

    Args:
        network: its weights are copied where the layout is another; it must not be
            trained further.
    """

    def __init__(self, network: Network) -> None:
        config = network.config
        self.config = config
        self.readout, self.params = POOLINGS[config.readout], network.params
        scale = network.cell.gate_scale(network.dtype)
        self._embedding = network.params.get(EMBEDDING)
        self._linear = network.params["linear.weight"]
        self._bias = network.params["linear.bias"]
        layers = [network.layer(i) for i in range(config.num_layers)]
        directions = range(config.n_directions)
        self._readers = [[network.cell.reader(p, s) for s in directions] for p in layers]
        self._b = [[(p["b"] * scale[..., 0])[:, s].reshape(-1) for s in directions] for p in layers]
        self._W_x = [
            [
                _side_by_side(p["W_x"], s, scale) if config.input_size(i) else None
                for s in directions
            ]
            for i, p in enumerate(layers)
        ]
        self._one_hot = layers[0]["W_x"] if config.embedding_dim is None else None
        self._scale = scale.reshape(-1, 1)

    def reset(self) -> None:
        """Forget what was read."""
        for layer in self._readers:
            for reader in layer:
                reader.reset()

    @property
    def state(self) -> list[Params]:
        """A copy of each layer's state, (S, 1, H) by name: what ``recurrent.forward`` takes."""
        found = []
        for readers in self._readers:
            states = [reader.state for reader in readers]
            found.append({n: np.stack([s[n] for s in states])[:, np.newaxis] for n in states[0]})
        return found

    @state.setter
    def state(self, state: Sequence[Params]) -> None:
        for readers, of_layer in zip(self._readers, state, strict=True):
            for s, reader in enumerate(readers):
                reader.state = {name: value[s, 0] for name, value in of_layer.items()}

    def predict_proba(self, ids: Ids) -> Floats:
        """Class probabilities (C,) of a whole document of token ids (T,)."""
        return self._probabilities(self.predict_logits(ids))

    def predict_logits(self, ids: Ids) -> Floats:
        """Logits (C,) of a whole document of token ids (T,)."""
        self.reset()
        return self._logits(self.readout.of_document(self.outputs(ids), self.params))

    def outputs(self, ids: Ids | slice) -> Floats:
        """Read words; return the top layer's outputs (S, T, H), each direction's as it reads."""
        x: Floats | None = None if self._embedding is None else self._embedding[ids]
        out: Floats | None = None
        for layer, readers in enumerate(self._readers):
            if out is not None:
                x = out[0] if len(out) == 1 else np.concatenate([out[0], out[1, ::-1]], axis=1)
            products = [self._products(layer, s, x, ids) for s in range(len(readers))]
            shape = (len(readers), len(products[0]), self.config.hidden_size)
            out = np.empty(shape, self._linear.dtype)
            for s, reader in enumerate(readers):
                reader.read(products[s][::-1] if s else products[s], out[s])
        assert out is not None
        return out

    def _products(self, layer: int, direction: int, x: Floats | None, ids: Any) -> Floats:
        """``gate_scale * (x W_x + b)`` of all words, (T, G * H)."""
        W_x = self._W_x[layer][direction]
        if W_x is None:
            assert self._one_hot is not None
            rows: Floats = self._one_hot[ids][:, :, direction] * self._scale
            products: Floats = rows.reshape(len(rows), -1)
        else:
            assert x is not None
            products = np.dot(x, W_x)
        products += self._b[layer][direction]
        return products

    def probabilities(self, vectors: Floats) -> Floats:
        """Class probabilities (C,) from the readout's vectors (S, k * H)."""
        return self._probabilities(self._logits(vectors))

    def _logits(self, vectors: Floats) -> Floats:
        logits: Floats = vectors.reshape(-1).dot(self._linear)
        logits += self._bias
        return logits

    def _probabilities(self, logits: Floats) -> Floats:
        probabilities: Floats = self.config.output.probabilities(logits[np.newaxis])[0]
        return probabilities


def _side_by_side(W_x: Floats, direction: int, scale: Floats) -> Floats:
    """(G, S, D, H) to (D, G * H), one direction's, scaled."""
    G, _, D, H = W_x.shape
    return (W_x[:, direction] * scale[:, 0]).transpose(1, 0, 2).reshape(D, G * H)

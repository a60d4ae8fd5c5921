"""A network that reads one document at a time, word by word: for latency, not throughput.

A batch of one row is all call overhead in the packed layout. Here the weights are laid out
once for one row a step (``nn.cells.reader``), and serve every text that comes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.nn.inputs import single_products
from textrnn.nn.network import Network
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
        self.head, self.params, self._dtype = network.head, network.params, network.dtype
        self._input, self._layers = network.body.input, network.body.layers
        directions = range(config.n_directions)
        self._readers, self._products = [], []
        for number, layer in enumerate(self._layers):
            weights = network.layer(number)
            make = single_products if number else self._input.single_products
            of_inputs = layer.of_inputs(weights)
            self._readers.append([layer.reader(weights, s) for s in directions])
            self._products.append([make(of_inputs, layer.scale, s) for s in directions])

    def reset(self) -> None:
        """Forget what was read."""
        for layer in self._readers:
            for reader in layer:
                reader.reset()

    @property
    def state(self) -> list[Params]:
        """A copy of each layer's state, (S, 1, ...) by name: what ``Layer.forward`` takes."""
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
        """Class probabilities (C,) of a document of token ids (T,); (T, C) of the token head."""
        return self._probabilities(self.predict_logits(ids))

    def predict_logits(self, ids: Ids) -> Floats:
        """Logits (C,) of a document of token ids (T,); (T, C) of the token head.

        Raises:
            ValueError: the network would cut it into segments.
        """
        limit = self.config.segment_length
        if limit is not None and len(ids) > limit:
            raise ValueError(f"{len(ids)} tokens are read in segments of {limit}, in a batch")
        self.reset()
        return self._logits(self.head.of_document(self.outputs(ids), self.params))

    def outputs(self, ids: Ids | slice) -> Floats:
        """Read words; return the top layer's outputs (S, T, H), each direction's as it reads."""
        x = self._input.of_document(self.params, ids)
        out: Floats | None = None
        parts = zip(self._layers, self._readers, self._products, strict=True)
        for layer, readers, products_of in parts:
            if out is not None:
                x = out[0] if len(out) == 1 else np.concatenate([out[0], out[1, ::-1]], axis=1)
            out = np.empty((len(readers), len(x), layer.width), self._dtype)
            for s, reader in enumerate(readers):
                products = products_of[s](x)
                reader.read(products[::-1] if s else products, out[s])
        assert out is not None
        return out

    def probabilities(self, vectors: Floats) -> Floats:
        """Class probabilities (C,) from the readout's vectors (S, k * H)."""
        return self._probabilities(self._logits(vectors.reshape(-1)))

    def _logits(self, features: Floats) -> Floats:
        return self.head.logits(features, self.params)

    def _probabilities(self, logits: Floats) -> Floats:
        rows = logits.reshape(-1, self.config.n_classes)
        return self.config.output.probabilities(rows).reshape(logits.shape)

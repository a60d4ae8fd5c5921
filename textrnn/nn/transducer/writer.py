"""One step of a decoder after the other, of texts that are being written: nothing is kept.

Several texts may be written for one source, as a beam search does: they share its memory.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.cells import Step, Trace
from textrnn.nn.packed import PackedBatch
from textrnn.nn.projection import project
from textrnn.nn.transducer import readout
from textrnn.nn.transducer.attention import Layout, Memory, weigh
from textrnn.nn.transducer.transducer import Transducer
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params


class Writer:
    """The decoder's weights as a step multiplies with them.

    Args:
        transducer: its parameters must not change.
    """

    def __init__(self, transducer: Transducer) -> None:
        self.transducer, self._decoder = transducer, transducer.decoder
        self._weights = self._decoder.cell.prepare_forward(self._decoder.own)
        self._of_words = self._decoder.of_words

    def begin(self, sources: PackedBatch) -> tuple[Memory, Params]:
        """Read sources: what is remembered of them, and the first states, (1, B, H) by name.

        Both in the caller's order.
        """
        encoded = self.transducer.encode(sources)
        layout = Layout.of(sources, np.arange(sources.n_sequences))
        memory = self._decoder.remember(encoded.outputs, layout, Workspace())
        return memory, self.transducer.begin(encoded.ends)

    def step(
        self, memory: Memory, words: Ints, states: Params, time: int
    ) -> tuple[Floats, Floats, Params]:
        """Read a word of each of K texts of each of n sources.

        Args:
            memory: of the sources.
            words: the ids, (n, K).
            states: the carried states, (1, n * K, H) by name.
            time: how many words of each were read before.

        Returns:
            The logits of the next word, (n * K, C), the weights of the source's words, (n, K, T),
            and the states.
        """
        decoder, (n, K) = self._decoder, words.shape
        weights = weigh(memory, states["h"].reshape(n, K, -1), decoder.params)
        distinct, inverse = np.unique(words.ravel(), return_inverse=True)
        vectors = decoder.input.of_document(decoder.own, distinct)
        products = project(vectors, self._of_words, decoder.scale)[:, :, inverse]
        products += decoder.take_in(memory, weights)
        states = self._stepped(products, states, time)
        contexts = np.matmul(weights, memory.values).reshape(n * K, -1)
        logits, _ = readout.forward(states["h"][0], contexts, decoder.params)
        return logits, weights, states

    def _stepped(self, products: Floats, states: Params, time: int) -> Params:
        cell, (G, _, n, H), dtype = self._decoder.cell, products.shape, products.dtype
        gates = np.ascontiguousarray(cell.activate(products)[0])
        found = {name: np.empty((1, n, H), dtype) for name in cell.state_names}
        trace = Trace(gates, found, np.empty((max(len(gates), G), 1, n, H), dtype))
        times = np.full(n, time) if cell.needs_times else None
        cell.forward(self._weights, trace, Step(slice(n), slice(n), n, times, states))
        return {name: found[name] for name in cell.carried_names}

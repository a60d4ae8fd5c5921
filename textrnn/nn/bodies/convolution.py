"""Convolution over windows of words (Kim 2014): what stands in some words in a row, wherever.

A window of k words that ends at word t gives

    c_t = relu(sum over offsets o < k of x_{t-o} W_o + b),

H feature maps for each of the sizes k = 3, 4, 5, side by side. With the readout ``max`` over the
outputs c_t that is max-over-time pooling, the network of the paper.

A window ends at its word, so that an answer after t words has seen no later one: texts are
streamed, and go on from a state, as with recurrent layers. Over a whole text these are the
paper's windows, all n - k + 1 that lie within it, and k - 1 more that begin before the first
word and find zeros there: the paper has no such windows, but pads texts that are shorter than
one. (The code that came with it padded with zeros at both ends; here nothing follows the last
word.) Its channels, its limit on the norm of weights and its frozen vectors are not part of this
layer.

The products x W_o of all 12 offsets are made once for each distinct word, and a step adds: a
word's products to the sums of all windows that it lies in. One of each size is complete then;
the others, begun and waiting for words, are the state.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from textrnn.nn.bodies.base import Body
from textrnn.nn.bodies.scan import ScanLayer
from textrnn.nn.gradients import Gradients
from textrnn.typing import Floats, Params

SUMS = "sums"
"""The state: of windows that are not complete, those that are soonest first, (S, B, P * H)."""


class Convolution(ScanLayer):
    """Windows of several sizes; parameters ``W_x`` (G, S, D, H) and ``b`` (K, S, H).

    Of the G products of a word come first those of offset 0, for each of K sizes that of the
    window which ends here; then those of offset 1, for windows that end with the next word, and
    so on. The last P = G - K of them are for windows that wait.

    Args:
        sizes: of windows in words, each larger than the one before.
        n_directions: S.
        hidden_size: H, feature maps of each size.
        dtype: of all arrays.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, n_directions: int, hidden_size: int, dtype: np.dtype[Any]
    ) -> None:
        G, K = sum(sizes), len(sizes)
        super().__init__(
            n_gates=G,
            n_directions=n_directions,
            hidden_size=hidden_size,
            state_sizes={SUMS: (G - K) * hidden_size},
            dtype=dtype,
        )
        self.width, self._n_sizes = K * hidden_size, K
        self._size_of_gate = [k for o in range(max(sizes)) for k in sizes if k > o]
        self._parts = _waiting(sizes)

    def shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        S, H = self.n_directions, self.hidden_size
        return {"W_x": (self.n_gates, S, input_size, H), "b": (self._n_sizes, S, H)}

    def initialise(self, rng: np.random.Generator, input_size: int) -> Params:
        """Draw Glorot-uniform weights, by the sizes of windows, and zero biases."""
        shapes = self.shapes(input_size)
        bounds = np.sqrt(6.0 / (np.array(self._size_of_gate) * (input_size + self.hidden_size)))
        W_x = rng.uniform(-1.0, 1.0, shapes["W_x"]) * bounds.reshape(self.scale.shape)
        return {"W_x": W_x.astype(self.dtype), "b": np.zeros(shapes["b"], self.dtype)}

    def of_inputs(self, weights: Params) -> Params:
        """A bias is added once for each window: to the products of its last word."""
        b = np.zeros((self.n_gates, self.n_directions, self.hidden_size), self.dtype)
        b[: self._n_sizes] = weights["b"]
        return {**weights, "b": b}

    def of_inputs_backward(self, gradients: Gradients) -> Gradients:
        d_b = gradients["b"]
        assert isinstance(d_b, np.ndarray)
        return {**gradients, "b": d_b[: self._n_sizes]}

    def step(self, gates: Floats, state: Params, h: Floats) -> None:
        K, sums = self._n_sizes, self._by_gate(state[SUMS])
        for of_sums, of_gates in self._parts:
            gates[of_gates] += sums[of_sums]
        np.maximum(gates[:K], 0.0, out=self._by_gate(h))
        sums[...] = gates[K:]

    def step_back(
        self, h: Floats, kept: None, d_h: Floats | None, d_state: Params, d_gates: Floats
    ) -> None:
        del kept
        K, d_sums = self._n_sizes, self._by_gate(d_state[SUMS])
        if d_h is None:
            d_gates[:K] = 0.0
        else:
            np.multiply(self._by_gate(d_h), self._by_gate(h) > 0.0, out=d_gates[:K])
        d_gates[K:] = d_sums
        for of_sums, of_gates in self._parts:
            d_sums[of_sums] = d_gates[of_gates]

    def _by_gate(self, values: Floats) -> Floats:
        """A view of (S, n, k * H) as (k, S, n, H)."""
        S, n, _ = values.shape
        return values.reshape(S, n, -1, self.hidden_size).transpose(2, 0, 1, 3)


def _waiting(sizes: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Where the sums of windows stand in the state, and where the products that go on with them.

    In parts, one for each number of words that a window still waits for.
    """
    parts = []
    of_gates = of_sums = 0
    for offset in range(max(sizes) - 1):
        here, next_ = (sum(k > o for k in sizes) for o in (offset, offset + 1))
        of_gates += here
        parts.append((slice(of_sums, of_sums + next_), slice(of_gates - next_, of_gates)))
        of_sums += next_
    return parts


class CNN(Body):
    """Layers of windows; a subclass may have others."""

    name = "cnn"
    prefix = "convolution"
    sizes: ClassVar[tuple[int, ...]] = (3, 4, 5)
    """Of windows, in words, each larger than the one before."""

    @property
    def width(self) -> int:
        return len(self.sizes) * self.hidden_size

    def make_layer(self, number: int) -> Convolution:
        del number
        return Convolution(
            self.sizes,
            n_directions=self.n_directions,
            hidden_size=self.hidden_size,
            dtype=self.dtype,
        )
